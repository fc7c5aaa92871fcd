//! When a repair that would end sessions goes ahead.

use jackin_api::kinds::DisruptionPolicy::{Always, Never, WhenIdle};
use jackin_api::wire::SessionState::{
    AuthNeeded, Idle, Starting, Unknown, WaitingForInput, WaitingForPermission, Working,
};
use jackin_api::words::PlanKind::StartStopped;
use jackin_api::words::{ConditionStatus, ConditionType, PlanKind, Reason, RejectionReason, find};
use jackin_plan::desired::DesiredImage;
use jackin_plan::observed::{Capsule, Program};
use jackin_plan::step::{Consent, Held, LookAgain, WaitsFor};
use jackin_plan::world::ContainerState;

use crate::support::{Case, Model, digest, names, session, steps};

fn main_session() -> WaitsFor {
    WaitsFor::Sessions(vec!["main".to_owned()])
}

#[test]
fn a_repair_waits_for_a_working_session_and_names_every_field() {
    let case = Case::converged().session(Working, 0).mount_edited();
    let plan = case.wanting(|desired| desired.mounts[0].read_only = true).image("recipe 2").plan();
    assert_eq!((plan.chosen, steps(&plan)), (Some(PlanKind::AttachExisting), vec![]));
    let pending = plan.pending.expect("a pending repair");
    assert_eq!((pending.repair.plan, pending.waits_for), (PlanKind::CreateFromValidImage, main_session()));
    let fields: Vec<_> = pending.repair.reasons.iter().map(ToString::to_string).collect();
    let expected = ["~ image", "~ mounts[/work].readOnly", "~ mounts[/work].source", "~ image.dockerfile"];
    assert_eq!(fields, expected);
}

#[test]
fn what_can_change_under_the_session_does_not_wait_with_the_rest() {
    let case = Case::converged().session(Working, 0).mount_edited();
    let plan = case.wanting(|desired| desired.limits.memory_bytes = Some(1 << 30)).plan();
    assert_eq!(names(&plan), ["UpdateContainer"]);
    assert!(plan.pending.is_some());
}

#[test]
fn every_state_but_idle_and_unattended_is_live() {
    let waits = |state, attached| Case::converged().session(state, attached).mount_edited().plan().pending.is_some();
    for state in [Starting, Working, WaitingForInput, WaitingForPermission, AuthNeeded, Unknown] {
        assert!(waits(state, 0), "{state:?}");
    }
    assert!(!waits(Idle, 0));
    assert!(waits(Idle, 1), "somebody looks at it");
}

#[test]
fn when_idle_a_session_that_waits_for_words_counts_as_idle() {
    let case = |state, attached| Case::converged().session(state, attached).mount_edited().policy(WhenIdle, None);
    assert!(case(Working, 0).plan().pending.is_some());
    assert!(case(WaitingForInput, 1).plan().pending.is_some());
    let plan = case(WaitingForInput, 0).plan();
    assert_eq!(plan.pending, None);
    assert_eq!(plan.steps[1].ends_sessions, Some(Consent::Policy));
}

#[test]
fn the_policy_always_does_not_wait() {
    let plan = Case::converged().session(Working, 1).mount_edited().policy(Always, None).plan();
    assert_eq!(plan.steps[1].step.name(), "StopContainer");
    assert_eq!(plan.steps[1].ends_sessions, Some(Consent::Policy));
}

#[test]
fn the_deadline_of_when_idle_ends_the_wait() {
    let mut model = Model::new(Case::converged().session(Working, 0).mount_edited().policy(WhenIdle, Some(60)));
    let plan = model.pass(9);
    assert_eq!(plan.look_again, LookAgain::AfterMs(61_000));
    let late = model.case.clone().later(20).plan();
    assert_eq!(late.look_again, LookAgain::AfterMs(40_000), "a pass in between does not begin the wait anew");
    assert!(late.pending.is_some());
    let plan = model.case.clone().later(60).plan();
    assert_eq!(plan.pending, None);
    assert_eq!(plan.steps[1].ends_sessions, Some(Consent::Policy));
}

#[test]
fn without_the_policy_when_idle_there_is_no_deadline() {
    let mut model = Model::new(Case::converged().session(Working, 0).mount_edited().policy(Never, Some(60)));
    assert_eq!(model.pass(9).look_again, LookAgain::OnChange);
    assert!(model.case.later(3600).plan().pending.is_some());
}

#[test]
fn the_time_that_a_version_waited_for_a_restart_does_not_count_towards_the_deadline() {
    let moved = Program::Known { content: digest("codex 2") };
    let case = Case::converged().session(Working, 0).policy(WhenIdle, Some(60)).program(moved);
    let mut model = Model::new(case);
    assert_eq!(model.pass(9).pending.map(|pending| pending.waits_for), Some(WaitsFor::Restart));
    model.case = model.case.clone().later(3600).mount_edited();
    assert!(model.pass(9).pending.is_some(), "its wait for the session begins now");
    let pending = find(&model.case.memory.status.conditions, ConditionType::RepairPending).expect("a condition");
    assert_eq!((pending.status, pending.reason.as_str()), (ConditionStatus::True, "SessionsLive"));
    assert_eq!(
        pending.last_transition_time,
        model.case.now.checked_sub(jiff::SignedDuration::from_secs(1)).expect("a time")
    );
    assert_eq!(model.case.later(60).plan().pending, None);
}

#[test]
fn a_request_does_not_wait() {
    let plan = Case::converged().session(Working, 1).mount_edited().restart(false).plan();
    assert_eq!(plan.steps[1].step.name(), "StopContainer");
    assert_eq!(plan.steps[1].ends_sessions, Some(Consent::Request));
}

#[test]
fn a_request_is_served_once() {
    let mut model = Model::new(Case::converged().session(Working, 1).restart(false));
    model.settle(2);
    assert_eq!(model.done.iter().filter(|step| **step == "StartContainer").count(), 1);
    assert_eq!(model.case.memory.status.restarted.as_deref(), Some("request-1"));
}

#[test]
fn a_silent_capsule_is_never_ended() {
    for case in [Case::converged(), Case::converged().mount_edited().policy(Always, None)] {
        let plan = case.silent().plan();
        assert_eq!((plan.held, plan.look_again), (Some(Held::CapsuleSilent), LookAgain::AfterMs(2_000)));
        assert_eq!(plan.steps, []);
    }
}

#[test]
fn a_silent_capsule_is_restarted_on_request() {
    let plan = Case::converged().silent().restart(false).plan();
    assert_eq!(names(&plan)[..2], ["StopContainer", "StartContainer"]);
    assert_eq!(plan.steps[0].ends_sessions, Some(Consent::Request));
}

#[test]
fn sessions_that_nobody_was_asked_about_are_not_ended() {
    let case = Case::converged().mount_edited().seeing(|observed| observed.capsule = Capsule::NotAsked);
    let plan = case.plan();
    assert_eq!(names(&plan), ["AwaitCapsule"]);
    assert_eq!(plan.pending.map(|pending| pending.waits_for), Some(WaitsFor::Sessions(vec![])));
}

#[test]
fn of_two_containers_that_run_neither_is_ended_without_a_request() {
    let mut case = Case::converged().session(Idle, 0);
    let mut second = case.made("c2", ContainerState::Running);
    second.name = case.temporary_name();
    case.observed.containers.push(second);
    let case = case.mount_edited();
    assert_eq!(steps(&case.plan()), [""; 0]);
    let mut model = Model::new(case.restart(true));
    model.settle(3);
    assert_eq!(model.case.observed.containers.len(), 1);
}

#[test]
fn versions_wait_for_a_restart_and_never_move_by_themselves() {
    let moved = Program::Known { content: digest("codex 2") };
    let case = Case::converged().program(moved).policy(Always, None);
    let plan = case.plan();
    assert_eq!((plan.chosen, steps(&plan)), (Some(PlanKind::AttachExisting), vec![]));
    let pending = plan.pending.expect("a pending repair");
    assert_eq!(pending.waits_for, WaitsFor::Restart);
    assert_eq!(pending.repair.reasons[0].to_string(), "~ agents[codex]");
    let mut case = Case::converged();
    case.site.capsule = digest("capsule 2");
    assert_eq!(case.plan().pending.expect("a pending repair").repair.reasons[0].to_string(), "~ capsule");
}

/// The image was built again from equal content, for this request where somebody asked.
fn built_again(case: Case, request: Option<&str>) -> Case {
    case.wanting(|desired| {
        let DesiredImage::Valid(image) = &mut desired.image else { panic!("no image") };
        image.id = "sha256:again".to_owned();
        desired.requested_build = request.map(str::to_owned);
    })
}

#[test]
fn an_image_that_was_built_again_on_request_waits_for_a_restart_and_another_build_of_the_same_does_not() {
    assert_eq!(built_again(Case::converged(), None).plan().pending, None);
    let case = built_again(Case::converged().policy(Always, None), Some("build-1"));
    let plan = case.plan();
    assert_eq!(steps(&plan), [""; 0], "whoever runs stays on the image that it has");
    let pending = plan.pending.expect("a pending repair");
    assert_eq!((pending.repair.plan, pending.waits_for), (PlanKind::CreateFromValidImage, WaitsFor::Restart));
    let reasons: Vec<_> = pending.repair.reasons.iter().map(ToString::to_string).collect();
    assert_eq!(reasons, ["+ image.build"]);
    let mut model = Model::new(case.restart(false));
    model.settle(2);
    assert_eq!(model.case.observed.containers[0].image.0, "sha256:again");
    model.case.desired.restart = None;
    assert_eq!(model.case.plan().pending, None);
    assert_eq!(built_again(model.case, None).plan().pending, None, "what is not known is no difference");
}

#[test]
fn what_does_not_run_takes_the_image_that_was_built_again_on_request_when_it_starts() {
    for state in [ContainerState::Exited, ContainerState::Created] {
        let plan = built_again(Case::converged().state(state), Some("build-1")).plan();
        assert_eq!(plan.chosen, Some(PlanKind::CreateFromValidImage), "{state:?}");
        let rejected = plan.rejected.iter().find(|rejection| rejection.plan == PlanKind::StartStopped);
        let rejected = rejected.expect("a start is rejected");
        assert_eq!((rejected.reason, rejected.message.as_str()), (RejectionReason::VersionChanged, "+ image.build"));
    }
    let frozen = built_again(Case::converged().state(ContainerState::Paused), Some("build-1")).plan();
    assert_eq!(names(&frozen)[..1], ["UnpauseContainer"], "what is frozen runs");
    assert_eq!(built_again(Case::converged().state(ContainerState::Exited), None).plan().chosen, Some(StartStopped));
}

#[test]
fn a_moved_pin_shows_before_anything_was_fetched_and_hides_no_other_change() {
    let moved = |case: Case| {
        case.program(Program::Unfetched).wanting(|desired| {
            let codex = desired.agents.get_mut("codex").expect("codex");
            codex.install.as_mut().and_then(|install| install.host_path.as_mut()).expect("a path").path =
                "/opt/2".to_owned();
        })
    };
    let plan = moved(Case::converged()).plan();
    assert_eq!(steps(&plan), [""; 0]);
    assert_eq!(plan.pending.expect("a pending repair").repair.reasons[0].to_string(), "~ agents[codex].install");
    let plan = moved(Case::converged()).mount_edited().plan();
    assert_eq!(names(&plan), ["FetchProgram"], "a replacement needs the program first");
}

#[test]
fn a_program_that_left_the_cache_is_no_difference() {
    let plan = Case::converged().program(Program::Unfetched).plan();
    assert_eq!((steps(&plan), plan.pending, plan.drift), (vec![], None, vec![]));
}

/// Passes over a chain of edits while the session works, and after it.
fn edited_one_after_the_other(edits: [fn(Case) -> Case; 3]) -> Model {
    let mut model = Model::new(Case::converged().session(Working, 1));
    for edit in edits {
        model.case = edit(model.case.clone());
        assert_eq!(model.settle(1), 0, "{:?}", model.done);
        assert!(model.case.memory.status.pending_repair.is_some());
    }
    model
}

#[test]
fn a_chain_of_edits_costs_one_repair_and_the_last_spec_is_what_it_brings() {
    let another = |case: Case| case.wanting(|desired| desired.mounts[0].read_only = true);
    let mut model = edited_one_after_the_other([Case::mount_edited, |case| case.image("recipe 2"), another]);
    model.case = model.case.clone().session(Idle, 0);
    model.settle(2);
    assert_eq!(model.done.iter().filter(|step| **step == "CreateContainer").count(), 1);
    assert_eq!(model.case.plan().drift, []);
}

#[test]
fn an_edit_that_is_taken_back_costs_nothing_whatever_was_edited_in_between() {
    let mut model = edited_one_after_the_other([
        Case::mount_edited,
        |case| case.image("recipe 2"),
        |case| case.wanting(|desired| desired.mounts[0].read_only = true),
    ]);
    model.case = model.case.clone().image("recipe 1").wanting(|desired| {
        desired.mounts[0].source = "/src/shop".to_owned();
        desired.mounts[0].read_only = false;
    });
    model.case = model.case.clone().session(Idle, 0);
    assert_eq!(model.settle(1), 0);
    assert_eq!((model.done.len(), model.case.memory.status.pending_repair.clone()), (0, None));
}

#[test]
fn a_spec_that_goes_back_and_forth_while_a_session_works_replaces_nothing() {
    let mut model = Model::new(Case::converged().session(Working, 0));
    for _ in 0..5 {
        let before = model.case.clone();
        model.case = before.clone().mount_edited();
        assert_eq!(model.settle(1), 0);
        model.case.desired.mounts = before.desired.mounts;
        assert_eq!(model.settle(1), 0);
    }
    assert_eq!(model.case.plan().pending, None);
}

#[test]
fn only_live_sessions_are_named() {
    let sessions = vec![
        session("main", Idle, 0),
        session("tab", Working, 0),
        session("done", jackin_api::wire::SessionState::Exited, 0),
    ];
    let plan = Case::converged().answering(sessions).mount_edited().plan();
    let waits_for = plan.pending.expect("a pending repair").waits_for;
    assert_eq!(waits_for, WaitsFor::Sessions(vec!["tab".to_owned()]));
    assert_eq!(Reason::SessionsLive.to_string(), "SessionsLive");
}
