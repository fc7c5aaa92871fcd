//! `StartStopped`, spelled out: the container that is there is unfrozen, started, or stopped and started.

use crate::step::{Consent, PlannedStep, Step, StepReason, Target};
use crate::world::ContainerState;

use super::rungs::Asked;
use super::steps::{Steps, final_name, first_sessions, remove_others, update};
use super::validity::Current;
use super::{Situation, has_processes, network, prerequisites, sidecar};

/// The steps; `consent` allows to end what runs.
pub(super) fn steps(situation: &Situation<'_>, current: &Current<'_>, consent: Option<Consent>) -> Vec<PlannedStep> {
    if current.state() == ContainerState::Paused && Asked::of(situation) == Asked::Nothing {
        return thaw(current);
    }
    let mut steps = Steps::default();
    let mut needs = Vec::new();
    if has_processes(current.state()) {
        let consent = consent.unwrap_or(Consent::NoLiveSession);
        needs.push(steps.stop(&current.container.id, vec![], StepReason::Requested, consent));
    }
    let removed = remove_others(current, consent, &mut steps);
    let ended = [needs.clone(), removed.clone()].concat();
    needs.extend(prerequisites::directories(situation, &mut steps));
    let ends = consent.unwrap_or(Consent::NoLiveSession);
    needs.extend(sidecar::look(situation).prepare(&mut steps, &ended, ends));
    needs.extend(network::rejoin(situation, current.container, &situation.desired.key.name, &mut steps));
    needs.extend(update(situation, current, &mut steps));
    needs.extend(rename(situation, current, removed, &mut steps));
    let target = Target::Existing(current.container.id.clone());
    let started = steps.add(Step::StartContainer { container: target.clone() }, needs, StepReason::NotRunning);
    first_sessions(situation, target, started, &mut steps);
    steps.finish()
}

/// What is frozen is thawed and asked; what else differs is decided after that.
fn thaw(current: &Current<'_>) -> Vec<PlannedStep> {
    let mut steps = Steps::default();
    let id = current.container.id.clone();
    let unpause = steps.add(Step::UnpauseContainer { id: id.clone() }, vec![], StepReason::Frozen);
    let needed = StepReason::NeededBy { what: "the sessions".to_owned() };
    steps.add(Step::AwaitCapsule { container: Target::Existing(id) }, vec![unpause], needed);
    steps.finish()
}

/// An interrupted replacement is finished: what it replaced goes, and it takes the final name.
fn rename(situation: &Situation<'_>, current: &Current<'_>, removed: Vec<usize>, steps: &mut Steps) -> Vec<usize> {
    let name = final_name(situation);
    if current.container.name == name {
        return removed;
    }
    let container = Target::Existing(current.container.id.clone());
    vec![steps.add(Step::RenameContainer { container, name }, removed, StepReason::Superseded)]
}
