//! Instances in which nobody works: since when, when they are stopped for it, and that they then stay stopped.
//!
//! # Since when
//! Since the first pass that saw no live session, as the status has it; at the earliest since the container was started, a session was
//! begun or printed something. What a controller that was down did not see, these tell: a session that worked meanwhile has printed.
//!
//! # Caveats
//! Sessions are told by the clock of the container, which is the engine's. A time that lies ahead of ours counts as now, so that a clock
//! that was set back makes a stop late, not early.

use jackin_api::kinds::{DisruptionPolicy, Idle};
use jackin_api::wire::{Millis, Session};
use jiff::{SignedDuration, Timestamp};

use crate::disruption::{awake_sessions, live_sessions};
use crate::observed::Capsule;
use crate::step::{Consent, Held, LookAgain, Plan, StepReason};
use crate::world::{Container, ContainerState};

use super::{Situation, backoff_ms, ending, has_processes};

/// The plan of an instance that was stopped because nobody worked in it: it stays so until somebody asks for it. `None` for every other.
pub(super) fn resting(situation: &Situation<'_>) -> Option<Plan> {
    let Situation { desired, observed, memory, .. } = *situation;
    let idle = memory.status.idle.as_ref().filter(|idle| idle.stopped.is_some())?;
    let runs = observed.containers.iter().any(|container| has_processes(container.state));
    if runs || desired.restart.is_some() || desired.start != idle.start {
        return None;
    }
    let mut plan = Plan { idle: Some(idle.clone()), ..Plan::idle(None) };
    plan.steps = ending::stops(observed, &StepReason::Idle, Consent::NoLiveSession);
    match backoff_ms(situation).filter(|_| !plan.steps.is_empty()) {
        Some(wait) => Some(plan.held(Held::Backoff, LookAgain::AfterMs(wait))),
        None => Some(plan),
    }
}

/// The plan, or the stop that takes its place once nobody has worked for long enough. What is to be repaired is repaired first.
pub(super) fn apply(situation: &Situation<'_>, mut plan: Plan) -> Plan {
    let Situation { desired, observed, now, .. } = *situation;
    let Some(after) = desired.idle_after_seconds else { return plan };
    let Some((container, sessions)) = unattended(situation) else { return plan };
    let since = since(situation, container);
    let idle = Idle { since, stopped: None, start: None };
    plan.idle = Some(idle.clone());
    if desired.suspended || !plan.steps.is_empty() {
        return plan;
    }
    let quiet = last_sign(sessions).map_or(since, |sign| sign.min(now).max(since));
    if let Some(wait) = wait_ms(quiet, after, now).max(backoff_ms(situation)) {
        plan.look_again = match plan.look_again {
            LookAgain::OnChange => LookAgain::AfterMs(wait),
            LookAgain::AfterMs(earlier) => LookAgain::AfterMs(earlier.min(wait)),
        };
        return plan;
    }
    let waiting = !live_sessions(sessions, DisruptionPolicy::Never).is_empty();
    let consent = if waiting { Consent::Policy } else { Consent::NoLiveSession };
    let stopped = Idle { since: quiet, stopped: Some(now), start: desired.start.clone() };
    let steps = ending::stops(observed, &StepReason::Idle, consent);
    Plan { idle: Some(stopped), steps, ..Plan::idle(None) }
}

/// The only container that has processes, with its sessions, when it is known that none of them is live.
fn unattended<'a>(situation: &Situation<'a>) -> Option<(&'a Container, &'a [Session])> {
    let Situation { desired, observed, .. } = *situation;
    let mut alive = observed.containers.iter().filter(|container| has_processes(container.state));
    let (Some(container), None) = (alive.next(), alive.next()) else { return None };
    let Capsule::Answers(status) = &observed.capsule else { return None };
    let idle = awake_sessions(&status.sessions, desired.disruption.policy).is_empty();
    (idle && container.state == ContainerState::Running).then_some((container, status.sessions.as_slice()))
}

/// Since when nobody has been seen at work: it is written down, and so it only moves when it must.
fn since(situation: &Situation<'_>, container: &Container) -> Timestamp {
    let Some(known) = &situation.memory.status.idle else { return situation.now };
    container.started_at.map_or(known.since, |started| started.max(known.since)).min(situation.now)
}

/// The last sign of life of any session.
fn last_sign(sessions: &[Session]) -> Option<Timestamp> {
    let moment = |millis: Millis| Timestamp::from_millisecond(i64::try_from(millis.0).unwrap_or(i64::MAX)).ok();
    let signs = sessions.iter().flat_map(|session| [Some(session.created_at), session.last_output_at]);
    signs.flatten().filter_map(moment).max()
}

/// Milliseconds until so many seconds have passed since a moment, rounded up; `None` when they have.
fn wait_ms(since: Timestamp, seconds: u64, now: Timestamp) -> Option<u64> {
    let after = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    let due = since.checked_add(after).unwrap_or(Timestamp::MAX);
    (due > now).then(|| u64::try_from(due.duration_since(now).as_millis()).unwrap_or(u64::MAX).saturating_add(1))
}
