//! Programs whose content is in memory, and sidecars, which no role of a simulation asks for.

use async_trait::async_trait;
use jackin_api::kinds::Agent;

use crate::agents::{InstallError, ProgramStore, ResolvedProgram};
use crate::docker::Archive;
use crate::sidecar::{SidecarError, Sidecars};
use crate::surroundings::Programs;

/// Programs whose content is in memory: what they are is told as on every machine, without asking a registry.
pub(super) struct MemoryPrograms(ProgramStore);

impl MemoryPrograms {
    pub(super) fn new() -> Self {
        Self(ProgramStore::new("/jackin/cache"))
    }
}

/// The end of an archive, and nothing before it.
fn empty() -> Archive {
    vec![0_u8; 1024].into()
}

#[async_trait]
impl Programs for MemoryPrograms {
    fn capsule(&self) -> Archive {
        empty()
    }

    async fn is_known(&self, agent: &Agent) -> bool {
        self.0.is_known(agent).await
    }

    async fn resolve(&self, agent: &Agent) -> Result<Option<ResolvedProgram>, InstallError> {
        self.0.resolve(agent).await
    }

    async fn archive(&self, _: &ResolvedProgram) -> Result<Archive, InstallError> {
        Ok(empty())
    }
}

/// Sidecars that always answer: no role of a simulation asks for one.
pub(super) struct NoSidecars;

#[async_trait]
impl Sidecars for NoSidecars {
    async fn ping(&self, _: &str) -> Result<(), SidecarError> {
        Ok(())
    }
}
