//! Where a rule is played: a daemon, clients of its socket, and a socket between the two that can be cut.

use std::path::Path;

use anyhow::{Context, Result, bail};
use jackin_api::kinds::{Role, Workspace};
use jackin_daemon::client::{Connection, Start};
use jackin_daemon::home::Home;
use jackin_tests::{Daemon, PATIENCE, TestHome};
use kube::Client;
use kube::core::Status;
use serde_json::json;
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

/// A running daemon and its home.
#[derive(Debug)]
pub(crate) struct Stage {
    daemon: Option<Daemon>,
    pub(crate) home: TestHome,
}

impl Stage {
    /// A daemon on an empty home.
    pub(crate) fn new() -> Result<Self> {
        let home = TestHome::new()?;
        let daemon = Some(home.start_daemon()?);
        Ok(Self { daemon, home })
    }

    /// A client of the daemon's socket.
    pub(crate) async fn client(&self) -> Result<Client> {
        client_at(&self.home.root()).await
    }

    /// Kills the daemon, as a crash would end it.
    pub(crate) fn crash(&mut self) -> Result<()> {
        self.daemon.take().context("no daemon runs")?.kill()
    }

    /// Ends the daemon in order.
    pub(crate) fn stop(&mut self) -> Result<()> {
        // The child has to be collected while the command waits for its end.
        let daemon = self.daemon.take().context("no daemon runs")?;
        let collecting = std::thread::spawn(move || daemon.wait());
        self.home.must(&["controller", "stop"])?;
        match collecting.join() {
            Ok(ended) => ended,
            Err(_) => bail!("the waiting panicked"),
        }
    }

    /// Starts a daemon again on the same home.
    pub(crate) fn start(&mut self) -> Result<()> {
        self.daemon = Some(self.home.start_daemon()?);
        Ok(())
    }

    /// Another way to the daemon, which can be cut while the daemon goes on.
    pub(crate) async fn detour(&self) -> Result<Detour> {
        let folder = tempfile::tempdir()?;
        std::fs::create_dir(folder.path().join("run"))?;
        let mut detour =
            Detour { target: self.home.root().join("run/jackin.sock").display().to_string(), folder, passing: None };
        detour.open()?;
        Ok(detour)
    }
}

async fn client_at(root: &Path) -> Result<Client> {
    let root = root.to_str().context("a path in UTF-8")?;
    Ok(Connection::open(&Home::at(root), Start::Never).await?.kube())
}

/// A socket that passes on to the daemon's, as long as it is open.
#[derive(Debug)]
pub(crate) struct Detour {
    folder: tempfile::TempDir,
    target: String,
    passing: Option<JoinHandle<()>>,
}

impl Detour {
    /// A client that goes this way.
    pub(crate) async fn client(&self) -> Result<Client> {
        client_at(self.folder.path()).await
    }

    /// Lets clients through.
    pub(crate) fn open(&mut self) -> Result<()> {
        let listener = UnixListener::bind(self.folder.path().join("run/jackin.sock"))?;
        let target = self.target.clone();
        self.passing = Some(tokio::spawn(async move {
            // Ended with this task: a set aborts what it holds.
            let mut passing = tokio::task::JoinSet::new();
            while let Ok((mut client, _)) = listener.accept().await {
                let target = target.clone();
                passing.spawn(async move {
                    if let Ok(mut daemon) = UnixStream::connect(target).await {
                        let _ = tokio::io::copy_bidirectional(&mut client, &mut daemon).await;
                    }
                });
            }
        }));
        Ok(())
    }

    /// Ends every connection and refuses new ones.
    pub(crate) async fn cut(&mut self) -> Result<()> {
        let passing = self.passing.take().context("it is cut")?;
        passing.abort();
        // Its end by being aborted is what was wanted.
        let _ = passing.await;
        std::fs::remove_file(self.folder.path().join("run/jackin.sock"))?;
        Ok(())
    }
}

/// A role that no engine is needed for.
pub(crate) fn role(name: &str) -> Role {
    let role = json!({"metadata": {"name": name}, "spec": {"source": {"image": "tools:1"}, "agents": ["shell"]}});
    serde_json::from_value(role).expect("a role")
}

/// A workspace in which nothing should run.
pub(crate) fn workspace(name: &str) -> Workspace {
    serde_json::from_value(json!({"metadata": {"name": name}, "spec": {"workdir": "/work"}})).expect("a workspace")
}

/// What the server said when it refused.
pub(crate) fn refusal<T: std::fmt::Debug>(answer: Result<T, kube::Error>) -> Box<Status> {
    match answer {
        Err(kube::Error::Api(status)) => status,
        other => panic!("not refused: {other:?}"),
    }
}

/// The fields that a refusal names.
pub(crate) fn fields(status: &Status) -> Vec<&str> {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    causes.map(|cause| cause.field.as_str()).collect()
}

/// Waits for something, for as long as is reasonable.
pub(crate) async fn in_time<T>(what: &str, work: impl Future<Output = T>) -> Result<T> {
    tokio::time::timeout(PATIENCE, work).await.with_context(|| format!("{what} did not happen"))
}
