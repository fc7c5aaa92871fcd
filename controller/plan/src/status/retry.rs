//! The record of failures after a pass: what the next wait follows from, and how the container last ended.

use jackin_api::kinds::{LastExit, Retry};
use jackin_api::words::Reason;
use jiff::Timestamp;

use crate::backoff::{STEADY_SECONDS, after_failure};
use crate::hooks;
use crate::observed::Observed;
use crate::world::{Container, ContainerState};

use super::instance::InstancePass;
use super::output::last_lines;
use super::{Outcome, failure};

/// The record after this pass; `None` once nothing that failed matters any more.
pub(super) fn retry(pass: &InstancePass<'_>, container: Option<&Container>) -> Option<Retry> {
    let generation = pass.memory.generation;
    let before = pass.memory.status.retry.clone().filter(|retry| retry.generation == generation);
    let again = |ends: u32| {
        let mut retry = after_failure(before.as_ref(), generation, pass.now, pass.jitter);
        retry.ends = retry.ends.saturating_add(ends);
        Some(retry)
    };
    let known = before.as_ref().and_then(|retry| retry.last_exit.as_ref());
    let exit = container.and_then(|container| last_exit(container, pass.observed, known));
    let early = container.is_some_and(|container| ended_early(container, pass.now));
    let launches = pass.plan.steps.iter().any(|planned| planned.step.is_launch());
    let state = container.map(|container| container.state);
    let is_news = exit.as_ref() != known;
    let mut retry = if let Some((reason, _, outcome)) = failure(pass.outcomes) {
        // Whatever failed now, a container that this pass found ended did not last; each such end is counted once.
        let ended = state == Some(ContainerState::Exited) && early && launches && is_news;
        again(u32::from(ended || blames_container(reason, outcome)))
    } else if hooks::failed_anew(&pass.observed.capsule, pass.memory) {
        again(0)
    } else {
        match state {
            Some(ContainerState::Exited) if early && launches => again(1),
            // The engine starts it again by its own policy; each end is counted once.
            Some(ContainerState::Restarting) if early && is_news => again(1),
            // What is tried again, or is about to tell whether it fails again, is not over.
            Some(ContainerState::Running) if hooks::are_undecided(&pass.observed.capsule) => before.clone(),
            Some(ContainerState::Running) if !early && pass.plan.held.is_none() => None,
            _ => before.clone(),
        }
    };
    if let (Some(retry), Some(exit)) = (&mut retry, exit) {
        retry.last_exit = Some(exit);
    }
    retry
}

/// Whether a container did not stay up, or has not stayed up yet, for as long as one that counts as started.
pub fn ended_early(container: &Container, now: Timestamp) -> bool {
    container.started_at.is_some_and(|started| {
        let ended = container.exit.as_ref().and_then(|exit| exit.finished_at).unwrap_or(now);
        ended.duration_since(started).as_secs() < STEADY_SECONDS
    })
}

/// Whether a step failed by what is in the container, so that another container may help in the end.
fn blames_container(reason: Reason, outcome: &Outcome) -> bool {
    let by_itself = matches!(
        reason,
        Reason::EngineRefused | Reason::ContainerNotRunning | Reason::CapsuleUnresponsive | Reason::StepFailed
    );
    matches!(outcome.step, "StartContainer" | "AwaitCapsule") && by_itself
}

/// How the container ended, with its output: as it was read now, or as it is known of the same end.
fn last_exit(container: &Container, observed: &Observed, known: Option<&LastExit>) -> Option<LastExit> {
    let exit = container.exit.as_ref()?;
    if let Some(known) = known.filter(|known| known.at == exit.finished_at) {
        return Some(known.clone());
    }
    Some(LastExit {
        code: exit.code,
        out_of_memory: exit.out_of_memory,
        at: exit.finished_at,
        output: last_lines(observed.output.as_deref().unwrap_or_default()),
    })
}

/// How a container ended, for people.
pub(super) fn exit_words(exit: &LastExit) -> String {
    let how = match (exit.code, exit.out_of_memory) {
        (_, true) => {
            ", out of memory: the kernel killed a process of it; `resources.memory` of its role or workspace is the limit"
        }
        (137, false) => ", killed, and not by its own memory limit",
        _ => "",
    };
    format!("it ended with {}{how}", exit.code)
}

/// When the next try is due, as the end of a message.
pub(super) fn next_try(retry: Option<&Retry>) -> String {
    let since = |retry: &Retry| retry.since.map(|since| format!(" since {since:.0}")).unwrap_or_default();
    let text = |retry: &Retry| format!("; failure {}{}, next try at {:.0}", retry.failures, since(retry), retry.after);
    retry.map(text).unwrap_or_default()
}
