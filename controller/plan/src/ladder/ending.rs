//! The plans of an instance that should not run: stopped with its state kept, or removed.

use crate::launch::STOP_SECONDS;
use crate::observed::Observed;
use crate::step::{Consent, Plan, Step, StepReason};

use super::has_processes;
use super::steps::Steps;

/// The instance is stopped, with its state kept.
pub(super) fn stop(observed: &Observed) -> Plan {
    let mut steps = Steps::default();
    for container in observed.containers.iter().filter(|container| has_processes(container.state)) {
        let step = Step::StopContainer { id: container.id.clone(), timeout_seconds: STOP_SECONDS };
        steps.add_destructive(step, vec![], StepReason::Requested, Consent::Request);
    }
    let mut plan = Plan::idle(None);
    plan.steps = steps.finish();
    plan
}

/// Everything of ours that serves the instance is removed, but no file that somebody may want.
pub(super) fn removal(observed: &Observed, run: &str, home: &str) -> Plan {
    let mut steps = Steps::default();
    let mut removed = Vec::new();
    for container in &observed.containers {
        let mut needs = Vec::new();
        if has_processes(container.state) {
            let stop = Step::StopContainer { id: container.id.clone(), timeout_seconds: STOP_SECONDS };
            needs.push(steps.add_destructive(stop, vec![], StepReason::Deleted, Consent::Deletion));
        }
        let remove = Step::RemoveContainer { id: container.id.clone() };
        removed.push(steps.add_destructive(remove, needs, StepReason::Deleted, Consent::Deletion));
    }
    if observed.directories {
        let step = Step::RemoveDirectories { run: run.to_owned(), home: home.to_owned() };
        steps.add(step, removed, StepReason::Deleted);
    }
    let mut plan = Plan::idle(None);
    plan.steps = steps.finish();
    plan
}
