//! Steps that change the host: directories, and programs in the cache.

use jackin_api::words::Digest;

use crate::observed::Program;
use crate::sidecar::sockets;

use super::{Refused, World};

/// In the place of a digest that can only be known once something is fetched.
const PLACEHOLDER: &str = "not-fetched";

/// Whether this stands for a digest that is not known yet.
pub fn is_placeholder(digest: &Digest) -> bool {
    digest.0 == PLACEHOLDER
}

impl World {
    pub(super) fn prepare_directories(&mut self, directories: &[String]) -> Result<(), Refused> {
        self.directories.extend(directories.iter().cloned());
        Ok(())
    }

    pub(super) fn remove_directories(&mut self, run: &str, home: &str) -> Result<(), Refused> {
        self.directories.remove(run);
        self.directories.remove(&sockets(run));
        self.directories.remove(home);
        Ok(())
    }

    /// Fetches a program. What its content will be cannot be known before.
    pub(super) fn fetch_program(&mut self, agent: &str) -> Result<(), Refused> {
        let content = Digest(PLACEHOLDER.to_owned());
        self.programs.insert(agent.to_owned(), Program::Known { content });
        Ok(())
    }
}
