//! Every combination of what can be there and be wanted: one plan each, as the ladder's table predicts it, that keeps every rule;
//! and where its steps lead.

mod combination;
mod converging;
mod predicted;

use jackin_api::words::{PlanKind, Rejection};
use jackin_plan::observed::MountSourceState;
use jackin_plan::step::{Plan, Step};
use jackin_plan::world::ContainerState;

use crate::support::Case;
use combination::{Combination, Image, Restart, Says, all};

const LADDER: [PlanKind; 5] = [
    PlanKind::AttachExisting,
    PlanKind::StartStopped,
    PlanKind::ClaimWarm,
    PlanKind::CreateFromValidImage,
    PlanKind::BuildAndCreate,
];

/// Whether each cheaper plan is rejected, in order and in words.
fn explains(plan: PlanKind, rejected: &[Rejection]) -> bool {
    let cheaper = LADDER.into_iter().filter(|other| *other < plan);
    rejected.iter().map(|rejection| rejection.plan).eq(cheaper)
        && rejected.iter().all(|rejection| !rejection.message.is_empty())
}

/// Whether a step ends processes or takes away the container that has them.
fn ends_what_lives(case: &Case, step: &Step) -> bool {
    let (Step::StopContainer { id, .. } | Step::RemoveContainer { id }) = step else { return false };
    let lives = |state| matches!(state, ContainerState::Running | ContainerState::Paused);
    case.observed.containers.iter().any(|container| container.id == *id && lives(container.state))
}

/// The rules that every plan keeps; in words, which one it broke.
fn broken(combination: Combination, case: &Case, plan: &Plan) -> Option<&'static str> {
    let steps = || plan.steps.iter().map(|planned| &planned.step);
    let starts = |step: &Step| matches!(step, Step::CreateContainer(_) | Step::StartContainer { .. });
    let predicted = combination.predicted();
    let pending = plan.pending.as_ref().map(|pending| &pending.repair);
    let explained = plan.chosen.is_some_and(|chosen| explains(chosen, &plan.rejected));
    let mounted = case.observed.mounts.values().all(|state| *state == MountSourceState::Present);
    let silent = combination.says == Says::Silent && combination.restart == Restart::No;
    let rules = [
        (plan.chosen == Some(predicted.chosen), "the plan is not the predicted one"),
        (pending.map(|repair| repair.plan) == predicted.pending, "the pending repair is not the predicted one"),
        (explained, "a cheaper plan is not rejected"),
        (
            pending.is_none_or(|repair| explains(repair.plan, &repair.rejected_plans)),
            "the pending repair is not explained",
        ),
        (plan.held.is_none() || plan.steps.is_empty(), "it is held back and has steps"),
        (combination.may_end() || !steps().any(|step| ends_what_lives(case, step)), "a live session is ended"),
        (mounted || !steps().any(starts), "something is started on mounts that are missing or were not read"),
        (!silent || plan.steps.is_empty(), "something is done to a container whose capsule is silent"),
        (
            combination.image == Image::Valid || !steps().any(|step| matches!(step, Step::CreateContainer(_))),
            "a container is made from an image that is not valid",
        ),
    ];
    rules.into_iter().find(|(kept, _)| !kept).map(|(_, rule)| rule)
}

#[test]
fn every_combination_has_the_one_plan_that_the_table_predicts_and_keeps_every_rule() {
    let mut count = 0;
    for (combination, case) in all() {
        let plan = case.plan();
        if let Some(rule) = broken(combination, &case, &plan) {
            panic!("{rule}: {combination:#?}\n{:#?}\npredicted: {:?}", plan, combination.predicted());
        }
        count += 1;
    }
    assert_eq!(
        count,
        36 * 3 * 4 * 4 * 4 * 4 * 3,
        "where one of three worlds runs, the capsule says one of nine things"
    );
}
