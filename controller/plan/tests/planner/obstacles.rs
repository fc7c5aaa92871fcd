//! What holds a plan back: then it has no steps.

use jackin_api::kinds::Isolation;
use jackin_plan::observed::{MountSourceState, Program};
use jackin_plan::step::{Held, LookAgain};
use jackin_plan::world::ContainerState;

use crate::support::{Case, names};

fn held(case: &Case) -> Option<Held> {
    let plan = case.plan();
    assert!(plan.held.is_none() || plan.steps.is_empty());
    plan.held
}

fn mount(state: Option<MountSourceState>) -> impl Fn(Case) -> Case {
    move |case| {
        case.seeing(|observed| {
            observed.mounts.clear();
            observed.mounts.extend(state.clone().map(|state| ("/work".to_owned(), state)));
        })
    }
}

#[test]
fn a_name_that_somebody_else_has_holds_everything_back() {
    let case = Case::nothing();
    let mut foreign = case.made("foreign", ContainerState::Running);
    foreign.labels.clear();
    let case = case.seeing(|observed| observed.name_holder = Some(foreign));
    let Some(Held::NameConflict(text)) = held(&case) else { panic!("{:?}", case.plan()) };
    assert!(text.contains(&case.final_name()) && text.contains("foreign"), "{text}");
}

#[test]
fn a_replacement_that_cannot_take_its_final_name_is_not_started() {
    let case = Case::converged().state(ContainerState::Created);
    let temporary = case.temporary_name();
    let foreign = case.made("foreign", ContainerState::Running);
    let case = case.container(|container| container.name = temporary);
    let case = case.seeing(|observed| observed.name_holder = Some(foreign));
    assert!(matches!(held(&case), Some(Held::NameConflict(_))));
}

#[test]
fn missing_mounts_hold_back_what_would_start_and_leave_what_runs() {
    let missing = mount(Some(MountSourceState::Missing));
    let text = Held::Mounts("`/src/shop` does not exist".to_owned());
    assert_eq!(held(&missing(Case::nothing())), Some(text.clone()));
    assert_eq!(held(&missing(Case::converged().state(ContainerState::Exited))), Some(text.clone()));
    assert_eq!(held(&missing(Case::converged().restart(false))), Some(text));
    assert_eq!(held(&missing(Case::converged())), None);
    assert_eq!(names(&missing(Case::converged().state(ContainerState::Paused)).plan()).len(), 2);
}

#[test]
fn a_mount_that_may_not_be_or_could_not_be_looked_at_holds_back() {
    let part = "~/.ssh".to_owned();
    let case = mount(Some(MountSourceState::Forbidden { part }))(Case::nothing());
    assert_eq!(held(&case), Some(Held::Mounts("`/src/shop` leads to ~/.ssh, which may not be mounted".to_owned())));
    let error = "permission denied".to_owned();
    let case = mount(Some(MountSourceState::Unreadable { error }))(Case::nothing());
    assert_eq!(held(&case), Some(Held::MountsUnread("`/src/shop`: permission denied".to_owned())));
    let case = mount(None)(Case::nothing());
    assert_eq!(held(&case), Some(Held::MountsUnread("`/src/shop` was not looked at".to_owned())));
    assert_eq!(case.plan().look_again, LookAgain::AfterMs(5_000), "the host's files send no events");
}

#[test]
fn an_isolation_that_is_not_materialised_holds_back() {
    let case = Case::nothing().wanting(|desired| desired.mounts[0].isolation = Isolation::Worktree);
    assert!(matches!(held(&case), Some(Held::Isolation(_))));
}

#[test]
fn a_program_that_cannot_be_had_holds_back_a_creation_and_nothing_else() {
    let program = || Program::Unavailable { error: "not found".to_owned() };
    let text = "agent `codex`: not found".to_owned();
    assert_eq!(held(&Case::nothing().program(program())), Some(Held::Program(text)));
    assert_eq!(held(&Case::converged().program(program())), None);
    assert_eq!(held(&Case::converged().state(ContainerState::Exited).program(program())), None);
}

#[test]
fn with_everything_else_ready_the_image_is_waited_for() {
    let case = Case::converged().without_container().image_building(None);
    assert_eq!(held(&case), Some(Held::Image));
}

#[test]
fn a_try_that_is_not_due_waits_and_a_new_generation_does_not() {
    let mut case = Case::nothing().failed(2, 7);
    assert_eq!((held(&case), case.plan().look_again), (Some(Held::Backoff), LookAgain::AfterMs(7_000)));
    assert_eq!(held(&case.clone().later(7)), None);
    case.memory.generation += 1;
    assert_eq!(held(&case), None);
}

#[test]
fn a_container_that_keeps_ending_is_a_crash_loop_after_three_failures() {
    let case = Case::converged().state(ContainerState::Exited);
    assert_eq!(held(&case.clone().failed(2, 7)), Some(Held::Backoff));
    assert_eq!(held(&case.clone().failed(3, 7)), Some(Held::CrashLoop));
    assert_eq!(held(&case.clone().failed(3, 7).restart(false)), None, "a request is tried at once");
    let failed_again = case.restart(false).failed(1, 7);
    assert_eq!(held(&failed_again), Some(Held::Backoff), "and waits like everything when it failed");
}

#[test]
fn what_is_being_removed_is_waited_for() {
    let case = Case::converged().state(ContainerState::Removing);
    assert_eq!(held(&case), Some(Held::Removing));
}
