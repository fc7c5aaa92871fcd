//! A world that steps change: the engine, the host and the capsules as a plan knows them, without any of them being there.
//!
//! # Flow
//! [`World`] holds the objects. [`apply`] carries out one planned step with the effect that the real engine has, and refuses what
//! the real one refuses. [`World::observe`] is what a pass would see of one instance. [`cheapest`] searches for the fewest engine
//! writes from a world to a desired state, without asking the ladder.
//!
//! # Guarantees
//! Pure: time is an argument, ids are counted (`new-1`, `new-2`, …), equal arguments give equal worlds. A step that is refused
//! changes nothing. "Already so" is success, as it is for the engine port.
//!
//! # Adding a step
//! `apply.rs` lists every variant of [`Step`](crate::step::Step) and sends each to the file of the object that it changes:
//! `containers.rs`, `sidecars.rs`, `networks.rs`, `volumes.rs`, `capsules.rs`, `host.rs`. A new variant takes one line there, one function in one
//! of those files, and one line in [`Step::engine_write`](crate::step::Step::engine_write). A new kind of move that could make a
//! repair cheaper takes one line in `cheapest.rs`.

mod apply;
mod capsules;
mod cheapest;
mod containers;
mod host;
mod networks;
mod observe;
mod seen;
mod sidecars;
mod volumes;

pub use apply::{Frame, Refused, apply};
pub use cheapest::cheapest;
pub use host::is_placeholder;

use std::collections::{BTreeMap, BTreeSet};

use jackin_api::wire;

use crate::engine_write::EngineWrite;
use crate::observed::{MountSourceState, Mounted, Program};
use crate::world::{Container, ContainerId, Image, ImageId, Labels, Network, NetworkId};

/// Everything that steps change, and that a pass sees.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct World {
    /// Containers, ours and others', by id.
    pub containers: BTreeMap<ContainerId, Contained>,
    /// Networks by id; the members of each are told by its containers.
    pub networks: BTreeMap<NetworkId, Network>,
    /// Volumes whose content is complete, with their labels, by name.
    pub volumes: BTreeMap<String, Labels>,
    /// Images by id.
    pub images: BTreeMap<ImageId, Image>,
    /// Directories of the host that the controller made.
    pub directories: BTreeSet<String>,
    /// Sources of mounts on the host, by path. One that is not listed was not looked at.
    pub sources: BTreeMap<String, MountSourceState>,
    /// Programs of agents, by agent.
    pub programs: BTreeMap<String, Program>,
    /// Steps that fail, by name, and why: what goes wrong is part of a world too.
    pub failing: BTreeMap<String, String>,
    /// The container that the plan under way made.
    pub created: Option<ContainerId>,
    /// The sidecar that the plan under way made.
    pub created_sidecar: Option<ContainerId>,
    /// Volumes that containers mount which were made here, by container.
    pub mounts: BTreeMap<ContainerId, BTreeSet<String>>,
    /// What changed the engine, in the order in which it was done. "Already so" is not among it.
    pub writes: Vec<Write>,
    /// Sessions that a step ended while they were not idle or somebody was attached.
    pub ended: Vec<wire::Session>,
}

/// A container and what runs in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Contained {
    /// The container, as the engine reports it.
    pub container: Container,
    /// Its capsule, which has nothing to say while the container does not run.
    pub capsule: CapsuleState,
}

/// What a capsule keeps, in memory only: it is gone when its container stops.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CapsuleState {
    /// What was tried, when it does not answer.
    pub silent: Option<String>,
    /// Digest of the environment that new sessions get.
    pub environment_digest: Option<String>,
    /// Its sessions, oldest first.
    pub sessions: Vec<wire::Session>,
    /// The latest run of each hook.
    pub hooks: Vec<wire::HookRun>,
    /// Both ends of its container's mounts, by target, as far as they can be looked at.
    pub mounted: BTreeMap<String, Mounted>,
}

/// One change of the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// What was done.
    pub write: EngineWrite,
    /// To which object: its name, for a container the one that it had when it was done.
    pub object: String,
}

impl World {
    /// Adds a container that is there.
    pub fn insert(&mut self, container: Container, capsule: CapsuleState) {
        self.containers.insert(container.id.clone(), Contained { container, capsule });
    }

    /// Adds an image that is there; what is known of it already stays.
    pub fn insert_image(&mut self, id: &str, labels: Labels) {
        let id = ImageId(id.to_owned());
        let image = || Image {
            id: id.clone(),
            content: None,
            tags: Vec::new(),
            labels: Labels::new(),
            size_bytes: 0,
            repository_digests: Vec::new(),
            created_at: None,
        };
        self.images.entry(id.clone()).or_insert_with(image).labels.extend(labels);
    }

    /// The container of this name.
    pub fn container_named(&self, name: &str) -> Option<&Container> {
        self.containers.values().map(|contained| &contained.container).find(|container| container.name == name)
    }

    /// The network of this name.
    pub fn network_named(&self, name: &str) -> Option<&Network> {
        self.networks.values().find(|network| network.name == name)
    }

    fn wrote(&mut self, write: EngineWrite, object: &str) {
        self.writes.push(Write { write, object: object.to_owned() });
    }

    /// The first of `new-1`, `new-2`, … that is the id of nothing.
    fn next_id(&self) -> String {
        let taken = |id: &String| {
            self.containers.contains_key(&ContainerId(id.clone())) || self.networks.contains_key(&NetworkId(id.clone()))
        };
        let made = self.writes.len() + 1;
        (made..).map(|number| format!("new-{number}")).find(|id| !taken(id)).unwrap_or_default()
    }
}
