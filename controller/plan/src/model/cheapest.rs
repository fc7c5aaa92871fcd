//! The fewest engine writes from a world to a desired state, searched for without asking the ladder.
//!
//! # Flow
//! Worlds are visited in the order of what they cost, each move is a [`Step`] that [`World::apply`] carries out, and the first
//! world that is as desired tells the price.
//!
//! # Assumptions
//! Three rules are the product's and not the engine's, so that they are rules of the search too: what ran is not removed before what
//! takes its place is made (a replacement that cannot be made leaves what was there), what runs is ended only by leave, and what is
//! frozen is thawed before it is stopped, unless somebody asked for a restart: only then can it be asked about its sessions.

use std::collections::{BTreeMap, BTreeSet};

use jackin_api::kinds::ReclaimPolicy;
use jackin_api::words::{self as labels, Change, DigestMap};

use crate::desired::{Desired, DesiredImage};
use crate::engine_write::EngineWrite;
use crate::launch::{self, Launch, STOP_SECONDS};
use crate::resolve::Wanted;
use crate::step::{Step, Target, VolumeContent};
use crate::world::{
    Container, ContainerId, ContainerSpec, ContainerState, Labels, Limits, MountSource, NetworkSpec, RestartPolicy,
    VolumeMedium, VolumeSpec,
};

use super::{Frame, World};

/// More writes than any repair of one instance takes.
const MOST_WRITES: usize = 24;

/// The number of engine writes of the cheapest sequence that leads from `world` to what is wanted of the instance.
///
/// `may_end` says whether what runs may be ended. `None`: no sequence is known, because something is in the way (a name that is
/// taken, an image or a program that is not there, sessions that may not be ended), the desired state cannot be told, or a sidecar
/// is part of it. Which sidecar does, and which of its volumes may go, hangs on labels, consents and a reclaim policy that
/// [`crate::sidecar`] reads: a search that asked it would ask the ladder. The writes of repairs with a sidecar are counted case by
/// case instead, on the model and on a real engine.
pub fn cheapest(world: &World, wanted: &Wanted, may_end: bool, frame: Frame<'_>) -> Option<usize> {
    let containers = || world.of_instance(frame.site, frame.key).map(|contained| &contained.container);
    let running = || containers().filter(|container| has_processes(container.state)).count();
    let sidecars = || world.sidecars(frame.site, frame.key).map(|contained| &contained.container);
    let running_sidecars = sidecars().filter(|container| has_processes(container.state)).count();
    match wanted {
        Wanted::Run(desired) if desired.sidecar.is_some() || sidecars().next().is_some() => None,
        Wanted::Run(desired) => Search::new(world, desired, may_end, frame)?.run(),
        Wanted::Stop => Some(running() + running_sidecars),
        Wanted::Remove { reclaim, .. } => {
            let volumes = match reclaim {
                ReclaimPolicy::Retain => 0,
                ReclaimPolicy::Delete => world.data_volumes(frame.site, frame.key).len(),
            };
            Some(running() + containers().count() + running_sidecars + sidecars().count() + volumes)
        }
        Wanted::Unresolved(_) => Some(0),
    }
}

fn has_processes(state: ContainerState) -> bool {
    matches!(state, ContainerState::Running | ContainerState::Paused | ContainerState::Restarting)
}

/// Starts since the search began.
fn starts(world: &World) -> usize {
    world.writes.iter().filter(|write| write.write == EngineWrite::ContainerStart).count()
}

/// One search.
struct Search<'a> {
    start: World,
    desired: &'a Desired,
    launch: Launch,
    /// Containers that were there and whose creation fixed what is wanted. New ones always do.
    serving: BTreeSet<ContainerId>,
    /// Containers that were there.
    known: BTreeSet<ContainerId>,
    may_end: bool,
    frame: Frame<'a>,
}

/// What tells two worlds of one search apart: the containers, how many networks and volumes there are, and whether one was started.
type Place = (Vec<Piece>, usize, usize, bool);

/// What tells two containers of one search apart. New ones are all alike.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Piece {
    known: Option<ContainerId>,
    name: String,
    state: ContainerState,
    limits: Limits,
    restart: RestartPolicy,
    connected: Vec<(String, Option<bool>)>,
}

impl<'a> Search<'a> {
    fn new(world: &World, desired: &'a Desired, may_end: bool, frame: Frame<'a>) -> Option<Self> {
        let (DesiredImage::Valid(image) | DesiredImage::Invalid { serving: Some(image), .. }) = &desired.image else {
            return None;
        };
        let observed = world.observe_running(frame.site, desired);
        let launch = launch::launch(frame.site, desired, &observed, image)?;
        let recreate = desired.restart.as_ref().is_some_and(|request| request.recreate);
        let serves = |container: &&Container| {
            let fields = container.labels.get(labels::LAUNCH_FIELDS);
            let Some(Ok(fields)) = fields.map(|text| serde_json::from_str::<DigestMap>(text)) else { return false };
            let changes = launch::changes(&fields, &launch.fields, &observed);
            // A version never moves by itself; a restart moves it, and a build that somebody asked for is taken by the next start.
            let waits = |change: &Change| has_processes(container.state) || !launch::is_requested_build(change);
            let stays = |change: &Change| launch::is_version(change) && desired.restart.is_none() && waits(change);
            let keeps = changes.iter().all(stays);
            // One that was never started is as new as another one.
            keeps && !(recreate && container.started_at.is_some())
        };
        let serving = observed.containers.iter().filter(serves).map(|container| container.id.clone()).collect();
        let known = observed.containers.iter().map(|container| container.id.clone()).collect();
        let mut start = world.clone();
        start.writes.clear();
        start.ended.clear();
        for contained in start.containers.values_mut() {
            // They are read above; worlds are copied often.
            contained
                .container
                .labels
                .retain(|label, _| label != labels::LAUNCH_FIELDS && label != labels::RECIPE_FIELDS);
        }
        Some(Self { start, desired, launch, serving, known, may_end, frame })
    }

    fn run(self) -> Option<usize> {
        let mut seen = BTreeSet::new();
        let mut open: BTreeMap<usize, Vec<World>> = [(0, vec![self.start.clone()])].into();
        while let Some((cost, worlds)) = open.pop_first() {
            for world in worlds {
                if self.is_reached(&world) {
                    return Some(cost);
                }
                if cost >= MOST_WRITES || !seen.insert(self.place(&world)) {
                    continue;
                }
                for steps in self.moves(&world) {
                    let mut after = world.clone();
                    if steps.iter().all(|step| after.apply(step, self.frame).is_ok()) {
                        open.entry(after.writes.len()).or_default().push(after);
                    }
                }
            }
        }
        None
    }

    fn containers<'w>(&self, world: &'w World) -> Vec<&'w Container> {
        world.of_instance(self.frame.site, self.frame.key).map(|contained| &contained.container).collect()
    }

    fn serves(&self, container: &Container) -> bool {
        !self.known.contains(&container.id) || self.serving.contains(&container.id)
    }

    fn is_reached(&self, world: &World) -> bool {
        let [only] = self.containers(world)[..] else { return false };
        let restarted = self.desired.restart.is_none() || starts(world) > 0;
        self.serves(only)
            && only.name == self.launch.spec.name
            && matches!(only.state, ContainerState::Running | ContainerState::Restarting)
            && self.is_live(only)
            && restarted
    }

    /// Whether what can change under running processes is as desired.
    fn is_live(&self, container: &Container) -> bool {
        (container.limits, container.restart) == (self.desired.limits, self.desired.restart_policy)
            && self.launch.spec.networks.iter().all(|network| container.networks.contains(network))
            && self.left(container).is_empty()
    }

    /// Networks that we connected the container to and that it should not be on.
    fn left(&self, container: &Container) -> Vec<String> {
        let wanted = |network: &&String| self.launch.spec.networks.contains(network);
        let by_us = |network: &&String| {
            container.aliases.get(*network).is_some_and(|aliases| aliases.contains(&self.desired.key.name))
        };
        container.networks.iter().filter(|network| !wanted(network)).filter(by_us).cloned().collect()
    }

    fn place(&self, world: &World) -> Place {
        let piece = |container: &&Container| {
            let current = |network: &String| {
                let known = container.network_ids.get(network)?;
                Some(world.network_named(network).is_some_and(|network| network.id == *known))
            };
            Piece {
                known: Some(container.id.clone()).filter(|id| self.known.contains(id)),
                name: container.name.clone(),
                state: container.state,
                limits: container.limits,
                restart: container.restart,
                connected: container.networks.iter().map(|network| (network.clone(), current(network))).collect(),
            }
        };
        (
            self.containers(world).iter().map(piece).collect(),
            world.networks.len(),
            world.volumes.len(),
            starts(world) > 0,
        )
    }

    /// Everything that may be done next, each with what it brings along.
    fn moves(&self, world: &World) -> Vec<Vec<Step>> {
        let containers = self.containers(world);
        let mut moves = Vec::new();
        for container in &containers {
            let stays = |other: &&Container| self.serves(other) || other.started_at.is_some();
            let last = !containers.iter().filter(|other| other.id != container.id).any(stays);
            moves.extend(self.moves_of(world, container, last).into_iter().map(|step| vec![step]));
        }
        for network in &self.launch.spec.networks {
            if world.network_named(network).is_none() {
                let spec = NetworkSpec { name: network.clone(), labels: Labels::new(), internal: false };
                moves.push(vec![Step::CreateNetwork(spec)]);
            }
        }
        if containers.iter().all(|container| self.known.contains(&container.id)) {
            let key = &self.desired.key;
            for name in [self.launch.spec.name.clone(), self.frame.site.owner.replacement(&key.namespace, &key.name)] {
                moves.push(self.creation(world, name));
            }
        }
        moves
    }

    /// `last`: nothing that serves or ran is there besides.
    fn moves_of(&self, world: &World, container: &Container, last: bool) -> Vec<Step> {
        let id = || container.id.clone();
        let target = || Target::Existing(container.id.clone());
        let mut moves = Vec::new();
        let frozen = container.state == ContainerState::Paused;
        if frozen {
            moves.push(Step::UnpauseContainer { id: id() });
        }
        if has_processes(container.state) && self.may_end && !(frozen && self.desired.restart.is_none()) {
            moves.push(Step::StopContainer { id: id(), timeout_seconds: STOP_SECONDS });
        }
        if !has_processes(container.state) && !last {
            moves.push(Step::RemoveContainer { id: id() });
        }
        if !self.serves(container) {
            return moves;
        }
        if container.name != self.launch.spec.name {
            moves.push(Step::RenameContainer { container: target(), name: self.launch.spec.name.clone() });
        }
        match container.state {
            ContainerState::Created | ContainerState::Exited => {
                moves.push(Step::StartContainer { container: target() })
            }
            ContainerState::Paused => moves.push(Step::UnpauseContainer { id: id() }),
            ContainerState::Running | ContainerState::Restarting | ContainerState::Dead | ContainerState::Removing => {}
        }
        if (container.limits, container.restart) != (self.desired.limits, self.desired.restart_policy) {
            let (limits, restart) = (self.desired.limits, self.desired.restart_policy);
            moves.push(Step::UpdateContainer { id: id(), limits, restart });
        }
        for network in &self.launch.spec.networks {
            let there = world.network_named(network).map(|network| &network.id);
            if there.is_some() && container.network_ids.get(network) != there {
                let aliases = self.launch.spec.aliases.clone();
                moves.push(Step::ConnectNetwork { id: id(), network: network.clone(), aliases });
            }
            moves.extend(self.left(container).into_iter().map(|left| Step::DisconnectNetwork {
                id: id(),
                network_id: container.network_ids.get(&left).cloned(),
                network: left,
                stays_on: network.clone(),
            }));
        }
        moves
    }

    /// A container under this name, with the volumes that it mounts.
    fn creation(&self, world: &World, name: String) -> Vec<Step> {
        let volumes = self.launch.spec.mounts.iter().filter_map(|mount| match &mount.source {
            MountSource::Volume { name, labels } if !world.volumes.contains_key(name) => {
                let volume = VolumeSpec { name: name.clone(), labels: labels.clone(), medium: VolumeMedium::Disk };
                Some(Step::FillVolume { volume, content: VolumeContent::Capsule })
            }
            MountSource::Volume { .. } | MountSource::Bind { .. } | MountSource::Tmpfs { .. } => None,
        });
        let spec = ContainerSpec { name, ..self.launch.spec.clone() };
        volumes.chain([Step::CreateContainer(Box::new(spec))]).collect()
    }
}
