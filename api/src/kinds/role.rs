//! `Role`: the environment, which tools.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ObjectStatus, Quantity, Resources, RoleBuild, RolePlugins};

/// The environment of an instance: which image, which agents it supports, which hooks and variables.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "jackin.dev",
    version = "v1alpha1",
    kind = "Role",
    namespaced,
    status = "ObjectStatus",
    category = "jackin",
    derive = "Default",
    derive = "PartialEq",
    doc = "The environment of an instance: which image, which agents it supports, which hooks and variables."
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoleSpec {
    /// Where the image comes from. Exactly one source.
    pub source: RoleSource,
    /// What the build of the image is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<RoleBuild>,
    /// An image that somebody built of this role already, by name; it saves the build while it is fresh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_image: Option<String>,
    /// When images that this role starts from are fetched.
    #[serde(default, skip_serializing_if = "PullPolicy::is_default")]
    pub pull_policy: PullPolicy,
    /// Names of the agents that may run in this role. Empty allows only `shell`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agents: Vec<String>,
    /// Scripts of the role's source that run in the instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hooks: Option<Hooks>,
    /// Plugins of its agents, by the agent's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub plugins: BTreeMap<String, RolePlugins>,
    /// Variables that the role declares, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, EnvDeclaration>,
    /// Whether an instance has a Docker engine of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub docker: Option<DockerAccess>,
    /// Limits of an instance; the workspace's own win, field by field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// Privileges of an instance beyond the hardened default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security: Option<RoleSecurity>,
}

/// Where a role's image comes from. Exactly one field is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoleSource {
    /// A folder with a Dockerfile, relative to the manifest's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// A git repository with a Dockerfile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<GitSource>,
    /// An image that is used as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// A Dockerfile written here, built with an empty context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inline: Option<InlineSource>,
}

/// When images that a role starts from are fetched: the bases of its Dockerfile, or the image that it names as its source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum PullPolicy {
    /// Each registry is asked every ten minutes whether the name moved; one that did is fetched while what is there serves.
    Always,
    /// An image that is not there is fetched, and one that is there is never asked about.
    #[default]
    IfNotPresent,
    /// Nothing is fetched and no registry is asked, for the published image neither.
    Never,
}

impl PullPolicy {
    /// Whether this is the default.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A git repository with a Dockerfile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GitSource {
    /// Address, as `git clone` takes it. Nothing is fetched from it before it is trusted.
    pub url: String,
    /// Branch or tag; the remote's default branch when absent.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Full commit id; nothing else is built when it is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The address once more, which says that what lies there may be built on this machine, as `jackin trust add` does. It does not
    /// move with `url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted_url: Option<String>,
}

/// A Dockerfile written in the manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InlineSource {
    /// The Dockerfile's text.
    pub dockerfile: String,
}

/// Scripts of the role's source, by path relative to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Hooks {
    /// Runs before the first session, once for each durable home of an instance: never again once it succeeded, also when it is edited or the
    /// container is replaced. What it leaves elsewhere than in the home is gone with the container: that belongs into the Dockerfile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setup_once: Option<String>,
    /// Sourced by the image's `sh` before each session. What it exports are variables of what comes after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Runs right before the agent of each session; a failure keeps the agent from starting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preflight: Option<String>,
}

/// A variable that the role declares.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvDeclaration {
    /// Value where nobody gives another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// Whether the workspace must give a value.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// What to ask a person for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// Names of variables that are needed before this one. They must be declared; this version asks nobody, so the order does nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<String>,
}

/// Whether an instance has a Docker engine of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DockerAccess {
    /// `none`, or `dind` for an engine in a sidecar. The host's engine is never given.
    pub mode: DockerMode,
    /// Image of the sidecar, by name; `jackin-dind:bookworm` when absent, which `make dind` makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The volume on which the sidecar's engine keeps its images and containers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<DockerData>,
}

/// The volume on which a sidecar's engine keeps its images and containers. Each instance has one of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DockerData {
    /// Its name within the instance; `docker` when absent. Another name is another, empty volume, and the old one is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it lies. Another medium replaces the volume, which needs consent.
    #[serde(default, skip_serializing_if = "DockerDataMedium::is_disk")]
    pub medium: DockerDataMedium,
    /// The most that a volume in memory takes, such as `4Gi`. Another size replaces the volume, which needs consent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Quantity>,
}

/// Where a volume lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum DockerDataMedium {
    /// On the engine's disk.
    #[default]
    Disk,
    /// In memory: fast, and gone when the sidecar stops.
    Memory,
}

impl DockerDataMedium {
    /// Whether this is the default.
    pub fn is_disk(&self) -> bool {
        *self == Self::Disk
    }
}

/// Kinds of Docker access.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum DockerMode {
    /// No engine.
    #[default]
    None,
    /// An engine in a sidecar of the instance.
    Dind,
}

/// Privileges beyond the hardened default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoleSecurity {
    /// Linux capabilities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Capabilities>,
    /// Whether the root file system refuses writes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_only_root_filesystem: bool,
    /// Whether programs may write and read the clipboard of the terminal that is attached (OSC 52). It is asked at each attach.
    #[serde(default, skip_serializing_if = "ClipboardAccess::is_deny")]
    pub clipboard: ClipboardAccess,
}

/// What programs may do with the clipboard of who looks at them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ClipboardAccess {
    /// Nothing.
    #[default]
    Deny,
    /// Whatever the terminal lets them do.
    Allow,
}

impl ClipboardAccess {
    /// Whether this is the default.
    pub fn is_deny(&self) -> bool {
        *self == Self::Deny
    }
}

/// Linux capabilities of an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Capabilities {
    /// Capabilities to keep besides the default ones, without the prefix `CAP_`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<String>,
}
