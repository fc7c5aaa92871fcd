//! Instances in which nobody works are stopped, and stay so until somebody comes.

use jackin_api::kinds::DisruptionPolicy::{self, Always, Never, WhenIdle};
use jackin_api::kinds::Idle;
use jackin_api::wire::{Millis, SessionState};
use jackin_api::words::{ConditionStatus, ConditionType, Phase, Reason, find};
use jackin_plan::resolve::Wanted;
use jackin_plan::step::{Consent, Held, LookAgain, StepReason};
use jackin_plan::world::ContainerState;
use jiff::SignedDuration;

use crate::support::{Case, Model, names, session};

/// Stopped after a minute in which nobody works.
fn minute(case: Case) -> Case {
    case.wanting(|desired| desired.idle_after_seconds = Some(60))
}

/// Nobody works in it, and that was seen for the first time.
fn seen() -> Model {
    let mut model = Model::new(minute(Case::converged()));
    assert_eq!(model.pass(9).look_again, LookAgain::AfterMs(60_001));
    model
}

/// The same a minute later, stopped.
fn resting() -> Model {
    let mut model = seen();
    model.case = model.case.later(60);
    assert_eq!(names(&model.pass(9)), ["StopContainer"]);
    model
}

fn is_stopped(case: &Case) -> bool {
    names(&case.plan()) == ["StopContainer"]
}

#[test]
fn an_instance_is_stopped_once_nobody_has_worked_for_so_long_and_not_before() {
    let model = seen();
    let early = model.case.clone().later(58).plan();
    assert_eq!((early.steps.len(), early.look_again), (0, LookAgain::AfterMs(1_001)), "it wakes when it is due");
    let due = model.case.later(59).plan();
    assert_eq!((names(&due).join(" "), due.chosen), ("StopContainer".to_owned(), None));
    assert_eq!(
        (&due.steps[0].reasons, due.steps[0].ends_sessions),
        (&vec![StepReason::Idle], Some(Consent::NoLiveSession))
    );
}

#[test]
fn without_the_field_nothing_is_stopped_and_nothing_is_written_down() {
    let mut model = Model::new(Case::converged());
    let plan = model.pass(9);
    assert_eq!((plan.look_again, model.case.memory.status.idle.clone()), (LookAgain::OnChange, None));
    assert!(model.case.later(1_000_000).plan().steps.is_empty());
}

#[test]
fn the_moment_is_written_down_once() {
    let mut model = seen();
    let known = model.case.memory.status.idle.clone();
    model.case = model.case.later(20);
    model.pass(9);
    assert_eq!(model.case.memory.status.idle, known);
}

#[test]
fn who_works_begins_the_time_anew() {
    let mut model = seen();
    model.case = model.case.session(SessionState::Working, 0).later(59);
    assert!(!is_stopped(&model.case));
    model.pass(9);
    assert_eq!(model.case.memory.status.idle, None);
    model.case = model.case.session(SessionState::Idle, 0);
    assert_eq!(model.pass(9).look_again, LookAgain::AfterMs(60_001));
}

#[test]
fn a_session_is_live_by_its_state_its_viewers_and_the_policy() {
    use SessionState::{AuthNeeded, Exited, Idle, Starting, Unknown, WaitingForInput, WaitingForPermission, Working};
    let stops = |state, attached, policy: DisruptionPolicy| {
        is_stopped(&seen().case.session(state, attached).policy(policy, None).later(60))
    };
    for policy in [Never, WhenIdle, Always] {
        for state in [Starting, Working, WaitingForPermission, AuthNeeded, Unknown] {
            assert!(!stops(state, 0, policy), "{state:?} {policy:?}");
        }
        assert!(stops(Idle, 0, policy) && stops(Exited, 0, policy), "{policy:?}");
        assert!(!stops(Idle, 1, policy), "somebody looks {policy:?}");
        assert_eq!(stops(WaitingForInput, 0, policy), policy != Never, "{policy:?}");
    }
}

#[test]
fn who_cannot_be_asked_is_not_idle() {
    for case in [seen().case.silent(), seen().case.not_asked(), seen().case.state(ContainerState::Paused)] {
        let plan = case.later(600).plan();
        assert!(plan.steps.iter().all(|planned| planned.step.name() != "StopContainer"), "{plan:#?}");
        assert_eq!(plan.idle, None, "the time begins anew when it answers");
    }
}

#[test]
fn what_a_session_printed_while_nobody_watched_counts() {
    let case = seen().case.later(60);
    let mut worked = session("main", SessionState::Idle, 0);
    let at = case.now.checked_sub(SignedDuration::from_secs(10)).expect("a time").as_millisecond();
    worked.last_output_at = Some(Millis(u64::try_from(at).expect("after 1970")));
    let plan = case.answering(vec![worked]).plan();
    assert_eq!((plan.steps.len(), plan.look_again), (0, LookAgain::AfterMs(50_001)));
}

#[test]
fn a_container_that_was_started_since_begins_the_time_anew() {
    let case = seen().case.later(60);
    let started = case.now.checked_sub(SignedDuration::from_secs(10)).ok();
    let plan = case.container(|container| container.started_at = started).plan();
    assert_eq!((plan.steps.len(), plan.look_again), (0, LookAgain::AfterMs(50_001)));
}

#[test]
fn what_is_to_be_repaired_is_repaired_first_and_nothing_is_stopped_while_suspended() {
    let drifted = seen().case.later(60).container(|container| container.limits.memory_bytes = Some(1));
    assert_eq!(names(&drifted.plan()), ["UpdateContainer"]);
    assert!(!is_stopped(&seen().case.later(60).suspended()));
}

#[test]
fn it_stays_stopped_whatever_moves_and_says_why() {
    let mut model = resting();
    assert_eq!(model.settle(1), 0);
    let status = &model.case.memory.status;
    let ready = find(&status.conditions, ConditionType::Ready).expect("a condition");
    assert_eq!((status.phase, ready.status), (Phase::Stopped, ConditionStatus::False));
    assert_eq!(ready.reason, Reason::Idle.to_string());
    assert!(ready.message.contains("`jackin start`"), "{}", ready.message);
    assert!(find(&status.conditions, ConditionType::Reconciling).is_none());
    let moved = [
        model.case.clone().later(100_000),
        model.case.clone().mount_edited(),
        model.case.clone().without_container(),
        model.case.clone().wanting(|desired| desired.idle_after_seconds = Some(1_000_000)),
        model.case.clone().wanting(|desired| desired.idle_after_seconds = None),
    ];
    for case in moved {
        let plan = case.plan();
        assert!(plan.steps.is_empty() && plan.rests(), "{plan:#?}");
    }
    let unresolved = model.case.plan_for(&Wanted::Unresolved(vec![]));
    assert!(unresolved.rests(), "what comes back is no reason to start it");
}

#[test]
fn a_request_starts_it_once_and_the_time_begins_anew() {
    let started = resting().case.wanting(|desired| desired.start = Some("request-1".to_owned()));
    let restarted = resting().case.restart(false);
    for case in [started, restarted] {
        let mut model = Model::new(case);
        assert_eq!(names(&model.pass(9))[0], "StartContainer");
        model.case = model.case.session(SessionState::Idle, 0);
        model.settle(2);
        assert!(!is_stopped(&model.case.clone().later(50)));
        model.case = model.case.later(70);
        assert_eq!(names(&model.pass(9)), ["StopContainer"]);
        assert_eq!(model.settle(1), 0, "the request was served");
    }
}

#[test]
fn a_stop_that_was_interrupted_is_finished_and_not_undone() {
    let mut model = seen();
    model.case = model.case.later(60);
    model.pass(0);
    assert!(
        model.case.memory.status.idle.as_ref().is_some_and(|idle| idle.stopped.is_some()),
        "it is written down before"
    );
    assert!(is_stopped(&model.case), "nothing was done yet");
    assert!(!is_stopped(&model.case.clone().session(SessionState::Working, 0)), "somebody came meanwhile");
    let ended = model.case.state(ContainerState::Exited).plan();
    assert!(ended.rests() && ended.steps.is_empty(), "{ended:#?}");
}

#[test]
fn a_stop_that_failed_is_tried_again_when_that_is_due() {
    let plan = seen().case.later(60).failed(3, 7).plan();
    assert_eq!((plan.steps.len(), plan.held, plan.look_again), (0, None::<Held>, LookAgain::AfterMs(7_000)));
}

#[test]
fn a_clock_that_is_set_back_makes_it_late_and_not_early() {
    let mut case = seen().case;
    let ahead = case.now.checked_add(SignedDuration::from_hours(1)).expect("a time");
    case.memory.status.idle = Some(Idle { since: ahead, stopped: None, start: None });
    let plan = case.plan();
    assert_eq!((plan.steps.len(), plan.look_again), (0, LookAgain::AfterMs(60_001)));
    assert_eq!(plan.idle.map(|idle| idle.since), Some(case.now));
}
