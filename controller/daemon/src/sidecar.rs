//! The port through which passes ask the engines of sidecars whether they answer.
//!
//! The socket lies in a directory of the host that the sidecar can write to: it is opened without following links, as a capsule's
//! is, so that nothing inside can lead us to another engine.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use jackin_plan::sidecar::SOCKET;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::capsule::{CapsuleError, Peer, connect};

/// How long an engine may take to answer.
const ANSWER: Duration = Duration::from_secs(2);

/// More than the status line of any answer.
const LONGEST_LINE: usize = 64;

const REQUEST: &[u8] = b"GET /_ping HTTP/1.0\r\nHost: sidecar\r\n\r\n";

/// Why the engine of a sidecar did not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SidecarError {
    /// Its socket is not there.
    #[error("its socket is not there yet")]
    NoSocket(#[source] CapsuleError),
    /// Nobody accepts on the socket, or somebody who must not.
    #[error("nobody to be trusted accepts on its socket")]
    NotAccepted(#[source] CapsuleError),
    /// The connection broke.
    #[error("the connection to it broke")]
    Broken(#[from] std::io::Error),
    /// It took too long.
    #[error("it did not answer within {after:?}")]
    TimedOut {
        /// How long it had.
        after: Duration,
    },
    /// It answered something else.
    #[error("it answered `{line}`")]
    Refused {
        /// The beginning of what it answered.
        line: String,
    },
}

/// What passes ask of sidecars.
#[async_trait]
pub(crate) trait Sidecars: Send + Sync {
    /// Asks the engine whose socket is in this directory whether it serves.
    async fn ping(&self, sockets: &str) -> Result<(), SidecarError>;
}

/// Sidecars behind their sockets.
pub(crate) struct SocketSidecars;

#[async_trait]
impl Sidecars for SocketSidecars {
    async fn ping(&self, sockets: &str) -> Result<(), SidecarError> {
        tokio::time::timeout(ANSWER, ask(Path::new(sockets)))
            .await
            .unwrap_or(Err(SidecarError::TimedOut { after: ANSWER }))
    }
}

async fn ask(directory: &Path) -> Result<(), SidecarError> {
    let mut stream = connect(directory, SOCKET, Peer::default()).await.map_err(|error| match error {
        CapsuleError::Open { .. } => SidecarError::NoSocket(error),
        error => SidecarError::NotAccepted(error),
    })?;
    stream.write_all(REQUEST).await?;
    let mut line = Vec::new();
    let limit = u64::try_from(LONGEST_LINE).unwrap_or(u64::MAX);
    stream.take(limit).read_to_end(&mut line).await?;
    if is_ok(&line) {
        return Ok(());
    }
    let line = String::from_utf8_lossy(&line);
    Err(SidecarError::Refused { line: line.lines().next().unwrap_or_default().escape_debug().to_string() })
}

fn is_ok(answer: &[u8]) -> bool {
    let mut words = answer.split(|byte| *byte == b' ');
    words.next().is_some_and(|version| version.starts_with(b"HTTP/1.")) && words.next() == Some(b"200")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A socket in a folder that answers once with this.
    fn answering(answer: &'static [u8]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let listener = tokio::net::UnixListener::bind(folder.path().join(SOCKET)).unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; REQUEST.len()];
            stream.read_exact(&mut request).await.unwrap();
            assert_eq!(request, REQUEST);
            stream.write_all(answer).await.unwrap();
        });
        folder
    }

    async fn ping(folder: &tempfile::TempDir) -> Result<(), SidecarError> {
        SocketSidecars.ping(folder.path().to_str().unwrap()).await
    }

    #[tokio::test]
    async fn an_engine_that_answers_its_ping_serves() {
        ping(&answering(b"HTTP/1.0 200 OK\r\nApi-Version: 1.41\r\n\r\nOK")).await.unwrap();
    }

    #[tokio::test]
    async fn an_engine_that_answers_something_else_does_not_serve() {
        let refused = ping(&answering(b"HTTP/1.0 503 Service Unavailable\r\n\r\n")).await.unwrap_err();
        assert_eq!(refused.to_string(), "it answered `HTTP/1.0 503 Service Unavailable`");
        assert!(matches!(ping(&answering(b"")).await, Err(SidecarError::Refused { .. })));
    }

    #[tokio::test]
    async fn a_link_at_the_place_of_the_socket_is_not_followed() {
        let elsewhere = answering(b"HTTP/1.0 200 OK\r\n\r\nOK");
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(ping(&folder).await, Err(SidecarError::NoSocket(_))));
        std::os::unix::fs::symlink(elsewhere.path().join(SOCKET), folder.path().join(SOCKET)).unwrap();
        assert!(matches!(ping(&folder).await, Err(SidecarError::NotAccepted(CapsuleError::NotASocket { .. }))));
    }
}
