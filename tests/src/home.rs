//! A state directory for one test, `jackin` run on it, and nothing left of it at the end.
//!
//! What an engine holds of it is removed by [`sweep`](crate::sweep).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long anything may take here. A test that waits for so long has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A temporary `JACKIN_HOME`. When dropped, also by a panic, its daemon is stopped and everything that bears its owner's label
/// is removed from the engine.
#[derive(Debug)]
pub struct TestHome {
    folder: tempfile::TempDir,
}

impl TestHome {
    /// An empty home, beside a folder for manifests.
    ///
    /// # Errors
    /// When the folders cannot be made.
    pub fn new() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("jackin-test-").tempdir()?;
        for name in ["home", "files", "user"] {
            fs::create_dir(folder.path().join(name))?;
        }
        Ok(Self { folder })
    }

    /// The `JACKIN_HOME`.
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// Where [`write`](Self::write) puts files.
    pub fn files(&self) -> PathBuf {
        self.folder.path().join("files")
    }

    /// Writes a file, for a manifest most likely.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.files().join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, text)?;
        Ok(path)
    }

    /// `jackin` on this home, in the folder of the files, with nothing of the tester's own settings.
    pub fn jackin(&self) -> Command {
        let mut command = Command::new(program("jackin"));
        // The engine is the tester's, whose contexts are in a home that is not the test's.
        if let (None, Some(home)) = (std::env::var_os("DOCKER_CONFIG"), std::env::var_os("HOME")) {
            command.env("DOCKER_CONFIG", Path::new(&home).join(".docker"));
        }
        command
            .current_dir(self.files())
            .env("JACKIN_HOME", self.root())
            .env("HOME", self.folder.path().join("user"))
            .env_remove("JACKIN_CAPSULE")
            .env_remove("JACKIN_NAMESPACE")
            .env_remove("NO_COLOR")
            .stdin(Stdio::null());
        command
    }

    /// Runs `jackin` to its end.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn run(&self, arguments: &[&str]) -> Result<Output> {
        self.jackin().args(arguments).output().context("run jackin")
    }

    /// Runs `jackin`, which must succeed; what it printed to standard output.
    ///
    /// # Errors
    /// When it cannot be run or fails, with what it said.
    pub fn must(&self, arguments: &[&str]) -> Result<String> {
        let Output { status, stdout, stderr } = self.run(arguments)?;
        if !status.success() {
            let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
            bail!("`jackin {}`: {status}\n{stdout}{stderr}", arguments.join(" "));
        }
        Ok(String::from_utf8(stdout)?)
    }

    /// Applies a manifest and waits until all of it is ready.
    ///
    /// # Errors
    /// When it is refused or not ready in time.
    pub fn apply(&self, manifest: &str) -> Result<()> {
        let path = self.write("manifest.yaml", manifest)?;
        self.must(&["apply", "-f", &path.to_string_lossy(), "--wait"])?;
        Ok(())
    }

    /// Starts `jackin controller run` as a child of the test and waits until it serves.
    ///
    /// # Errors
    /// When it ends or does not serve in time.
    pub fn start_daemon(&self) -> Result<Daemon> {
        let log = fs::File::options().create(true).append(true).open(self.log())?;
        let child = self.jackin().args(["controller", "run"]).stdout(log.try_clone()?).stderr(log).spawn()?;
        let mut daemon = Daemon { child };
        let begun = Instant::now();
        loop {
            if let Some(status) = daemon.child.try_wait()? {
                bail!("the controller ended with {status}");
            }
            if self.daemon_pid() == Some(daemon.pid()) {
                return Ok(daemon);
            }
            if begun.elapsed() > PATIENCE {
                bail!("the controller does not serve after {PATIENCE:?}");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The daemon that serves this home, if one does.
    pub fn daemon_pid(&self) -> Option<u32> {
        let output = self.run(&["controller", "status", "-o", "json"]).ok()?;
        let status: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
        status["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok())
    }

    /// The owner id under which the engine keeps what this home made; none before the first daemon.
    pub fn owner(&self) -> Option<String> {
        let owner = fs::read_to_string(self.root().join("owner")).ok()?;
        Some(owner.trim().to_owned())
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("daemon.log")
    }

    /// What the daemons of this home said, whoever started them.
    pub fn daemon_log(&self) -> String {
        let on_demand = fs::read_to_string(self.root().join("run/daemon.log")).unwrap_or_default();
        fs::read_to_string(self.log()).unwrap_or_default() + &on_demand
    }
}

impl Drop for TestHome {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tell(&format!("what the daemon said:\n{}", self.daemon_log()));
        }
        let pid = self.daemon_pid();
        if let Err(error) = self.must(&["controller", "stop"]) {
            tell(&format!("{error:#}"));
            if let Some(pid) = pid {
                // Not waited for in order any more: what it still makes is swept below or by hand.
                let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).status();
            }
        }
        if let Some(owner) = self.owner()
            && let Err(error) = crate::sweep(&owner)
        {
            tell(&format!("what owner {owner} made is not all removed: {error:#}"));
        }
    }
}

/// A daemon that is a child of the test. Killed when dropped.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
}

impl Daemon {
    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end, which somebody else asked for.
    ///
    /// # Errors
    /// When it fails.
    pub fn wait(mut self) -> Result<()> {
        let status = self.child.wait()?;
        anyhow::ensure!(status.success(), "the controller ended with {status}");
        Ok(())
    }

    /// Ends it at once, as a crash does.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A program of this build: tests are beside them, in `deps`.
///
/// # Panics
/// When it was not built.
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let found = test.ancestors().skip(1).take(2).map(|folder| folder.join(name));
    let found = found.into_iter().find(|path: &PathBuf| Path::is_file(path));
    found.unwrap_or_else(|| {
        panic!("there is no `{name}` beside {}: `cargo build --workspace --bins` makes it", test.display())
    })
}

#[expect(clippy::print_stderr, reason = "the test's own output is where its reader looks")]
fn tell(message: &str) {
    eprintln!("{message}");
}
