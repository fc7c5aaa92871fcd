//! What came of a pass: conditions, phase, and the rest of each status.
//!
//! Written from what was observed and from the outcomes of the steps that ran, never from what was merely intended.

mod hooks;
mod image;
mod instance;
mod launch;
mod object;
mod output;
mod parts;
mod retry;
mod sidecar;
mod summary;
mod workspace;

pub(crate) use image::missing;
pub use image::{ImageOutcome, image};
pub use instance::{InstancePass, instance, unknown};
pub use launch::{record, succeeded};
pub use object::object;
pub use retry::ended_early;
pub use workspace::{WorkspacePass, workspace};

use jackin_api::kinds::Unread;
use jackin_api::words::Reason;
use serde::Serialize;

/// What came of one step.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// The step in one word.
    pub step: &'static str,
    /// What it acted on.
    pub object: String,
    /// Milliseconds.
    pub duration_ms: u64,
    /// What came of it.
    pub result: StepResult,
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum StepResult {
    /// It is done.
    Done,
    /// It failed.
    Failed {
        /// In one word.
        reason: ReasonWord,
        /// With names, and what to do.
        message: String,
    },
    /// It was not begun, because one that it needs failed.
    NotBegun,
}

/// A reason as it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ReasonWord(pub Reason);

/// The first failure among outcomes.
pub fn failure(outcomes: &[Outcome]) -> Option<(Reason, &str, &Outcome)> {
    outcomes.iter().find_map(|outcome| match &outcome.result {
        StepResult::Failed { reason, message } => Some((reason.0, message.as_str(), outcome)),
        StepResult::Done | StepResult::NotBegun => None,
    })
}

/// Why nothing could be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unseen {
    /// In one word.
    pub reason: Reason,
    /// What was tried, and what came of it.
    pub message: String,
}

/// What is said where the engine could not be read: what was tried, since when, when it is tried again, what follows, and how to
/// look into it.
fn unread_words(unseen: &Unseen, record: &Unread) -> String {
    let Unread { tries, since, after } = record;
    let times = if *tries == 1 { "once".to_owned() } else { format!("{tries} times") };
    format!(
        "{}; tried {times} since {since:.0}, next try at {after:.0}; nothing is changed until it answers{}",
        unseen.message,
        next_command(unseen.reason)
    )
}

/// The command that tells more about a cause, as the end of a message.
fn next_command(reason: Reason) -> &'static str {
    match reason {
        Reason::EngineUnreachable | Reason::EngineTimeout | Reason::EngineAnswerUnclear => {
            "; `jackin controller status` tells which engine is asked"
        }
        Reason::EngineNoSpace => "; `docker system df` tells what takes the space, nothing is removed by itself",
        Reason::EngineReadOnly => "; `docker info` tells where the engine keeps its data",
        _ => "",
    }
}
