//! What was observed of an image.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ImageReference, Retry, StepTiming, Unread};
use crate::words::{Change, Condition, Digest, DigestMap, ImageDecision, ImageReason};

/// Status of an Image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageStatus {
    /// Generation that the conditions speak of.
    #[serde(default)]
    pub observed_generation: i64,
    /// Conditions.
    #[serde(default)]
    pub conditions: Vec<Condition>,
    /// What was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<ImageDecision>,
    /// Why, all of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<ImageDecisionReason>,
    /// Digest of the current recipe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<Digest>,
    /// Commit of the role's repository that the recipe is of; absent for other sources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_commit: Option<String>,
    /// The image that serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageReference>,
    /// Digest of the recipe of the image that serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_recipe: Option<Digest>,
    /// Fields of that recipe, with their digests.
    #[serde(default)]
    pub image_fields: DigestMap,
    /// Steps of the last build.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepTiming>,
    /// The last `spec.rebuild` that was served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebuilt: Option<String>,
    /// What registries last said of the names that the image came from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub registry: Vec<RegistryLook>,
    /// Failures since the last success, and when the next try is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// Tries to read the engine that failed since one succeeded; absent while it can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<Unread>,
}

/// What a registry said of the name of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegistryLook {
    /// The name.
    pub reference: String,
    /// Digest of what it points to there; absent when the registry has no such name, or could not be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// When that was, in RFC 3339.
    #[schemars(with = "String")]
    pub checked_at: Timestamp,
    /// Why the registry could not be asked; absent when it answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// One reason of an image decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageDecisionReason {
    /// The reason.
    pub reason: ImageReason,
    /// The field that differs, where the reason is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
}
