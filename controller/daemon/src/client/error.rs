//! Why a daemon could not be reached, or did not do what it was asked.

use std::time::Duration;

use camino::Utf8PathBuf;
use kube::core::Status;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nothing listens, and nothing was to be started.
    #[error("connect to the controller: none is running for `{home}`")]
    NotRunning {
        /// The state directory.
        home: Utf8PathBuf,
    },
    /// Something is at the socket's place, and it cannot be connected to.
    #[error("connect to the controller at `{socket}`")]
    Socket {
        /// The socket.
        socket: Utf8PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The state directory or the log in it could not be made.
    #[error("prepare the state directory `{home}`")]
    Home {
        /// The state directory.
        home: Utf8PathBuf,
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The program could not be started.
    #[error("start the controller")]
    Spawn(#[source] std::io::Error),
    /// The program ended before it answered.
    #[error("start the controller: it ended with {status}")]
    Ended {
        /// How.
        status: std::process::ExitStatus,
        /// The last lines that it printed.
        log: Vec<String>,
    },
    /// The program runs and did not answer in time.
    #[error("start the controller: it did not answer within {} s", waited.as_secs())]
    TimedOut {
        /// How long it was waited for.
        waited: Duration,
        /// The last lines that it printed.
        log: Vec<String>,
    },
}

impl ConnectError {
    /// What the program printed last, when one was started.
    #[must_use]
    pub fn log(&self) -> &[String] {
        match self {
            Self::Ended { log, .. } | Self::TimedOut { log, .. } => log,
            Self::NotRunning { .. } | Self::Socket { .. } | Self::Home { .. } | Self::Spawn(_) => &[],
        }
    }
}

/// Why a request brought no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The daemon went away, or the connection broke.
    #[error("ask the controller for `{path}`")]
    Transport {
        /// What was asked.
        path: String,
        /// What broke.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The daemon refused.
    #[error("{}", status.message)]
    Refused {
        /// Its answer.
        status: Box<Status>,
    },
    /// The answer is not what was expected.
    #[error("read the controller's answer to `{path}`")]
    Malformed {
        /// What was asked.
        path: String,
        /// Why it could not be read.
        source: serde_json::Error,
    },
}
