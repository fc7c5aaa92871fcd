//! `Workspace`: which files, who may work on them, what should be running.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Credential, Disruption, DurationText, GitPolicy, Lifecycle, Mount, Quantity, Resources, ValueSource};
use super::{WorkspaceNetwork, WorkspaceStatus, shared::is_zero};

/// Which files, who may work on them, and what should be running.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "jackin.dev",
    version = "v1alpha1",
    kind = "Workspace",
    namespaced,
    status = "WorkspaceStatus",
    shortname = "ws",
    category = "jackin",
    derive = "Default",
    derive = "PartialEq",
    doc = "Which files, who may work on them, and what should be running."
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkspaceSpec {
    /// Where sessions start, inside the instance. Absolute.
    pub workdir: String,
    /// Paths of the host that the instances see.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<Mount>,
    /// Variables of new sessions, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, ValueSource>,
    /// Credentials, by agent name, and `github`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub credentials: BTreeMap<String, Credential>,
    /// Whether repairs are held back: nothing is written to the engine, and what would be done shows as pending. What somebody asks for
    /// by `jackin restart`, `jackin stop` or `jackin delete` is still done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspend: bool,
    /// Names of the roles that are allowed here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// What should be running.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instances: Vec<InstanceTemplate>,
    /// Ready instances that wait for somebody. This version keeps none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warm_pool: Option<WarmPool>,
    /// Whether mounted repositories are pulled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<GitPolicy>,
    /// When a repair may end a live session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disruption: Option<Disruption>,
    /// The network of the instances; one of the workspace's own, with a way out, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<WorkspaceNetwork>,
    /// Limits of an instance, over the role's, field by field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// When instances stop and go, and what the engine does when one ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifecycle: Option<Lifecycle>,
}

/// Instances of one role and agent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InstanceTemplate {
    /// Name; the Instance is called `WORKSPACE-NAME`, or `WORKSPACE-NAME-INDEX` when `count` is given.
    pub name: String,
    /// Name of its role, which must be in `spec.roles`.
    pub role: String,
    /// Name of its agent, which must be in the role's `agents`.
    pub agent: String,
    /// How many. Absent makes one without an index. Of fewer, those go that no session lives in, of these the outdated ones before
    /// those with the highest index; so what remains need not have index 0. New ones take the lowest free indices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
}

/// Ready instances that wait for somebody.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WarmPool {
    /// How many.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub size: u32,
    /// Name of their role.
    pub role: String,
    /// Name of their agent.
    pub agent: String,
    /// Age after which one is replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<DurationText>,
    /// Memory that all of them together may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_budget: Option<Quantity>,
}
