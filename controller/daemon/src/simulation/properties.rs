//! What must be true once it is quiet.

use std::collections::BTreeSet;

use jackin_api::kinds::{DisruptionPolicy, Instance, InstanceStatus, RunState};
use jackin_api::words::{self as labels, Condition, ConditionStatus, ConditionType, Phase, Reason};
use jackin_plan::disruption::live_sessions;
use jackin_plan::world::{Container, ContainerId, ContainerState, Mount, MountSource, Network, NetworkId};
use kube::api::ListParams;
use kube::{Api, ResourceExt};

use crate::docker::fake::FakeEngine;
use crate::docker::{Engine, LabelFilter};

use super::daemon::{Daemon, World, owner};
use super::guard::Guard;
use super::wish::{NAMESPACE, SECRET, WORKSPACES, Wish};

/// What is looked at.
pub(super) struct Look<'a> {
    pub(super) world: &'a World,
    pub(super) guard: &'a Guard,
    pub(super) daemon: &'a Daemon,
    pub(super) wish: &'a Wish,
    /// Whether everything that somebody can mend was mended.
    pub(super) mended: bool,
    pub(super) orphans: &'a Orphans,
}

/// What of ours was there when the store was lost: nobody knows of what was edited away at the same time, and `jackin prune` is for it.
#[derive(Default)]
pub(super) struct Orphans {
    containers: BTreeSet<ContainerId>,
    networks: BTreeSet<NetworkId>,
}

impl Orphans {
    /// Adds what the engine has now.
    pub(super) async fn remember(&mut self, engine: &FakeEngine) {
        self.containers.extend(engine.containers().into_iter().map(|(container, _)| container.id));
        self.networks.extend(networks_of_ours(engine).await.into_iter().map(|network| network.id));
    }
}

async fn networks_of_ours(engine: &FakeEngine) -> Vec<Network> {
    let ours = LabelFilter::new().with(labels::OWNER, &owner().0);
    engine.list_networks(&ours).await.unwrap_or_default()
}

impl Look<'_> {
    /// Everything that is not as it should be; empty when the desired state is reached, or held with its reason.
    pub(super) async fn unsettled(&self) -> Vec<String> {
        let mut found = Vec::new();
        let instances = self.instances().await;
        let containers = self.containers().await;
        for (workspace, count, indexed) in self.wish.instances() {
            let of_it = instances.iter().filter(|instance| instance.spec.workspace == workspace);
            let (placed, surplus): (Vec<_>, Vec<_>) =
                of_it.partition(|instance| instance.spec.index.is_some() == indexed);
            // Which of several go is the planner's choice; those that wait for their sessions are too many for a while.
            let waiting = placed.iter().chain(&surplus).filter(|one| self.may_wait(&of(&containers, one))).count();
            if placed.len() < count || placed.len() + surplus.len() > count + waiting {
                let told = |instance: &&Instance| {
                    let conditions = instance.status.as_ref().map(|status| &status.conditions);
                    format!("{}, of which is told {conditions:?}", instance.name_any())
                };
                let has: Vec<_> = placed.iter().chain(&surplus).map(told).collect();
                found.push(format!("{workspace} should have {count} instances, and has {}", has.join("; ")));
            }
            if count > 0 {
                placed.iter().for_each(|instance| self.instance(instance, &of(&containers, instance), &mut found));
            }
        }
        self.strays(&instances, &containers, &mut found).await;
        found
    }

    async fn instances(&self) -> Vec<Instance> {
        let all: Api<Instance> = Api::namespaced(self.daemon.client.clone(), NAMESPACE);
        all.list(&ListParams::default()).await.map(|list| list.items).unwrap_or_default()
    }

    /// Containers of ours.
    async fn containers(&self) -> Vec<Container> {
        let engine = &self.guard.engine;
        let ours = LabelFilter::new().with(labels::OWNER, &owner().0);
        let mut found = Vec::new();
        for summary in engine.list_containers(&ours).await.unwrap_or_default() {
            found.extend(engine.inspect_container(&summary.id.0).await.ok().flatten());
        }
        found
    }

    /// Whether an instance that nobody wants may still be there: somebody works in it, or its capsule does not say.
    fn may_wait(&self, own: &[&Container]) -> bool {
        own.iter().any(|container| self.is_live(container) || self.world.capsules.is_mute(container))
    }

    fn is_live(&self, container: &Container) -> bool {
        let (sessions, _) = self.world.capsules.sessions(container);
        container.state == ContainerState::Running && !live_sessions(&sessions, DisruptionPolicy::Never).is_empty()
    }

    fn instance(&self, instance: &Instance, own: &[&Container], found: &mut Vec<String>) {
        let name = instance.name_any();
        let status = instance.status.clone().unwrap_or_default();
        if status.observed_generation != instance.metadata.generation.unwrap_or_default() {
            found.push(format!("{name}: its status is of generation {}", status.observed_generation));
        }
        if instance.spec.run == RunState::Stopped {
            let runs = own.iter().any(|container| container.state == ContainerState::Running);
            if runs || !matches!(status.phase, Phase::Stopped | Phase::Pending) {
                found.push(format!(
                    "{name} should be stopped, and is {:?} with running {runs}: {:?}",
                    status.phase, status.conditions
                ));
            }
            return;
        }
        let Some(ready) = labels::find(&status.conditions, ConditionType::Ready) else {
            return found.push(format!("{name} says nothing of Ready"));
        };
        // A mount that is gone, a name that is taken, an image that cannot be built, a capsule that is silent.
        let held = !self.mended;
        match ready.status {
            ConditionStatus::True => self.running(instance, &status, own, found),
            ConditionStatus::False if held && !ready.reason.is_empty() => {}
            ConditionStatus::Unknown if held => {}
            _ => found.push(format!("{name}: Ready is {} {}: {}", ready.status, ready.reason, ready.message)),
        }
    }

    /// One that says that it is ready must be what it says.
    fn running(&self, instance: &Instance, status: &InstanceStatus, own: &[&Container], found: &mut Vec<String>) {
        let name = instance.name_any();
        let [container] = own else {
            return found.push(format!("{name} is ready, and has {} containers", own.len()));
        };
        if container.state != ContainerState::Running {
            found.push(format!("{name} is ready, and its container is {:?}", container.state));
        }
        if status.container.as_ref().map(|known| known.id.as_str()) != Some(container.id.0.as_str()) {
            found.push(format!("{name}: its status names another container"));
        }
        if container.name != owner().container(NAMESPACE, instance.identity()) {
            found.push(format!("{name}: its container is called {}", container.name));
        }
        let memory = instance.spec.resources.as_ref().and_then(|resources| resources.memory.as_ref()?.bytes().ok());
        if container.limits.memory_bytes != memory {
            found.push(format!("{name}: memory is {:?}, not {memory:?}", container.limits.memory_bytes));
        }
        if !container.networks.contains(&owner().network(NAMESPACE, &instance.spec.workspace)) {
            found.push(format!("{name}: it is not on its network"));
        }
        let pending = labels::find(&status.conditions, ConditionType::RepairPending);
        if let Some(pending) = pending.filter(|pending| pending.status == ConditionStatus::True) {
            self.pending(&name, container, pending, found);
        } else if labels::is_true(&status.conditions, ConditionType::Drifted) {
            found.push(format!("{name} differs from its spec, and nothing is pending"));
        }
    }

    /// A repair may only wait for something that is so.
    fn pending(&self, name: &str, container: &Container, pending: &Condition, found: &mut Vec<String>) {
        let waits = pending.reason == Reason::SessionsLive.to_string();
        if waits && !self.is_live(container) {
            found.push(format!("{name}: a repair waits for sessions that nobody has: {}", pending.message));
        }
    }

    /// Objects of ours that belong to nothing.
    async fn strays(&self, instances: &[Instance], containers: &[Container], found: &mut Vec<String>) {
        let identities: BTreeSet<&str> = instances.iter().map(|instance| instance.identity()).collect();
        for container in containers {
            let label = |key: &str| container.labels.get(key).map(String::as_str);
            let belongs = match label(labels::COMPONENT) {
                Some(labels::COMPONENT_ROLE) => {
                    let known = label(labels::INSTANCE).is_some_and(|name| identities.contains(name));
                    known || self.orphans.containers.contains(&container.id)
                }
                // It marks a volume that is not filled; who first needs the volume fills it and removes the mark.
                Some(labels::COMPONENT_FILLER) => !self.is_in_use(container.name.trim_end_matches(".filler")),
                _ => false,
            };
            if !belongs {
                found.push(format!("the container {} belongs to nothing", container.name));
            }
        }
        for network in networks_of_ours(&self.guard.engine).await {
            let wanted = WORKSPACES.iter().zip(&self.wish.workspaces).any(|(name, wish)| {
                let kept = wish.present || instances.iter().any(|instance| instance.spec.workspace == **name);
                kept && network.name == owner().network(NAMESPACE, name)
            });
            // A container that nobody knows of any more holds the network that it is on.
            let orphan =
                |one: &Container| self.orphans.containers.contains(&one.id) && one.networks.contains(&network.name);
            if !wanted && !self.orphans.networks.contains(&network.id) && !containers.iter().any(orphan) {
                found.push(format!("the network {} belongs to nothing", network.name));
            }
        }
    }

    /// Whether a running container mounts a volume.
    fn is_in_use(&self, volume: &str) -> bool {
        let mounts = |mount: &Mount| matches!(&mount.source, MountSource::Volume { name, .. } if name == volume);
        let all = self.guard.engine.containers();
        all.iter().any(|(one, spec)| one.state == ContainerState::Running && spec.mounts.iter().any(mounts))
    }

    /// What must not be so, quiet or not.
    pub(super) async fn broken(&self) -> Vec<String> {
        let mut found: Vec<_> = self.world.faults.files.lost_work();
        found.iter_mut().for_each(|path| *path = format!("work in {path} is gone"));
        let (engine, all) = (&self.guard.engine, LabelFilter::new());
        let places = [
            ("the store, its statuses and events among it", self.daemon.store.dump().to_string()),
            ("a container", format!("{:?}", engine.containers())),
            ("an image", format!("{:?}", engine.list_images(&all).await)),
            ("a network", format!("{:?}", engine.list_networks(&all).await)),
            ("a volume", format!("{:?}", engine.list_volumes(&all).await)),
        ];
        for (place, text) in places {
            if text.contains(SECRET) {
                found.push(format!("a secret can be read in {place}"));
            }
        }
        found
    }

    /// Instances that claim to know what cannot be seen while the engine is away.
    pub(super) async fn claims(&self) -> Vec<String> {
        let claims = |instance: &Instance| {
            let conditions = instance.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
            let ready = labels::find(conditions, ConditionType::Ready)?;
            (ready.status == ConditionStatus::True)
                .then(|| format!("{} says that it is ready while the engine is away", instance.name_any()))
        };
        self.instances().await.iter().filter_map(claims).collect()
    }
}

/// Containers of an instance.
fn of<'a>(containers: &'a [Container], instance: &Instance) -> Vec<&'a Container> {
    let own = |container: &&Container| {
        let label = |key: &str| container.labels.get(key).map(String::as_str);
        label(labels::INSTANCE) == Some(instance.identity()) && label(labels::COMPONENT) == Some(labels::COMPONENT_ROLE)
    };
    containers.iter().filter(own).collect()
}
