//! A registry of a test's own: Debian's `docker-registry` on a port that is free, with its files and its log in a folder of its own.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use crate::PATIENCE;

/// Who is let into a registry that asks for a login: `operator`, whose password has what the two alphabets of base64 write differently.
pub const PASSWORD: &str = "let?me>in~";

/// `operator` and that password, in base64.
const LOGIN: &str = "b3BlcmF0b3I6bGV0P21lPmlufg==";

/// The same as bcrypt has it, with few rounds.
const HASHED: &str = "operator:$2b$04$dyG2Yax6z7PcWzN8N.BFRuvDiSzGqb5saiZlGxRl0T.PxOPJurUmC\n";

/// It. When dropped it is ended, and its files are removed.
pub struct Registry {
    folder: TempDir,
    port: u16,
    asks_for_login: bool,
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
        let mut registry = Self { folder, port, asks_for_login: false, running: None };
        registry.come_back()?;
        Ok(registry)
    }

    /// Where it is, as images are named.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// From now on it lets in `operator` with `PASSWORD` alone.
    ///
    /// # Errors
    /// As [`Registry::come_back`].
    pub fn ask_for_login(&mut self) -> Result<()> {
        self.leave()?;
        self.asks_for_login = true;
        self.come_back()
    }

    /// What `docker login` writes into the configuration of the docker client after a login here.
    pub fn logged_in(&self) -> String {
        format!(r#"{{"auths": {{"{}": {{"auth": "{LOGIN}"}}}}}}"#, self.host())
    }

    /// The name of an image in it.
    pub fn name(&self, image: &str) -> String {
        format!("{}/{image}", self.host())
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
        let users = folder.join("users");
        let login = match self.asks_for_login {
            true => format!("auth: {{htpasswd: {{realm: jackin, path: {}}}}}\n", users.display()),
            false => String::new(),
        };
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: \"{}\"}}\n{login}",
            folder.join("data").display(),
            self.host()
        );
        std::fs::write(users, HASHED)?;
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
