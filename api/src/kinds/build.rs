//! What the build of a role's image is given.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Reference;

/// What the build of a role's image is given. Nothing of it is sent that the Dockerfile does not ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoleBuild {
    /// Values of build arguments, by name. They are readable in the image's history: not for secrets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, String>,
    /// Secrets that steps of the build read, by the id that `RUN --mount=type=secret,id=…` gives. Another value builds nothing anew.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, BuildSecret>,
    /// Name of the stage that is built; the last one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

/// Where a build's secret is read from when a build runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BuildSecret {
    /// The reference. The value itself cannot be written here.
    pub from: Reference,
}
