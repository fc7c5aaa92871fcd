//! What is there, seen anew in each pass. Nothing is concluded here; what cannot be read is an error, never an absence.

use std::collections::BTreeMap;

use futures::future::try_join_all;
use jackin_api::kinds::Agent;
use jackin_api::words as labels;
use jackin_plan::network;
use jackin_plan::observed::{Capsule, MountSourceState, Mounted, Observed, Program};
use jackin_plan::resolve::{Snapshot, Wanted};
use jackin_plan::world::{Container, ContainerState, Network};
use kube::ResourceExt;

use crate::capsule::CapsuleAt;
use crate::checkouts::MountState;
use crate::context::Context;
use crate::docker::{EngineError, EngineErrorCause, LabelFilter};
use crate::text::with_causes;
use crate::volumes::VolumeError;

use super::Taken;

/// Why nothing could be seen.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ObserveError {
    /// The engine did not tell.
    #[error("{}", .0.full_message())]
    Engine(#[from] EngineError),
    /// The engine did not tell about volumes.
    #[error("{}", with_causes(.0))]
    Volumes(#[from] VolumeError),
}

/// Sees what there is of an instance.
pub(crate) async fn observe(context: &Context, snapshot: &Snapshot, wanted: &Wanted) -> Result<Observed, ObserveError> {
    let namespace = snapshot.instance.namespace().unwrap_or_default();
    let name = snapshot.instance.identity().to_owned();
    let workspace = &snapshot.instance.spec.workspace;
    let owner = &context.site.owner;
    let containers = containers(context, &namespace, &name);
    if !matches!(wanted, Wanted::Run(_)) {
        let containers = containers.await?;
        let capsule = capsule(context, &containers, &snapshot.run).await;
        let directories = context.files.exists(&snapshot.run);
        return Ok(Observed { containers, capsule, directories, ..Observed::default() });
    }
    let wanted_network = snapshot.instance.spec.network.clone().unwrap_or_default();
    let network_name = network::name_for(owner, &namespace, workspace, &wanted_network);
    let with_capsule = async {
        let containers = containers.await?;
        let capsule = capsule(context, &containers, &snapshot.run).await;
        let holder = name_holder(context, &namespace, &name, &containers).await?;
        let mounted = mounted(context, &containers, snapshot).await;
        Ok::<_, ObserveError>((containers, capsule, holder, mounted))
    };
    let network = async { Ok(network_of_name(context, &network_name).await?) };
    let volumes = async { Ok(context.volumes.observe().await?) };
    let local = async { Ok((mounts(context, snapshot).await, programs(context, wanted).await)) };
    let ((containers, capsule, name_holder, mounted), (network, namesakes), volumes, (mounts, programs)) =
        tokio::try_join!(with_capsule, network, volumes, local)?;
    let directories = [&snapshot.home, &snapshot.run].into_iter().all(|path| context.files.is_directory(path));
    Ok(Observed {
        containers,
        name_holder,
        network,
        namesakes,
        volumes,
        capsule,
        mounts,
        mounted,
        programs,
        directories,
    })
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

/// Containers of ours for this instance.
pub(crate) async fn containers(context: &Context, namespace: &str, name: &str) -> Result<Vec<Container>, EngineError> {
    let filter = LabelFilter::new()
        .with(labels::OWNER, &context.site.owner.0)
        .with(labels::NAMESPACE, namespace)
        .with(labels::INSTANCE, name)
        .with(labels::COMPONENT, labels::COMPONENT_ROLE);
    let found = context.engine.list_containers(&filter).await?;
    let inspected = found.iter().map(|summary| context.engine.inspect_container(&summary.id.0));
    // One that is gone between the two calls is gone.
    Ok(try_join_all(inspected).await?.into_iter().flatten().collect())
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
    Ok(holder.filter(|holder| !context.site.owner.owns(&holder.labels)))
}

/// What the capsule of the running container says.
async fn capsule(context: &Context, containers: &[Container], run: &str) -> Capsule {
    let Some(running) = containers.iter().find(|container| container.state == ContainerState::Running) else {
        return Capsule::NotAsked;
    };
    match context.capsules.status(CapsuleAt { run, pid: running.pid }).await {
        Ok(status) => Capsule::Answers(status),
        Err(error) => Capsule::Silent(format!("asked its capsule: {error}")),
    }
}

/// Lets the capsule that answered wake its instance from now on.
pub(super) fn follow(context: &Context, taken: &Taken, observed: &Observed) {
    let running = observed.containers.iter().find(|container| container.state == ContainerState::Running);
    if let (Capsule::Answers(_), Some(pid)) = (&observed.capsule, running.and_then(|container| container.pid)) {
        context.notices.follow(context.capsules.clone(), &taken.key, &taken.snapshot.run, pid);
    }
}

/// Both ends of the mounts of the running container.
async fn mounted(context: &Context, containers: &[Container], snapshot: &Snapshot) -> BTreeMap<String, Mounted> {
    let running = containers.iter().find(|container| container.state == ContainerState::Running);
    match running.and_then(|container| container.pid) {
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
async fn program(context: &Context, agent: &Agent) -> Program {
    if !context.programs.is_known(agent).await {
        return Program::Unfetched;
    }
    match context.programs.resolve(agent).await {
        Ok(Some(program)) => Program::Known { content: program.content },
        Ok(None) => Program::InImage,
        Err(error) => Program::Unavailable { error: with_causes(&error) },
    }
}
