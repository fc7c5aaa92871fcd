//! Each kind of step, carried out. Nothing is decided here.

use std::sync::OnceLock;
use std::time::Duration;

use jackin_api::kinds::Agent;
use jackin_api::wire;
use jackin_api::words::Reason;
use jackin_plan::resolve::Wanted;
use jackin_plan::sidecar::sockets;
use jackin_plan::step::{Personalisation, Step, Target, VolumeContent};
use jackin_plan::world::{Container, ContainerId, ContainerSpec, ContainerState, NetworkId, VolumeSpec};
use secrecy::ExposeSecret;
use tokio::time::Instant;

use crate::agents::InstallError;
use crate::capsule::CapsuleAt;
use crate::context::Context;
use crate::docker::{Archive, EngineError};
use crate::secrets;
use crate::text::with_causes;
use crate::volumes::VolumeError;

use super::output::last_lines;
use super::{Taken, record, sidecar};

/// How long a started capsule may take to answer.
const CAPSULE_START: Duration = Duration::from_secs(20);
/// How often it is asked meanwhile: first quickly, as it is usually there in some milliseconds.
const CAPSULE_POLL: [Duration; 2] = [Duration::from_millis(3), Duration::from_millis(50)];
/// What the steps of one plan share.
pub(super) struct Frame<'a> {
    pub(super) context: &'a Context,
    pub(super) taken: &'a Taken,
    pub(super) wanted: &'a Wanted,
    /// The container that was seen to run, and its process.
    pub(super) seen: Option<Serving>,
    /// The one whose capsule was waited for.
    pub(super) answered: OnceLock<Serving>,
    pub(super) created: OnceLock<ContainerId>,
    pub(super) created_sidecar: OnceLock<ContainerId>,
}

/// A container whose capsule answers, and the process that this must be.
pub(super) struct Serving {
    pub(super) container: ContainerId,
    pub(super) pid: u32,
}

/// Why a step failed, in the words of a condition.
pub(super) struct StepError {
    pub(super) reason: Reason,
    pub(super) message: String,
}

impl StepError {
    pub(super) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}

impl From<EngineError> for StepError {
    fn from(error: EngineError) -> Self {
        Self::new(error.reason(), error.full_message())
    }
}

impl From<VolumeError> for StepError {
    fn from(error: VolumeError) -> Self {
        Self::new(error.reason(), with_causes(&error))
    }
}

impl Frame<'_> {
    fn container(&self, target: &Target) -> Result<ContainerId, StepError> {
        chosen(target, &self.created)
    }

    fn sidecar(&self, target: &Target) -> Result<ContainerId, StepError> {
        chosen(target, &self.created_sidecar)
    }

    /// The capsule of the container that runs.
    pub(super) fn capsule<'a>(&'a self, pid: Option<u32>, container: Option<&'a ContainerId>) -> CapsuleAt<'a> {
        CapsuleAt { run: &self.taken.snapshot.run, pid, container }
    }

    /// The capsule whose answer was waited for, or else of the container that was seen to run. Nobody else is told secrets.
    fn current_capsule(&self) -> Result<CapsuleAt<'_>, StepError> {
        let serving = self.answered.get().or(self.seen.as_ref());
        let Serving { container, pid } = serving.ok_or_else(|| {
            StepError::new(Reason::CapsuleUnresponsive, "no process is known that its capsule must be")
        })?;
        Ok(self.capsule(Some(*pid), Some(container)))
    }
}

fn chosen(target: &Target, created: &OnceLock<ContainerId>) -> Result<ContainerId, StepError> {
    match target {
        Target::Existing(id) => Some(id.clone()),
        Target::Created => created.get().cloned(),
    }
    .ok_or_else(|| StepError::new(Reason::StepFailed, "no container was made before it"))
}

fn capsule_error(error: crate::capsule::CapsuleError) -> StepError {
    StepError::new(Reason::CapsuleUnresponsive, format!("failed to speak with the capsule: {error}"))
}

/// Carries out one step.
pub(super) async fn run(frame: &Frame<'_>, step: &Step) -> Result<(), StepError> {
    let engine = &frame.context.engine;
    match step {
        Step::PrepareDirectories { directories } => prepare_directories(frame, directories),
        Step::FetchProgram { agent } => fetch_program(frame, agent).await,
        Step::FillVolume { volume, content } => fill_volume(frame, volume, content).await,
        Step::CreateNetwork(spec) => Ok(engine.create_network(spec).await.map(drop)?),
        Step::CreateVolume(volume) => Ok(frame.context.volumes.ensure_data(volume).await?),
        Step::RemoveVolume { name, .. } => Ok(engine.remove_volume(name).await?),
        Step::CreateContainer(spec) => create(frame, spec, &frame.created).await,
        Step::CreateSidecar(spec) => create(frame, spec, &frame.created_sidecar).await,
        Step::StartSidecar { container } => Ok(engine.start_container(&frame.sidecar(container)?).await?),
        Step::AwaitSidecar { container } => sidecar::wait(frame, &frame.sidecar(container)?).await,
        Step::StopContainer { id, timeout_seconds } => Ok(engine.stop_container(id, *timeout_seconds).await?),
        Step::RemoveContainer { id } => Ok(engine.remove_container(id, false).await?),
        Step::RenameContainer { container, name } => {
            Ok(engine.rename_container(&frame.container(container)?, name).await?)
        }
        Step::StartContainer { container } => Ok(engine.start_container(&frame.container(container)?).await?),
        Step::UnpauseContainer { id } => Ok(engine.unpause_container(id).await?),
        Step::UpdateContainer { id, limits, restart } => Ok(engine.update_container(id, limits, *restart).await?),
        Step::ConnectNetwork { id, network, aliases } => connect_network(frame, id, network, aliases).await,
        Step::DisconnectNetwork { id, network, network_id, stays_on: _ } => {
            disconnect_network(frame, id, network, network_id.as_ref()).await
        }
        Step::AwaitCapsule { container } => await_capsule(frame, &frame.container(container)?).await,
        Step::Personalise(personalisation) => personalise(frame, personalisation).await,
        Step::SpawnSession(spawn) => spawn_session(frame, spawn).await,
        Step::RemoveDirectories { run, home } => remove_directories(frame, run, home).await,
    }
}

/// Makes a container. A plan makes one of a kind.
async fn create(frame: &Frame<'_>, spec: &ContainerSpec, created: &OnceLock<ContainerId>) -> Result<(), StepError> {
    let id = frame.context.engine.create_container(spec).await?;
    _ = created.set(id);
    Ok(())
}

fn prepare_directories(frame: &Frame<'_>, directories: &[String]) -> Result<(), StepError> {
    for directory in directories {
        let made = frame.context.files.make_directory(directory);
        made.map_err(|error| StepError::new(Reason::StepFailed, format!("failed to make `{directory}`: {error}")))?;
    }
    Ok(())
}

/// The agent as the instance wants it.
fn agent(frame: &Frame<'_>, name: &str) -> Option<Agent> {
    let Wanted::Run(desired) = frame.wanted else { return None };
    Some(Agent::new(name, desired.agents.get(name)?.clone()))
}

async fn fetch_program(frame: &Frame<'_>, name: &str) -> Result<(), StepError> {
    let Some(agent) = agent(frame, name) else { return Ok(()) };
    let resolved = frame.context.programs.resolve(&agent).await;
    resolved.map(drop).map_err(|error| StepError::new(Reason::AgentInstallFailed, with_causes(&error)))
}

async fn fill_volume(frame: &Frame<'_>, volume: &VolumeSpec, content: &VolumeContent) -> Result<(), StepError> {
    let context = frame.context;
    let archive = async {
        match content {
            VolumeContent::Capsule => Ok(context.programs.capsule()),
            VolumeContent::Program { agent: name } => program_archive(frame, name).await,
        }
    };
    Ok(context.volumes.ensure_filled(volume, archive).await?)
}

async fn program_archive(frame: &Frame<'_>, name: &str) -> Result<Archive, InstallError> {
    let programs = &frame.context.programs;
    // The planner fills volumes of installed programs of the instance's own agents only.
    let missing = || InstallError::NotSupported { install: "none" };
    let resolved = programs.resolve(&agent(frame, name).ok_or_else(missing)?).await?;
    programs.archive(&resolved.ok_or_else(missing)?).await
}

async fn connect_network(
    frame: &Frame<'_>,
    id: &ContainerId,
    network: &str,
    aliases: &[String],
) -> Result<(), StepError> {
    let engine = &frame.context.engine;
    let Some(found) = engine.inspect_network(network).await? else {
        return Err(StepError::new(Reason::StepFailed, format!("network `{network}` is not there")));
    };
    Ok(engine.connect_network(&found.id, id, aliases).await?)
}

/// By id, as several may have the name; by name where it is gone, as a container that does not run then knows nothing else of it.
async fn disconnect_network(
    frame: &Frame<'_>,
    id: &ContainerId,
    network: &str,
    network_id: Option<&NetworkId>,
) -> Result<(), StepError> {
    let engine = &frame.context.engine;
    let there = match network_id {
        Some(known) => engine.inspect_network(&known.0).await?.map(|found| found.id),
        None => None,
    };
    let meant = there.unwrap_or_else(|| NetworkId(network.to_owned()));
    Ok(engine.disconnect_network(&meant, id, true).await?)
}

/// Waits until the capsule answers, or the container has ended.
async fn await_capsule(frame: &Frame<'_>, id: &ContainerId) -> Result<(), StepError> {
    let begun = Instant::now();
    let mut container = running(frame, id).await?;
    let mut polls: u32 = 0;
    loop {
        // A socket that nobody serves is one of before, for a while; only then does the engine have to help.
        let through = (polls > 30).then_some(id);
        let Err(error) = ask_capsule(frame, &container, through).await else { return Ok(()) };
        if begun.elapsed() > CAPSULE_START {
            let message = format!("its capsule did not answer within {} s: {error}", CAPSULE_START.as_secs());
            return Err(StepError::new(Reason::CapsuleUnresponsive, message));
        }
        polls += 1;
        tokio::time::sleep(CAPSULE_POLL[usize::from(polls > 30)]).await;
        if polls.is_multiple_of(10) {
            container = running(frame, id).await?;
        }
    }
}

/// Asks the capsule of a container once, and remembers the process that it is; why it did not answer.
async fn ask_capsule(frame: &Frame<'_>, container: &Container, through: Option<&ContainerId>) -> Result<(), String> {
    let restarts = || "the engine knows no process of the container".to_owned();
    let pid = container.pid.ok_or_else(restarts)?;
    frame.context.capsules.status(frame.capsule(Some(pid), through)).await.map_err(|error| error.to_string())?;
    _ = frame.answered.set(Serving { container: container.id.clone(), pid });
    Ok(())
}

/// The container, as long as it runs; how it ended otherwise.
pub(super) async fn running(frame: &Frame<'_>, id: &ContainerId) -> Result<Container, StepError> {
    let engine = &frame.context.engine;
    let Some(container) = engine.inspect_container(&id.0).await? else {
        return Err(StepError::new(Reason::ContainerNotRunning, "the container is gone"));
    };
    if matches!(container.state, ContainerState::Running | ContainerState::Restarting) {
        return Ok(container);
    }
    let how = container.exit.as_ref().map_or_else(String::new, |exit| {
        let memory = if exit.out_of_memory { ", out of memory" } else { "" };
        let error = exit.error.as_ref().map(|error| format!(" ({error})")).unwrap_or_default();
        format!(" with {}{memory}{error}", exit.code)
    });
    let log = last_lines(frame.context, id).await;
    let message = format!("the container ended at once{how}; its last lines: {log}");
    Err(StepError::new(Reason::ContainerNotRunning, message))
}

async fn personalise(frame: &Frame<'_>, personalisation: &Personalisation) -> Result<(), StepError> {
    let read = secrets::resolve(&personalisation.environment, &frame.context.references).await;
    let resolution = read.map_err(|failures| {
        let texts: Vec<_> = failures
            .iter()
            .map(|failure| match &failure.hint {
                Some(hint) => format!("{failure} ({hint})"),
                None => failure.to_string(),
            })
            .collect();
        StepError::new(Reason::ReferenceUnreadable, format!("failed to {}", texts.join("; ")))
    })?;
    let values = resolution.values.iter();
    let request = wire::Personalise {
        digest: personalisation.digest.0.clone(),
        env: values.map(|(name, value)| (name.clone(), value.expose_secret().to_owned())).collect(),
        path_prepend: personalisation.path_prepend.clone(),
    };
    frame.context.capsules.personalise(frame.current_capsule()?, request).await.map_err(capsule_error)
}

async fn spawn_session(frame: &Frame<'_>, spawn: &wire::Spawn) -> Result<(), StepError> {
    frame.context.capsules.spawn(frame.current_capsule()?, spawn.clone()).await.map_err(capsule_error)
}

/// The sockets' directories go as a whole; of the home only what holds no file.
async fn remove_directories(frame: &Frame<'_>, run: &str, home: &str) -> Result<(), StepError> {
    let files = &frame.context.files;
    let failed = |path: &str, error: std::io::Error| {
        StepError::new(Reason::StepFailed, format!("failed to remove `{path}`: {error}"))
    };
    files.remove_empty_directories(home).map_err(|error| failed(home, error))?;
    // The capsule's last, as it is what says that this step is still to be done.
    for path in [sockets(run).as_str(), run] {
        if let Some(left) = files.remove_directory(path).map_err(|error| failed(path, error))? {
            record::left_behind(frame.context, &frame.taken.snapshot.instance, &left).await;
        }
    }
    Ok(())
}
