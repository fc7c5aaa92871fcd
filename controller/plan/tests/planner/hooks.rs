//! Hooks before the first session: what is told of them, and when one that failed is tried again.

use jackin_api::kinds::InstanceStatus;
use jackin_api::wire::{Exit, Hook, HookRun, Millis, SessionState};
use jackin_api::words::{ConditionStatus, ConditionType, Reason};
use jackin_plan::backoff;
use jackin_plan::observed::Capsule;
use jackin_plan::status::{self, InstancePass, Outcome, StepResult};
use jackin_plan::step::{Held, LookAgain, Step};
use jackin_plan::world::ContainerState;

use crate::support::{Case, session};

/// The first session of a role with a preflight, which ended with 3 at this second.
fn failed_at(second: u64) -> Case {
    let run = HookRun {
        hook: Hook::Preflight,
        session: "id-main".to_owned(),
        started_at: Millis(1_793_534_400_000 + second * 1000),
        duration_ms: Some(700),
        exit: Some(Exit::with_code(3)),
        error: None,
        output: "no database".to_owned(),
    };
    let mut case = with_preflight();
    let mut main = session("main", SessionState::Exited, 0);
    main.failed_hook = Some(Box::new(run.clone()));
    case = case.answering(vec![main]);
    let Capsule::Answers(status) = &mut case.observed.capsule else { panic!("it answers") };
    status.hooks.push(run);
    case
}

fn with_preflight() -> Case {
    let mut case = Case::converged().wanting(|desired| desired.hooks = vec![Hook::Preflight]);
    case.observed.containers = vec![case.made("c1", ContainerState::Running)];
    case
}

/// The status after a pass in which every step is done.
fn after(case: &Case) -> InstanceStatus {
    let plan = case.plan();
    let outcome =
        |step: &Step| Outcome { step: step.name(), object: step.object(), duration_ms: 1, result: StepResult::Done };
    let outcomes: Vec<_> = plan.steps.iter().map(|planned| outcome(&planned.step)).collect();
    status::instance(&InstancePass {
        site: &case.site,
        wanted: &case.wanted(),
        observed: &case.observed,
        plan: &plan,
        outcomes: &outcomes,
        memory: &case.memory,
        now: case.now,
        jitter: 0.0,
    })
}

fn spawns(case: &Case) -> bool {
    case.plan().steps.iter().any(|planned| matches!(planned.step, Step::SpawnSession(_)))
}

fn said(case: &Case, type_: ConditionType) -> (ConditionStatus, String, String) {
    let status = after(case);
    let condition = status.conditions.iter().find(|condition| condition.type_ == type_.to_string());
    let condition = condition.expect("it is stated");
    (condition.status, condition.reason.clone(), condition.message.clone())
}

#[test]
fn a_failed_hook_is_the_instances_cause_with_its_output_and_what_to_type() {
    let case = failed_at(0);
    let (status, reason, message) = said(&case, ConditionType::Ready);
    assert_eq!((status, reason.as_str()), (ConditionStatus::False, "HookFailed"));
    for part in ["hook `preflight` ended with 3", "failure 1", "`jackin restart shop-main`", "last lines:\nno database"]
    {
        assert!(message.contains(part), "no {part:?} in {message}");
    }
    assert_eq!(said(&case, ConditionType::HooksPassed).1, "HookFailed");
    assert_eq!(said(&case, ConditionType::Stalled).0, ConditionStatus::True);
    let [hook] = after(&case).hooks.try_into().expect("one hook");
    assert_eq!((hook.hook.as_str(), hook.duration_ms, hook.exit_code), ("preflight", Some(700), Some(3)));
}

#[test]
fn the_first_session_is_tried_again_after_waits_that_grow_and_that_an_edit_ends() {
    let mut case = failed_at(0);
    let mut waits = Vec::new();
    for second in 1..5 {
        assert!(!spawns(&case), "a new failure is written down before anything is tried");
        assert_eq!(case.plan().held, Some(Held::Hook));
        case.memory.status = after(&case);
        let wait = backoff::remaining_ms(case.memory.status.retry.as_ref(), case.memory.generation, case.now);
        let wait = wait.expect("a wait");
        assert_eq!(case.plan().look_again, LookAgain::AfterMs(wait));
        waits.push(wait / 1000);
        case.now = case.memory.status.retry.as_ref().expect("a record").after;
        assert!(spawns(&case), "the try is due");
        case.memory.status = after(&case);
        case.observed.capsule = failed_at(second).observed.capsule;
    }
    assert_eq!(waits, [1, 2, 4, 8]);
    case.memory.status = after(&case);
    assert!(!spawns(&case));
    case.memory.generation += 1;
    assert!(spawns(&case), "another spec is tried at once");
}

#[test]
fn a_failure_is_counted_once_however_often_it_is_looked_at() {
    let mut case = failed_at(0);
    for _ in 0..3 {
        case.memory.status = after(&case);
    }
    assert_eq!(case.memory.status.retry.as_ref().map(|retry| retry.failures), Some(1));
    assert_eq!(case.memory.status.repeated, None, "nothing was repaired");
}

#[test]
fn an_instance_is_ready_once_its_hooks_are_done() {
    let mut main = session("main", SessionState::Starting, 0);
    main.preparing = true;
    let case = with_preflight().answering(vec![main]);
    assert_eq!(said(&case, ConditionType::Ready).1, Reason::HooksRunning.to_string());
    assert!(!spawns(&case));
    let done = with_preflight();
    assert_eq!(said(&done, ConditionType::Ready).0, ConditionStatus::True);
    assert_eq!(said(&done, ConditionType::HooksPassed).0, ConditionStatus::True);
    let without = after(&Case::converged());
    assert!(without.conditions.iter().all(|condition| condition.type_ != "HooksPassed"));
}

#[test]
fn a_session_that_somebody_started_is_not_tried_again_and_holds_nothing_up() {
    let mut case = failed_at(0);
    let Capsule::Answers(status) = &mut case.observed.capsule else { panic!("it answers") };
    status.sessions[0].name = "codex".to_owned();
    status.sessions.push(session("main", SessionState::Idle, 0));
    assert_eq!((case.plan().held, spawns(&case)), (None, false));
    assert_eq!(said(&case, ConditionType::Ready).0, ConditionStatus::True);
}

#[test]
fn a_role_that_gets_a_hook_replaces_the_container_that_was_made_without() {
    let mut case = Case::converged();
    case.desired.hooks = vec![Hook::SetupOnce];
    let drift: Vec<_> = case.plan().drift.iter().map(ToString::to_string).collect();
    assert_eq!(drift, ["~ command"]);
    assert_eq!(said(&case, ConditionType::HooksPassed).1, "FieldsDiffer");
}

#[test]
fn while_another_image_is_built_it_is_waited_for() {
    let mut case = failed_at(0).image_building(Some("recipe 1"));
    assert_eq!((case.plan().held, case.plan().look_again), (Some(Held::Image), LookAgain::OnChange));
    assert_eq!(said(&case, ConditionType::Ready).1, "DependenciesNotReady");
    case.memory.status = after(&case);
    case.memory.generation += 1;
    assert!(!spawns(&case), "the hook in the new image may be another one");
}
