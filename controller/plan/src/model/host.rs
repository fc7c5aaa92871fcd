//! Steps that change the host: directories, and programs in the cache.

use crate::digest::digest_of;
use crate::observed::Program;
use crate::sidecar::sockets;

use super::{Refused, World};

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

    /// Fetches a program. What its content will be cannot be known before; its digest here is one that no content has.
    pub(super) fn fetch_program(&mut self, agent: &str) -> Result<(), Refused> {
        let content = digest_of(&("content that is not fetched yet", agent));
        self.programs.insert(agent.to_owned(), Program::Known { content });
        Ok(())
    }
}
