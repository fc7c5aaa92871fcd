//! What is there, seen anew in each pass. Nothing is concluded here; what cannot be read is an error, never an absence.

use std::collections::BTreeMap;

use futures::future::try_join_all;
use jackin_api::kinds::{Agent, ReclaimPolicy};
use jackin_api::words::{self as labels, Reason};
use jackin_plan::desired::Desired;
use jackin_plan::network;
use jackin_plan::observed::{Capsule, MountSourceState, Mounted, Observed, Program, SidecarEngine, SidecarSeen};
use jackin_plan::resolve::{Snapshot, Wanted};
use jackin_plan::sidecar::sockets;
use jackin_plan::status::Unseen;
use jackin_plan::world::{Container, ContainerState, Labels, Network, Volume};
use kube::ResourceExt;

use crate::capsule::CapsuleAt;
use crate::checkouts::MountState;
use crate::context::Context;
use crate::docker::{EngineError, EngineErrorCause, LabelFilter};
use crate::text::with_causes;
use crate::volumes::{ObservedVolumes, VolumeError};

use super::Taken;
use super::output::output;

/// Why nothing could be seen.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ObserveError {
    /// The engine did not tell.
    #[error("{}", .0.full_message())]
    Engine(#[from] EngineError),
    /// The engine did not tell about volumes.
    #[error("{}", with_causes(.0))]
    Volumes(#[from] VolumeError),
    /// The host did not tell about a directory of ours.
    #[error("failed to look for `{path}`: {source}")]
    Directory {
        /// Which.
        path: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

impl ObserveError {
    /// The same in the words of a condition.
    pub(crate) fn unseen(&self) -> Unseen {
        let reason = match self {
            Self::Engine(error) => error.reason(),
            Self::Volumes(error) => error.reason(),
            Self::Directory { .. } => Reason::HostUnreadable,
        };
        Unseen { reason, message: self.to_string() }
    }
}

/// Sees what there is of an instance.
pub(crate) async fn observe(context: &Context, snapshot: &Snapshot, wanted: &Wanted) -> Result<Observed, ObserveError> {
    let namespace = snapshot.instance.namespace().unwrap_or_default();
    let name = snapshot.instance.identity().to_owned();
    let workspace = &snapshot.instance.spec.workspace;
    let owner = &context.site.owner;
    let Wanted::Run(desired) = wanted else { return observe_ending(context, snapshot, wanted).await };
    let wanted_network = snapshot.instance.spec.network.clone().unwrap_or_default();
    let network_name = network::name_for(owner, &namespace, workspace, &wanted_network);
    let with_capsule = async {
        let (containers, sidecars) = of_instance(context, &namespace, &name).await?;
        let capsule = capsule(context, &containers, &snapshot.run).await;
        let holder = name_holder(context, &namespace, &name, &containers).await?;
        let mounted = mounted(context, &containers, snapshot).await;
        let sidecar = sidecar(context, desired, sidecars).await?;
        Ok::<_, ObserveError>((containers, capsule, holder, mounted, sidecar))
    };
    let network = async { Ok(network_of_name(context, &network_name).await?) };
    let volumes = async { Ok(context.volumes.observe().await?) };
    let local = async { Ok((mounts(context, snapshot).await, programs(context, wanted).await)) };
    let ((containers, capsule, name_holder, mounted, mut sidecar), (network, namesakes), volumes, (mounts, programs)) =
        tokio::try_join!(with_capsule, network, volumes, local)?;
    let ObservedVolumes { programs: volumes, data } = volumes;
    sidecar.volumes = of_its_own(data, &namespace, &name);
    let sockets = desired.sidecar.as_ref().map(|_| sockets(&snapshot.run));
    let mut directories = true;
    for path in [&snapshot.home, &snapshot.run].into_iter().chain(sockets.as_ref()) {
        directories &= is_directory(context, path)?;
    }
    let output = output(context, snapshot, &containers).await;
    Ok(Observed {
        containers,
        name_holder,
        network,
        namesakes,
        volumes,
        capsule,
        output,
        mounts,
        mounted,
        programs,
        directories,
        sidecar,
    })
}

fn exists(context: &Context, path: &str) -> Result<bool, ObserveError> {
    context.files.exists(path).map_err(|source| ObserveError::Directory { path: path.to_owned(), source })
}

fn is_directory(context: &Context, path: &str) -> Result<bool, ObserveError> {
    context.files.is_directory(path).map_err(|source| ObserveError::Directory { path: path.to_owned(), source })
}

/// The network of a name; how many there are, when they are several.
async fn network_of_name(context: &Context, name: &str) -> Result<(Option<Network>, usize), EngineError> {
    match context.engine.inspect_network(name).await {
        Ok(found) => Ok((found, 0)),
        Err(error) => match error.cause {
            EngineErrorCause::Ambiguous { count } => Ok((None, count)),
            _ => Err(error),
        },
    }
}

/// Sees what there is of an instance that should not run, or of which cannot be said what it should be.
async fn observe_ending(context: &Context, snapshot: &Snapshot, wanted: &Wanted) -> Result<Observed, ObserveError> {
    let namespace = snapshot.instance.namespace().unwrap_or_default();
    let name = snapshot.instance.identity();
    let (containers, sidecars) = of_instance(context, &namespace, name).await?;
    let capsule = capsule(context, &containers, &snapshot.run).await;
    let directories = exists(context, &snapshot.run)?;
    let volumes = match wanted {
        // Only those that may go are looked for.
        Wanted::Remove { reclaim: ReclaimPolicy::Delete, .. } => {
            of_its_own(context.volumes.data().await?, &namespace, name)
        }
        Wanted::Remove { .. } | Wanted::Run(_) | Wanted::Stop | Wanted::Unresolved(_) => Vec::new(),
    };
    let sidecar = SidecarSeen { containers: sidecars, volumes, ..SidecarSeen::default() };
    Ok(Observed { containers, capsule, directories, sidecar, ..Observed::default() })
}

/// What there is of the sidecar; without one that is wanted, nothing is asked for.
async fn sidecar(context: &Context, desired: &Desired, containers: Vec<Container>) -> Result<SidecarSeen, EngineError> {
    let Some(wanted) = &desired.sidecar else { return Ok(SidecarSeen { containers, ..SidecarSeen::default() }) };
    let engine = if containers.iter().any(|container| container.state == ContainerState::Running) {
        match context.sidecars.ping(&sockets(&desired.run)).await {
            Ok(()) => SidecarEngine::Answers,
            Err(error) => SidecarEngine::Silent(error.to_string()),
        }
    } else {
        SidecarEngine::NotAsked
    };
    let image = context.engine.inspect_image(&wanted.image).await?;
    Ok(SidecarSeen { containers, image, volumes: Vec::new(), engine })
}

/// The volumes of one instance.
fn of_its_own(mut volumes: Vec<Volume>, namespace: &str, name: &str) -> Vec<Volume> {
    let is = |volume: &Volume, label: &str, value: &str| volume.labels.get(label).is_some_and(|found| found == value);
    volumes.retain(|volume| is(volume, labels::NAMESPACE, namespace) && is(volume, labels::INSTANCE, name));
    volumes
}

/// Containers of ours in which the sessions of this instance run.
pub(crate) async fn containers(context: &Context, namespace: &str, name: &str) -> Result<Vec<Container>, EngineError> {
    Ok(of_instance(context, namespace, name).await?.0)
}

/// Containers of ours for this instance: those in which its sessions run, and those that are its sidecar.
async fn of_instance(
    context: &Context,
    namespace: &str,
    name: &str,
) -> Result<(Vec<Container>, Vec<Container>), EngineError> {
    let filter = LabelFilter::new()
        .with(labels::OWNER, &context.site.owner.0)
        .with(labels::NAMESPACE, namespace)
        .with(labels::INSTANCE, name);
    let mut found = context.engine.list_containers(&filter).await?;
    let is = |labels: &Labels, component: &str| labels.get(labels::COMPONENT).is_some_and(|found| found == component);
    found.retain(|found| is(&found.labels, labels::COMPONENT_ROLE) || is(&found.labels, labels::COMPONENT_SIDECAR));
    let inspected = found.iter().map(|summary| context.engine.inspect_container(&summary.id.0));
    let made = |container: &Container| context.site.owner.made(&container.labels, &container.image);
    // One that is gone between the two calls is gone.
    let inspected = try_join_all(inspected).await?.into_iter().flatten().filter(made);
    Ok(inspected.partition(|container| is(&container.labels, labels::COMPONENT_ROLE)))
}

/// Who has the name that the container should have, when it is not ours.
async fn name_holder(
    context: &Context,
    namespace: &str,
    name: &str,
    ours: &[Container],
) -> Result<Option<Container>, EngineError> {
    let wanted = context.site.owner.container(namespace, name);
    if ours.iter().any(|container| container.name == wanted) {
        return Ok(None);
    }
    let holder = context.engine.inspect_container(&wanted).await?;
    Ok(holder.filter(|holder| !context.site.owner.made(&holder.labels, &holder.image)))
}

/// The container that runs, of those in which the sessions do.
pub(super) fn running(containers: &[Container]) -> Option<&Container> {
    containers.iter().find(|container| container.state == ContainerState::Running)
}

/// What the capsule of the running container says.
pub(crate) async fn capsule(context: &Context, containers: &[Container], run: &str) -> Capsule {
    let Some(running) = running(containers) else { return Capsule::NotAsked };
    match context.capsules.status(CapsuleAt { run, pid: running.pid, container: Some(&running.id) }).await {
        Ok(status) => Capsule::Answers(status),
        Err(error) => Capsule::Silent(format!("asked its capsule: {error}")),
    }
}

/// Lets the capsule that answered wake its instance from now on.
pub(super) fn follow(context: &Context, taken: &Taken, observed: &Observed) {
    let running = running(&observed.containers);
    if let (Capsule::Answers(_), Some(container)) = (&observed.capsule, running) {
        context.notices.follow(context.capsules.clone(), &taken.key, &taken.snapshot.run, container);
    }
}

/// Both ends of the mounts of the running container.
async fn mounted(context: &Context, containers: &[Container], snapshot: &Snapshot) -> BTreeMap<String, Mounted> {
    match running(containers).and_then(|container| container.pid) {
        Some(pid) => context.files.mounted(&snapshot.instance.spec.mounts, pid).await,
        None => BTreeMap::new(),
    }
}

async fn mounts(context: &Context, snapshot: &Snapshot) -> BTreeMap<String, MountSourceState> {
    let mounts = &snapshot.instance.spec.mounts;
    let seen = context.files.mounts(mounts).await;
    let targets = mounts.iter().map(|mount| mount.target.clone());
    let state = |seen: MountState| match seen {
        MountState::Present { .. } => MountSourceState::Present,
        MountState::Missing => MountSourceState::Missing,
        MountState::Forbidden { part } => MountSourceState::Forbidden { part },
        MountState::Unreadable { error } => MountSourceState::Unreadable { error },
    };
    targets.zip(seen.into_iter().map(|mount| state(mount.state))).collect()
}

async fn programs(context: &Context, wanted: &Wanted) -> BTreeMap<String, Program> {
    let Wanted::Run(desired) = wanted else { return BTreeMap::new() };
    let mut programs = BTreeMap::new();
    for (name, spec) in &desired.agents {
        programs.insert(name.clone(), program(context, &Agent::new(name, spec.clone())).await);
    }
    programs
}

/// The program of an agent, as far as it can be told without asking a registry.
pub(crate) async fn program(context: &Context, agent: &Agent) -> Program {
    if !context.programs.is_known(agent).await {
        return Program::Unfetched;
    }
    match context.programs.resolve(agent).await {
        Ok(Some(program)) => Program::Known { content: program.content },
        Ok(None) => Program::InImage,
        Err(error) => Program::Unavailable { error: with_causes(&error) },
    }
}
