//! `Image`: one derived image of one recipe.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ImageStatus;

/// The derived image of a role, shared by every instance of it. Made by Workspaces, never written by hand.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "jackin.dev",
    version = "v1alpha1",
    kind = "Image",
    namespaced,
    status = "ImageStatus",
    shortname = "img",
    category = "jackin",
    derive = "Default",
    derive = "PartialEq",
    doc = "The derived image of a role, shared by every instance of it. Made by Workspaces, never written by hand."
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImageSpec {
    /// Name of the role.
    pub role: String,
    /// Revision of what the image is made from: the role's source and its content.
    pub role_revision: String,
    /// A new value builds the image once more, whatever is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebuild: Option<String>,
}
