//! The record of a launch, written before its first step so that a crash can be read afterwards.

use jackin_api::kinds::{InstanceStatus, Launch, StepTiming};
use jackin_api::words::{ConditionType, Conditions, Phase, PlanKind, Reason};
use jiff::Timestamp;

use crate::ladder::Memory;
use crate::step::{Plan, Step};

use super::{Outcome, StepResult};

/// The status to write before a plan's steps begin; `None` when they begin nothing that is worth a record.
///
/// `id` names a launch that begins now. A launch that is already open goes on: its image was built meanwhile, say.
pub fn record(memory: &Memory, plan: &Plan, id: &str, now: Timestamp) -> Option<InstanceStatus> {
    let chosen = plan.chosen?;
    let launches = chosen != PlanKind::AttachExisting && (!plan.steps.is_empty() || chosen == PlanKind::BuildAndCreate);
    let is_open = memory
        .status
        .last_launch
        .as_ref()
        .is_some_and(|launch| launch.duration_ms.is_none());
    if !launches || (plan.steps.is_empty() && is_open) {
        return None;
    }
    let mut status = memory.status.clone();
    let open = status.last_launch.take().filter(|launch| launch.duration_ms.is_none());
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
    status.phase = if chosen == PlanKind::BuildAndCreate {
        Phase::Building
    } else {
        Phase::Starting
    };
    let mut conditions = Conditions::new(&status.conditions, memory.generation, now);
    for kept in &memory.status.conditions {
        conditions.keep(kept);
    }
    let steps: Vec<_> = plan.steps.iter().map(|planned| planned.step.name()).collect();
    let doing = format!(
        "{chosen}: {}",
        if steps.is_empty() {
            "its image".to_owned()
        } else {
            steps.join(", ")
        }
    );
    conditions.set(ConditionType::Reconciling, true, Reason::Converging, doing.clone());
    conditions.set(ConditionType::Ready, false, Reason::Converging, doing);
    conditions.remove(ConditionType::Stalled);
    status.conditions = conditions.finish();
    status.observed_generation = memory.generation;
    Some(status)
}

/// The launch after its steps: their timings, and the whole duration once the capsule answered.
pub(super) fn after(launch: Option<Launch>, plan: &Plan, outcomes: &[Outcome], now: Timestamp) -> Option<Launch> {
    let mut launch = launch?;
    if launch.duration_ms.is_some() {
        return Some(launch);
    }
    let done = outcomes.iter().filter(|outcome| outcome.result == StepResult::Done);
    launch.steps.extend(done.map(|outcome| StepTiming {
        step: format!("{} {}", outcome.step, outcome.object),
        duration_ms: outcome.duration_ms,
    }));
    let awaited = plan
        .steps
        .iter()
        .any(|planned| matches!(planned.step, Step::AwaitCapsule { .. }));
    if awaited && succeeded(outcomes) {
        launch.duration_ms = u64::try_from(now.duration_since(launch.started_at).as_millis()).ok();
    }
    Some(launch)
}

/// Whether every step is done.
pub fn succeeded(outcomes: &[Outcome]) -> bool {
    outcomes.iter().all(|outcome| outcome.result == StepResult::Done)
}
