//! Repairs that do not last.

use jackin_api::words::{ConditionType, Reason, find};
use jackin_plan::step::{Held, LookAgain};

use crate::support::{Case, Model, names};

/// Somebody removes the container.
fn removed(model: &mut Model) {
    model.case = model.case.clone().without_container();
}

/// Removals one after the other, each repaired as soon as it may be: how many seconds the next one would wait after each.
fn removed_in_a_loop(model: &mut Model, times: usize) -> Vec<i64> {
    let repaired = |model: &mut Model| {
        removed(model);
        while let Some(Held::Undone(due)) = model.pass(usize::MAX).held {
            model.case.now = due;
        }
        let repeated = model.case.memory.status.repeated.as_ref().expect("a record");
        repeated.after.duration_since(repeated.last).as_secs()
    };
    (0..times).map(|_| repaired(model)).collect()
}

fn said(model: &Model) -> String {
    find(&model.case.memory.status.conditions, ConditionType::Ready).expect("a condition").reason.clone()
}

/// A container that was removed so often that the next repair waits.
fn slowed() -> Model {
    let mut model = Model::new(Case::converged());
    removed_in_a_loop(&mut model, 8);
    removed(&mut model);
    assert!(matches!(model.pass(usize::MAX).held, Some(Held::Undone(_))));
    model
}

#[test]
fn what_is_removed_again_and_again_is_made_again_ever_more_slowly() {
    let waits = removed_in_a_loop(&mut Model::new(Case::converged()), 15);
    assert_eq!(waits, [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
}

#[test]
fn the_wait_is_told_and_the_next_repair_is_not_begun_before_it_is_due() {
    let model = slowed();
    assert_eq!(said(&model), Reason::RepairUndone.to_string());
    let plan = model.case.plan();
    assert!(matches!(plan.held, Some(Held::Undone(_))) && plan.steps.is_empty(), "{plan:#?}");
}

#[test]
fn a_repair_that_lasts_ends_the_row() {
    let mut model = slowed();
    removed_in_a_loop(&mut model, 1);
    let plan = model.pass(usize::MAX);
    assert_eq!((plan.steps.len(), plan.look_again), (0, LookAgain::AfterMs(59_000)));
    model.case = model.case.clone().later(60);
    model.pass(usize::MAX);
    assert_eq!(model.case.memory.status.repeated, None);
    removed(&mut model);
    assert_eq!(model.case.plan().held, None);
}

#[test]
fn another_spec_and_a_request_do_not_wait() {
    let edited = {
        let mut case = slowed().case;
        case.memory.generation += 1;
        case.wanting(|desired| desired.limits.memory_bytes = Some(1 << 30))
    };
    assert_eq!(edited.plan().held, None);
    let mut model = Model::new(slowed().case.restart(false));
    model.settle(2);
    assert_eq!((said(&model), model.case.memory.status.repeated.clone()), (Reason::AsDesired.to_string(), None));
}

#[test]
fn a_spec_that_goes_back_and_forth_replaces_the_container_ever_more_slowly_and_never_waits_long() {
    let mut model = Model::new(Case::converged());
    let mut replaced = 0;
    for edit in 0..40 {
        model.case.memory.generation += 1;
        let source = if edit % 2 == 0 { "/src/other" } else { "/src/shop" };
        model.case.desired.mounts[0].source = source.to_owned();
        let plan = model.pass(usize::MAX);
        replaced += usize::from(names(&plan).contains(&"CreateContainer"));
        if let (Some(Held::Undone(_)), LookAgain::AfterMs(wait)) = (plan.held, plan.look_again) {
            assert!(wait <= 16_000, "{wait}");
        }
        model.pass(usize::MAX);
        model.case = model.case.clone().later(1);
    }
    assert!(replaced < 12, "replaced {replaced} times");
    model.case = model.case.clone().later(16);
    model.settle(2);
    assert_eq!(model.case.plan().drift, [], "the last spec is what it comes to");
}
