//! What an instance's status says after a pass.

use jackin_api::kinds::InstanceStatus;
use jackin_api::wire::Millis;
use jackin_api::wire::SessionState::{AuthNeeded, Exited, Idle, WaitingForInput, WaitingForPermission, Working};
use jackin_api::words::{Condition, ConditionStatus, ConditionType, Phase, PlanKind, Reason, find};
use jackin_plan::observed::MountSourceState;
use jackin_plan::resolve::Wanted;
use jackin_plan::status::{self, InstancePass, Outcome, ReasonWord, StepResult, Unseen};
use jackin_plan::world::{ContainerState, Exit};
use jiff::Timestamp;

use crate::support::{Case, Model, session};

/// The status after a pass in which the step of this name fails, those that need it do not begin, and all others are done.
fn after(case: &Case, failing: Option<&str>) -> InstanceStatus {
    after_wanting(case, &case.wanted(), failing)
}

fn after_wanting(case: &Case, wanted: &Wanted, failing: Option<&str>) -> InstanceStatus {
    after_failure(case, wanted, failing, Reason::EngineRefused)
}

fn after_failure(case: &Case, wanted: &Wanted, failing: Option<&str>, reason: Reason) -> InstanceStatus {
    let plan = case.plan_for(wanted);
    let mut outcomes: Vec<Outcome> = Vec::new();
    for planned in &plan.steps {
        let ready = planned.needs.iter().all(|needs| outcomes[*needs].result == StepResult::Done);
        let result = if !ready {
            StepResult::NotBegun
        } else if failing == Some(planned.step.name()) {
            StepResult::Failed { reason: ReasonWord(reason), message: "the engine refused".to_owned() }
        } else {
            StepResult::Done
        };
        outcomes.push(Outcome { step: planned.step.name(), object: planned.step.object(), duration_ms: 1, result });
    }
    status::instance(&InstancePass {
        site: &case.site,
        wanted,
        observed: &case.observed,
        plan: &plan,
        outcomes: &outcomes,
        memory: &case.memory,
        now: case.now,
        jitter: 0.0,
    })
}

fn the(status: &InstanceStatus, type_: ConditionType) -> &Condition {
    find(&status.conditions, type_).unwrap_or_else(|| panic!("no {type_} in {:#?}", status.conditions))
}

fn is(status: &InstanceStatus, type_: ConditionType) -> Option<ConditionStatus> {
    find(&status.conditions, type_).map(|condition| condition.status)
}

/// `Ready`, and whether `Reconciling` and `Stalled` are stated.
fn summary(status: &InstanceStatus) -> (ConditionStatus, bool, bool) {
    let stated = |type_| is(status, type_).is_some();
    (the(status, ConditionType::Ready).status, stated(ConditionType::Reconciling), stated(ConditionType::Stalled))
}

const READY: (ConditionStatus, bool, bool) = (ConditionStatus::True, false, false);
const RECONCILING: (ConditionStatus, bool, bool) = (ConditionStatus::False, true, false);
const STALLED: (ConditionStatus, bool, bool) = (ConditionStatus::False, false, true);

#[test]
fn a_converged_instance_is_ready_and_says_nothing_abnormal() {
    let status = after(&Case::converged(), None);
    assert_eq!((summary(&status), status.phase), (READY, Phase::Running));
    assert_eq!(is(&status, ConditionType::RepairPending), Some(ConditionStatus::False));
    assert_eq!(is(&status, ConditionType::CapsuleReady), Some(ConditionStatus::True));
    assert_eq!((status.sessions.len(), status.observed_generation), (1, 1));
}

#[test]
fn a_second_identical_pass_gives_an_identical_status() {
    let pending = Case::converged().session(Working, 1).mount_edited();
    let missing =
        Case::nothing().seeing(|observed| _ = observed.mounts.insert("/work".to_owned(), MountSourceState::Missing));
    let waits_for_image =
        Case::converged().without_container().image_building(None).launch_open(PlanKind::BuildAndCreate);
    let looping = Case::converged().state(ContainerState::Exited).failed(4, 90);
    let failed = Case::nothing().failed(1, 90);
    for mut case in [Case::converged(), pending, Case::converged().silent(), missing, waits_for_image, looping, failed]
    {
        let first = after(&case, None);
        case.memory.status = first.clone();
        assert_eq!(status::record(&case.memory, &case.plan(), "launch-2", case.now), None);
        let second = after(&case.clone().later(20), None);
        assert_eq!(second, first);
    }
}

#[test]
fn a_pending_repair_names_its_fields_and_leaves_the_instance_ready() {
    let status = after(&Case::converged().session(Working, 1).mount_edited(), None);
    assert_eq!(summary(&status), READY);
    let pending = the(&status, ConditionType::RepairPending);
    let expected = "CreateFromValidImage because of ~ mounts[/work].source; waits for live sessions (main); `jackin restart` does it now";
    assert_eq!((pending.reason.as_str(), pending.message.as_str()), ("SessionsLive", expected));
    assert_eq!(is(&status, ConditionType::Drifted), Some(ConditionStatus::True));
    assert_eq!(status.pending_repair.map(|repair| repair.reasons.len()), Some(1));
}

#[test]
fn transition_times_stay_while_a_condition_does() {
    let mut case = Case::converged();
    case.memory.status = after(&case, None);
    let ready = the(&case.memory.status, ConditionType::Ready).last_transition_time;
    let case = case.later(60).session(Working, 0).mount_edited();
    let status = after(&case, None);
    assert_eq!(the(&status, ConditionType::Ready).last_transition_time, ready);
    assert_eq!(the(&status, ConditionType::RepairPending).last_transition_time, case.now);
}

#[test]
fn a_pass_with_steps_is_reconciling_until_they_are_seen_to_hold() {
    let status = after(&Case::nothing(), None);
    assert_eq!((summary(&status), status.phase), (RECONCILING, Phase::Starting));
    assert_eq!(status.plan, Some(PlanKind::CreateFromValidImage));
    assert_eq!(status.rejected_plans.len(), 3);
}

#[test]
fn a_failed_step_is_told_with_its_cause_and_tried_again_later() {
    let status = after(&Case::nothing(), Some("CreateContainer"));
    let ready = the(&status, ConditionType::Ready);
    assert_eq!((ready.status, ready.reason.as_str()), (ConditionStatus::False, "EngineRefused"));
    assert!(ready.message.starts_with("the engine refused"), "{}", ready.message);
    assert_eq!((status.retry.as_ref().map(|retry| retry.failures), status.phase), (Some(1), Phase::Failed));
    let mut case = Case::nothing();
    case.memory.status = status;
    let held = after(&case, None);
    assert!(the(&held, ConditionType::Ready).message.starts_with("the engine refused"));
    assert_eq!(summary(&held), RECONCILING);
}

#[test]
fn a_container_that_ended_during_the_wait_is_not_called_ready() {
    let mut case = Case::converged();
    case.memory.status = after(&case, None);
    let case = case.state(ContainerState::Exited).failed(1, 5);
    let status = after(&case, None);
    assert_eq!(summary(&status), RECONCILING);
    assert!(the(&status, ConditionType::Ready).message.contains("it ended with 137"));
}

#[test]
fn what_only_somebody_can_mend_is_stalled() {
    let foreign = Case::nothing();
    let holder = foreign.made("foreign", ContainerState::Running);
    let foreign = foreign.seeing(|observed| observed.name_holder = Some(holder));
    let missing =
        Case::nothing().seeing(|observed| _ = observed.mounts.insert("/work".to_owned(), MountSourceState::Missing));
    for (case, reason) in [(foreign, "NameConflict"), (missing, "MountSourceMissing")] {
        let status = after(&case, None);
        assert_eq!((summary(&status), status.phase), (STALLED, Phase::Failed));
        assert_eq!(the(&status, ConditionType::Ready).reason, reason);
    }
    let status = after_wanting(&Case::converged(), &Wanted::Unresolved(vec![]), None);
    assert_eq!((summary(&status), status.phase), (STALLED, Phase::Running));
}

#[test]
fn a_forbidden_mount_has_a_reason_of_its_own() {
    let part = "~/.ssh".to_owned();
    let forbidden = MountSourceState::Forbidden { part };
    let case = Case::nothing().seeing(|observed| _ = observed.mounts.insert("/work".to_owned(), forbidden));
    let status = after(&case, None);
    assert_eq!(the(&status, ConditionType::WorkspaceMaterialized).reason, "MountSourceForbidden");
    assert_eq!(the(&status, ConditionType::Ready).reason, "MountSourceForbidden");
}

#[test]
fn a_mount_that_could_not_be_looked_at_is_unknown() {
    let error = "denied".to_owned();
    let unread = MountSourceState::Unreadable { error };
    let case = Case::converged().seeing(|observed| _ = observed.mounts.insert("/work".to_owned(), unread));
    let status = after(&case, None);
    assert_eq!(is(&status, ConditionType::WorkspaceMaterialized), Some(ConditionStatus::Unknown));
    assert_eq!(summary(&status), READY);
}

#[test]
fn a_crash_loop_tells_how_it_ended_and_what_to_do() {
    let case = Case::converged().state(ContainerState::Exited).failed(4, 60);
    let status = after(&case, None);
    let ready = the(&status, ConditionType::Ready);
    assert_eq!((summary(&status), ready.reason.as_str()), (STALLED, "CrashLoop"));
    assert!(ready.message.contains("137") && ready.message.contains("jackin logs"), "{}", ready.message);
    let case = case.seeing(|observed| observed.output = Some(format!("{}the reason", "-".repeat(5_000))));
    let case = case.container(|container| {
        if let Some(exit) = &mut container.exit {
            exit.out_of_memory = true;
        }
    });
    let status = after(&case, None);
    let ready = the(&status, ConditionType::Ready);
    assert_eq!(ready.reason, "OutOfMemory");
    assert!(ready.message.ends_with("-the reason") && ready.message.len() < 1_500, "{}", ready.message);
    let exit = status.retry.and_then(|retry| retry.last_exit).expect("how it ended");
    assert_eq!((exit.code, exit.out_of_memory, exit.output.chars().count()), (137, true, 1_000));
}

#[test]
fn a_container_that_the_engine_starts_again_and_again_is_a_crash_loop_too() {
    let mut case = Case::converged().state(ContainerState::Restarting);
    for end in 0..3 {
        assert_eq!(the(&after(&case, None), ConditionType::Ready).reason, "Converging", "{end}");
        case = case.later(1);
        let now = case.now;
        case = case.container(|container| {
            container.started_at = Some(now);
            container.exit = Some(Exit { code: 3, out_of_memory: false, error: None, finished_at: Some(now) });
        });
        case.memory.status = after(&case, None);
        assert_eq!(after(&case, None), case.memory.status, "an end is counted once");
    }
    let ready = the(&case.memory.status, ConditionType::Ready);
    assert_eq!(ready.reason, "CrashLoop");
    assert!(ready.message.starts_with("it ended with 3; failure 3 since"), "{}", ready.message);
}

#[test]
fn a_container_that_lived_shortly_is_a_failure_and_one_that_stays_up_forgives() {
    let short = Case::converged().state(ContainerState::Exited).container(|container| {
        container.started_at = container.exit.as_ref().and_then(|exit| exit.finished_at);
    });
    assert_eq!(after(&short, None).retry.map(|retry| retry.failures), Some(1));
    let long = Case::converged().state(ContainerState::Exited);
    assert_eq!(after(&long, None).retry, None);
    assert_eq!(after(&Case::converged().failed(3, -1), None).retry, None);
}

#[test]
fn a_stopped_instance_is_stopped_and_not_reconciling() {
    let stopping = after_wanting(&Case::converged(), &Wanted::Stop, None);
    assert_eq!((summary(&stopping), stopping.phase), (RECONCILING, Phase::Stopping));
    let stopped = after_wanting(&Case::converged().state(ContainerState::Exited), &Wanted::Stop, None);
    assert_eq!(summary(&stopped), (ConditionStatus::False, false, false));
    assert_eq!((stopped.phase, the(&stopped, ConditionType::Ready).reason.as_str()), (Phase::Stopped, "Stopped"));
}

#[test]
fn a_session_that_waits_for_a_person_shows_and_one_that_ended_does_not() {
    let mut ended = session("done", Exited, 0);
    ended.state = WaitingForPermission;
    let case = Case::converged().answering(vec![session("main", WaitingForPermission, 0), ended]);
    let status = after(&case, None);
    let needed = the(&status, ConditionType::NeedsInput);
    assert_eq!(
        (needed.reason.as_str(), needed.message.as_str()),
        ("WaitingForPermission", "main (WaitingForPermission)")
    );
    let states: Vec<_> = status.sessions.iter().map(|session| session.state.as_str()).collect();
    assert_eq!(states, ["WaitingForPermission", "Exited"]);
}

#[test]
fn of_those_that_wait_the_longest_gives_the_reason_and_each_says_why_and_since_when() {
    let at = |name: &str, state, since, evidence: &str| {
        let mut session = session(name, state, 0);
        (session.state_since, session.evidence) = (Some(Millis(since)), evidence.to_owned());
        session
    };
    let sessions = vec![
        at("late", WaitingForInput, 9000, "hook Stop"),
        at("early", AuthNeeded, 5000, "screen: `Sign in`"),
        at("busy", Working, 1000, "title: `*`"),
    ];
    let status = after(&Case::converged().answering(sessions), None);
    let needed = the(&status, ConditionType::NeedsInput);
    assert_eq!(needed.reason, "AuthNeeded");
    assert_eq!(needed.message, "early (AuthNeeded, screen: `Sign in`), late (WaitingForInput, hook Stop)");
    let told: Vec<_> = status.sessions.iter().map(|session| (session.since, session.evidence.as_str())).collect();
    let second = |second| Some(Timestamp::from_second(second).expect("a time"));
    // What a session that works is seen by changes all the while, and no status is written for that.
    assert_eq!(told, [(second(9), "hook Stop"), (second(5), "screen: `Sign in`"), (second(1), "")]);
}

#[test]
fn the_engine_that_cannot_be_read_leaves_what_was_known_and_claims_nothing() {
    let mut case = Case::converged().session(Working, 1).mount_edited();
    case.memory.status = after(&case, None);
    let unseen = Unseen { reason: Reason::EngineUnreachable, message: "connect: no such file".to_owned() };
    let unknown = status::unknown(&case.memory, &unseen, case.now, 0.0);
    assert_eq!(unknown.phase, Phase::Unknown);
    assert_eq!((&unknown.container, &unknown.sessions), (&case.memory.status.container, &case.memory.status.sessions));
    for type_ in [ConditionType::Ready, ConditionType::CapsuleReady, ConditionType::Drifted] {
        assert_eq!(is(&unknown, type_), Some(ConditionStatus::Unknown), "{type_}");
    }
    assert_eq!(the(&unknown, ConditionType::RepairPending), the(&case.memory.status, ConditionType::RepairPending));
    assert_eq!((is(&unknown, ConditionType::Reconciling), is(&unknown, ConditionType::Stalled)), (None, None));
    case.memory.status = unknown.clone();
    let other = Unseen { reason: Reason::EngineTimeout, message: "no answer".to_owned() };
    assert_eq!(status::unknown(&case.memory, &other, case.now, 1.0), unknown, "nothing is tried before it is due");
    let again = status::unknown(&case.memory, &other, case.clone().later(1).now, 0.0);
    let expected = "no answer; tried 2 times since 2026-11-01T12:00:00Z, next try at 2026-11-01T12:00:03Z; \
        nothing is changed until it answers; `jackin controller status` tells which engine is asked";
    let ready = the(&again, ConditionType::Ready);
    assert_eq!((ready.reason.as_str(), ready.message.as_str()), ("EngineTimeout", expected));
    case.memory.status = again;
    assert_eq!(after(&case, None).unread, None);
}

#[test]
fn a_step_whose_effect_is_not_known_is_neither_done_nor_failed_and_is_not_held_against_the_container() {
    let case = Case::converged().state(ContainerState::Exited);
    for (reason, ready, phase, ends) in [
        (Reason::EngineTimeout, ConditionStatus::Unknown, Phase::Unknown, 0),
        (Reason::EngineNoSpace, ConditionStatus::False, Phase::Failed, 0),
        (Reason::EngineRefused, ConditionStatus::False, Phase::Failed, 1),
    ] {
        let status = after_failure(&case, &case.wanted(), Some("StartContainer"), reason);
        assert_eq!((the(&status, ConditionType::Ready).status, status.phase), (ready, phase), "{reason}");
        let retry = status.retry.expect("a record");
        assert_eq!((retry.failures, retry.ends), (1, ends), "{reason}");
    }
}

#[test]
fn an_end_counts_once_also_where_the_next_start_fails_for_another_reason() {
    let mut case = Case::converged().state(ContainerState::Exited).container(|container| {
        container.started_at = container.exit.as_ref().and_then(|exit| exit.finished_at);
    });
    for (step, ends) in [("Personalise", 1), ("CreateNetwork", 1)] {
        case.memory.status = after_failure(&case, &case.wanted(), Some(step), Reason::EngineTimeout);
        assert_eq!(case.memory.status.retry.as_ref().map(|retry| retry.ends), Some(ends), "{step}");
    }
}

#[test]
fn a_request_counts_as_served_when_the_container_was_started_whatever_failed_after() {
    let case = Case::converged().restart(false);
    assert_eq!(after(&case, Some("StartContainer")).restarted, None);
    assert_eq!(after(&case, Some("Personalise")).restarted.as_deref(), Some("request-1"));
}

#[test]
fn a_launch_has_its_plan_steps_and_duration() {
    let mut model = Model::new(Case::nothing());
    model.settle(2);
    let launch = model.case.memory.status.last_launch.clone().expect("a launch");
    assert_eq!((launch.plan, launch.duration_ms), (PlanKind::CreateFromValidImage, Some(0)));
    assert!(launch.steps.iter().any(|step| step.step.starts_with("CreateContainer")));
    assert_eq!(model.case.memory.status.plan, Some(PlanKind::CreateFromValidImage));
}

#[test]
fn a_launch_goes_on_from_the_wait_for_its_image_to_the_answer_of_the_capsule() {
    let mut model = Model::new(Case::nothing().image_building(None));
    model.pass(9);
    model.pass(9);
    assert_eq!(model.case.memory.status.phase, Phase::Building);
    model.case = model.case.clone().image("recipe 1");
    model.settle(2);
    let launch = model.case.memory.status.last_launch.clone().expect("a launch");
    assert_eq!((launch.plan, launch.duration_ms), (PlanKind::BuildAndCreate, Some(2_000)));
    assert_eq!(model.case.memory.status.plan, Some(PlanKind::BuildAndCreate));
}

#[test]
fn an_interrupted_launch_ends_when_its_capsule_answers_and_one_that_came_to_nothing_is_forgotten() {
    let started = |case: &Case| case.now.checked_sub(jiff::SignedDuration::from_secs(5)).ok();
    let case = Case::converged().session(Idle, 0).launch_open(PlanKind::CreateFromValidImage);
    let now = started(&case);
    let finished = after(&case.clone().container(|container| container.started_at = now), None);
    assert_eq!(finished.last_launch.and_then(|launch| launch.duration_ms), Some(60_000));
    assert_eq!(after(&case, None).last_launch, None);
}

#[test]
fn a_plan_that_is_held_back_is_not_recorded_as_a_launch() {
    let missing =
        Case::nothing().seeing(|observed| _ = observed.mounts.insert("/work".to_owned(), MountSourceState::Missing));
    for case in [missing.clone(), missing.image_building(None)] {
        assert_eq!(status::record(&case.memory, &case.plan(), "launch-1", case.now), None);
    }
}
