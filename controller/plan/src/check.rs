//! A linter for plans: what no plan may be, whoever made it.

use crate::step::{Plan, Step, Target};

/// A rule that a plan breaks. Always a defect of ours, never of the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanDefect {
    /// A step does not say why.
    #[error("step {index} ({step}) has no reason")]
    StepWithoutReason {
        /// Its index.
        index: usize,
        /// Its name.
        step: &'static str,
    },
    /// A step takes something away and does not say who allowed it.
    #[error("step {index} ({step}) takes something away without consent")]
    UnguardedStep {
        /// Its index.
        index: usize,
        /// Its name.
        step: &'static str,
    },
    /// A step needs one that does not come before it.
    #[error("step {index} ({step}) needs step {needs}, which does not come before it")]
    BadOrder {
        /// Its index.
        index: usize,
        /// Its name.
        step: &'static str,
        /// The other.
        needs: usize,
    },
    /// A step acts on the new container, and none is made before it.
    #[error("step {index} ({step}) acts on a container that is not made before it")]
    NothingCreated {
        /// Its index.
        index: usize,
        /// Its name.
        step: &'static str,
    },
    /// A step takes a container off the network that it should stay on.
    #[error("step {index} ({step}) takes a container off `{network}`, which it should stay on")]
    CutOff {
        /// Its index.
        index: usize,
        /// Its name.
        step: &'static str,
        /// The network.
        network: String,
    },
    /// A plan that is held back has steps.
    #[error("the plan is held back and has steps")]
    HeldWithSteps,
}

/// The plan, when it breaks no rule.
///
/// # Errors
/// Every rule that it breaks.
pub fn check(plan: Plan) -> Result<Plan, Vec<PlanDefect>> {
    let mut defects = Vec::new();
    for (index, planned) in plan.steps.iter().enumerate() {
        let step = planned.step.name();
        if planned.reasons.is_empty() {
            defects.push(PlanDefect::StepWithoutReason { index, step });
        }
        if planned.step.is_destructive() && planned.ends_sessions.is_none() {
            defects.push(PlanDefect::UnguardedStep { index, step });
        }
        for needs in planned.needs.iter().copied().filter(|needs| *needs >= index) {
            defects.push(PlanDefect::BadOrder { index, step, needs });
        }
        if let Step::DisconnectNetwork { network, stays_on, .. } = &planned.step
            && network == stays_on
        {
            defects.push(PlanDefect::CutOff { index, step, network: network.clone() });
        }
        let creates = |index: &usize| matches!(plan.steps[*index].step, Step::CreateContainer(_));
        if acts_on_created(&planned.step) && !before(&plan, index).iter().any(creates) {
            defects.push(PlanDefect::NothingCreated { index, step });
        }
    }
    if plan.held.is_some() && !plan.steps.is_empty() {
        defects.push(PlanDefect::HeldWithSteps);
    }
    if defects.is_empty() { Ok(plan) } else { Err(defects) }
}

fn acts_on_created(step: &Step) -> bool {
    match step {
        Step::RenameContainer { container, .. }
        | Step::StartContainer { container }
        | Step::AwaitCapsule { container } => *container == Target::Created,
        Step::PrepareDirectories { .. }
        | Step::FetchProgram { .. }
        | Step::FillVolume { .. }
        | Step::CreateNetwork(_)
        | Step::CreateContainer(_)
        | Step::StopContainer { .. }
        | Step::RemoveContainer { .. }
        | Step::UnpauseContainer { .. }
        | Step::UpdateContainer { .. }
        | Step::ConnectNetwork { .. }
        | Step::DisconnectNetwork { .. }
        | Step::Personalise(_)
        | Step::SpawnSession(_)
        | Step::RemoveDirectories { .. } => false,
    }
}

/// Indices of all steps that come before this one by their needs.
fn before(plan: &Plan, index: usize) -> std::collections::BTreeSet<usize> {
    let mut found = std::collections::BTreeSet::new();
    let mut open: Vec<_> = plan.steps[index].needs.iter().copied().filter(|needs| *needs < index).collect();
    while let Some(needs) = open.pop() {
        if found.insert(needs) {
            open.extend(plan.steps[needs].needs.iter().copied().filter(|deeper| *deeper < needs));
        }
    }
    found
}
