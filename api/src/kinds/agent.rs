//! `Agent`: the program that runs, how it is installed, started and authenticated.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{HomeFile, ObjectStatus, StateRecognition};

/// The program that runs in an instance: how it is installed, started and authenticated.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "jackin.dev",
    version = "v1alpha1",
    kind = "Agent",
    namespaced,
    status = "ObjectStatus",
    category = "jackin",
    derive = "Default",
    derive = "PartialEq",
    doc = "The program that runs in an instance: how it is installed, started and authenticated."
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AgentSpec {
    /// Where the program comes from. Absent when the image has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub install: Option<Install>,
    /// Program and arguments of a session. `@shell` as the program is the image's own shell, or the capsule's minimal one.
    pub command: Vec<String>,
    /// Variables of its sessions, as they stand here. What the workspace, the role or a credential sets under the same name wins.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Directories under the home whose content is durable state.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub homes: Vec<String>,
    /// Files that it needs in the home: settings that answer what a first start asks, and what its hooks are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<HomeFile>,
    /// How the program is authenticated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<AgentCredentials>,
    /// How it is told of the plugins that a role has for it. Absent when it takes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugins: Option<AgentPlugins>,
    /// How the state of its sessions is recognised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<StateRecognition>,
}

/// Where an agent's program comes from. Exactly one field is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Install {
    /// A package of the npm registry that the operator's npm is set up for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub npm: Option<NpmInstall>,
    /// An archive or program at an address, with its checksum. This version does not install it: an instance whose role has the agent does
    /// not start (`AgentInstallFailed`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<UrlInstall>,
    /// A program or folder of the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_path: Option<HostPathInstall>,
    /// A path inside an image. This version does not install it: an instance whose role has the agent does not start
    /// (`AgentInstallFailed`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageInstall>,
}

/// A package of the npm registry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NpmInstall {
    /// Name of the package.
    pub package: String,
    /// Exact version. Exactly one of `version` and `channel` is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Distribution tag whose newest version is taken when the program is first installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// Path of the program inside the package.
    pub program: String,
    /// Expected `sha512-…` integrity of the archive; the registry's own is checked when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integrity: Option<String>,
}

/// An archive (`.tar.gz`) or a program at an address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UrlInstall {
    /// The address.
    pub url: String,
    /// Hexadecimal sha256 of what the address gives.
    pub sha256: String,
    /// Path of the program inside the archive; absent when the address gives the program itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
}

/// A program or folder of the host, copied by content.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HostPathInstall {
    /// The program or the folder, relative to the manifest's folder.
    pub path: String,
    /// Path of the program inside the folder; absent when `path` is the program itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
}

/// A path inside an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImageInstall {
    /// Name of the image.
    pub name: String,
    /// Absolute path of the program inside it.
    pub program: String,
}

/// How an agent is authenticated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AgentCredentials {
    /// Where a key of its service goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<CredentialVariable>,
    /// Where a long-lived token goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oauth_token: Option<CredentialVariable>,
    /// Login files under the home. This version copies none in; a login made in a session stays in the instance's home.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
}

/// A variable that carries a credential.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CredentialVariable {
    /// Name of the variable in the session.
    pub env: String,
}

/// How an agent is told of the plugins that a role has for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AgentPlugins {
    /// Option of its program, followed by a folder that has each plugin in a folder of its own, as in `--plugin-dir`.
    pub option: String,
}
