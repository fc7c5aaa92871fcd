//! Why a capsule could not be asked.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use jackin_api::wire::{DecodeError, ErrorCode, ParseError, ReplyError};

use super::sanitize;

/// Why a capsule could not be reached, or did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum CapsuleError {
    /// The socket, or the folder that it should lie in, cannot be opened.
    #[error("open capsule socket {}", path.display())]
    Open {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Something else lies where the socket should be, for example a link.
    #[error("trust {}: it is not a socket", path.display())]
    NotASocket {
        /// Where.
        path: PathBuf,
    },
    /// Nobody accepts on the socket.
    #[error("connect to capsule at {}", path.display())]
    Connect {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another process than the expected one accepts on the socket.
    #[error("trust capsule at {}: its {what} is {found}, not {expected}", path.display())]
    WrongPeer {
        /// Which socket.
        path: PathBuf,
        /// `process id` or `user id`.
        what: &'static str,
        /// What it should be.
        expected: u32,
        /// What it is.
        found: u32,
    },
    /// The connection broke.
    #[error("talk to capsule")]
    Io(#[from] io::Error),
    /// The capsule closed the connection before it answered.
    #[error("hear from capsule: it closed the connection")]
    Closed,
    /// The capsule did not answer in time.
    #[error("hear from capsule within {after:?} ({what})")]
    TimedOut {
        /// What it was asked.
        what: &'static str,
        /// How long we waited.
        after: Duration,
    },
    /// The capsule sent a frame that is too long.
    #[error("read capsule's frames")]
    Decode(#[from] DecodeError),
    /// The capsule sent a frame that is not what its kind says, or ours cannot be sent.
    #[error("read or write a capsule frame")]
    Parse(#[from] ParseError),
    /// The capsule speaks no protocol that we speak.
    #[error("talk to capsule {version}: it speaks protocol {protocol}")]
    UnsupportedProtocol {
        /// What it speaks at most.
        protocol: u32,
        /// Its version.
        version: String,
    },
    /// There is no way to the capsule through the engine either.
    #[error(transparent)]
    Through(#[from] super::ThroughError),
    /// The capsule refused, in words that were made safe to show.
    #[error("have capsule do it")]
    Refused(#[source] ReplyError),
    /// The capsule answered something else than what was asked.
    #[error("understand capsule's answer to {request}")]
    UnexpectedReply {
        /// What it was asked.
        request: &'static str,
    },
}

impl CapsuleError {
    /// A refusal; made here alone, so that none goes to a terminal as it came from inside.
    pub(super) fn refused(error: ReplyError) -> Self {
        Self::Refused(sanitize::refusal(error))
    }

    /// The capsule's own reason, when it was the capsule that refused.
    #[must_use]
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused(reply) => Some(reply.code),
            _ => None,
        }
    }

    /// Whether this says that the socket is there and this host cannot use it, so that another way may lead to the capsule.
    #[must_use]
    pub fn is_out_of_reach(&self) -> bool {
        match self {
            Self::Open { source, .. } => source.kind() != io::ErrorKind::NotFound,
            Self::Connect { .. } => true,
            _ => false,
        }
    }

    /// Whether this says that no capsule serves there now: it is not up yet, or gone.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        match self {
            Self::Open { source, .. } => source.kind() == io::ErrorKind::NotFound,
            Self::Connect { source, .. } => {
                matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
            }
            _ => false,
        }
    }
}
