//! Values that several kinds share.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DurationText, Quantity, Reference};

/// A path of the host that the instances see.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Mount {
    /// Path on the host, relative to the manifest's folder; `~` is the operator's home.
    pub source: String,
    /// Absolute path inside the instance.
    pub target: String,
    /// Whether writing is refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
    /// Whether instances share the files or have a checkout each. This version mounts only `shared`; with another an instance does not
    /// start (`IsolationNotSupported`).
    #[serde(default, skip_serializing_if = "Isolation::is_shared")]
    pub isolation: Isolation,
}

/// Whether instances share a mount's files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Isolation {
    /// The host's own files.
    #[default]
    Shared,
    /// A git worktree for each instance. Not in this version.
    Worktree,
    /// A git clone for each instance. Not in this version.
    Clone,
}

impl Isolation {
    /// Whether this is the default.
    pub fn is_shared(&self) -> bool {
        *self == Self::Shared
    }
}

/// The network of a workspace's instances. Each change is made while their processes run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkspaceNetwork {
    /// Name on the engine. A network that has it is used as it is, whoever made it, and only removed with the workspace when this
    /// installation made it. Absent is a network of the workspace's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether there is no way out: the instances reach each other and nothing else.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub internal: bool,
}

/// Limits of an instance. Each can change while its processes run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Resources {
    /// Processors, such as `"2"` or `"500m"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus: Option<Quantity>,
    /// Memory, such as `4Gi`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Quantity>,
    /// Number of processes. 4096 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pids: Option<u32>,
}

/// A credential of an agent, or of GitHub.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Credential {
    /// How it is given. With `sync`, this version gives nothing.
    pub mode: CredentialMode,
    /// Where it is read from, for the modes that need a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Reference>,
}

/// How a credential is given to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum CredentialMode {
    /// The host's login files are copied in. Not in this version.
    Sync,
    /// A key of the agent's service.
    ApiKey,
    /// A long-lived token of the agent's service.
    OauthToken,
    /// A token of GitHub.
    Token,
    /// Nothing is given and nothing is read.
    Ignore,
}

/// Whether mounted repositories are pulled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GitPolicy {
    /// When. This version pulls nothing.
    pub pull: GitPull,
}

/// When mounted repositories are pulled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum GitPull {
    /// Never.
    #[default]
    Never,
    /// Before a launch, which waits for it. Not in this version.
    Blocking,
    /// After a launch, which does not wait. Not in this version.
    Background,
}

/// When a repair may end a live session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Disruption {
    /// The policy.
    #[serde(default)]
    pub policy: DisruptionPolicy,
    /// How long a repair waits under `whenIdle` before it goes ahead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<DurationText>,
}

/// Policies of disruption.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum DisruptionPolicy {
    /// Not while a session lives.
    #[default]
    Never,
    /// Once every session is idle.
    WhenIdle,
    /// At once.
    Always,
}

/// When instances stop and go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Lifecycle {
    /// Time without a live session after which an instance is stopped, with its container kept. `jackin attach`, `jackin start` and
    /// `jackin restart` start it again; nothing else does. A session that waits for input is live where `disruption` is `never`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_after: Option<DurationText>,
    /// Age at which an instance is deleted. This version deletes none for its age.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<DurationText>,
    /// What the engine itself does when an instance's PID 1 ends. The controller heals with backoff whatever is chosen here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart_policy: Option<RestartPolicy>,
    /// What becomes of the volumes that hold an instance's data when it is deleted, or when its spec asks for other ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_reclaim_policy: Option<ReclaimPolicy>,
}

/// What becomes of volumes that hold data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ReclaimPolicy {
    /// They are kept. One that must be replaced waits for `jackin approve`.
    #[default]
    Retain,
    /// They go with their instance, and are replaced without a question.
    Delete,
}

/// What the engine does when PID 1 ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum RestartPolicy {
    /// Nothing.
    #[default]
    No,
    /// Start it again after an exit that is not zero.
    OnFailure,
    /// Start it again, also after the engine restarted.
    UnlessStopped,
}

pub(super) fn is_zero(number: &u32) -> bool {
    *number == 0
}
