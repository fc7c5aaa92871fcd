//! What was observed of an instance's sessions, and of the hooks that ran before them.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
