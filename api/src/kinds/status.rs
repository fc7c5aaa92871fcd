//! What was observed of each kind.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::words::{Change, Condition, Digest, DigestMap, ImageDecision, ImageReason, Phase, PlanKind, Rejection};

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

/// A session of an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionStatus {
    /// Its id, unique in its container.
    pub id: String,
    /// Its agent.
    pub agent: String,
    /// Its state in words, such as `Working`.
    pub state: String,
    /// Since when it is in that state, in RFC 3339, by the clock of its container's host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub since: Option<Timestamp>,
    /// Why that is believed: a hook's name, the program's own report, a text of its screen. Of one that starts or works it is left out, as
    /// that changes all the while.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub evidence: String,
    /// Whether somebody is attached.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub attached: bool,
}

impl SessionStatus {
    /// Whether it waits for a person: for words, for consent, or for a login.
    #[must_use]
    pub fn waits(&self) -> bool {
        Self::waits_in(&self.state)
    }

    /// Whether a session in this state waits for a person.
    #[must_use]
    pub fn waits_in(state: &str) -> bool {
        matches!(state, "WaitingForInput" | "WaitingForPermission" | "AuthNeeded")
    }
}

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

/// Failures since the last success.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Retry {
    /// How many.
    pub failures: u32,
    /// When the next try is due, in RFC 3339.
    #[schemars(with = "String")]
    pub after: Timestamp,
    /// Generation that failed; another one is tried at once.
    pub generation: i64,
    /// When the first of them was, in RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub since: Option<Timestamp>,
    /// How many of them were ends of its container, or starts that did not come to anything.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub ends: u32,
    /// How its container last ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_exit: Option<LastExit>,
}

/// Repairs in a row, none of which lasted for a minute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Repeated {
    /// How many.
    pub repairs: u32,
    /// When the last of them was, in RFC 3339.
    #[schemars(with = "String")]
    pub last: Timestamp,
    /// When the next one is due, in RFC 3339.
    #[schemars(with = "String")]
    pub after: Timestamp,
    /// Generation that the last of them was for.
    pub generation: i64,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// How a container ended, kept for as long as its next start is in question.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastExit {
    /// Exit code of PID 1; 128 and the signal's number after a signal.
    pub code: i64,
    /// Whether the kernel killed one of its processes for want of memory.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub out_of_memory: bool,
    /// When it ended, in RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub at: Option<Timestamp>,
    /// The last lines that it printed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub output: String,
}

/// Tries to read the engine that failed since one succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Unread {
    /// How many.
    pub tries: u32,
    /// When the first of them was, in RFC 3339.
    #[schemars(with = "String")]
    pub since: Timestamp,
    /// When the next is due, in RFC 3339.
    #[schemars(with = "String")]
    pub after: Timestamp,
}

/// The latest run of one of the role's hooks, before the agent of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HookStatus {
    /// Its name in the role's `spec.hooks`.
    pub hook: String,
    /// When it began, in RFC 3339.
    #[schemars(with = "String")]
    pub started_at: Timestamp,
    /// How long it took; absent while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// What it ended with; 128 and the signal's number after a signal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Why it could not be run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The last lines that it printed, without the values that sessions are given.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub output: String,
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
