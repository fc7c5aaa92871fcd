//! The objects of the engine in memory, and its events.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jackin_plan::world::{ContainerId, Image, ImageId, Labels, Network, NetworkId};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tokio::sync::broadcast;

use super::Interference;
use super::containers::FakeContainer;
use crate::docker::{EngineErrorCause, EngineEvent, EventAction, EventKind};

/// Events that a slow follower may lag behind by.
const EVENT_BUFFER: usize = 4096;

/// An image.
#[derive(Clone)]
pub(super) struct FakeImage {
    pub(super) found: Image,
    /// What its history ends with, when it was built.
    pub(super) last_instruction: Option<String>,
}

/// A volume.
pub(super) struct FakeVolume {
    pub(super) labels: Labels,
    pub(super) files: BTreeMap<String, Vec<u8>>,
}

/// Everything that the engine holds.
pub(super) struct World {
    pub(super) containers: BTreeMap<ContainerId, FakeContainer>,
    pub(super) images: BTreeMap<ImageId, FakeImage>,
    pub(super) networks: BTreeMap<NetworkId, Network>,
    pub(super) volumes: BTreeMap<String, FakeVolume>,
    /// Images that a pull finds, by reference.
    pub(super) registry: BTreeMap<String, Labels>,
    /// Whether nobody answers there.
    pub(super) registry_unreachable: bool,
    /// Chains of build steps whose result is known.
    pub(super) build_cache: BTreeSet<String>,
    events: broadcast::Sender<EngineEvent>,
    history: Vec<EngineEvent>,
    last_event: Timestamp,
    counter: u64,
    seed: u128,
    ground: Arc<dyn Interference>,
}

impl World {
    pub(super) fn new(ground: Arc<dyn Interference>) -> Self {
        let mut world = Self {
            containers: BTreeMap::new(),
            images: BTreeMap::new(),
            networks: BTreeMap::new(),
            volumes: BTreeMap::new(),
            registry: BTreeMap::new(),
            registry_unreachable: false,
            build_cache: BTreeSet::new(),
            events: broadcast::channel(EVENT_BUFFER).0,
            history: Vec::new(),
            last_event: Timestamp::UNIX_EPOCH,
            counter: 0,
            seed: ground.identity(),
            ground,
        };
        for name in ["bridge", "host", "none"] {
            let id = NetworkId(world.next_id());
            let network = Network {
                id: id.clone(),
                name: name.to_owned(),
                labels: Labels::new(),
                internal: false,
                members: Vec::new(),
            };
            world.networks.insert(id, network);
        }
        world
    }

    /// A fresh id, as random as an engine's.
    pub(super) fn next_id(&mut self) -> String {
        self.counter += 1;
        digest(&[&self.seed.to_be_bytes(), &self.counter.to_be_bytes()])
    }

    /// The time by the engine's clock.
    pub(super) fn now(&self) -> Timestamp {
        self.ground.now()
    }

    /// Whether the host has something at a path.
    pub(super) fn path_exists(&self, path: &str) -> bool {
        self.ground.path_exists(path)
    }

    pub(super) fn next_pid(&mut self) -> u32 {
        self.counter += 1;
        1000 + u32::try_from(self.counter % 30_000).unwrap_or_default()
    }

    /// What has happened from `since` on, and what will.
    pub(super) fn follow(&self, since: Option<Timestamp>) -> (Vec<EngineEvent>, broadcast::Receiver<EngineEvent>) {
        let past = self.history.iter().filter(|event| since.is_some_and(|since| event.at >= since));
        (past.cloned().collect(), self.events.subscribe())
    }

    pub(super) fn tell(
        &mut self,
        kind: EventKind,
        action: EventAction,
        id: String,
        name: Option<String>,
        attributes: BTreeMap<String, String>,
    ) {
        // Two events of one instant would be told apart by nothing.
        self.last_event = self.now().max(self.last_event + std::time::Duration::from_nanos(1));
        let event = EngineEvent { kind, action, id, name, attributes, at: self.last_event };
        self.history.push(event.clone());
        // Nobody need listen.
        let _ = self.events.send(event);
    }
}

pub(super) fn refused(status: u16, message: String) -> EngineErrorCause {
    EngineErrorCause::Refused { status, message }
}

pub(super) fn in_use(message: String) -> EngineErrorCause {
    EngineErrorCause::InUse { message }
}

/// Hex digest of parts, each with its length, so that no two lists of parts look alike.
pub(super) fn digest(parts: &[&[u8]]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
