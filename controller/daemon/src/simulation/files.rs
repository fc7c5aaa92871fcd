//! A host's files in memory.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jackin_api::kinds::{Mount, Role};

use crate::checkouts::{MountState, ObservedMount};
use crate::images::{ObservedSource, SourceError, observe_source};
use crate::surroundings::Files;

/// Directories by path. A file is kept as its directory's content only, so that what holds work can be told from what does not.
#[derive(Debug, Default)]
pub(super) struct MemoryFiles {
    paths: Mutex<BTreeSet<String>>,
    /// Directories that hold a file of the user's.
    work: Mutex<BTreeSet<String>>,
}

impl MemoryFiles {
    fn paths(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.paths.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes or removes what is at a path, as the host's user does.
    pub(super) fn set(&self, path: &str, there: bool) {
        let mut paths = self.paths();
        _ = if there { paths.insert(path.to_owned()) } else { paths.remove(path) };
    }

    /// The user leaves a file in a directory, if it is there.
    pub(super) fn leave_work(&self, directory: &str) {
        if self.paths().contains(directory) {
            self.work().insert(directory.to_owned());
        }
    }

    /// Directories with work of the user's that are gone.
    pub(super) fn lost_work(&self) -> Vec<String> {
        let paths = self.paths();
        self.work().iter().filter(|directory| !paths.contains(*directory)).cloned().collect()
    }

    /// Whether something is at a path.
    pub(super) fn has(&self, path: &str) -> bool {
        self.paths().contains(path)
    }

    /// What is below a path, itself included.
    pub(super) fn below(&self, path: &str) -> Vec<String> {
        let inside = format!("{path}/");
        self.paths().iter().filter(|found| *found == path || found.starts_with(&inside)).cloned().collect()
    }
}

#[async_trait]
impl Files for MemoryFiles {
    async fn mounts(&self, mounts: &[Mount]) -> Vec<ObservedMount> {
        let observe = |mount: &Mount| {
            let present = || MountState::Present { real_path: mount.source.clone().into(), is_folder: true };
            let state = if self.has(&mount.source) { present() } else { MountState::Missing };
            ObservedMount { source: mount.source.clone(), target: mount.target.clone(), state }
        };
        mounts.iter().map(observe).collect()
    }

    /// Sources in the simulation hold their Dockerfile themselves, so that no file is read.
    async fn source(&self, role: &Role, _asked: Option<&str>) -> Result<ObservedSource, SourceError> {
        observe_source(role)
    }

    fn exists(&self, path: &str) -> io::Result<bool> {
        Ok(self.has(path))
    }

    fn is_directory(&self, path: &str) -> io::Result<bool> {
        Ok(self.has(path))
    }

    fn make_directory(&self, path: &str) -> io::Result<()> {
        self.set(path, true);
        Ok(())
    }

    fn remove_directory(&self, path: &str) -> io::Result<Option<String>> {
        for found in self.below(path) {
            self.set(&found, false);
        }
        Ok(None)
    }

    fn remove_empty_directories(&self, path: &str) -> io::Result<()> {
        for found in self.below(path) {
            if !self.work().contains(&found) {
                self.set(&found, false);
            }
        }
        Ok(())
    }
}
