//! What a suspended workspace's instances do: nothing, and what they would do shows.

use jackin_api::wire::SessionState::{Idle, Working};
use jackin_api::words::PlanKind::{AttachExisting, BuildAndCreate, CreateFromValidImage, StartStopped};
use jackin_api::words::{ConditionStatus, ConditionType, Phase, RejectionReason, find};
use jackin_plan::observed::Program;
use jackin_plan::step::{Held, LookAgain, WaitsFor};
use jackin_plan::world::ContainerState;

use crate::support::{Case, Model, digest, names, pending};

/// What waits, with the fields behind it; the plan has no step.
fn waits(case: Case) -> (Option<jackin_api::words::PlanKind>, Vec<String>) {
    let plan = case.suspended().plan();
    assert_eq!((&plan.steps, &plan.held), (&vec![], &Some(Held::Suspended)));
    assert_eq!(plan.look_again, LookAgain::OnChange);
    let pending = plan.pending.expect("a pending repair");
    assert_eq!(pending.waits_for, WaitsFor::Resume);
    (Some(pending.repair.plan), pending.repair.reasons.iter().map(ToString::to_string).collect())
}

fn fields(fields: &[&str]) -> Vec<String> {
    fields.iter().map(|field| (*field).to_owned()).collect()
}

#[test]
fn each_repair_is_held_back_and_shows_with_its_reasons() {
    let edited = ["~ mounts[/work].source"];
    assert_eq!(waits(Case::converged().mount_edited()), (Some(CreateFromValidImage), fields(&edited)));
    let limited = Case::converged().wanting(|desired| desired.limits.memory_bytes = Some(1));
    assert_eq!(waits(limited), (Some(AttachExisting), fields(&["~ resources.memory"])));
    assert_eq!(waits(Case::converged().state(ContainerState::Exited)), (Some(StartStopped), vec![]));
    assert_eq!(waits(Case::nothing()), (Some(CreateFromValidImage), vec![]));
    let building = Case::converged().without_container().image_building(None);
    assert_eq!(waits(building), (Some(BuildAndCreate), vec![]));
}

#[test]
fn a_repair_that_also_waits_for_sessions_is_told_with_what_could_change_under_them() {
    let case = Case::converged().session(Working, 1).mount_edited();
    let case = case.wanting(|desired| desired.limits.memory_bytes = Some(1));
    let both = fields(&["~ mounts[/work].source", "~ resources.memory"]);
    assert_eq!(waits(case.clone()), (Some(CreateFromValidImage), both));
    let (_, rejected) = pending(&case.suspended().plan()).expect("a pending repair");
    assert_eq!(rejected[0], (AttachExisting, RejectionReason::LaunchChanged));
}

#[test]
fn what_needs_nothing_is_not_held_back() {
    let plan = Case::converged().suspended().plan();
    assert_eq!((plan.held, plan.pending), (None, None));
    let moved = Case::converged().program(Program::Known { content: digest("codex 2") }).suspended().plan();
    assert_eq!(moved.held, None);
    assert_eq!(moved.pending.map(|pending| pending.waits_for), Some(WaitsFor::Restart));
}

#[test]
fn what_somebody_asks_for_is_still_done() {
    let plan = Case::converged().mount_edited().restart(false).suspended().plan();
    assert_eq!(names(&plan)[..2], ["CreateContainer", "StopContainer"]);
}

#[test]
fn the_repair_goes_on_when_the_workspace_is_no_longer_suspended() {
    let mut model = Model::new(Case::converged().session(Idle, 0).mount_edited().suspended());
    assert_eq!(model.settle(1), 0);
    model.case.desired.suspended = false;
    assert_eq!(model.settle(3), 1);
    assert_eq!(model.done[..2], ["CreateContainer", "StopContainer"]);
}

#[test]
fn one_that_serves_is_ready_and_one_that_does_not_is_stalled() {
    let summary = |case: Case| {
        let mut model = Model::new(case.suspended());
        model.pass(9);
        let status = model.case.memory.status;
        let of = |type_| {
            let condition = find(&status.conditions, type_)?;
            Some((condition.status, condition.reason.clone()))
        };
        (status.phase, of(ConditionType::Ready), of(ConditionType::Stalled), of(ConditionType::RepairPending))
    };
    let suspended = |status| Some((status, "Suspended".to_owned()));
    let (yes, no) = (suspended(ConditionStatus::True), suspended(ConditionStatus::False));
    assert_eq!(summary(Case::converged().mount_edited()), (Phase::Running, yes.clone(), None, yes.clone()));
    let exited = Case::converged().state(ContainerState::Exited);
    assert_eq!(summary(exited), (Phase::Pending, no, yes.clone(), yes));
}
