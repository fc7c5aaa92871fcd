//! The programs that go into volumes: the capsule's and the agents'.

use async_trait::async_trait;
use jackin_api::kinds::Agent;

use crate::agents::{InstallError, ProgramStore, ResolvedProgram};
use crate::docker::Archive;
use crate::volumes::CapsuleProgram;

/// The programs that go into volumes.
#[async_trait]
pub(crate) trait Programs: Send + Sync {
    /// What the capsule's volume holds.
    fn capsule(&self) -> Archive;

    /// Whether [`Programs::resolve`] answers without asking a registry.
    async fn is_known(&self, agent: &Agent) -> bool;

    /// What an agent's program is; `None` when the image has it.
    async fn resolve(&self, agent: &Agent) -> Result<Option<ResolvedProgram>, InstallError>;

    /// The content of a program's volume, downloaded where it is not on this machine.
    async fn archive(&self, program: &ResolvedProgram) -> Result<Archive, InstallError>;
}

/// The programs of this machine: the capsule that jackin brings, and the agents' in their cache.
pub(crate) struct LocalPrograms {
    /// The capsule.
    pub(crate) capsule: CapsuleProgram,
    /// Programs of agents.
    pub(crate) agents: ProgramStore,
}

#[async_trait]
impl Programs for LocalPrograms {
    fn capsule(&self) -> Archive {
        self.capsule.archive()
    }

    async fn is_known(&self, agent: &Agent) -> bool {
        self.agents.is_known(agent).await
    }

    async fn resolve(&self, agent: &Agent) -> Result<Option<ResolvedProgram>, InstallError> {
        self.agents.resolve(agent).await
    }

    async fn archive(&self, program: &ResolvedProgram) -> Result<Archive, InstallError> {
        self.agents.archive(program).await
    }
}
