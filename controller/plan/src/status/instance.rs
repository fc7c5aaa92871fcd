//! Status of an instance.

use jackin_api::kinds::{ContainerReference, ImageReference, InstanceDigests, InstanceStatus, Retry, SessionStatus};
use jackin_api::wire::SessionState;
use jackin_api::words::{self as labels, Condition, ConditionStatus, ConditionType, Conditions, Digest, Phase, Reason};
use jiff::Timestamp;

use crate::backoff::{STEADY_SECONDS, after_failure};
use crate::desired::{Desired, DesiredImage, Site};
use crate::disruption::state_word;
use crate::ladder::Memory;
use crate::launch::{live_digest, personalisation};
use crate::observed::{Capsule, MountSourceState, Observed};
use crate::resolve::Wanted;
use crate::step::{Held, Plan, WaitsFor};
use crate::world::{Container, ContainerState};

use super::{Outcome, failure, launch};

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
    status.phase = phase(pass, container);
    status.container = container.map(|container| ContainerReference {
        id: container.id.0.clone(),
        name: container.name.clone(),
    });
    status.image = container.map(|container| image_of(container, pass.wanted));
    status.digests = container.map(|container| digests(pass, container)).unwrap_or_default();
    status.sessions = pass
        .observed
        .capsule
        .sessions()
        .iter()
        .take(MOST_SESSIONS)
        .map(session)
        .collect();
    status.pending_repair = pass.plan.pending.as_ref().map(|pending| pending.repair.clone());
    if !pass.plan.steps.is_empty() || status.plan.is_none() {
        let goes_on = status
            .last_launch
            .as_ref()
            .is_some_and(|launch| launch.duration_ms.is_none());
        if !goes_on {
            status.plan = pass.plan.chosen.or(status.plan);
            status.rejected_plans.clone_from(&pass.plan.rejected);
        }
    }
    status.last_launch = launch::after(status.last_launch.take(), pass, container);
    status.retry = retry(pass, container);
    // Once it is started again the request is served, whatever fails after that: nobody asked to be restarted twice.
    if let Wanted::Run(desired) = pass.wanted
        && let Some(request) = &desired.restart
        && launch::is_done(pass.outcomes, "StartContainer")
    {
        status.restarted = Some(request.id.clone());
    }
    let mut conditions = Conditions::new(&before(pass), pass.memory.generation, pass.now);
    state_parts(pass, container, &mut conditions);
    state_summary(pass, container, status.retry.as_ref(), &mut conditions);
    status.conditions = conditions.finish();
    if pass.plan.held == Some(Held::Backoff) {
        repeat_last_try(&pass.memory.status.conditions, &mut status.conditions);
    }
    status
}

/// Nothing was tried, so what was said of the last try still holds; unless that was that all is well.
fn repeat_last_try(before: &[Condition], now: &mut [Condition]) {
    let said = labels::find(before, ConditionType::Ready);
    if said.is_none_or(|ready| ready.status != ConditionStatus::False) {
        return;
    }
    let of_a_try = [
        ConditionType::Ready,
        ConditionType::Reconciling,
        ConditionType::CredentialsResolved,
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
pub fn unknown(memory: &Memory, message: &str, now: Timestamp) -> InstanceStatus {
    let mut status = memory.status.clone();
    status.observed_generation = memory.generation;
    status.phase = Phase::Unknown;
    let mut conditions = Conditions::new(&memory.status.conditions, memory.generation, now);
    for known in &memory.status.conditions {
        conditions.keep(known);
    }
    conditions.remove(ConditionType::Stalled);
    conditions.remove(ConditionType::Reconciling);
    for type_ in [
        ConditionType::Ready,
        ConditionType::CapsuleReady,
        ConditionType::Drifted,
    ] {
        conditions.set(type_, ConditionStatus::Unknown, Reason::EngineUnreachable, message);
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
    let failed = failure(pass.outcomes).is_some();
    let running = container.is_some_and(|container| container.state == ContainerState::Running);
    let answers = matches!(pass.observed.capsule, Capsule::Answers(_));
    match pass.wanted {
        Wanted::Remove { .. } => Phase::Stopping,
        Wanted::Stop if failed || !pass.plan.steps.is_empty() => Phase::Stopping,
        Wanted::Stop => Phase::Stopped,
        Wanted::Unresolved(_) if running && answers => Phase::Running,
        Wanted::Unresolved(_) => Phase::Pending,
        Wanted::Run(_) if running && answers => Phase::Running,
        Wanted::Run(_) if failed => Phase::Failed,
        Wanted::Run(desired) => match (&pass.plan.held, &desired.image) {
            (Some(Held::Image), DesiredImage::Invalid { failed: true, .. }) => Phase::Failed,
            (Some(Held::Image), _) => Phase::Building,
            (Some(Held::CapsuleSilent | Held::Removing), _) => Phase::Starting,
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
    InstanceDigests {
        recipe: label(labels::RECIPE),
        launch: label(labels::LAUNCH),
        live,
    }
}

fn image_of(container: &Container, wanted: &Wanted) -> ImageReference {
    let id = container.image.0.clone();
    let named = match wanted {
        Wanted::Run(desired) => match &desired.image {
            DesiredImage::Valid(image)
            | DesiredImage::Invalid {
                serving: Some(image), ..
            } => Some(image),
            DesiredImage::Invalid { serving: None, .. } => None,
        },
        Wanted::Stop | Wanted::Remove { .. } | Wanted::Unresolved(_) => None,
    };
    let name = named
        .filter(|image| image.id == id)
        .map_or_else(|| id.clone(), |image| image.name.clone());
    ImageReference { id, name }
}

fn session(session: &jackin_api::wire::Session) -> SessionStatus {
    SessionStatus {
        id: session.name.clone(),
        agent: session.agent.clone(),
        state: state_word(state_of(session)).to_owned(),
        attached: session.attached > 0,
    }
}

fn state_of(session: &jackin_api::wire::Session) -> SessionState {
    if session.is_live() {
        session.state
    } else {
        SessionState::Exited
    }
}

/// The record of failures after this pass.
fn retry(pass: &InstancePass<'_>, container: Option<&Container>) -> Option<Retry> {
    let before = pass
        .memory
        .status
        .retry
        .clone()
        .filter(|retry| retry.generation == pass.memory.generation);
    let again = || {
        Some(after_failure(
            before.as_ref(),
            pass.memory.generation,
            pass.now,
            pass.jitter,
        ))
    };
    if failure(pass.outcomes).is_some() {
        return again();
    }
    let lived = container.and_then(|container| {
        let started = container.started_at?;
        let ended = container
            .exit
            .as_ref()
            .and_then(|exit| exit.finished_at)
            .unwrap_or(pass.now);
        Some(ended.duration_since(started).as_secs())
    });
    let short = lived.is_some_and(|seconds| seconds < STEADY_SECONDS);
    match container.map(|container| container.state) {
        Some(ContainerState::Exited) if short && pass.plan.steps.iter().any(|planned| planned.step.is_launch()) => {
            again()
        }
        Some(ContainerState::Running) if !short && pass.plan.held.is_none() => None,
        _ => before,
    }
}

fn state_parts(pass: &InstancePass<'_>, container: Option<&Container>, conditions: &mut Conditions) {
    if let Wanted::Run(desired) = pass.wanted {
        state_mounts(pass, conditions);
        state_image(desired, conditions);
        state_credentials(pass, desired, conditions);
    }
    conditions.set(ConditionType::SidecarReady, false, Reason::NotRequested, "");
    match &pass.observed.capsule {
        Capsule::Answers(_) => conditions.set(ConditionType::CapsuleReady, true, Reason::CapsuleAnswers, ""),
        Capsule::Silent(tried) => {
            let message = format!("{tried}; `jackin restart` replaces what runs");
            conditions.set(ConditionType::CapsuleReady, false, Reason::CapsuleUnresponsive, message)
        }
        Capsule::NotAsked => conditions.set(ConditionType::CapsuleReady, false, Reason::ContainerNotRunning, ""),
    };
    let fields: Vec<_> = pass.plan.drift.iter().map(ToString::to_string).collect();
    let (drifted, reason) = if fields.is_empty() {
        (false, Reason::NoDrift)
    } else {
        (true, Reason::FieldsDiffer)
    };
    conditions.set(
        ConditionType::Drifted,
        drifted && container.is_some(),
        reason,
        fields.join(", "),
    );
    state_pending(pass, conditions);
    let waiting: Vec<_> = pass
        .observed
        .capsule
        .sessions()
        .iter()
        .filter(|session| {
            matches!(
                state_of(session),
                SessionState::WaitingForInput | SessionState::WaitingForPermission | SessionState::AuthNeeded
            )
        })
        .map(|session| format!("{} ({})", session.name, state_word(session.state)))
        .collect();
    let reason = if waiting.is_empty() {
        Reason::NoSessionWaits
    } else {
        Reason::SessionWaits
    };
    conditions.set(
        ConditionType::NeedsInput,
        !waiting.is_empty(),
        reason,
        waiting.join(", "),
    );
}

fn state_pending(pass: &InstancePass<'_>, conditions: &mut Conditions) {
    let Some(pending) = &pass.plan.pending else {
        conditions.set(ConditionType::RepairPending, false, Reason::NothingPending, "");
        return;
    };
    let fields: Vec<_> = pending.repair.reasons.iter().map(ToString::to_string).collect();
    let (reason, waits) = match &pending.waits_for {
        WaitsFor::Sessions(names) if names.is_empty() => (
            Reason::SessionsLive,
            "the capsule, to say whether sessions are live".to_owned(),
        ),
        WaitsFor::Sessions(names) => (Reason::SessionsLive, format!("live sessions ({})", names.join(", "))),
        WaitsFor::Restart => (Reason::RestartNeeded, "a restart".to_owned()),
    };
    let message = format!(
        "{} because of {}; waits for {waits}; `jackin restart` does it now",
        pending.repair.plan,
        fields.join(", ")
    );
    conditions.set(ConditionType::RepairPending, true, reason, message);
}

fn state_mounts(pass: &InstancePass<'_>, conditions: &mut Conditions) {
    let (mut missing, mut unread) = (Vec::new(), Vec::new());
    for (target, state) in &pass.observed.mounts {
        match state {
            MountSourceState::Present => {}
            MountSourceState::Missing => missing.push(format!("the source of `{target}` does not exist")),
            MountSourceState::Forbidden { part } => {
                missing.push(format!(
                    "the source of `{target}` leads to {part}, which may not be mounted"
                ));
            }
            MountSourceState::Unreadable { error } => unread.push(format!("the source of `{target}`: {error}")),
        }
    }
    let type_ = ConditionType::WorkspaceMaterialized;
    match (&pass.plan.held, missing.is_empty(), unread.is_empty()) {
        (Some(Held::Isolation(what)), ..) => conditions.set(type_, false, Reason::IsolationNotSupported, what),
        (_, false, _) => conditions.set(type_, false, mounts_reason(pass), missing.join("; ")),
        (_, true, false) => conditions.set(
            type_,
            ConditionStatus::Unknown,
            Reason::MountSourceMissing,
            unread.join("; "),
        ),
        (_, true, true) => conditions.set(type_, true, Reason::MountsPresent, ""),
    };
}

fn mounts_reason(pass: &InstancePass<'_>) -> Reason {
    let forbidden = |state: &MountSourceState| matches!(state, MountSourceState::Forbidden { .. });
    if pass.observed.mounts.values().any(forbidden) {
        Reason::MountSourceForbidden
    } else {
        Reason::MountSourceMissing
    }
}

fn state_image(desired: &Desired, conditions: &mut Conditions) {
    match &desired.image {
        DesiredImage::Valid(_) => conditions.set(ConditionType::ImageReady, true, Reason::ImageValid, ""),
        DesiredImage::Invalid { why, failed, .. } => {
            let reason = if *failed { Reason::BuildFailed } else { Reason::Building };
            conditions.set(ConditionType::ImageReady, false, reason, why.clone())
        }
    };
}

fn state_credentials(pass: &InstancePass<'_>, desired: &Desired, conditions: &mut Conditions) {
    let type_ = ConditionType::CredentialsResolved;
    let failed = failure(pass.outcomes).filter(|(_, _, outcome)| outcome.step == "Personalise");
    let wanted = personalisation(desired);
    let given = match &pass.observed.capsule {
        Capsule::Answers(status) => status.environment_digest.as_ref() == Some(&wanted.digest.0),
        Capsule::NotAsked | Capsule::Silent(_) => false,
    };
    let needs = wanted.environment.values().any(|source| source.from.is_some());
    if let Some((reason, message, _)) = failed {
        conditions.set(type_, false, reason, message);
    } else if !needs {
        conditions.set(type_, true, Reason::NotNeeded, "");
    } else if given {
        conditions.set(type_, true, Reason::ReferencesRead, "");
    } else {
        conditions.set(
            type_,
            false,
            Reason::DependenciesNotReady,
            "they are read when the capsule answers",
        );
    }
}

/// `Ready`, `Reconciling` and `Stalled`.
fn state_summary(
    pass: &InstancePass<'_>,
    container: Option<&Container>,
    retry: Option<&Retry>,
    conditions: &mut Conditions,
) {
    let running = container.is_some_and(|container| container.state == ContainerState::Running);
    let answers = matches!(pass.observed.capsule, Capsule::Answers(_));
    let (ready, reason, message) = if let Some((reason, message, _)) = failure(pass.outcomes) {
        (false, reason, format!("{message}{}", next_try(retry)))
    } else {
        match (pass.wanted, &pass.plan.held) {
            (Wanted::Remove { .. }, _) => (false, Reason::Deleting, "its container is being removed".to_owned()),
            (Wanted::Stop, _) if pass.plan.steps.is_empty() => {
                (false, Reason::Stopped, "`jackin start` starts it".to_owned())
            }
            (Wanted::Stop, _) => (false, Reason::Converging, doing(pass)),
            (Wanted::Unresolved(gaps), _) => {
                let gaps: Vec<_> = gaps
                    .iter()
                    .map(|gap| format!("{} ({}): {}", gap.message, gap.field, gap.hint))
                    .collect();
                (false, Reason::ReferenceMissing, gaps.join("; "))
            }
            (Wanted::Run(_), Some(held)) => {
                let (reason, message) = held_words(held, pass, container);
                (false, reason, message)
            }
            (Wanted::Run(_), None) if running && answers && pass.plan.steps.is_empty() => {
                (true, Reason::AsDesired, String::new())
            }
            (Wanted::Run(_), None) => (false, Reason::Converging, doing(pass)),
        }
    };
    conditions.set(ConditionType::Ready, ready, reason, message.clone());
    let stalled = match (pass.wanted, &pass.plan.held) {
        (Wanted::Unresolved(_), _) => true,
        (Wanted::Run(_), Some(held)) => matches!(
            held,
            Held::NameConflict(_) | Held::Mounts(_) | Held::Isolation(_) | Held::Program(_) | Held::CrashLoop
        ),
        _ => false,
    };
    // An instance that serves on an older image is ready, and it is not yet what its spec wants.
    let (image_failed, image_why) = match image_trouble(pass.wanted) {
        Some((failed, why)) => (failed, Some(why.to_owned())),
        None => (false, None),
    };
    if stalled {
        conditions.set(ConditionType::Stalled, true, reason, message);
    } else if image_failed {
        conditions.set(
            ConditionType::Stalled,
            true,
            Reason::BuildFailed,
            image_why.unwrap_or_default(),
        );
    } else if !ready && !matches!(reason, Reason::Stopped) {
        conditions.set(ConditionType::Reconciling, true, reason, message);
    } else if let Some(why) = image_why {
        conditions.set(ConditionType::Reconciling, true, Reason::Building, why);
    }
}

/// Whether its current image failed, and what its Image object says, while it is not there.
fn image_trouble(wanted: &Wanted) -> Option<(bool, &str)> {
    match wanted {
        Wanted::Run(desired) => match &desired.image {
            DesiredImage::Invalid { why, failed, .. } => Some((*failed, why)),
            DesiredImage::Valid(_) => None,
        },
        Wanted::Stop | Wanted::Remove { .. } | Wanted::Unresolved(_) => None,
    }
}

/// The steps of the plan, for people.
fn doing(pass: &InstancePass<'_>) -> String {
    if pass.plan.steps.is_empty() {
        return "the engine is about to start its container again".to_owned();
    }
    let steps: Vec<_> = pass.plan.steps.iter().map(|planned| planned.step.name()).collect();
    steps.join(", ")
}

/// How a container ended, for people.
fn exit_words(container: Option<&Container>) -> Option<String> {
    let exit = container?.exit.as_ref()?;
    let memory = if exit.out_of_memory { ", out of memory" } else { "" };
    Some(format!("it ended with {}{memory}", exit.code))
}

fn held_words(held: &Held, pass: &InstancePass<'_>, container: Option<&Container>) -> (Reason, String) {
    let next = next_try(pass.memory.status.retry.as_ref());
    match held {
        Held::Backoff => {
            let how = exit_words(container).unwrap_or_else(|| "an earlier try failed".to_owned());
            (Reason::StepFailed, format!("{how}{next}"))
        }
        Held::CrashLoop => {
            let exit = container.and_then(|container| container.exit.as_ref());
            let reason = if exit.is_some_and(|exit| exit.out_of_memory) {
                Reason::OutOfMemory
            } else {
                Reason::CrashLoop
            };
            let how = exit_words(container).unwrap_or_default();
            (
                reason,
                format!("{how}{next}; `jackin logs` shows why, `jackin restart` tries at once"),
            )
        }
        Held::Removing => (Reason::Converging, "the engine is removing its container".to_owned()),
        Held::NameConflict(what) => (
            Reason::NameConflict,
            format!("{what}; rename or remove it, it is not touched"),
        ),
        Held::Mounts(what) => (mounts_reason(pass), what.clone()),
        Held::MountsUnread(what) => (Reason::MountSourceMissing, format!("could not look at {what}")),
        Held::Isolation(what) => (
            Reason::IsolationNotSupported,
            format!("{what}; this version mounts only `isolation: shared`"),
        ),
        Held::Program(what) => (Reason::AgentInstallFailed, what.clone()),
        Held::Image => (Reason::DependenciesNotReady, image_words(pass)),
        Held::CapsuleSilent => (
            Reason::CapsuleUnresponsive,
            "it runs and its capsule does not answer; `jackin restart` replaces what runs".to_owned(),
        ),
    }
}

/// When the next try is due, as the end of a message.
fn next_try(retry: Option<&Retry>) -> String {
    retry
        .map(|retry| format!("; failure {}, next try at {:.0}", retry.failures, retry.after))
        .unwrap_or_default()
}

fn image_words(pass: &InstancePass<'_>) -> String {
    image_trouble(pass.wanted).map_or_else(String::new, |(_, why)| format!("its image is not there yet: {why}"))
}
