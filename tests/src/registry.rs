//! A registry of a test's own: Debian's `docker-registry` on a port that is free, with its files and its log in a folder of its own.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use crate::PATIENCE;

/// It. When dropped it is ended, and its files are removed.
pub struct Registry {
    folder: TempDir,
    port: u16,
    running: Option<Child>,
}

impl Registry {
    /// Starts one, and waits until it answers.
    ///
    /// # Errors
    /// When it does not run or does not answer.
    pub fn start() -> Result<Self> {
        // Engines take a registry on the loopback interface without TLS.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let folder = tempfile::Builder::new().prefix("jackin-registry-").tempdir()?;
        let mut registry = Self { folder, port, running: None };
        registry.come_back()?;
        Ok(registry)
    }

    /// The name of an image in it.
    pub fn name(&self, image: &str) -> String {
        format!("127.0.0.1:{}/{image}", self.port)
    }

    /// Ends it; what it holds stays.
    ///
    /// # Errors
    /// When it cannot be ended.
    pub fn leave(&mut self) -> Result<()> {
        if let Some(mut running) = self.running.take() {
            running.kill()?;
            running.wait()?;
        }
        Ok(())
    }

    /// Starts it again at the same address, with all that it held.
    ///
    /// # Errors
    /// When it does not run or does not answer.
    pub fn come_back(&mut self) -> Result<()> {
        let folder = self.folder.path();
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: \"127.0.0.1:{}\"}}\n",
            folder.join("data").display(),
            self.port
        );
        std::fs::write(folder.join("config.yml"), config)?;
        let log = File::options().create(true).append(true).open(folder.join("log"))?;
        let child = Command::new("setpriv")
            // A test that is killed takes it along.
            .args(["--pdeathsig", "KILL", "docker-registry", "serve"])
            .arg(folder.join("config.yml"))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("`docker-registry` does not run: `docker/packages.sh` installs it")?;
        self.running = Some(child);
        let begun = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            if let Some(status) = self.running.as_mut().map(Child::try_wait).transpose()?.flatten() {
                bail!("the registry ended with {status}: {}", std::fs::read_to_string(self.folder.path().join("log"))?);
            }
            ensure!(begun.elapsed() < PATIENCE, "the registry does not answer");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        Ok(())
    }

    /// What was asked of it since it was first started, as method and path, in its order.
    ///
    /// # Errors
    /// When its log cannot be read.
    pub fn requests(&self) -> Result<Vec<String>> {
        let log = std::fs::read_to_string(self.folder.path().join("log"))?;
        let request = |line: &str| {
            let request = line.split('"').nth(1)?.strip_suffix(" HTTP/1.1")?;
            request.contains(" /v2/").then(|| request.to_owned())
        };
        Ok(log.lines().filter_map(request).collect())
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // One that left has ended already.
        let _ = self.leave();
    }
}
