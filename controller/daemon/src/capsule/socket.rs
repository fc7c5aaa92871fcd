//! Reaching the socket in a folder that the container can write to.
//!
//! The folder and the socket's inode are opened without following links, and the connection is made through the descriptor: what
//! was checked is what is connected to. It also frees the path from the 107 bytes that a socket address holds.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FileType, Mode, OFlags};
use tokio::net::UnixStream;

use super::CapsuleError;

/// Who should be at the other end; what is absent is not checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Peer {
    /// The process id of the container's init, as the engine tells it.
    pub pid: Option<u32>,
    /// The user id that the container runs as, as the host counts.
    pub uid: Option<u32>,
}

/// How long a capsule may take to accept.
const ACCEPT: Duration = Duration::from_secs(2);

/// How long to wait before asking a capsule again whose queue of connections is full.
const RETRY: Duration = Duration::from_millis(2);

pub(crate) async fn connect(directory: &Path, name: &str, peer: Peer) -> Result<UnixStream, CapsuleError> {
    let path = directory.join(name);
    let (socket, owner) = open(directory, name)?;
    let address = format!("/proc/self/fd/{}", socket.as_raw_fd());
    let connecting = async {
        loop {
            match UnixStream::connect(&address).await {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => tokio::time::sleep(RETRY).await,
                outcome => return outcome,
            }
        }
    };
    let stream = tokio::time::timeout(ACCEPT, connecting)
        .await
        .map_err(|_| CapsuleError::TimedOut { what: "connect", after: ACCEPT })?
        .map_err(|source| CapsuleError::Connect { path: path.clone(), source })?;
    check(&stream, &path, owner, peer)?;
    Ok(stream)
}

/// The socket's inode and its owner.
fn open(directory: &Path, name: &str) -> Result<(OwnedFd, u32), CapsuleError> {
    let path = directory.join(name);
    let failed = |source: rustix::io::Errno| CapsuleError::Open { path: path.clone(), source: source.into() };
    if name.contains('/') || name == ".." {
        return Err(failed(rustix::io::Errno::INVAL));
    }
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = rustix::fs::open(directory, flags | OFlags::DIRECTORY, Mode::empty()).map_err(failed)?;
    let socket = rustix::fs::openat(&folder, name, flags, Mode::empty()).map_err(failed)?;
    let status = rustix::fs::fstat(&socket).map_err(failed)?;
    if FileType::from_raw_mode(status.st_mode) != FileType::Socket {
        return Err(CapsuleError::NotASocket { path });
    }
    Ok((socket, status.st_uid))
}

fn check(stream: &UnixStream, path: &Path, owner: u32, peer: Peer) -> Result<(), CapsuleError> {
    let found = rustix::net::sockopt::socket_peercred(stream).map_err(|error| CapsuleError::Io(error.into()))?;
    let wrong = |what, expected, found| Err(CapsuleError::WrongPeer { path: path.to_owned(), what, expected, found });
    let pid = found.pid.as_raw_nonzero().get().unsigned_abs();
    let uid = found.uid.as_raw();
    if let Some(expected) = peer.pid
        && expected != pid
    {
        return wrong("process id", expected, pid);
    }
    // Whoever made the socket owns it, so a peer with another user id took over a foreign one.
    let expected = peer.uid.unwrap_or(owner);
    if expected != uid {
        return wrong("user id", expected, uid);
    }
    Ok(())
}
