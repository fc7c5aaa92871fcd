//! The operator's terminal, lent to a session or a command.
//!
//! Here live raw mode and its undoing, detach keys, sizes, and the two loops: [`attach()`] for a session, which outlives its connections,
//! and [`exec()`] for a command. The
//! bytes come from `jackin_daemon::capsule`; what they paint was decided by the capsule. Which instance and which session is meant is
//! the commands' business.

mod again;
mod attach;
mod exec;
mod hands;
mod keys;
mod observed;
mod play;
mod raw;
mod stdin;
mod still;

use std::io;

use jackin_daemon::capsule::CapsuleError;

pub(crate) use again::Back;
pub(crate) use attach::{AttachEnd, AttachOptions, attach};
pub(crate) use exec::{ExecOptions, exec};
pub(crate) use keys::DetachKeys;
pub(crate) use play::play;
pub(crate) use raw::size;
pub(crate) use still::still;

/// Why a session or command could not be shown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TerminalError {
    /// The capsule refused, or the connection to it broke.
    #[error("reach the instance's terminal")]
    Capsule(#[from] CapsuleError),
    /// Our own terminal or its signals failed.
    #[error("use this terminal")]
    Terminal(#[from] io::Error),
    /// The session is gone, and nobody heard how it ended.
    #[error("find the session again: {message}")]
    Gone {
        /// What became of it.
        message: String,
    },
    /// The capsule closed before it said how it ended.
    #[error("hear how it ended: the connection was closed")]
    Lost,
}
