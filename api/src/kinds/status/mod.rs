//! What was observed of each kind: here what is small, an image and an instance in files of their own.

mod failure;
mod image;
mod instance;
mod session;
mod timing;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::words::Condition;

pub use failure::*;
pub use image::*;
pub use instance::*;
pub use session::*;
pub use timing::*;

/// Status of kinds that only have conditions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectStatus {
    /// Generation that the conditions speak of.
    #[serde(default)]
    pub observed_generation: i64,
    /// Conditions.
    #[serde(default)]
    pub conditions: Vec<Condition>,
}

/// Status of a Workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceStatus {
    /// Generation that the conditions speak of.
    #[serde(default)]
    pub observed_generation: i64,
    /// Conditions.
    #[serde(default)]
    pub conditions: Vec<Condition>,
    /// Roles that the instances were made for, with their revisions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<ObservedRole>,
    /// How many instances there should be.
    #[serde(default)]
    pub desired: u32,
    /// How many instances are ready.
    #[serde(default)]
    pub ready: u32,
}

/// A role as a workspace saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObservedRole {
    /// Name of the role.
    pub name: String,
    /// Its revision: its spec and the content of its source.
    pub revision: String,
}
