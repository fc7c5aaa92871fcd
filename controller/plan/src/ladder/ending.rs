//! The plans of an instance that should not run: stopped with its state kept, or removed.

use jackin_api::kinds::ReclaimPolicy;

use crate::launch::STOP_SECONDS;
use crate::observed::Observed;
use crate::sidecar;
use crate::step::{Consent, DataConsent, Plan, PlannedStep, Step, StepReason};

use super::has_processes;
use super::sidecar::remove;
use super::steps::Steps;

/// The instance is stopped, with its state kept: first what its sessions run in, then its sidecar.
pub(super) fn stop(observed: &Observed) -> Plan {
    Plan { steps: stops(observed, &StepReason::Requested, Consent::Request), ..Plan::idle(None) }
}

/// Whatever runs is stopped, the sidecar after what uses it.
pub(super) fn stops(observed: &Observed, reason: &StepReason, consent: Consent) -> Vec<PlannedStep> {
    let mut steps = Steps::default();
    let mut stopped = Vec::new();
    for container in observed.containers.iter().filter(|container| has_processes(container.state)) {
        stopped.push(steps.stop(&container.id, vec![], reason.clone(), consent));
    }
    for container in observed.sidecar.containers.iter().filter(|container| has_processes(container.state)) {
        let step = Step::StopContainer { id: container.id.clone(), timeout_seconds: sidecar::STOP_SECONDS };
        steps.add_destructive(step, stopped.clone(), reason.clone(), consent);
    }
    steps.finish()
}

/// Everything of ours that serves the instance is removed, but nothing that somebody may want: files stay, and so do volumes with
/// data unless the workspace's policy is to delete them.
pub(super) fn removal(observed: &Observed, run: &str, home: &str, reclaim: ReclaimPolicy) -> Plan {
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
    for container in &observed.sidecar.containers {
        let after = removed.clone();
        removed.push(remove(container, &after, &StepReason::Deleted, Consent::Deletion, &mut steps));
    }
    if reclaim == ReclaimPolicy::Delete {
        for volume in &observed.sidecar.volumes {
            let step = Step::RemoveVolume { name: volume.name.clone(), consent: DataConsent::ReclaimPolicy };
            steps.add_destructive(step, removed.clone(), StepReason::Deleted, Consent::Deletion);
        }
    }
    if observed.directories {
        let step = Step::RemoveDirectories { run: run.to_owned(), home: home.to_owned() };
        steps.add(step, removed, StepReason::Deleted);
    }
    let mut plan = Plan::idle(None);
    plan.steps = steps.finish();
    plan
}
