//! Steps being collected, and those that more than one rung takes.

use crate::hooks;
use crate::launch::{self, STOP_SECONDS};
use crate::observed::Capsule;
use crate::step::{Consent, PlannedStep, Step, StepReason, Target};
use crate::world::{Container, ContainerId};

use super::validity::Current;
use super::{FIRST_SESSION, Situation, has_processes, live};

/// Steps being collected.
#[derive(Default)]
pub(super) struct Steps(Vec<PlannedStep>);

impl Steps {
    /// Adds a step and gives its index.
    pub(super) fn add(&mut self, step: Step, needs: Vec<usize>, reason: StepReason) -> usize {
        self.0.push(PlannedStep { step, needs, reasons: vec![reason], ends_sessions: None });
        self.0.len() - 1
    }

    /// Adds a step that takes something away.
    pub(super) fn add_destructive(
        &mut self,
        step: Step,
        needs: Vec<usize>,
        reason: StepReason,
        consent: Consent,
    ) -> usize {
        let index = self.add(step, needs, reason);
        self.0[index].ends_sessions = Some(consent);
        index
    }

    /// Adds the step that ends the processes of a container.
    pub(super) fn stop(&mut self, id: &ContainerId, needs: Vec<usize>, reason: StepReason, consent: Consent) -> usize {
        let step = Step::StopContainer { id: id.clone(), timeout_seconds: STOP_SECONDS };
        self.add_destructive(step, needs, reason, consent)
    }

    /// The index of the first step that is like this.
    pub(super) fn find(&self, like: impl Fn(&Step) -> bool) -> Option<usize> {
        self.0.iter().position(|planned| like(&planned.step))
    }

    /// Gives a step other reasons, where there are some.
    pub(super) fn explain(&mut self, index: usize, reasons: Vec<StepReason>) {
        if !reasons.is_empty() {
            self.0[index].reasons = reasons;
        }
    }

    pub(super) fn finish(self) -> Vec<PlannedStep> {
        self.0
    }
}

/// The name that the container of the instance has when nothing is under way.
pub(super) fn final_name(situation: &Situation<'_>) -> String {
    let key = &situation.desired.key;
    situation.site.owner.container(&key.namespace, &key.name)
}

/// Limits and restart policy that differ are brought up to date, by one step.
pub(super) fn update(situation: &Situation<'_>, current: &Current<'_>, steps: &mut Steps) -> Option<usize> {
    let differs: Vec<_> = current
        .live_changes
        .iter()
        .filter(|change| live::is_update(change))
        .map(|change| StepReason::Differs(change.clone()))
        .collect();
    if differs.is_empty() {
        return None;
    }
    let step = Step::UpdateContainer {
        id: current.container.id.clone(),
        limits: situation.desired.limits,
        restart: situation.desired.restart_policy,
    };
    let index = steps.add(step, vec![], StepReason::Missing);
    steps.explain(index, differs);
    Some(index)
}

/// Removes what an interrupted replacement left. What runs in any of it only ends with consent.
pub(super) fn remove_others(current: &Current<'_>, consent: Option<Consent>, steps: &mut Steps) -> Vec<usize> {
    let others = current.others.iter();
    others.filter_map(|other| remove_other(other, consent, steps)).collect()
}

pub(super) fn remove_other(other: &Container, consent: Option<Consent>, steps: &mut Steps) -> Option<usize> {
    let id = other.id.clone();
    let (needs, consent) = match (has_processes(other.state), consent) {
        (false, _) => (Vec::new(), Consent::NoLiveSession),
        (true, Some(consent)) => (vec![steps.stop(&id, vec![], StepReason::Superseded, consent)], consent),
        (true, None) => return None,
    };
    let step = Step::RemoveContainer { id };
    Some(steps.add_destructive(step, needs, StepReason::Superseded, consent))
}

/// The container that a plan starts gets its sessions once its capsule answers.
pub(super) fn first_sessions(situation: &Situation<'_>, container: Target, started: usize, steps: &mut Steps) {
    let needed = StepReason::NeededBy { what: "the first session".to_owned() };
    let awaited = steps.add(Step::AwaitCapsule { container }, vec![started], needed);
    let personalisation = Step::Personalise(launch::personalisation(situation.desired));
    let needed = StepReason::NeededBy { what: "the next session".to_owned() };
    let personalised = steps.add(personalisation, vec![awaited], needed);
    spawn(situation, vec![awaited, personalised], steps);
}

/// The capsule that answers is given what new sessions get, and a first session where it has none.
pub(super) fn more_sessions(situation: &Situation<'_>, current: &Current<'_>, steps: &mut Steps) {
    // Nothing can be given to a capsule that does not answer; the pass after it answered does.
    let Capsule::Answers(status) = &situation.observed.capsule else { return };
    let mut needs = Vec::new();
    if let Some(change) = current.live_changes.iter().find(|change| live::is_environment(change)) {
        let personalisation = Step::Personalise(launch::personalisation(situation.desired));
        needs.push(steps.add(personalisation, vec![], StepReason::Differs(change.clone())));
    }
    // A hook that failed is not tried again in an image that is about to be another one.
    let failed = hooks::failed(&situation.observed.capsule).is_some() && !situation.desired.image.is_being_made();
    let again = failed && hooks::wait_ms(&situation.observed.capsule, situation.memory, situation.now).is_none();
    if status.sessions.is_empty() || again {
        spawn(situation, needs, steps);
    }
}

fn spawn(situation: &Situation<'_>, needs: Vec<usize>, steps: &mut Steps) {
    if let Some(spawn) = launch::session(situation.desired, &situation.desired.agent, FIRST_SESSION) {
        steps.add(Step::SpawnSession(Box::new(spawn)), needs, StepReason::Missing);
    }
}
