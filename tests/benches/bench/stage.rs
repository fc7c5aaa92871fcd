//! The installation that is measured: a home, a controller and a workspace of its own; and its removal.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use anyhow::{Context, bail};
use futures::TryStreamExt;
use futures::stream::BoxStream;
use http::Method;
use jackin_api::kinds::{Instance, InstanceStatus};
use jackin_api::words::{self, ConditionType, is_true};
use jackin_daemon::client::{Connection, Start};
use jackin_daemon::home::Home;
use kube::Api;
use kube::api::{ListParams, WatchEvent, WatchParams};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::Instant;

use super::engine::{Engine, label_filter};
use super::subject::{IMAGE, Subject};

/// Label of containers that were made bare.
pub(crate) const BARE_LABEL: &str = "jackin-bench.owner";
/// How long anything may take before the run fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is measured, and with what.
pub(crate) struct Stage {
    /// The engine, bare.
    pub(crate) engine: Engine,
    /// Id of the installation.
    pub(crate) owner: String,
    directory: TempDir,
    home: Home,
    jackin: PathBuf,
}

impl Stage {
    /// Prepares a home. Nothing is started yet.
    pub(crate) async fn new() -> anyhow::Result<Self> {
        let engine = Engine::from_environment()?;
        let image = engine.get(&format!("/images/{IMAGE}/json")).await;
        image.with_context(|| format!("image `{IMAGE}` is needed; `make tiny` makes it"))?;
        let jackin = binaries()?.join("jackin");
        if !jackin.is_file() || !jackin.with_file_name("jackin-capsule").is_file() {
            bail!("`jackin` and `jackin-capsule` are not in {}; `make bench` builds them", binaries()?.display());
        }
        // Beside what is built, where a disk is: a home in memory would make durable writes look free.
        let directory = tempfile::Builder::new().prefix("bench.").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        std::fs::create_dir(directory.path().join("workspace"))?;
        let home = Home::at(directory.path().join("home").to_str().context("temporary directory in UTF-8")?);
        home.create()?;
        let owner = home.owner()?;
        Ok(Self { engine, owner, directory, home, jackin })
    }

    /// Where files of this run may be put.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The program that is measured.
    pub(crate) fn jackin(&self) -> &Path {
        &self.jackin
    }

    /// The home that it is given.
    pub(crate) fn home(&self) -> &Path {
        self.home.root().as_std_path()
    }

    /// What a reader must know to judge the figures.
    pub(crate) async fn about(&self) -> anyhow::Result<Value> {
        let version = self.engine.get("/version").await?;
        let ours = Command::new(&self.jackin).arg("--version").output().await?;
        let client = Command::new(super::terminal::docker()).arg("--version").output().await;
        let client = client.map(|output| output.stdout).unwrap_or_default();
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Ok(json!({
            "engine": version["Version"],
            "jackin": String::from_utf8_lossy(&ours.stdout).trim(),
            "dockerClient": String::from_utf8_lossy(&client).trim(),
            "binaries": self.jackin.parent(),
            "processors": std::thread::available_parallelism()?.get(),
            "kernel": kernel.trim(),
        }))
    }

    /// Runs `jackin` to its end, which must be a success.
    pub(crate) async fn run(&self, words: &[&str]) -> anyhow::Result<Output> {
        let output = Command::new(&self.jackin)
            .args(words)
            .env("JACKIN_HOME", self.home())
            .stdin(std::process::Stdio::null())
            .output()
            .await?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("`jackin {}` ended with {}: {said}", words.join(" "), output.status);
        }
        Ok(output)
    }

    /// Applies a manifest with this many instances.
    pub(crate) async fn apply(&self, subject: &Subject, count: usize) -> anyhow::Result<()> {
        let path = subject.manifest(self, count)?;
        self.run(&["apply", "-f", path.to_str().context("a path in UTF-8")?]).await.map(drop)
    }

    /// Lets there be this many instances, all ready, and waits for it.
    pub(crate) async fn scale(&self, subject: &Subject, count: usize) -> anyhow::Result<()> {
        self.apply(subject, count).await?;
        let instances = self.instances().await?;
        let patience = PATIENCE + Duration::from_secs(5) * u32::try_from(count)?;
        let begun = Instant::now();
        loop {
            let mut found = instances.list(&ListParams::default()).await?.items;
            found.retain(|instance| instance.spec.workspace == subject.name);
            let ready = found.iter().filter(|instance| is_ready(instance)).count();
            if found.len() == count && ready == count {
                return Ok(());
            }
            if begun.elapsed() > patience {
                bail!("{ready} of {} instances are ready, and {count} should be", found.len());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The way to the controller, which must run.
    pub(crate) async fn connection(&self) -> anyhow::Result<Connection> {
        Ok(Connection::open(&self.home, Start::Never).await?)
    }

    /// The instances, through the controller's socket.
    pub(crate) async fn instances(&self) -> anyhow::Result<Api<Instance>> {
        Ok(Api::default_namespaced(self.connection().await?.kube()))
    }

    /// Process id of the controller.
    pub(crate) async fn daemon_pid(&self) -> anyhow::Result<u32> {
        let status: Value = self.connection().await?.get_json("/jackin/v1/status").await?;
        Ok(u32::try_from(status["pid"].as_u64().context("the controller tells no process id")?)?)
    }

    /// The last lines that the controller wrote.
    pub(crate) fn daemon_log(&self) -> String {
        let log = std::fs::read_to_string(self.home.daemon_log()).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// Ends the controller and removes all that was made for this run.
    pub(crate) async fn clean_up(&self) -> anyhow::Result<()> {
        self.stop_daemon().await;
        let engine = &self.engine;
        // By their order of use: containers hold networks, volumes and images.
        for (label, value) in [(BARE_LABEL, &self.owner), (words::OWNER, &self.owner)] {
            let filter = label_filter(label, value);
            for container in list(engine, &format!("/containers/json?all=1&{filter}"), None).await? {
                engine.delete(&format!("/containers/{}?force=1&v=1", text(&container, "Id"))).await?;
            }
        }
        let filter = label_filter(words::OWNER, &self.owner);
        for network in list(engine, &format!("/networks?{filter}"), None).await? {
            engine.delete(&format!("/networks/{}", text(&network, "Id"))).await?;
        }
        for volume in list(engine, &format!("/volumes?{filter}"), Some("Volumes")).await? {
            engine.delete(&format!("/volumes/{}?force=1", text(&volume, "Name"))).await?;
        }
        for image in list(engine, &format!("/images/json?{filter}"), None).await? {
            engine.delete(&format!("/images/{}?force=1", text(&image, "Id"))).await?;
        }
        Ok(())
    }

    async fn stop_daemon(&self) {
        let Ok(pid) = self.daemon_pid().await else { return };
        if let Ok(connection) = self.connection().await {
            _ = connection.post_json::<Value>("/jackin/v1/stop", &json!({})).await;
        }
        let begun = Instant::now();
        while is_running(pid) {
            if begun.elapsed() > Duration::from_secs(15) {
                _ = Command::new("kill").args(["-9", &pid.to_string()]).status().await;
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The folder of the programs: the profile's, which is above the one of this file.
fn binaries() -> anyhow::Result<PathBuf> {
    if let Some(named) = std::env::var_os("JACKIN_BENCH_BIN_DIR") {
        return Ok(named.into());
    }
    let here = std::env::current_exe()?;
    Ok(here.ancestors().nth(2).context("a folder above this program's")?.to_owned())
}

async fn list(engine: &Engine, path: &str, field: Option<&str>) -> anyhow::Result<Vec<Value>> {
    let answer = engine.ask(Method::GET, path, None).await?;
    let found = field.map_or(&answer, |field| &answer[field]);
    Ok(found.as_array().cloned().unwrap_or_default())
}

fn text(object: &Value, field: &str) -> String {
    object[field].as_str().unwrap_or_default().to_owned()
}

/// Whether a process runs. One that ended and was not waited for by its parent does not.
fn is_running(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// Whether an instance is ready, as its present spec wants it.
pub(crate) fn is_ready(instance: &Instance) -> bool {
    let generation = instance.metadata.generation.unwrap_or_default();
    instance.status.as_ref().is_some_and(|status| {
        status.observed_generation >= generation && is_true(&status.conditions, ConditionType::Ready)
    })
}

/// What is known of an instance that has a status.
pub(crate) fn status(instance: &Instance) -> anyhow::Result<&InstanceStatus> {
    instance.status.as_ref().context("the instance has no status")
}

/// What happens to one instance from a moment on.
pub(crate) struct Watch {
    events: BoxStream<'static, kube::Result<WatchEvent<Instance>>>,
    name: String,
}

impl Watch {
    /// From now on.
    pub(crate) async fn begin(instances: &Api<Instance>, name: &str) -> anyhow::Result<Self> {
        let listed = instances.list_metadata(&ListParams::default().limit(1)).await?;
        let version = listed.metadata.resource_version.context("the list has no version")?;
        let parameters = WatchParams::default().fields(&format!("metadata.name={name}")).timeout(290);
        let events = instances.watch(&parameters, &version).await?;
        Ok(Self { events: Box::pin(events), name: name.to_owned() })
    }

    /// Waits for a state of the instance.
    pub(crate) async fn until(&mut self, holds: impl Fn(&Instance) -> bool) -> anyhow::Result<Instance> {
        loop {
            match self.next().await? {
                WatchEvent::Added(instance) | WatchEvent::Modified(instance) if holds(&instance) => {
                    return Ok(instance);
                }
                _ => {}
            }
        }
    }

    /// Waits until the instance is gone.
    pub(crate) async fn until_gone(&mut self) -> anyhow::Result<()> {
        loop {
            if let WatchEvent::Deleted(_) = self.next().await? {
                return Ok(());
            }
        }
    }

    async fn next(&mut self) -> anyhow::Result<WatchEvent<Instance>> {
        let next = tokio::time::timeout(PATIENCE, self.events.try_next()).await;
        let event = next.with_context(|| format!("nothing happened to instance `{}`", self.name))??;
        match event.context("the controller ended the watch")? {
            WatchEvent::Error(status) => bail!("the watch failed: {}", status.message),
            event => Ok(event),
        }
    }
}
