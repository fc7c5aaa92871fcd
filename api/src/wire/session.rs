//! What a session is to somebody outside: its state, size, exit, and the capsule's status that lists it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::HookRun;

/// A moment, in milliseconds since the Unix epoch by the capsule's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Millis(pub u64);

/// A terminal's size in character cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Size {
    /// Lines.
    pub rows: u16,
    /// Columns.
    pub cols: u16,
}

impl Default for Size {
    fn default() -> Self {
        Self { rows: 24, cols: 80 }
    }
}

impl Size {
    /// The most rows or columns that a screen is kept for.
    pub const MAX: u16 = 500;

    /// This size within what a screen can have: at least one row and two columns, at most [`Size::MAX`] of each.
    #[must_use]
    pub fn clamped(self) -> Self {
        Self { rows: self.rows.clamp(1, Self::MAX), cols: self.cols.clamp(2, Self::MAX) }
    }
}

/// How a process ended: by a code or by a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Exit {
    /// Its exit code, when it exited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// The signal's number, when one ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
}

impl Exit {
    /// An exit with a code.
    #[must_use]
    pub fn with_code(code: i32) -> Self {
        Self { code: Some(code), signal: None }
    }

    /// An end by a signal.
    #[must_use]
    pub fn by_signal(signal: i32) -> Self {
        Self { code: None, signal: Some(signal) }
    }

    /// The one number that a shell gives it: the code, or 128 plus the signal.
    #[must_use]
    pub fn shell_code(self) -> i32 {
        match (self.code, self.signal) {
            (Some(code), _) => code,
            (None, Some(signal)) => 128 + signal,
            (None, None) => 255,
        }
    }
}

/// A signal that a client may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signal {
    /// SIGHUP.
    Hup,
    /// SIGINT.
    Int,
    /// SIGQUIT.
    Quit,
    /// SIGKILL.
    Kill,
    /// SIGTERM.
    Term,
    /// SIGUSR1.
    Usr1,
    /// SIGUSR2.
    Usr2,
    /// SIGCONT.
    Cont,
    /// SIGSTOP.
    Stop,
}

/// What a session is doing, as far as its rule can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionState {
    /// Spawned, nothing seen of it yet.
    Starting,
    /// It is doing something.
    Working,
    /// It waits for words from a person.
    WaitingForInput,
    /// It waits for a person's consent.
    WaitingForPermission,
    /// It has nothing to do.
    Idle,
    /// Its process ended.
    Exited,
    /// It needs a login before it can do anything.
    AuthNeeded,
    /// Nothing tells; also a state of a later version.
    #[default]
    #[serde(other)]
    Unknown,
}

/// How a session's state is recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StateRule {
    /// By the terminal's foreground process group: right for shells.
    Foreground,
    /// Not at all; also a rule of a later version.
    #[default]
    #[serde(other)]
    None,
}

/// One session, live or lately ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The capsule's name for it, never used twice in one capsule.
    pub id: String,
    /// The client's name for it; among live sessions there is one of a name.
    pub name: String,
    /// The agent that it runs, in the client's words.
    #[serde(default)]
    pub agent: String,
    /// What was asked to run.
    #[serde(default)]
    pub argv: Vec<String>,
    /// The session leader's process id, as the container counts.
    pub pid: u32,
    /// What it is doing.
    #[serde(default)]
    pub state: SessionState,
    /// Why `state` is believed, in a few words.
    #[serde(default)]
    pub evidence: String,
    /// Since when `state` is so; absent where an older capsule does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_since: Option<Millis>,
    /// How it ended, when it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<Exit>,
    /// How many clients look at it.
    #[serde(default)]
    pub attached: u32,
    /// Whether one of them may write.
    #[serde(default)]
    pub writer: bool,
    /// When it was spawned.
    #[serde(default)]
    pub created_at: Millis,
    /// When it last wrote to its terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_output_at: Option<Millis>,
    /// Its terminal's size.
    #[serde(default)]
    pub size: Size,
    /// The window title that it set.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// Whether hooks are still run for it, so that its agent has not started.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub preparing: bool,
    /// The run of the hook that kept its agent from starting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_hook: Option<Box<HookRun>>,
}

impl Session {
    /// What an id begins with; a number follows.
    pub const ID_PREFIX: &str = "s-";

    /// Whether a text has the form of an id, so that it can be no session's name.
    ///
    /// ```
    /// use jackin_api::wire::Session;
    /// assert!(Session::is_id("s-12") && !Session::is_id("s-") && !Session::is_id("s-1a"));
    /// ```
    #[must_use]
    pub fn is_id(text: &str) -> bool {
        let number = text.strip_prefix(Self::ID_PREFIX).unwrap_or_default();
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    }

    /// Whether its process still runs.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.exit.is_none()
    }
}

/// The capsule's own account of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The capsule's version.
    pub version: String,
    /// When it started.
    pub started_at: Millis,
    /// The digest that came with the environment that new sessions get; absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment_digest: Option<String>,
    /// Its sessions, oldest first.
    #[serde(default)]
    pub sessions: Vec<Session>,
    /// The latest run of each hook that ran in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hooks: Vec<HookRun>,
}

/// Variables by name; its `Debug` shows names alone, since values may be credentials.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Environment(pub BTreeMap<String, String>);

impl std::fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}
