//! The steps of a plan: each so specific that carrying it out leaves nothing to decide.

use std::collections::BTreeMap;
use std::fmt;

use jackin_api::kinds::{Idle, PendingRepair, ValueSource};
use jackin_api::wire;
use jackin_api::words::{Change, Digest, PlanKind, Rejection};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::network::NetworkTrouble;
use crate::world::{ContainerId, ContainerSpec, Limits, NetworkId, NetworkSpec, RestartPolicy, VolumeSpec};

/// What one pass does about an instance, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The rung. Absent when the instance should not run, or when nothing can be decided.
    pub chosen: Option<PlanKind>,
    /// Every cheaper rung, with the reason why it would not do.
    pub rejected: Vec<Rejection>,
    /// What to do, in an order in which each step comes after those that it needs.
    pub steps: Vec<PlannedStep>,
    /// What differs between the container and the spec.
    pub drift: Vec<Change>,
    /// A repair that waits, and for what.
    pub pending: Option<Pending>,
    /// Since when nobody works in the instance, where that matters, and whether it is stopped for it.
    pub idle: Option<Idle>,
    /// Why nothing is done although the desired state is not reached.
    pub held: Option<Held>,
    /// When to look again without being woken.
    pub look_again: LookAgain,
}

impl Plan {
    /// Whether the instance is stopped, or is being stopped, because nobody works in it.
    pub fn rests(&self) -> bool {
        self.idle.as_ref().is_some_and(|idle| idle.stopped.is_some())
    }
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedStep {
    /// What to do.
    pub step: Step,
    /// Indices of the steps that must have succeeded before.
    pub needs: Vec<usize>,
    /// Why it is done; never empty.
    pub reasons: Vec<StepReason>,
    /// Whether a live session ends by it, and who allowed that.
    pub ends_sessions: Option<Consent>,
}

/// Who allowed that a live session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Consent {
    /// No session is live.
    NoLiveSession,
    /// The disruption policy.
    Policy,
    /// Somebody asked for a restart or a stop.
    Request,
    /// The instance is being deleted.
    Deletion,
}

/// Why a step is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum StepReason {
    /// What it makes is missing.
    Missing,
    /// A field differs.
    Differs(Change),
    /// The container is not running.
    NotRunning,
    /// The container is frozen.
    Frozen,
    /// Something later needs it.
    NeededBy {
        /// What.
        what: String,
    },
    /// It was replaced.
    Superseded,
    /// The spec does not ask for it any more.
    NotWanted,
    /// Somebody asked for it.
    Requested,
    /// No session has been live for as long as the workspace's `lifecycle.idleAfter` says.
    Idle,
    /// The instance is being deleted.
    Deleted,
}

/// A step.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Makes the directories on the host that the container mounts.
    PrepareDirectories {
        /// Directories, readable by the operator only.
        directories: Vec<String>,
    },
    /// Fetches an agent's program into the cache.
    FetchProgram {
        /// The agent.
        agent: String,
    },
    /// Makes a volume and fills it.
    FillVolume {
        /// The volume.
        volume: VolumeSpec,
        /// What goes into it.
        content: VolumeContent,
    },
    /// Makes the workspace's network.
    CreateNetwork(NetworkSpec),
    /// Makes the container.
    CreateContainer(Box<ContainerSpec>),
    /// Ends a container's processes.
    StopContainer {
        /// Which.
        id: ContainerId,
        /// Seconds between the stop signal and the kill.
        timeout_seconds: u32,
    },
    /// Removes a container that is not running.
    RemoveContainer {
        /// Which.
        id: ContainerId,
    },
    /// Gives a container its final name.
    RenameContainer {
        /// Which.
        container: Target,
        /// The name.
        name: String,
    },
    /// Starts a container.
    StartContainer {
        /// Which.
        container: Target,
    },
    /// Unfreezes a container.
    UnpauseContainer {
        /// Which.
        id: ContainerId,
    },
    /// Changes what can change under running processes.
    UpdateContainer {
        /// Which.
        id: ContainerId,
        /// New limits.
        limits: Limits,
        /// New restart policy.
        restart: RestartPolicy,
    },
    /// Connects a container to a network.
    ConnectNetwork {
        /// Which.
        id: ContainerId,
        /// The network.
        network: String,
        /// Names under which the others find it.
        aliases: Vec<String>,
    },
    /// Disconnects a container from a network that we connected it to.
    DisconnectNetwork {
        /// Which.
        id: ContainerId,
        /// The network's name. It may be gone already, for a container that does not run.
        network: String,
        /// The network's id, where the engine told it.
        network_id: Option<NetworkId>,
        /// The network that the container stays on.
        stays_on: String,
    },
    /// Makes a volume for data, empty.
    CreateVolume(VolumeSpec),
    /// Makes the sidecar's container.
    CreateSidecar(Box<ContainerSpec>),
    /// Starts the sidecar.
    StartSidecar {
        /// Which container; `Created` is the one of the plan's [`Step::CreateSidecar`].
        container: Target,
    },
    /// Waits until the sidecar's engine answers.
    AwaitSidecar {
        /// In which container; `Created` is the one of the plan's [`Step::CreateSidecar`].
        container: Target,
    },
    /// Removes a volume with what it holds.
    RemoveVolume {
        /// Its name.
        name: String,
        /// Who agreed that its content is lost.
        consent: DataConsent,
    },
    /// Waits until the capsule answers.
    AwaitCapsule {
        /// In which container.
        container: Target,
    },
    /// Reads the references and hands the environment of new sessions to the capsule.
    Personalise(Personalisation),
    /// Starts the first session.
    SpawnSession(Box<wire::Spawn>),
    /// Removes the directory of the capsule's socket, and of the durable home what holds no file.
    RemoveDirectories {
        /// The socket's directory on the host.
        run: String,
        /// The home on the host. A file in it may be somebody's work, and stays.
        home: String,
    },
}

/// A container that is there, or that an earlier step of the plan makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// It is there.
    Existing(ContainerId),
    /// The plan's [`Step::CreateContainer`] makes it; the sidecar's own steps mean their [`Step::CreateSidecar`].
    Created,
}

/// Who agreed that the content of a volume is lost. There is no removal of a volume without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum DataConsent {
    /// The workspace's reclaim policy.
    ReclaimPolicy,
    /// Somebody, by `jackin approve`.
    Approval,
}

/// What goes into a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VolumeContent {
    /// The capsule.
    Capsule,
    /// The program of an agent.
    Program {
        /// The agent.
        agent: String,
    },
}

/// The environment of new sessions, references unread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Personalisation {
    /// Digest of the references and plain values; nothing secret can be told from it.
    pub digest: Digest,
    /// Variables.
    pub environment: BTreeMap<String, ValueSource>,
    /// Directories before those in `PATH`.
    pub path_prepend: Vec<String>,
}

/// A repair that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The repair.
    pub repair: PendingRepair,
    /// What it waits for.
    pub waits_for: WaitsFor,
}

/// What a repair waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaitsFor {
    /// Live sessions, by name.
    Sessions(Vec<String>),
    /// An explicit restart: nothing else brings another version, or a mount's replaced source.
    Restart,
    /// The end of `spec.suspend`.
    Resume,
    /// Somebody's consent that the content of these volumes is lost.
    Consent(Vec<String>),
}

/// Why nothing is done although the desired state is not reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// The workspace's `spec.suspend` is set.
    Suspended,
    /// The next try is due later.
    Backoff,
    /// The container keeps ending.
    CrashLoop,
    /// What was repaired again and again did not last; when the next repair is due.
    Undone(Timestamp),
    /// The engine is removing a container of it.
    Removing,
    /// An object that is not ours has the name.
    NameConflict(String),
    /// The network of the name cannot be used.
    Network(NetworkTrouble),
    /// Mount sources do not do; the text says which.
    Mounts(String),
    /// Mount sources could not be looked at.
    MountsUnread(String),
    /// A mount asks for an isolation that is not supported.
    Isolation(String),
    /// A program cannot be had.
    Program(String),
    /// The image is not there yet.
    Image,
    /// The capsule of a running container does not answer; what runs in it cannot be known.
    CapsuleSilent,
    /// The image of the sidecar, of this name, is not on the engine.
    SidecarImage(String),
    /// The sidecar's engine does not answer yet.
    SidecarSilent,
    /// A hook failed before the first session, which is tried again later.
    Hook,
    /// Volumes that hold data would have to be replaced, and nobody agreed to that.
    Consent(Vec<String>),
}

/// When to look again without being woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookAgain {
    /// Only when something changes.
    OnChange,
    /// After this many milliseconds.
    AfterMs(u64),
}

impl Step {
    /// The step in one word, for timings, events and plans shown to people.
    pub fn name(&self) -> &'static str {
        match self {
            Self::PrepareDirectories { .. } => "PrepareDirectories",
            Self::FetchProgram { .. } => "FetchProgram",
            Self::FillVolume { .. } => "FillVolume",
            Self::CreateNetwork(_) => "CreateNetwork",
            Self::CreateContainer(_) => "CreateContainer",
            Self::StopContainer { .. } => "StopContainer",
            Self::RemoveContainer { .. } => "RemoveContainer",
            Self::RenameContainer { .. } => "RenameContainer",
            Self::StartContainer { .. } => "StartContainer",
            Self::UnpauseContainer { .. } => "UnpauseContainer",
            Self::UpdateContainer { .. } => "UpdateContainer",
            Self::ConnectNetwork { .. } => "ConnectNetwork",
            Self::DisconnectNetwork { .. } => "DisconnectNetwork",
            Self::CreateVolume(_) => "CreateVolume",
            Self::CreateSidecar(_) => "CreateSidecar",
            Self::StartSidecar { .. } => "StartSidecar",
            Self::AwaitSidecar { .. } => "AwaitSidecar",
            Self::RemoveVolume { .. } => "RemoveVolume",
            Self::AwaitCapsule { .. } => "AwaitCapsule",
            Self::Personalise(_) => "Personalise",
            Self::SpawnSession(_) => "SpawnSession",
            Self::RemoveDirectories { .. } => "RemoveDirectories",
        }
    }

    /// What the step acts on, for people.
    pub fn object(&self) -> String {
        let target = |container: &Target| match container {
            Target::Existing(id) => id.0.chars().take(12).collect(),
            Target::Created => "the new container".to_owned(),
        };
        match self {
            Self::PrepareDirectories { directories } => directories.join(", "),
            Self::RemoveDirectories { run, home } => format!("{run}, {home}"),
            Self::FetchProgram { agent } => agent.clone(),
            Self::FillVolume { volume, .. } => volume.name.clone(),
            Self::CreateNetwork(network) => network.name.clone(),
            Self::CreateContainer(spec) | Self::CreateSidecar(spec) => spec.name.clone(),
            Self::CreateVolume(volume) => volume.name.clone(),
            Self::RemoveVolume { name, .. } => name.clone(),
            Self::StartSidecar { container } | Self::AwaitSidecar { container } => match container {
                Target::Existing(_) => target(container),
                Target::Created => "the new sidecar".to_owned(),
            },
            Self::StopContainer { id, .. }
            | Self::RemoveContainer { id }
            | Self::UnpauseContainer { id }
            | Self::UpdateContainer { id, .. } => target(&Target::Existing(id.clone())),
            Self::RenameContainer { name, .. } => name.clone(),
            Self::StartContainer { container } | Self::AwaitCapsule { container } => target(container),
            Self::ConnectNetwork { network, .. } | Self::DisconnectNetwork { network, .. } => network.clone(),
            Self::Personalise(personalisation) => format!("{} variables", personalisation.environment.len()),
            Self::SpawnSession(spawn) => spawn.name.clone(),
        }
    }

    /// Whether the step takes something away: these must be guarded.
    pub fn is_destructive(&self) -> bool {
        matches!(self, Self::StopContainer { .. } | Self::RemoveContainer { .. } | Self::RemoveVolume { .. })
    }

    /// Whether the step is part of a launch, which is timed as a whole.
    pub fn is_launch(&self) -> bool {
        matches!(self, Self::CreateContainer(_) | Self::StartContainer { .. } | Self::UnpauseContainer { .. })
    }
}

impl fmt::Display for StepReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => formatter.write_str("it is missing"),
            Self::Differs(change) => write!(formatter, "{change}"),
            Self::NotRunning => formatter.write_str("it is not running"),
            Self::Frozen => formatter.write_str("it is paused"),
            Self::NeededBy { what } => write!(formatter, "{what} needs it"),
            Self::Superseded => formatter.write_str("it was replaced"),
            Self::NotWanted => formatter.write_str("it is not asked for any more"),
            Self::Requested => formatter.write_str("it was asked for"),
            Self::Idle => formatter.write_str("nobody works in it"),
            Self::Deleted => formatter.write_str("the instance is being deleted"),
        }
    }
}
