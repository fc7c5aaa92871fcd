//! `Instance`: one running environment, what a Pod is.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Credential, Disruption, GitPolicy, InstanceStatus, Lifecycle, Mount, Resources, ValueSource, WorkspaceNetwork,
};

/// One running environment. Made by a Workspace, never written by hand.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "jackin.dev",
    version = "v1alpha1",
    kind = "Instance",
    namespaced,
    status = "InstanceStatus",
    shortname = "in",
    category = "jackin",
    derive = "Default",
    derive = "PartialEq",
    doc = "One running environment. Made by a Workspace, never written by hand."
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InstanceSpec {
    /// Name of its workspace.
    pub workspace: String,
    /// Name of the entry of `spec.instances` that it comes from.
    pub template: String,
    /// Its index, when the entry has a count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// Name under which the engine and the host keep what is its own, when that is not its own name: an instance that was given
    /// an index, or lost it, goes on with the container and the home that it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Name of its role.
    pub role: String,
    /// Revision of the role that this spec was made for: its spec and the content of its source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_revision: Option<String>,
    /// Name of its agent.
    pub agent: String,
    /// Where sessions start.
    pub workdir: String,
    /// Paths of the host that it sees.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<Mount>,
    /// Variables of new sessions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, ValueSource>,
    /// Credentials, by agent name, and `github`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub credentials: BTreeMap<String, Credential>,
    /// Its network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<WorkspaceNetwork>,
    /// Limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// When a repair may end a live session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disruption: Option<Disruption>,
    /// When it stops and goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifecycle: Option<Lifecycle>,
    /// Whether mounted repositories are pulled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<GitPolicy>,
    /// Whether repairs are held back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspend: bool,
    /// Whether it should run. Set by `jackin stop` and `jackin start`; the workspace leaves it alone.
    #[serde(default)]
    pub run: RunState,
    /// When somebody last asked for a restart. Set by `jackin restart`; the workspace leaves it alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart: Option<RestartRequest>,
    /// A value that was not there before starts it again where it was stopped because nobody worked in it. Set by `jackin start` and
    /// `jackin attach`; the workspace leaves it alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// The loss of data that somebody agreed to. Set by `jackin approve`; the workspace leaves it alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
}

/// Whether an instance should run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum RunState {
    /// It should run.
    #[default]
    Running,
    /// It should be stopped, with its state kept.
    Stopped,
}

/// A request for a restart, which may end sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RestartRequest {
    /// A value that was not there before; each new value is one restart.
    pub id: String,
    /// Whether the container is replaced even where a restart in place would do.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recreate: bool,
}

/// Somebody's consent to the loss of what volumes hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Approval {
    /// A value that was not there before; each new value is good for one replacement.
    pub id: String,
    /// Names of the volumes whose content may be lost, as the engine knows them.
    pub volumes: Vec<String>,
}

impl Instance {
    /// Name under which the engine and the host keep what is its own.
    pub fn identity(&self) -> &str {
        self.spec.identity.as_deref().or(self.metadata.name.as_deref()).unwrap_or_default()
    }

    /// Whether it was stopped because nobody worked in it, and nobody has asked since then that it starts.
    pub fn rests(&self) -> bool {
        let idle = self.status.as_ref().and_then(|status| status.idle.as_ref());
        idle.is_some_and(|idle| idle.stopped.is_some() && idle.start == self.spec.start)
    }
}
