//! What was observed of an instance.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{HookStatus, Launch, Repeated, Retry, SessionStatus, Unread};
use crate::words::{Change, Condition, Digest, Phase, PlanKind, Rejection};

/// Status of an Instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceStatus {
    /// Generation that this speaks of.
    #[serde(default)]
    pub observed_generation: i64,
    /// One word for where it is.
    #[serde(default)]
    pub phase: Phase,
    /// The plan that brought it where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanKind>,
    /// Cheaper plans, and why they would not do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejected_plans: Vec<Rejection>,
    /// Conditions.
    #[serde(default)]
    pub conditions: Vec<Condition>,
    /// Its container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<ContainerReference>,
    /// The container of its sidecar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sidecar: Option<ContainerReference>,
    /// Its image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageReference>,
    /// The three digests of what runs.
    #[serde(default)]
    pub digests: InstanceDigests,
    /// Every field that differs between what is there and the spec.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<Change>,
    /// A repair that waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_repair: Option<PendingRepair>,
    /// Its sessions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sessions: Vec<SessionStatus>,
    /// The latest run of each hook of its role.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hooks: Vec<HookStatus>,
    /// The last launch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_launch: Option<Launch>,
    /// Failures since the last success, and when the next try is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// Repairs in a row that did not last, and when the next one is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeated: Option<Repeated>,
    /// Tries to read the engine that failed since one succeeded; absent while it can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<Unread>,
    /// Since when nobody works in it, and whether it was stopped for that; absent while somebody does, or while nobody asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle: Option<Idle>,
    /// The last `spec.restart.id` that was served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restarted: Option<String>,
    /// The last `spec.approval.id` that was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<String>,
    /// Volumes that hold data which only `jackin approve` lets be replaced, as the engine knows them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub awaits_approval: Vec<String>,
    /// Volumes with data of it that nothing uses any more, as the engine knows them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reclaimable_volumes: Vec<String>,
}

/// A container, as a status names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContainerReference {
    /// The engine's id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// An image, as a status names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageReference {
    /// The engine's id.
    pub id: String,
    /// A name of it.
    pub name: String,
}

/// The three digests of an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceDigests {
    /// Of what is inside its image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<Digest>,
    /// Of what its container fixed at its creation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch: Option<Digest>,
    /// Of what can change under it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<Digest>,
}

/// A repair that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PendingRepair {
    /// The plan that will run.
    pub plan: PlanKind,
    /// Every field that differs.
    pub reasons: Vec<Change>,
    /// Cheaper plans, and why they would not do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejected_plans: Vec<Rejection>,
}

/// How long nobody has worked in an instance whose `lifecycle.idleAfter` is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Idle {
    /// Since when no session has been live, in RFC 3339.
    #[schemars(with = "String")]
    pub since: Timestamp,
    /// When it was stopped for that, in RFC 3339; absent while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub stopped: Option<Timestamp>,
    /// The `spec.start` that was there when it was stopped; another one starts it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
}
