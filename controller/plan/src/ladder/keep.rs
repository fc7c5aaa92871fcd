//! `AttachExisting`, spelled out: the container stays, and what can change under it is brought up to date.

use crate::observed::Capsule;
use crate::step::{Consent, PlannedStep, Step, StepReason, Target};
use crate::world::{Container, ContainerState};

use super::steps::{Steps, final_name, more_sessions, remove_others, update};
use super::validity::Current;
use super::{Situation, has_processes, network, sidecar};

/// The steps; all but the last few are independent. Without consent the sidecar is kept going, and not replaced.
pub(super) fn steps(situation: &Situation<'_>, current: &Current<'_>, consent: Option<Consent>) -> Vec<PlannedStep> {
    let mut steps = Steps::default();
    sidecar::look(situation).keep(consent, &mut steps);
    update(situation, current, &mut steps);
    network::reconnect(situation, current, &mut steps);
    if current.state() == ContainerState::Running && matches!(situation.observed.capsule, Capsule::NotAsked) {
        let container = Target::Existing(current.container.id.clone());
        steps.add(Step::AwaitCapsule { container }, vec![], StepReason::Missing);
    }
    let removed = remove_others(current, None, &mut steps);
    rename(situation, current, removed, &mut steps);
    more_sessions(situation, current, &mut steps);
    steps.finish()
}

/// The container gets its final name back, unless somebody else has it or it cannot be freed without ending processes.
fn rename(situation: &Situation<'_>, current: &Current<'_>, needs: Vec<usize>, steps: &mut Steps) {
    let name = final_name(situation);
    let held = situation.observed.name_holder.is_some();
    let taken = |other: &&Container| has_processes(other.state) && other.name == name;
    if current.container.name == name || held || current.others.iter().any(taken) {
        return;
    }
    let container = Target::Existing(current.container.id.clone());
    steps.add(Step::RenameContainer { container, name }, needs, StepReason::Superseded);
}
