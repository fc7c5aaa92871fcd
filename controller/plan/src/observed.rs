//! What was seen of an instance. Nothing here is a conclusion; what could not be read is said to be unread.

use std::collections::{BTreeMap, BTreeSet};

use jackin_api::wire;
use jackin_api::words::Digest;
use serde::Serialize;

use crate::world::{Container, Image, Network, Volume};

/// What was seen of an instance in one pass.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// Containers of ours for this instance, however many.
    pub containers: Vec<Container>,
    /// A container that is not ours and has the name that ours should have.
    pub name_holder: Option<Container>,
    /// The network of the name that the instance's should have, when there is exactly one.
    pub network: Option<Network>,
    /// How many networks have that name, when they are several.
    pub namesakes: usize,
    /// Names of volumes of ours whose content is complete.
    pub volumes: BTreeSet<String>,
    /// The capsule of the running container.
    pub capsule: Capsule,
    /// The last lines that the container printed, where it ended soon after its start and that end is not recorded yet.
    pub output: Option<String>,
    /// Sources of mounts, by target.
    pub mounts: BTreeMap<String, MountSourceState>,
    /// Mounts of the running container, by target, of which both ends could be looked at.
    pub mounted: BTreeMap<String, Mounted>,
    /// Programs of the agents, by agent.
    pub programs: BTreeMap<String, Program>,
    /// Whether the directories on the host that the container mounts are there.
    pub directories: bool,
    /// The sidecar, or what is left of one.
    pub sidecar: SidecarSeen,
}

/// What was seen of an instance's sidecar.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SidecarSeen {
    /// Containers of ours that are its sidecar, however many.
    pub containers: Vec<Container>,
    /// Its image, when the instance wants a sidecar and the engine has the image.
    pub image: Option<Image>,
    /// Volumes of ours with data of the instance.
    pub volumes: Vec<Volume>,
    /// What its engine said.
    pub engine: SidecarEngine,
}

/// What the engine of a sidecar said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SidecarEngine {
    /// Nothing runs that could be asked, or nobody wants it.
    #[default]
    NotAsked,
    /// It answered.
    Answers,
    /// It did not; the text says what was tried.
    Silent(String),
}

/// What the capsule said.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Capsule {
    /// Nothing runs that could be asked.
    #[default]
    NotAsked,
    /// It answered.
    Answers(wire::Status),
    /// It did not; the text says what was tried.
    Silent(String),
}

impl Capsule {
    /// The sessions that it told of.
    pub fn sessions(&self) -> &[wire::Session] {
        match self {
            Self::Answers(status) => &status.sessions,
            Self::NotAsked | Self::Silent(_) => &[],
        }
    }
}

/// The source of a mount on the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MountSourceState {
    /// It is there.
    Present,
    /// It is not there.
    Missing,
    /// It leads to a place that may not be mounted.
    Forbidden {
        /// Which.
        part: String,
    },
    /// It could not be looked at.
    Unreadable {
        /// Why.
        error: String,
    },
}

/// Both ends of a mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mounted {
    /// What the running container shows at the target.
    pub shown: FileIdentity,
    /// What is at the source on the host now.
    pub source: FileIdentity,
}

/// Tells a file or folder from every other one of the same host, whatever its path: its device and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct FileIdentity {
    /// The device.
    pub device: u64,
    /// The number of the file on it.
    pub inode: u64,
}

/// The program of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// The image has it.
    InImage,
    /// It is in the cache, with this content.
    Known {
        /// Digest of the content.
        content: Digest,
    },
    /// It must be fetched first.
    Unfetched,
    /// It cannot be had.
    Unavailable {
        /// Why, with what to do.
        error: String,
    },
}
