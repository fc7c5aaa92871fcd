//! Conditions, as in the Kubernetes API conventions.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Reason;

/// One observed aspect of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// The aspect: a [`ConditionType`] in words.
    #[serde(rename = "type")]
    pub type_: String,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// Why: a [`Reason`] in words.
    pub reason: String,
    /// The same for people: a cause with names, and the next command where there is one.
    pub message: String,
    /// When `status` last changed, in RFC 3339.
    #[schemars(with = "String")]
    pub last_transition_time: Timestamp,
    /// Generation of the object that this was observed for.
    #[serde(default)]
    pub observed_generation: i64,
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// It could not be seen; the message says what was tried.
    Unknown,
}

impl From<bool> for ConditionStatus {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

impl fmt::Display for ConditionStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, formatter)
    }
}

/// Aspects of our kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ConditionType {
    /// Every kind: True when the object is as its spec wants it. The summary of all others.
    Ready,
    /// Every kind: True only while the controller is at work on it. Absent otherwise.
    Reconciling,
    /// Every kind: True only when nothing will change until somebody acts. Absent otherwise.
    Stalled,
    /// Every kind: True when the spec has fields that this version accepts and does not act on. Absent otherwise.
    FieldsNotActedOn,
    /// Instance: True when every mount's source is there.
    WorkspaceMaterialized,
    /// Instance: True when the network that its spec wants is there and its container is on no other of ours; with
    /// `NetworkNotOurs` where somebody else made that network.
    NetworkReady,
    /// Instance: True when a valid image is there.
    ImageReady,
    /// Instance: True when its sidecar answers; False with `NotRequested` where the role asks for none.
    SidecarReady,
    /// Instance: True when the references that its sessions need were read, or none are needed.
    CredentialsResolved,
    /// Instance: True when the hooks of its role ran before its first session and none failed. Absent where the role has none.
    HooksPassed,
    /// Instance: True when the capsule answers.
    CapsuleReady,
    /// Instance: True when the container differs from the spec.
    Drifted,
    /// Instance: True when a repair waits for live sessions, for an explicit restart, or for the end of `spec.suspend`.
    RepairPending,
    /// Instance: True when the spec asks for a volume that can only be had by losing the data of the one that is there, and nobody
    /// agreed to that yet. Absent otherwise.
    ConsentRequired,
    /// Instance: True when a live session waits for a person: for words, for consent, or for a login. The reason is of the one that waits
    /// longest.
    NeedsInput,
    /// Image: True when the recipe could be computed.
    RecipeResolved,
    /// Image: True when an image of the current recipe is there.
    Built,
    /// Image: True when the image that serves is not of the current recipe.
    Stale,
    /// Image: True when the role's `spec.build` gives arguments or secrets that no stage of its Dockerfile that is built asks for. Absent
    /// otherwise.
    BuildInputsUnused,
    /// Workspace: True when every instance is Ready for the current spec.
    InstancesReady,
    /// Workspace: True when the pool of ready instances has its size. This version keeps none: False with `NotActedOn` where
    /// `spec.warmPool` asks for one, and with `NotRequested` otherwise.
    PoolReady,
    /// Workspace: True while a network that it no longer uses is kept because others are on it. Absent otherwise.
    LeftBehind,
}

impl fmt::Display for ConditionType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, formatter)
    }
}

/// The conditions of one object, being made anew by a pass.
///
/// A transition time is kept while the status stays the same, so that a pass which sees nothing new writes nothing new.
#[derive(Clone, Debug)]
pub struct Conditions {
    previous: Vec<Condition>,
    current: Vec<Condition>,
    generation: i64,
    now: Timestamp,
}

impl Conditions {
    /// Conditions for `generation`, seen at `now`, after `previous` ones.
    pub fn new(previous: &[Condition], generation: i64, now: Timestamp) -> Self {
        Self { previous: previous.to_vec(), current: Vec::new(), generation, now }
    }

    /// States one condition. A later statement of the same type wins.
    pub fn set(
        &mut self,
        type_: ConditionType,
        status: impl Into<ConditionStatus>,
        reason: Reason,
        message: impl Into<String>,
    ) -> &mut Self {
        let (type_, status) = (type_.to_string(), status.into());
        let last_transition_time = self
            .previous
            .iter()
            .find(|condition| condition.type_ == type_ && condition.status == status)
            // A time that is still to come is one of a clock that was set back since; waits that count from it would not end.
            .map_or(self.now, |condition| condition.last_transition_time.min(self.now));
        self.current.retain(|condition| condition.type_ != type_);
        self.current.push(Condition {
            type_,
            status,
            reason: reason.to_string(),
            message: message.into(),
            last_transition_time,
            observed_generation: self.generation,
        });
        self
    }

    /// Takes one over from before, as it was.
    pub fn keep(&mut self, condition: &Condition) -> &mut Self {
        self.current.retain(|other| other.type_ != condition.type_);
        self.current.push(condition.clone());
        self
    }

    /// Takes one back: for those that are only there while they are True.
    pub fn remove(&mut self, type_: ConditionType) -> &mut Self {
        self.current.retain(|condition| condition.type_ != type_.to_string());
        self
    }

    /// The condition of this type, when it was stated.
    pub fn get(&self, type_: ConditionType) -> Option<&Condition> {
        find(&self.current, type_)
    }

    /// The conditions, `Ready` first and the others in the order in which they were stated.
    pub fn finish(mut self) -> Vec<Condition> {
        self.current.sort_by_key(|condition| condition.type_ != "Ready");
        self.current
    }
}

/// The condition of this type.
pub fn find(conditions: &[Condition], type_: ConditionType) -> Option<&Condition> {
    conditions.iter().find(|condition| condition.type_ == type_.to_string())
}

/// Whether this condition is stated and True.
pub fn is_true(conditions: &[Condition], type_: ConditionType) -> bool {
    find(conditions, type_).is_some_and(|condition| condition.status == ConditionStatus::True)
}
