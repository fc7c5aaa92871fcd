//! How long things took.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::words::PlanKind;

/// A launch: from the first step to the answering capsule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Launch {
    /// Its id, ordered by time.
    pub id: String,
    /// The plan that it ran.
    pub plan: PlanKind,
    /// When its first step began, in RFC 3339.
    #[schemars(with = "String")]
    pub started_at: Timestamp,
    /// Milliseconds until the capsule answered; absent while it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// Its steps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepTiming>,
}

/// How long a step took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepTiming {
    /// The step in words.
    pub step: String,
    /// Milliseconds.
    pub duration_ms: u64,
}
