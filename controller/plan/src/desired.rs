//! What an instance should be, with every reference followed and every default applied.

use std::collections::{BTreeMap, BTreeSet};

use jackin_api::kinds::{
    AgentSpec, Approval, DisruptionPolicy, Isolation, Mount, ReclaimPolicy, RestartRequest, RunState, ValueSource,
    WorkspaceNetwork,
};
use jackin_api::wire::Hook;
use jackin_api::words::{Digest, DigestMap};

use crate::names::Owner;
use crate::world::{Limits, RestartPolicy, Security, VolumeMedium};

/// What this installation gives to every instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Owner id.
    pub owner: Owner,
    /// User and group of the operator, as `uid:gid`.
    pub user: String,
    /// Content of the capsule that this jackin brings.
    pub capsule: Digest,
}

/// Names an instance.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceKey {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

/// What an instance should be.
#[derive(Clone, Debug, PartialEq)]
pub struct Desired {
    /// Which instance.
    pub key: InstanceKey,
    /// Its workspace.
    pub workspace: String,
    /// Its role.
    pub role: String,
    /// What it should do.
    pub goal: Goal,
    /// Whether repairs are held back.
    pub suspended: bool,
    /// A restart that somebody asked for and that was not served yet.
    pub restart: Option<RestartRequest>,
    /// The last request that it starts where it was stopped because nobody worked in it.
    pub start: Option<String>,
    /// Seconds without a live session after which it is stopped.
    pub idle_after_seconds: Option<u64>,
    /// The agent of its first session.
    pub agent: String,
    /// Every agent that it can run, by name; the first session's among them.
    pub agents: BTreeMap<String, AgentSpec>,
    /// Where sessions start.
    pub workdir: String,
    /// Paths of the host that it sees.
    pub mounts: Vec<DesiredMount>,
    /// Where its durable home lies on the host.
    pub home: String,
    /// Where its capsule puts its socket, on the host.
    pub run: String,
    /// Variables of new sessions, references unread.
    pub environment: BTreeMap<String, ValueSource>,
    /// Its network, as its workspace asks for it.
    pub network: WorkspaceNetwork,
    /// Limits.
    pub limits: Limits,
    /// Restart policy.
    pub restart_policy: RestartPolicy,
    /// Privileges.
    pub security: Security,
    /// When a repair may end a live session.
    pub disruption: DesiredDisruption,
    /// Its image.
    pub image: DesiredImage,
    /// The last build of its image that somebody asked for and that was made.
    pub requested_build: Option<String>,
    /// What its image has to run before the agent of each session.
    pub hooks: Vec<Hook>,
    /// Agents for which the role has plugins.
    pub plugins: BTreeSet<String>,
    /// Its sidecar, when its role asks for an engine.
    pub sidecar: Option<DesiredSidecar>,
    /// What becomes of its volumes that hold data.
    pub reclaim: ReclaimPolicy,
    /// Somebody's consent to lose what volumes hold, until it was used.
    pub approval: Option<Approval>,
}

/// The sidecar of an instance: an engine of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredSidecar {
    /// Name of its image.
    pub image: String,
    /// Name within the instance of the volume with its data.
    pub data: String,
    /// Where that volume lies.
    pub medium: VolumeMedium,
}

/// What an instance should do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Goal {
    /// Run.
    Run,
    /// Be stopped, with its state kept.
    Stop,
    /// Be gone.
    Remove,
}

impl From<RunState> for Goal {
    fn from(run: RunState) -> Self {
        match run {
            RunState::Running => Self::Run,
            RunState::Stopped => Self::Stop,
        }
    }
}

/// A mount, with its source as an absolute path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredMount {
    /// Absolute path on the host.
    pub source: String,
    /// Absolute path inside.
    pub target: String,
    /// Whether writing is refused.
    pub read_only: bool,
    /// Whether instances share the files.
    pub isolation: Isolation,
}

impl From<&Mount> for DesiredMount {
    fn from(mount: &Mount) -> Self {
        Self {
            source: mount.source.clone(),
            target: mount.target.clone(),
            read_only: mount.read_only,
            isolation: mount.isolation,
        }
    }
}

/// When a repair may end a live session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DesiredDisruption {
    /// The policy.
    pub policy: DisruptionPolicy,
    /// Seconds that a repair waits under `whenIdle`.
    pub deadline_seconds: Option<u64>,
}

/// The image of an instance, as its Image object tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DesiredImage {
    /// It is there and of the current recipe.
    Valid(ServingImage),
    /// The current recipe has no image yet. An older one may still be there, for the instances that run on it.
    Invalid {
        /// What the Image object says of it.
        why: String,
        /// Whether it failed and is only tried again later.
        failed: bool,
        /// The older one.
        serving: Option<ServingImage>,
    },
}

impl DesiredImage {
    /// Whether the image of the current recipe is not there yet and is on its way.
    pub fn is_being_made(&self) -> bool {
        match self {
            Self::Valid(_) => false,
            Self::Invalid { failed, .. } => !failed,
        }
    }
}

/// An image that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServingImage {
    /// The engine's id.
    pub id: String,
    /// A name.
    pub name: String,
    /// Digest of its recipe.
    pub recipe: Digest,
    /// Fields of its recipe, files folded into folders where they are many.
    pub fields: DigestMap,
}

/// Something that the spec names and that is not there, or that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Path of the field in the Workspace or Role.
    pub field: String,
    /// What is wrong.
    pub message: String,
    /// The next command, or what to write.
    pub hint: String,
}
