//! Status of an instance.

use jackin_api::kinds::{ContainerReference, ImageReference, InstanceDigests, InstanceStatus, Repeated, SessionStatus};
use jackin_api::wire::SessionState;
use jackin_api::words::{self as labels, Condition, ConditionStatus, ConditionType, Conditions, Digest, Phase, Reason};
use jiff::Timestamp;

use crate::backoff::after_unread;
use crate::damper;
use crate::desired::{DesiredImage, Site};
use crate::disruption::state_word;
use crate::hooks;
use crate::ladder::Memory;
use crate::launch::live_digest;
use crate::observed::{Capsule, Observed};
use crate::resolve::Wanted;
use crate::step::{Held, Plan, WaitsFor};
use crate::world::{Container, ContainerState};

use super::parts::state_parts;
use super::retry::retry;
use super::summary::state_summary;
use super::{Outcome, Unseen, failure, launch, sidecar, unread_words};

/// The most sessions that a status tells of.
const MOST_SESSIONS: usize = 32;

/// What one pass over an instance had before it and did.
pub struct InstancePass<'a> {
    /// What this installation gives.
    pub site: &'a Site,
    /// What the instance should be.
    pub wanted: &'a Wanted,
    /// What was seen before the steps.
    pub observed: &'a Observed,
    /// What was planned.
    pub plan: &'a Plan,
    /// What came of the steps.
    pub outcomes: &'a [Outcome],
    /// What earlier passes left.
    pub memory: &'a Memory,
    /// When the pass ended.
    pub now: Timestamp,
    /// Between 0 and 1, for the backoff.
    pub jitter: f64,
}

/// Status of an instance after a pass.
pub fn instance(pass: &InstancePass<'_>) -> InstanceStatus {
    let mut status = pass.memory.status.clone();
    let container = serving(pass);
    status.observed_generation = pass.memory.generation;
    status.unread = None;
    status.phase = phase(pass, container);
    status.container =
        container.map(|container| ContainerReference { id: container.id.0.clone(), name: container.name.clone() });
    status.image = container.map(|container| image_of(container, pass.wanted));
    status.digests = container.map(|container| digests(pass, container)).unwrap_or_default();
    status.sessions = pass.observed.capsule.sessions().iter().take(MOST_SESSIONS).map(session).collect();
    status.hooks = hooks::statuses(&pass.observed.capsule);
    status.drift.clone_from(&pass.plan.drift);
    status.pending_repair = pass.plan.pending.as_ref().map(|pending| pending.repair.clone());
    if !pass.plan.steps.is_empty() || status.plan.is_none() {
        let goes_on = status.last_launch.as_ref().is_some_and(|launch| launch.duration_ms.is_none());
        if !goes_on {
            status.plan = pass.plan.chosen.or(status.plan);
            status.rejected_plans.clone_from(&pass.plan.rejected);
        }
    }
    status.last_launch = launch::after(status.last_launch.take(), pass, container);
    status.retry = retry(pass, container);
    status.repeated = repeated(pass);
    status.idle.clone_from(&pass.plan.idle);
    // Once it is started again the request is served, whatever fails after that: nobody asked to be restarted twice.
    if let Wanted::Run(desired) = pass.wanted
        && let Some(request) = &desired.restart
        && launch::is_done(pass.outcomes, "StartContainer")
    {
        status.restarted = Some(request.id.clone());
    }
    sidecar::note(pass, &mut status);
    let mut conditions = Conditions::new(&before(pass), pass.memory.generation, pass.now);
    state_parts(pass, container, &mut conditions);
    state_summary(pass, container, status.retry.as_ref(), &mut conditions);
    status.conditions = conditions.finish();
    // What was said of an engine that could not be read does not hold any more: it was just read.
    if pass.plan.held == Some(Held::Backoff) && pass.memory.status.unread.is_none() {
        repeat_last_try(&pass.memory.status.conditions, &mut status.conditions);
    }
    status
}

/// Repairs in a row that did not last.
fn repeated(pass: &InstancePass<'_>) -> Option<Repeated> {
    let before = pass.memory.status.repeated.as_ref();
    let asked = matches!(pass.wanted, Wanted::Run(desired) if desired.restart.is_some());
    if pass.plan.steps.is_empty() {
        // A row that nobody has to wait for ends without being written down.
        let over = |record: &&Repeated| damper::is_slowed(record) && damper::lasting_ms(record, pass.now).is_none();
        return before.filter(|record| pass.plan.held.is_some() || !over(record)).cloned();
    }
    // A stop for idleness lasts until somebody comes, which is no repair that was undone; nor is a hook that fails.
    if hooks::failed(&pass.observed.capsule).is_some() {
        return before.filter(|_| !asked).cloned();
    }
    if failure(pass.outcomes).is_some() || asked || pass.plan.rests() {
        return before.filter(|_| !asked).cloned();
    }
    Some(damper::after_repair(before, pass.plan, pass.memory.generation, pass.now, pass.jitter))
}

/// Nothing was tried, so what was said of the last try still holds; unless that was that all is well.
fn repeat_last_try(before: &[Condition], now: &mut [Condition]) {
    let said = labels::find(before, ConditionType::Ready);
    if said.is_none_or(|ready| ready.status == ConditionStatus::True) {
        return;
    }
    let of_a_try = [
        ConditionType::Ready,
        ConditionType::Reconciling,
        ConditionType::CredentialsResolved,
        ConditionType::SidecarReady,
    ];
    for condition in now {
        let repeated = of_a_try.iter().any(|type_| condition.type_ == type_.to_string());
        if repeated && let Some(said) = before.iter().find(|said| said.type_ == condition.type_) {
            condition.clone_from(said);
        }
    }
}

/// The conditions as they were.
///
/// A repair that waited for a restart and now waits for sessions begins a new wait, which the policy's deadline counts from.
fn before(pass: &InstancePass<'_>) -> Vec<Condition> {
    let waits = pass.plan.pending.as_ref().map(|pending| &pending.waits_for);
    let mut conditions = pass.memory.status.conditions.clone();
    if matches!(waits, Some(WaitsFor::Sessions(_))) {
        let other = |condition: &Condition| {
            condition.type_ == ConditionType::RepairPending.to_string()
                && condition.reason != Reason::SessionsLive.to_string()
        };
        conditions.retain(|condition| !other(condition));
    }
    conditions
}

/// Status of an instance when the engine could not be read: what was known is kept, and nothing is claimed.
///
/// Before the next try is due, what was said of the last one stays.
pub fn unknown(memory: &Memory, unseen: &Unseen, now: Timestamp, jitter: f64) -> InstanceStatus {
    let mut status = memory.status.clone();
    let record = after_unread(status.unread.as_ref(), now, jitter);
    let said = status.phase == Phase::Unknown && status.observed_generation == memory.generation;
    if said && status.unread.as_ref() == Some(&record) {
        return status;
    }
    let message = unread_words(unseen, &record);
    status.unread = Some(record);
    status.observed_generation = memory.generation;
    status.phase = Phase::Unknown;
    let mut conditions = Conditions::new(&memory.status.conditions, memory.generation, now);
    for known in &memory.status.conditions {
        conditions.keep(known);
    }
    conditions.remove(ConditionType::Stalled);
    conditions.remove(ConditionType::Reconciling);
    let sidecar = labels::find(&memory.status.conditions, ConditionType::SidecarReady)
        .filter(|sidecar| sidecar.reason != Reason::NotRequested.to_string())
        .map(|_| ConditionType::SidecarReady);
    let unseen_types = [ConditionType::Ready, ConditionType::CapsuleReady, ConditionType::Drifted];
    for type_ in unseen_types.into_iter().chain(sidecar) {
        conditions.set(type_, ConditionStatus::Unknown, unseen.reason, message.clone());
    }
    status.conditions = conditions.finish();
    status
}

/// The container that the plan spoke of: the one that serves, or any that is left.
fn serving<'a>(pass: &InstancePass<'a>) -> Option<&'a Container> {
    let alive = |container: &Container| match container.state {
        ContainerState::Running => 2,
        ContainerState::Paused | ContainerState::Restarting => 1,
        ContainerState::Created | ContainerState::Exited | ContainerState::Dead | ContainerState::Removing => 0,
    };
    let all = pass.observed.containers.iter();
    all.max_by_key(|container| (alive(container), container.created_at, container.id.clone()))
}

fn phase(pass: &InstancePass<'_>, container: Option<&Container>) -> Phase {
    let failure = failure(pass.outcomes);
    let failed = failure.is_some();
    let unknown = failure.is_some_and(|(reason, _, _)| reason.is_unknown());
    let running = container.is_some_and(|container| container.state == ContainerState::Running);
    let answers = matches!(pass.observed.capsule, Capsule::Answers(_));
    match pass.wanted {
        Wanted::Remove { .. } => Phase::Stopping,
        Wanted::Stop if failed || !pass.plan.steps.is_empty() => Phase::Stopping,
        Wanted::Stop => Phase::Stopped,
        Wanted::Run(_) if pass.plan.rests() && (failed || !pass.plan.steps.is_empty() || pass.plan.held.is_some()) => {
            Phase::Stopping
        }
        Wanted::Run(_) if pass.plan.rests() => Phase::Stopped,
        Wanted::Unresolved(_) if running && answers => Phase::Running,
        Wanted::Unresolved(_) => Phase::Pending,
        Wanted::Run(_) if running && answers => Phase::Running,
        Wanted::Run(_) if unknown => Phase::Unknown,
        Wanted::Run(_) if failed => Phase::Failed,
        Wanted::Run(desired) => match (&pass.plan.held, &desired.image) {
            (Some(Held::Image), DesiredImage::Invalid { failed: true, .. }) => Phase::Failed,
            (Some(Held::Image), _) => Phase::Building,
            (Some(Held::CapsuleSilent | Held::Removing), _) => Phase::Starting,
            (Some(Held::Suspended), _) => Phase::Pending,
            (Some(_), _) => Phase::Failed,
            (None, DesiredImage::Invalid { failed: false, .. }) => Phase::Building,
            (None, _) => Phase::Starting,
        },
    }
}

fn digests(pass: &InstancePass<'_>, container: &Container) -> InstanceDigests {
    let label = |key: &str| container.labels.get(key).cloned().map(Digest);
    let live = match pass.wanted {
        Wanted::Run(desired) => Some(live_digest(pass.site, desired)),
        Wanted::Stop | Wanted::Remove { .. } | Wanted::Unresolved(_) => label(labels::LIVE),
    };
    InstanceDigests { recipe: label(labels::RECIPE), launch: label(labels::LAUNCH), live }
}

fn image_of(container: &Container, wanted: &Wanted) -> ImageReference {
    let id = container.image.0.clone();
    let named = match wanted {
        Wanted::Run(desired) => match &desired.image {
            DesiredImage::Valid(image) | DesiredImage::Invalid { serving: Some(image), .. } => Some(image),
            DesiredImage::Invalid { serving: None, .. } => None,
        },
        Wanted::Stop | Wanted::Remove { .. } | Wanted::Unresolved(_) => None,
    };
    let name = named.filter(|image| image.id == id).map_or_else(|| id.clone(), |image| image.name.clone());
    ImageReference { id, name }
}

fn session(session: &jackin_api::wire::Session) -> SessionStatus {
    let state = state_of(session);
    // What a session that works is seen by changes from moment to moment, and would be written each time.
    let is_steady = !matches!(state, SessionState::Starting | SessionState::Working);
    let moment = |at: jackin_api::wire::Millis| Timestamp::from_millisecond(i64::try_from(at.0).ok()?).ok();
    SessionStatus {
        id: session.name.clone(),
        agent: session.agent.clone(),
        state: state_word(state).to_owned(),
        since: session.state_since.and_then(moment),
        evidence: if is_steady { session.evidence.clone() } else { String::new() },
        attached: session.attached > 0,
    }
}

pub(super) fn state_of(session: &jackin_api::wire::Session) -> SessionState {
    if session.is_live() { session.state } else { SessionState::Exited }
}
