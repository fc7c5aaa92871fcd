//! The record of a launch, written before its first step so that a crash can be read afterwards.

use jackin_api::kinds::{InstanceStatus, Launch, StepTiming};
use jackin_api::words::{ConditionType, Conditions, Phase, PlanKind, Reason};
use jiff::Timestamp;

use crate::ladder::Memory;
use crate::observed::Capsule;
use crate::step::{Held, Plan, Step};
use crate::world::Container;

use super::{InstancePass, Outcome, StepResult};

/// The status to write before a plan's steps begin; `None` when they begin nothing that is worth a record.
///
/// `id` names a launch that begins now. A launch that is already open goes on: its image was built meanwhile, say.
pub fn record(memory: &Memory, plan: &Plan, id: &str, now: Timestamp) -> Option<InstanceStatus> {
    let mut status = memory.status.clone();
    if plan.rests() && plan.idle != status.idle {
        // Whoever comes after a crash must not take what was stopped on purpose for something that ended.
        status.idle.clone_from(&plan.idle);
        status.phase = Phase::Stopping;
        return Some(status);
    }
    let chosen = plan.chosen?;
    let open = status.last_launch.take().filter(|launch| launch.duration_ms.is_none());
    // A launch begins with the wait for its image. That is written once, however long it takes.
    let waits = plan.held == Some(Held::Image) && open.is_none();
    if chosen == PlanKind::AttachExisting || (plan.steps.is_empty() && !waits) {
        return None;
    }
    let launch = open.unwrap_or_else(|| Launch {
        id: id.to_owned(),
        plan: chosen,
        started_at: now,
        duration_ms: None,
        steps: Vec::new(),
    });
    status.plan = Some(launch.plan);
    if launch.plan == chosen {
        status.rejected_plans.clone_from(&plan.rejected);
    }
    status.last_launch = Some(launch);
    status.phase = if chosen == PlanKind::BuildAndCreate { Phase::Building } else { Phase::Starting };
    let mut conditions = Conditions::new(&status.conditions, memory.generation, now);
    for kept in &memory.status.conditions {
        conditions.keep(kept);
    }
    let steps: Vec<_> = plan.steps.iter().map(|planned| planned.step.name()).collect();
    let doing = format!("{chosen}: {}", if steps.is_empty() { "its image".to_owned() } else { steps.join(", ") });
    conditions.set(ConditionType::Reconciling, true, Reason::Converging, doing.clone());
    conditions.set(ConditionType::Ready, false, Reason::Converging, doing);
    conditions.remove(ConditionType::Stalled);
    if plan.steps.iter().any(|planned| matches!(planned.step, Step::AwaitSidecar { .. })) {
        let waits = "waits until the engine of its sidecar answers";
        conditions.set(ConditionType::SidecarReady, false, Reason::SidecarStarting, waits);
    }
    status.conditions = conditions.finish();
    status.observed_generation = memory.generation;
    status.unread = None;
    Some(status)
}

/// The launch after its steps: their timings, and the whole duration once the capsule answered.
///
/// One that was interrupted ends when its capsule is seen to answer; one that came to nothing is forgotten.
pub(super) fn after(launch: Option<Launch>, pass: &InstancePass<'_>, container: Option<&Container>) -> Option<Launch> {
    let mut launch = launch?;
    if launch.duration_ms.is_some() {
        return Some(launch);
    }
    let done = pass.outcomes.iter().filter(|outcome| outcome.result == StepResult::Done);
    launch.steps.extend(done.map(|outcome| StepTiming {
        step: format!("{} {}", outcome.step, outcome.object),
        duration_ms: outcome.duration_ms,
    }));
    let stays =
        pass.plan.chosen == Some(PlanKind::AttachExisting) && matches!(pass.observed.capsule, Capsule::Answers(_));
    let started = container.and_then(|container| container.started_at);
    if stays && started.is_some_and(|started| started < launch.started_at) {
        return None;
    }
    if stays || is_done(pass.outcomes, "AwaitCapsule") {
        // A clock that was set back meanwhile makes it short, not endless.
        launch.duration_ms = Some(u64::try_from(pass.now.duration_since(launch.started_at).as_millis()).unwrap_or(0));
    }
    Some(launch)
}

/// Whether a step of this name is done.
pub(super) fn is_done(outcomes: &[Outcome], step: &str) -> bool {
    let mut outcomes = outcomes.iter();
    outcomes.any(|outcome| outcome.step == step && outcome.result == StepResult::Done)
}

/// Whether every step is done.
pub fn succeeded(outcomes: &[Outcome]) -> bool {
    outcomes.iter().all(|outcome| outcome.result == StepResult::Done)
}
