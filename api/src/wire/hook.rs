//! The hooks of a role, as a capsule runs them before the agent of each session.

use serde::{Deserialize, Serialize};

use super::{Exit, Millis};

/// One of the hooks that a role may have, in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Hook {
    /// Runs before the first session of an instance's durable home, and never again once it succeeded.
    SetupOnce,
    /// Sourced by a POSIX shell: the variables that it exports are those of what runs after it.
    Source,
    /// Runs right before the agent.
    Preflight,
    /// A hook of a later version.
    #[serde(other)]
    Unknown,
}

impl Hook {
    /// The hooks that there are, in the order in which they run.
    pub const ALL: [Self; 3] = [Self::SetupOnce, Self::Source, Self::Preflight];

    /// Its name in a role's `spec.hooks`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SetupOnce => "setupOnce",
            Self::Source => "source",
            Self::Preflight => "preflight",
            Self::Unknown => "unknown",
        }
    }

    /// The hook of this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hook| hook.name() == name)
    }
}

/// The latest run of one hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookRun {
    /// Which hook.
    pub hook: Hook,
    /// Id of the session that it ran for.
    #[serde(default)]
    pub session: String,
    /// When it began.
    #[serde(default)]
    pub started_at: Millis,
    /// How long it took; absent while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// How it ended, when it ran at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<Exit>,
    /// Why it could not be run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Its last lines of output, once it ended.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub output: String,
}

impl HookRun {
    /// The most lines of output that are kept.
    pub const LINES: usize = 20;

    /// Whether it ended and kept its session's agent from starting.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.duration_ms.is_some() && (self.error.is_some() || self.exit != Some(Exit::with_code(0)))
    }
}
