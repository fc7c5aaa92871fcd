//! An engine of the rule's own, that may be stopped and started: on this machine beside the shared one, in namespaces of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use super::engine::Client;
use super::{Stage, docker, eventually, kill};

/// What becomes the engine. Its `/run` is its own and empty at each start, as after a reboot. `iptables` is chosen as `docker/engine.sh` does.
const LAUNCH: &str = r#"
ip link set lo up
mount -t tmpfs tmpfs /run || exit
if ! iptables -t nat -L -n >/dev/null 2>&1; then
  mkdir -p /run/shim
  for program in iptables ip6tables; do ln -s "$(command -v $program-legacy)" /run/shim/$program; done
  PATH="/run/shim:$PATH"
fi
if [ -n "$2" ]; then
  mkdir -p "$1/data" && mount -t tmpfs -o "size=$2m" tmpfs "$1/data" || exit
fi
exec dockerd --host "unix://$1/engine.sock" --data-root "$1/data" --storage-driver vfs $3
"#;

/// What becomes the engine again after a crash that its containers survived, in the namespaces that they keep. The helper of the one
/// before ended with it, and is taken for running as long as nobody has waited for it.
const RELAUNCH: &str = r#"
rm -f /run/docker/containerd/containerd.pid
PATH="/run/shim:$PATH"
exec dockerd --host "unix://$1/engine.sock" --data-root "$1/data" --storage-driver vfs $3
"#;

/// What lets containers live on without their engine.
const LIVE_RESTORE: &str = "--live-restore";

/// An engine of one rule. When dropped, it and all that it runs are ended, and its files removed.
pub(crate) struct Dockerd {
    folder: TempDir,
    /// The size of its disk in megabytes; the machine's where it is absent.
    disk: Option<u32>,
    running: Option<Child>,
    /// More of its command line.
    option: &'static str,
    /// The mount namespace of one that crashed, in which its containers live on.
    left: Option<PathBuf>,
}

impl Dockerd {
    /// Starts one with the tiny image in it; commands of the stage, and a controller that they start, use it from now on.
    pub(crate) fn of(stage: &mut Stage) -> Result<Self> {
        Self::begin(stage, None, "")
    }

    /// The same, whose containers live on while it is away.
    pub(crate) fn with_live_restore(stage: &mut Stage) -> Result<Self> {
        Self::begin(stage, None, LIVE_RESTORE)
    }

    /// The same with a disk of its own of so many megabytes, which is gone with each stop.
    pub(crate) fn with_disk(stage: &mut Stage, megabytes: u32) -> Result<Self> {
        Self::begin(stage, Some(megabytes), "")
    }

    fn begin(stage: &mut Stage, disk: Option<u32>, option: &'static str) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("jackin-engine-").tempdir()?;
        let mut engine = Self { folder, disk, running: None, option, left: None };
        engine.start()?;
        let image = engine.folder.path().join("tiny.tar");
        let image = image.to_str().context("a path in UTF-8")?;
        docker(&["save", "--output", image, "jackin-tiny:1"])?;
        engine.docker(&["load", "--input", image])?;
        stage.set_variable("DOCKER_HOST", &engine.address());
        stage.engine = engine.client();
        Ok(engine)
    }

    /// Starts it, and waits until it answers.
    pub(crate) fn start(&mut self) -> Result<()> {
        let log = File::options().create(true).append(true).open(self.log())?;
        // Its process ids are the machine's, by which capsules are recognised. A test that is killed takes it along.
        let left = match self.left.take() {
            Some(left) => all_of(&left)?.into_iter().find(|pid| is_in(*pid, &left)),
            None => None,
        };
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM"]);
        match left {
            None => command.args(["unshare", "--net", "--mount", "sh", "-c", LAUNCH]),
            Some(pid) => {
                command.args(["nsenter", "--target", &pid.to_string(), "--net", "--mount", "sh", "-c", RELAUNCH])
            }
        };
        let child = command
            .arg("sh")
            .arg(self.folder.path())
            .arg(self.disk.map(|disk| disk.to_string()).unwrap_or_default())
            .arg(self.option)
            .env_remove("DOCKER_HOST")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("`setpriv` does not run")?;
        self.running = Some(child);
        eventually("the engine of the rule to answer", || {
            if let Some(status) = self.running.as_mut().map(Child::try_wait).transpose()?.flatten() {
                bail!("the engine ended with {status}: {}", std::fs::read_to_string(self.log())?);
            }
            Ok(self.docker(&["version"]).ok())
        })
        .map(drop)
    }

    /// Ends it as a crash does: what it ran lives on, where it was started so.
    pub(crate) fn crash(&mut self) -> Result<()> {
        let mut engine = self.running.take().context("an engine that runs")?;
        let left = std::fs::read_link(format!("/proc/{}/ns/mnt", engine.id()))?;
        engine.kill()?;
        engine.wait()?;
        // Two of them must not work on the same files.
        eventually("the crashed engine's helper to end", || {
            let is_helper = |pid: &u32| {
                let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
                name.trim_end() == "containerd" && is_in(*pid, &left)
            };
            Ok((!all_of(&left)?.iter().any(is_helper)).then_some(()))
        })?;
        self.left = Some(left);
        Ok(())
    }

    /// Ends it as a machine's service manager does, and waits until it is gone with all that it ran.
    pub(crate) fn stop(&mut self) -> Result<()> {
        let mut engine = self.running.take().context("an engine that runs")?;
        let namespace = std::fs::read_link(format!("/proc/{}/ns/mnt", engine.id()));
        let asked = Command::new("kill").args(["-TERM", &engine.id().to_string()]).status();
        let ended = asked.map_err(Into::into).and_then(|_| eventually("the engine to end", || Ok(engine.try_wait()?)));
        // What ended in order left nothing; what did not is ended here.
        for pid in all_of(&namespace?)? {
            // It may just have ended by itself.
            let _ = kill(pid);
        }
        engine.wait()?;
        ended.map(drop)
    }

    /// Runs the `docker` command on it; what it printed. It must succeed.
    pub(crate) fn docker(&self, arguments: &[&str]) -> Result<String> {
        self.client().run(arguments)
    }

    /// Its containers, as `name state id`, sorted.
    pub(crate) fn containers(&self) -> Result<Vec<String>> {
        let format = "{{.Names}} {{.State}} {{.ID}}";
        let listed = self.docker(&["ps", "--all", "--no-trunc", "--format", format])?;
        let mut containers: Vec<_> = listed.lines().map(str::to_owned).collect();
        containers.sort();
        Ok(containers)
    }

    /// How often each of these was done to a container since its last start, by its own account.
    pub(crate) fn done(&self, actions: &[&str]) -> Result<Vec<usize>> {
        // It keeps its events in memory, so none is of before; the last second may still be told, so it is asked until now.
        let now = jiff::Timestamp::now().as_second() + 1;
        let arguments = ["events", "--since", "0", "--until", &now.to_string(), "--format", "{{.Action}}"];
        let told = self.docker(&[&arguments[..], &["--filter", "type=container"]].concat())?;
        Ok(actions.iter().map(|action| told.lines().filter(|line| line == action).count()).collect())
    }

    fn client(&self) -> Client {
        Client { address: Some(self.address()) }
    }

    fn address(&self) -> String {
        format!("unix://{}/engine.sock", self.folder.path().display())
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }
}

impl Drop for Dockerd {
    fn drop(&mut self) {
        // One that is stopped has ended already.
        let _ = self.stop();
        for pid in self.left.take().and_then(|left| all_of(&left).ok()).unwrap_or_default() {
            let _ = kill(pid);
        }
    }
}

/// Whether a process is in a mount namespace.
fn is_in(pid: u32, namespace: &Path) -> bool {
    std::fs::read_link(format!("/proc/{pid}/ns/mnt")).is_ok_and(|of| of == namespace)
}

/// The processes in a mount namespace, and their children: an engine's helpers, and what runs in its containers.
fn all_of(namespace: &Path) -> Result<BTreeSet<u32>> {
    let mut parents = BTreeMap::new();
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir("/proc")? {
        let path = entry?.path();
        let Some(pid) = path.file_name().and_then(|name| name.to_str()?.parse().ok()) else { continue };
        if is_in(pid, namespace) {
            found.insert(pid);
        }
        let status = std::fs::read_to_string(path.join("status")).unwrap_or_default();
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")?.trim().parse::<u32>().ok());
        parents.insert(pid, parent);
    }
    let children: Vec<_> = parents
        .iter()
        .filter(|(_, parent)| parent.is_some_and(|parent| found.contains(&parent)))
        .map(|(pid, _)| *pid)
        .collect();
    found.extend(children);
    Ok(found)
}
