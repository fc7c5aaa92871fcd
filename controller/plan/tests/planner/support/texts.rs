//! Plans as text, for comparison with what a reader expects.

use jackin_api::words::{PlanKind, RejectionReason};
use jackin_plan::step::Plan;

/// The steps in one word each, with the indices of those that they need.
pub(crate) fn steps(plan: &Plan) -> Vec<String> {
    let text = |planned: &jackin_plan::step::PlannedStep| {
        let needs: Vec<_> = planned.needs.iter().map(ToString::to_string).collect();
        if needs.is_empty() {
            planned.step.name().to_owned()
        } else {
            format!("{} after {}", planned.step.name(), needs.join("+"))
        }
    };
    plan.steps.iter().map(text).collect()
}

/// The steps in one word each.
pub(crate) fn names(plan: &Plan) -> Vec<&'static str> {
    plan.steps.iter().map(|planned| planned.step.name()).collect()
}

/// The plan of the pending repair, with those that it rejects.
pub(crate) fn pending(plan: &Plan) -> Option<(PlanKind, Vec<(PlanKind, RejectionReason)>)> {
    let repair = &plan.pending.as_ref()?.repair;
    let rejected = repair.rejected_plans.iter();
    Some((repair.plan, rejected.map(|rejection| (rejection.plan, rejection.reason)).collect()))
}

/// The rejected plans with their reasons.
pub(crate) fn rejections(plan: &Plan) -> Vec<(PlanKind, RejectionReason)> {
    let rejected = plan.rejected.iter();
    rejected.map(|rejection| (rejection.plan, rejection.reason)).collect()
}
