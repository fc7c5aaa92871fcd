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
    /// A step starts the container before the sidecar that it waits for answers.
    #[error("step {index} ({step}) does not wait for the sidecar")]
    SidecarNotAwaited {
        /// Its index.
        index: usize,
        /// Its name.
        step: &'static str,
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
        let earlier = before(&plan, index);
        if let Some(maker) = maker_of_target(&planned.step)
            && !earlier.iter().any(|earlier| plan.steps[*earlier].step.name() == maker)
        {
            defects.push(PlanDefect::NothingCreated { index, step });
        }
        let starts = matches!(planned.step, Step::StartContainer { .. });
        if starts && sidecar_waits(&plan).any(|waits| !earlier.contains(&waits)) {
            defects.push(PlanDefect::SidecarNotAwaited { index, step });
        }
    }
    if plan.held.is_some() && !plan.steps.is_empty() {
        defects.push(PlanDefect::HeldWithSteps);
    }
    if defects.is_empty() { Ok(plan) } else { Err(defects) }
}

/// Name of the step that must have made what this one acts on, when it acts on something new.
fn maker_of_target(step: &Step) -> Option<&'static str> {
    let (target, maker) = match step {
        Step::RenameContainer { container, .. }
        | Step::StartContainer { container }
        | Step::AwaitCapsule { container } => (container, "CreateContainer"),
        Step::StartSidecar { container } | Step::AwaitSidecar { container } => (container, "CreateSidecar"),
        Step::PrepareDirectories { .. }
        | Step::FetchProgram { .. }
        | Step::FillVolume { .. }
        | Step::CreateNetwork(_)
        | Step::CreateVolume(_)
        | Step::CreateContainer(_)
        | Step::CreateSidecar(_)
        | Step::StopContainer { .. }
        | Step::RemoveContainer { .. }
        | Step::RemoveVolume { .. }
        | Step::UnpauseContainer { .. }
        | Step::UpdateContainer { .. }
        | Step::ConnectNetwork { .. }
        | Step::DisconnectNetwork { .. }
        | Step::Personalise(_)
        | Step::SpawnSession(_)
        | Step::RemoveDirectories { .. } => return None,
    };
    (*target == Target::Created).then_some(maker)
}

/// Indices of the steps that wait for a sidecar.
fn sidecar_waits(plan: &Plan) -> impl Iterator<Item = usize> {
    let steps = plan.steps.iter().enumerate();
    steps.filter(|(_, planned)| matches!(planned.step, Step::AwaitSidecar { .. })).map(|(index, _)| index)
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
