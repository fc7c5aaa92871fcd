//! Where a rule is played: an engine, the tiny image, an owner of its own, and the sweeping afterwards.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use jackin_daemon::docker::fake::FakeEngine;
use jackin_daemon::docker::{Archive, BuildProgress, DockerEngine, Engine, EngineError, LabelFilter};
use jackin_plan::world::{
    BuildRequest, Container, ContainerId, ContainerSpec, ContainerState, ImageId, Labels, Limits, Mount, MountSource,
    RestartPolicy, Security,
};
use jackin_tests::Registry;
use tokio::process::Command;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Busybox and nothing else.
pub(crate) const TINY: &str = "jackin-tiny:1";

/// How long a rule waits for a condition. Far more than an engine takes; a test that gets here has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

const OWNER: &str = "jackin.conformance";

/// What a rule is given.
pub(crate) struct Stage {
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) tiny: ImageId,
    pub(crate) owner: String,
    /// The engine in memory, where the rule is played on that.
    memory: Option<FakeEngine>,
}

/// The registry that the engine asks.
pub(crate) enum Shelf {
    /// That of the engine in memory.
    Memory(FakeEngine),
    /// A real one.
    Real(Registry),
}

/// Plays a rule on a fresh engine in memory.
pub(crate) async fn on_fake(rule: impl AsyncFnOnce(&Stage) -> Result<()>) -> Result<()> {
    let engine = FakeEngine::new();
    play(Arc::new(engine.clone()), Some(engine), rule).await
}

/// Plays a rule on the engine of this environment.
pub(crate) async fn on_real(rule: impl AsyncFnOnce(&Stage) -> Result<()>) -> Result<()> {
    let engine = DockerEngine::from_environment().context("no engine to test against")?;
    engine.ping().await.context("no engine answers; `make engine` starts one")?;
    play(Arc::new(engine), None, rule).await
}

async fn play(
    engine: Arc<dyn Engine>,
    memory: Option<FakeEngine>,
    rule: impl AsyncFnOnce(&Stage) -> Result<()>,
) -> Result<()> {
    let tiny = tiny_image(engine.as_ref()).await?;
    let owner = uuid::Uuid::new_v4().simple().to_string();
    let stage = Stage { engine, tiny, owner, memory };
    // A panic of the rule is caught here as a result, so that the sweeping comes after every ending.
    let played = futures::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(rule(&stage))).await;
    let swept = stage.sweep().await;
    match played {
        Ok(played) => played?,
        Err(panic) => std::panic::resume_unwind(panic),
    }
    swept.context("what the rule made could not be removed")
}

async fn tiny_image(engine: &dyn Engine) -> Result<ImageId> {
    if let Some(image) = engine.inspect_image(TINY).await? {
        return Ok(image.id);
    }
    let busybox = Path::new("/bin/busybox");
    if !busybox.exists() {
        bail!("{} is missing: install Debian's `busybox-static`", busybox.display());
    }
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_path_with_name(busybox, "bin/busybox")?;
    for applet in ["sh", "sleep", "cat", "echo", "touch", "true", "false"] {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        header.set_mode(0o777);
        archive.append_link(&mut header, format!("bin/{applet}"), "busybox")?;
    }
    for folder in ["tmp/", "etc/", "data/"] {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_size(0);
        header.set_mode(0o755);
        archive.append_data(&mut header, folder, std::io::empty())?;
    }
    Ok(engine.import_image(Archive::from(archive.into_inner()?), TINY, &Labels::new()).await?)
}

impl Stage {
    /// A registry that the engine can ask.
    pub(crate) fn registry(&self) -> Result<Shelf> {
        match &self.memory {
            Some(engine) => Ok(Shelf::Memory(engine.clone())),
            None => Ok(Shelf::Real(Registry::start()?)),
        }
    }

    /// A name that no other test uses.
    pub(crate) fn name(&self, suffix: &str) -> String {
        format!("jackin-conformance-{}-{suffix}", &self.owner[..12])
    }

    /// Everything that this rule made.
    pub(crate) fn ours(&self) -> LabelFilter {
        LabelFilter::new().with(OWNER, &self.owner)
    }

    pub(crate) fn labels(&self) -> Labels {
        Labels::from([(OWNER.to_owned(), self.owner.clone())])
    }

    /// A container that sleeps until it is killed.
    pub(crate) fn sleeper(&self, suffix: &str) -> ContainerSpec {
        self.spec(suffix, &["/bin/sleep", "1000"])
    }

    /// A container that runs a script.
    pub(crate) fn script(&self, suffix: &str, script: &str) -> ContainerSpec {
        self.spec(suffix, &["/bin/busybox", "sh", "-c", script])
    }

    fn spec(&self, suffix: &str, command: &[&str]) -> ContainerSpec {
        ContainerSpec {
            name: self.name(suffix),
            image: self.tiny.clone(),
            command: command.iter().map(|&word| word.to_owned()).collect(),
            env: [("STAGE".to_owned(), "test".to_owned())].into(),
            user: None,
            workdir: None,
            hostname: None,
            labels: self.labels(),
            mounts: Vec::new(),
            networks: Vec::new(),
            aliases: Vec::new(),
            limits: Limits::default(),
            restart: RestartPolicy::No,
            security: Security { no_new_privileges: true, ..Security::default() },
            stop_timeout_seconds: 1,
        }
    }

    /// A volume mounted at a path.
    pub(crate) fn volume(&self, suffix: &str, target: &str, read_only: bool) -> Mount {
        let source = MountSource::Volume { name: self.name(suffix), labels: self.labels() };
        Mount { target: target.to_owned(), source, read_only }
    }

    /// Makes a container and starts it.
    pub(crate) async fn run(&self, spec: &ContainerSpec) -> Result<ContainerId> {
        let id = self.engine.create_container(spec).await?;
        self.engine.start_container(&id).await?;
        Ok(id)
    }

    /// A container that must exist.
    pub(crate) async fn inspect(&self, id: &ContainerId) -> Result<Container> {
        self.engine.inspect_container(&id.0).await?.context("the container is gone")
    }

    /// Runs a container to its end; its exit code.
    pub(crate) async fn run_to_end(&self, spec: &ContainerSpec) -> Result<(ContainerId, i64)> {
        let id = self.run(spec).await?;
        let ended = self.wait_for_state(&id, ContainerState::Exited).await?;
        Ok((id, ended.exit.context("an ended container has no exit")?.code))
    }

    /// Waits until a container is in a state.
    pub(crate) async fn wait_for_state(&self, id: &ContainerId, state: ContainerState) -> Result<Container> {
        eventually(&format!("{id} to be {state:?}"), async || {
            let found = self.inspect(id).await?;
            Ok((found.state == state).then_some(found))
        })
        .await
    }

    /// Builds from a Dockerfile alone; the result, and what was told on the way.
    pub(crate) async fn build(
        &self,
        suffix: &str,
        dockerfile: &str,
    ) -> (Result<ImageId, EngineError>, Vec<BuildProgress>) {
        let (progress, mut heard) = mpsc::unbounded_channel();
        let request = self.build_request(suffix);
        let built =
            self.engine.build_image(&request, context_of(dockerfile).into(), progress, CancellationToken::new()).await;
        let mut told = Vec::new();
        while let Ok(news) = heard.try_recv() {
            told.push(news);
        }
        (built, told)
    }

    pub(crate) fn build_request(&self, suffix: &str) -> BuildRequest {
        BuildRequest {
            tags: vec![format!("{}:1", self.name(suffix))],
            dockerfile: "Dockerfile".to_owned(),
            labels: self.labels(),
            no_cache: false,
            build_args: Default::default(),
            target: None,
            builder: Default::default(),
        }
    }

    async fn sweep(&self) -> Result<()> {
        for container in self.engine.list_containers(&self.ours()).await? {
            self.engine.remove_container(&container.id, true).await?;
        }
        for network in self.engine.list_networks(&self.ours()).await? {
            self.engine.remove_network(&network.id).await?;
        }
        for volume in self.engine.list_volumes(&self.ours()).await? {
            self.engine.remove_volume(&volume.name).await?;
        }
        // What a build that did not end has left between the layers bears the label of its Dockerfile only.
        for filter in [self.ours(), LabelFilter::new().with("jackin.build", &self.owner)] {
            for image in self.engine.list_images(&filter).await? {
                self.engine.remove_image(&image.id.0).await?;
            }
        }
        Ok(())
    }
}

impl Shelf {
    /// The name of an image in it.
    pub(crate) fn name(&self, image: &str) -> String {
        match self {
            Self::Memory(_) => format!("127.0.0.1:5000/{image}"),
            Self::Real(registry) => registry.name(image),
        }
    }

    /// Puts an image of this content into it, and into the engine no longer than that takes.
    pub(crate) async fn publish(&self, stage: &Stage, name: &str, content: &str) -> Result<()> {
        let mut labels = stage.labels();
        labels.insert("content".to_owned(), content.to_owned());
        match self {
            Self::Memory(engine) => engine.seed_registry(name, &labels),
            Self::Real(_) => {
                stage.engine.import_image(archive_of(&[("content", content)]), name, &labels).await?;
                let pushed = Command::new("docker").args(["push", name]).output().await?;
                ensure!(pushed.status.success(), "{}", String::from_utf8_lossy(&pushed.stderr));
                stage.engine.remove_image(name).await?;
            }
        }
        Ok(())
    }

    /// Lets nobody answer there any more.
    pub(crate) fn leave(&mut self) -> Result<()> {
        match self {
            Self::Memory(engine) => engine.set_registry_unreachable(true),
            Self::Real(registry) => registry.leave()?,
        }
        Ok(())
    }
}

/// A build context that holds a Dockerfile.
pub(crate) fn context_of(dockerfile: &str) -> Archive {
    archive_of(&[("Dockerfile", dockerfile)])
}

/// An archive of small files.
pub(crate) fn archive_of(files: &[(&str, &str)]) -> Archive {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, path, content.as_bytes()).expect("memory takes it");
    }
    Archive::from(archive.into_inner().expect("memory takes it"))
}

/// Looks again and again until there is an answer.
pub(crate) async fn eventually<T>(what: &str, look: impl AsyncFn() -> Result<Option<T>>) -> Result<T> {
    let begun = std::time::Instant::now();
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        if begun.elapsed() > PATIENCE {
            bail!("waited {PATIENCE:?} for {what}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
