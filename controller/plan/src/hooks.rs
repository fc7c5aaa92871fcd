//! The hooks of the first session: whether they run, and when one that failed is tried again.
//!
//! What runs them is the capsule, before the agent of each session. A failure before the first one is the instance's: nobody else starts
//! that session. Of sessions that somebody else starts, that one is told.

use jackin_api::kinds::{HookStatus, InstanceStatus};
use jackin_api::wire::{Hook, HookRun, Session};
use jiff::Timestamp;

use crate::backoff::remaining_ms;
use crate::ladder::{FIRST_SESSION, Memory};
use crate::observed::Capsule;

/// How long a failure that is not written down yet is waited for: the first wait after a failure.
const FIRST_WAIT_MS: u64 = 1_000;

/// The run of the hook that kept the agent of the first session from starting, when that is how this session ended.
pub(crate) fn failed(capsule: &Capsule) -> Option<&HookRun> {
    let session = first_session(capsule).filter(|session| !session.is_live())?;
    session.failed_hook.as_deref()
}

/// The first session, while its hooks run.
pub(crate) fn run_now(capsule: &Capsule) -> Option<&Session> {
    first_session(capsule).filter(|session| session.is_live() && session.preparing)
}

/// Whether a hook of the first session failed and that was not written down yet.
pub(crate) fn failed_anew(capsule: &Capsule, memory: &Memory) -> bool {
    failed(capsule).is_some_and(|run| !is_recorded(run, &memory.status))
}

/// Whether the first session failed by a hook, or may still do so.
pub(crate) fn are_undecided(capsule: &Capsule) -> bool {
    failed(capsule).is_some() || run_now(capsule).is_some()
}

/// Milliseconds until the first session is tried again after a hook failed; `None` when that is due, or none did.
pub(crate) fn wait_ms(capsule: &Capsule, memory: &Memory, now: Timestamp) -> Option<u64> {
    let run = failed(capsule)?;
    if !is_recorded(run, &memory.status) {
        return Some(FIRST_WAIT_MS);
    }
    remaining_ms(memory.status.retry.as_ref(), memory.generation, now)
}

/// The latest run of each hook, as a status tells of it; that of a failure goes before those of other sessions.
pub(crate) fn statuses(capsule: &Capsule) -> Vec<HookStatus> {
    let Capsule::Answers(status) = capsule else { return Vec::new() };
    let failed = failed(capsule);
    let of_hook = |hook: &Hook| {
        failed.filter(|run| run.hook == *hook).or_else(|| status.hooks.iter().find(|run| run.hook == *hook))
    };
    Hook::ALL.iter().filter_map(of_hook).map(status_of).collect()
}

/// The session that the instance starts by itself, the latest of its name.
pub(crate) fn first_session(capsule: &Capsule) -> Option<&Session> {
    capsule.sessions().iter().rev().find(|session| session.name == FIRST_SESSION)
}

fn is_recorded(run: &HookRun, status: &InstanceStatus) -> bool {
    status.hooks.contains(&status_of(run))
}

fn status_of(run: &HookRun) -> HookStatus {
    let HookRun { hook, session: _, started_at, duration_ms, exit, error, output } = run;
    let started_at = i64::try_from(started_at.0).ok().and_then(|time| Timestamp::from_millisecond(time).ok());
    HookStatus {
        hook: hook.name().to_owned(),
        started_at: started_at.unwrap_or_default(),
        duration_ms: *duration_ms,
        exit_code: exit.map(|exit| exit.shell_code()),
        error: error.clone(),
        output: output.clone(),
    }
}
