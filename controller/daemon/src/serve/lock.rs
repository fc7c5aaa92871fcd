//! One daemon for each home: an advisory lock that ends with its process.

use std::fs::File;

use rustix::fs::{FlockOperation, flock};

use crate::home::Home;

/// The lock, held until it is dropped.
pub(super) struct Lock {
    _file: File,
}

/// Why the lock could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another daemon has it.
    #[error("another controller serves `{home}`")]
    Held {
        /// The home.
        home: camino::Utf8PathBuf,
    },
    /// The lock file cannot be used.
    #[error("use the lock file")]
    Io(#[from] std::io::Error),
}

impl Lock {
    /// Takes the lock.
    pub(super) fn take(home: &Home) -> Result<Self, LockError> {
        let file = File::options().create(true).truncate(false).read(true).write(true).open(home.lock())?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { _file: file }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(LockError::Held { home: home.root().to_owned() }),
            Err(error) => Err(std::io::Error::from(error).into()),
        }
    }
}
