//! One step, carried out. Each kind of object has its file; here is only who does what.

use jiff::Timestamp;

use crate::desired::{InstanceKey, Site};
use crate::step::{Step, Target};
use crate::world::{ContainerId, ContainerState};

use super::World;

/// Whose plan is carried out, and when.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// The installation.
    pub site: &'a Site,
    /// The instance, by the name under which the engine keeps what is its own.
    pub key: &'a InstanceKey,
    /// When the step begins.
    pub now: Timestamp,
}

/// Why a step was refused. Nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The object is not there.
    #[error("there is no {0}")]
    NotFound(String),
    /// The name is taken.
    #[error("the name `{name}` is taken by container {holder}")]
    NameTaken {
        /// The name.
        name: String,
        /// Who has it.
        holder: ContainerId,
    },
    /// The container is in a state in which this cannot be done to it.
    #[error("container {container} is in the state {state:?}")]
    State {
        /// Which.
        container: ContainerId,
        /// Its state.
        state: ContainerState,
    },
    /// The step acts on the new container and the plan made none.
    #[error("no container was made before it")]
    NothingCreated,
    /// A mounted volume is not there or not filled; the engine would make an empty one.
    #[error("volume `{0}` was not filled before it was mounted")]
    VolumeNotFilled(String),
    /// The capsule does not answer.
    #[error("the capsule does not answer")]
    CapsuleSilent,
    /// The engine of the sidecar does not answer.
    #[error("the engine of sidecar {0} does not answer")]
    SidecarSilent(ContainerId),
    /// A container mounts the volume.
    #[error("volume `{0}` is in use")]
    VolumeInUse(String),
    /// It fails in this world.
    #[error("{0}")]
    Failing(String),
}

/// The world after a step.
///
/// # Errors
/// When the engine, the host or the capsule would refuse the step.
pub fn apply(step: &Step, world: &World, frame: Frame<'_>) -> Result<World, Refused> {
    let mut after = world.clone();
    after.apply(step, frame)?;
    Ok(after)
}

impl World {
    /// A plan begins: what the one before it made is no longer the new container.
    pub fn begin_plan(&mut self) {
        self.created = None;
        self.created_sidecar = None;
    }

    /// Carries out a step.
    ///
    /// # Errors
    /// When the engine, the host or the capsule would refuse the step. Then nothing has changed.
    pub fn apply(&mut self, step: &Step, frame: Frame<'_>) -> Result<(), Refused> {
        if let Some(why) = self.failing.get(step.name()) {
            return Err(Refused::Failing(why.clone()));
        }
        match step {
            Step::PrepareDirectories { directories } => self.prepare_directories(directories),
            Step::RemoveDirectories { run, home } => self.remove_directories(run, home),
            Step::FetchProgram { agent } => self.fetch_program(agent),
            Step::FillVolume { volume, .. } => self.fill_volume(volume),
            Step::CreateNetwork(spec) => self.create_network(spec),
            Step::ConnectNetwork { id, network, aliases } => self.connect_network(id, network, aliases),
            Step::DisconnectNetwork { id, network, .. } => self.disconnect_network(id, network),
            Step::CreateVolume(volume) => self.fill_volume(volume),
            Step::RemoveVolume { name, .. } => self.remove_volume(name),
            Step::CreateContainer(spec) => self.create_role(spec, frame.now),
            Step::CreateSidecar(spec) => self.create_sidecar(spec, frame.now),
            Step::StartSidecar { container } => self.start_container(&self.sidecar_target(container)?, frame.now),
            Step::AwaitSidecar { container } => self.await_sidecar(&self.sidecar_target(container)?),
            Step::StartContainer { container } => self.start_container(&self.target(container)?, frame.now),
            Step::StopContainer { id, .. } => self.stop_container(id, frame.now),
            Step::RemoveContainer { id } => self.remove_container(id),
            Step::RenameContainer { container, name } => self.rename_container(&self.target(container)?, name),
            Step::UnpauseContainer { id } => self.unpause_container(id),
            Step::UpdateContainer { id, limits, restart } => self.update_container(id, *limits, *restart),
            Step::AwaitCapsule { container } => self.await_capsule(&self.target(container)?),
            Step::Personalise(personalisation) => self.personalise(personalisation, frame),
            Step::SpawnSession(spawn) => self.spawn_session(spawn, frame),
        }
    }

    fn target(&self, target: &Target) -> Result<ContainerId, Refused> {
        match target {
            Target::Existing(id) => Ok(id.clone()),
            Target::Created => self.created.clone().ok_or(Refused::NothingCreated),
        }
    }
}
