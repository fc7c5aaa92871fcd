//! A rung, spelled out.

use jackin_api::words::{Change, ChangeKind};

use crate::digest::digest_of;
use crate::launch::{self, Launch, STOP_SECONDS};
use crate::observed::Capsule;
use crate::step::{Consent, PlannedStep, Step, StepReason, Target};
use crate::world::{Container, ContainerState};

use super::network::{self, NETWORK};
use super::validity::Current;
use super::{Situation, has_processes, prerequisites};

/// Name of the session that an instance starts by itself.
pub const FIRST_SESSION: &str = "main";

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

    fn explain(&mut self, index: usize, reasons: Vec<StepReason>) {
        if !reasons.is_empty() {
            self.0[index].reasons = reasons;
        }
    }

    pub(super) fn finish(self) -> Vec<PlannedStep> {
        self.0
    }
}

/// The container stays: what can change under it is brought up to date.
pub(super) fn keep(situation: &Situation<'_>, current: &Current<'_>) -> Vec<PlannedStep> {
    let mut steps = Steps::default();
    let id = &current.container.id;
    update(situation, current, &mut steps);
    network::reconnect(situation, current, &mut steps);
    if current.state() == ContainerState::Running && matches!(situation.observed.capsule, Capsule::NotAsked) {
        let container = Target::Existing(id.clone());
        steps.add(Step::AwaitCapsule { container }, vec![], StepReason::Missing);
    }
    let removed = remove_others(current, None, &mut steps);
    let held = situation.observed.name_holder.is_some();
    let name = final_name(situation);
    let taken = |other: &&Container| has_processes(other.state) && other.name == name;
    if current.container.name != name && !held && !current.others.iter().any(taken) {
        let container = Target::Existing(id.clone());
        let step = Step::RenameContainer { container, name };
        steps.add(step, removed, StepReason::Superseded);
    }
    sessions(situation, None, &mut steps);
    steps.finish()
}

fn final_name(situation: &Situation<'_>) -> String {
    let key = &situation.desired.key;
    situation.site.owner.container(&key.namespace, &key.name)
}

/// Limits and restart policy that differ are brought up to date, by one step.
fn update(situation: &Situation<'_>, current: &Current<'_>, steps: &mut Steps) -> Option<usize> {
    let differs: Vec<_> = current
        .live_changes
        .iter()
        .filter(|change| change.field != NETWORK)
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

/// What differs from the desired state and can change under running processes.
pub(super) fn live_changes(situation: &Situation<'_>, container: &Container) -> Vec<Change> {
    let desired = situation.desired;
    let change = |field: &str, old: String, new: String| {
        (old != new).then(|| Change {
            field: field.to_owned(),
            change: ChangeKind::Changed,
            old: Some(digest_of(&old)),
            new: Some(digest_of(&new)),
        })
    };
    let text = |limit: Option<i64>| limit.map_or_else(|| "none".to_owned(), |limit| limit.to_string());
    let (is, wanted) = (container.limits, desired.limits);
    [
        change("resources.cpus", text(is.nano_cpus), text(wanted.nano_cpus)),
        change("resources.memory", text(is.memory_bytes), text(wanted.memory_bytes)),
        change("resources.pids", text(is.pids), text(wanted.pids)),
        change("lifecycle.restartPolicy", format!("{:?}", container.restart), format!("{:?}", desired.restart_policy)),
        network::change(situation, container),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The container that is there is started, unfrozen, or started again.
pub(super) fn start(situation: &Situation<'_>, current: &Current<'_>, consent: Option<Consent>) -> Vec<PlannedStep> {
    let mut steps = Steps::default();
    let id = &current.container.id;
    let target = Target::Existing(id.clone());
    if current.state() == ContainerState::Paused && situation.desired.restart.is_none() {
        let unpause = steps.add(Step::UnpauseContainer { id: id.clone() }, vec![], StepReason::Frozen);
        let step = Step::AwaitCapsule { container: target };
        steps.add(step, vec![unpause], StepReason::NeededBy { what: "the sessions".to_owned() });
        return steps.finish();
    }
    let mut needs = Vec::new();
    if has_processes(current.state()) {
        let stop = Step::StopContainer { id: id.clone(), timeout_seconds: STOP_SECONDS };
        let consent = consent.unwrap_or(Consent::NoLiveSession);
        needs.push(steps.add_destructive(stop, vec![], StepReason::Requested, consent));
    }
    if !situation.observed.directories {
        let directories = vec![situation.desired.home.clone(), situation.desired.run.clone()];
        needs.push(steps.add(Step::PrepareDirectories { directories }, vec![], StepReason::Missing));
    }
    needs.extend(network::rejoin(situation, current, &mut steps));
    needs.extend(update(situation, current, &mut steps));
    needs.extend(rename(situation, current, consent, &mut steps));
    let start = steps.add(Step::StartContainer { container: target.clone() }, needs, StepReason::NotRunning);
    sessions(situation, Some((target, start)), &mut steps);
    steps.finish()
}

/// An interrupted replacement is finished: what it replaced goes, and it takes the final name.
fn rename(situation: &Situation<'_>, current: &Current<'_>, consent: Option<Consent>, steps: &mut Steps) -> Vec<usize> {
    let removed = remove_others(current, consent, steps);
    let name = final_name(situation);
    if current.container.name == name {
        return removed;
    }
    let container = Target::Existing(current.container.id.clone());
    vec![steps.add(Step::RenameContainer { container, name }, removed, StepReason::Superseded)]
}

/// Removes what an interrupted replacement left. What runs in any of it only ends with consent.
fn remove_others(current: &Current<'_>, consent: Option<Consent>, steps: &mut Steps) -> Vec<usize> {
    let others = current.others.iter();
    others.filter_map(|other| remove_other(other, consent, steps)).collect()
}

fn remove_other(other: &Container, consent: Option<Consent>, steps: &mut Steps) -> Option<usize> {
    let id = other.id.clone();
    let (needs, consent) = match (has_processes(other.state), consent) {
        (false, _) => (Vec::new(), Consent::NoLiveSession),
        (true, Some(consent)) => {
            let stop = Step::StopContainer { id: id.clone(), timeout_seconds: STOP_SECONDS };
            let stopped = steps.add_destructive(stop, vec![], StepReason::Superseded, consent);
            (vec![stopped], consent)
        }
        (true, None) => return None,
    };
    let step = Step::RemoveContainer { id };
    Some(steps.add_destructive(step, needs, StepReason::Superseded, consent))
}

/// A container is made, and takes the place of the one that is there.
pub(super) fn create(
    situation: &Situation<'_>,
    launch: &Launch,
    current: Option<&Current<'_>>,
    consent: Option<Consent>,
) -> Vec<PlannedStep> {
    let mut steps = Steps::default();
    let joined = prerequisites::all(situation, &mut steps);
    let mut spec = launch.spec.clone();
    let name = spec.name.clone();
    let Some(current) = current else {
        let create = steps.add(Step::CreateContainer(Box::new(spec)), joined, StepReason::Missing);
        let start =
            steps.add(Step::StartContainer { container: Target::Created }, vec![create], StepReason::NotRunning);
        sessions(situation, Some((Target::Created, start)), &mut steps);
        return steps.finish();
    };
    // The new one is made beside the old one, so that a failure to make it leaves the old one as it was.
    spec.name = free_name(situation, current);
    let wanted = [&spec.name, &name];
    let others = current.others.iter();
    let stale = others.filter(|other| wanted.contains(&&other.name));
    let stale: Vec<_> = stale.filter_map(|other| remove_other(other, consent, &mut steps)).collect();
    let renames = spec.name != name;
    let create_needs = joined.into_iter().chain(stale).collect();
    let create = steps.add(Step::CreateContainer(Box::new(spec)), create_needs, StepReason::Missing);
    steps.explain(create, why_replaced(situation, current));
    let consent = consent.unwrap_or(Consent::NoLiveSession);
    let mut gone = vec![create];
    let id = &current.container.id;
    if has_processes(current.state()) {
        let stop = Step::StopContainer { id: id.clone(), timeout_seconds: STOP_SECONDS };
        gone = vec![steps.add_destructive(stop, gone, StepReason::Superseded, consent)];
    }
    let remove = Step::RemoveContainer { id: id.clone() };
    let mut ready = steps.add_destructive(remove, gone, StepReason::Superseded, consent);
    if renames {
        let rename = Step::RenameContainer { container: Target::Created, name };
        ready = steps.add(rename, vec![ready], StepReason::Superseded);
    }
    let start = Step::StartContainer { container: Target::Created };
    let started = steps.add(start, vec![ready], StepReason::NotRunning);
    sessions(situation, Some((Target::Created, started)), &mut steps);
    steps.finish()
}

/// The name under which a replacement is made: the temporary one, unless the container that it replaces still bears that.
fn free_name(situation: &Situation<'_>, current: &Current<'_>) -> String {
    let key = &situation.desired.key;
    let temporary = situation.site.owner.replacement(&key.namespace, &key.name);
    if current.container.name == temporary { final_name(situation) } else { temporary }
}

fn why_replaced(situation: &Situation<'_>, current: &Current<'_>) -> Vec<StepReason> {
    let changes = current.all_launch_changes();
    if !changes.is_empty() {
        return changes.into_iter().map(StepReason::Differs).collect();
    }
    vec![if situation.desired.restart.is_some() {
        StepReason::Requested
    } else if current.is_alive() {
        StepReason::Superseded
    } else {
        StepReason::NotRunning
    }]
}

/// New sessions get their environment, and the first one is started.
///
/// `started` is the container that this plan starts, with the index of that step; without it the capsule has already answered.
fn sessions(situation: &Situation<'_>, started: Option<(Target, usize)>, steps: &mut Steps) {
    let personalisation = launch::personalisation(situation.desired);
    let spawn = launch::session(situation.desired, &situation.desired.agent, FIRST_SESSION);
    let (needs, personalised, spawned) = match (started, &situation.observed.capsule) {
        (Some((container, start)), _) => {
            let awaited = steps.add(
                Step::AwaitCapsule { container },
                vec![start],
                StepReason::NeededBy { what: "the first session".to_owned() },
            );
            (vec![awaited], false, false)
        }
        (None, Capsule::Answers(status)) => {
            let same = status.environment_digest.as_deref() == Some(personalisation.digest.0.as_str());
            (vec![], same, !status.sessions.is_empty())
        }
        // Nothing can be given to a capsule that does not answer; the pass after it answered does.
        (None, Capsule::NotAsked | Capsule::Silent(_)) => return,
    };
    let mut spawn_needs = needs.clone();
    if !personalised {
        let what = "the next session".to_owned();
        spawn_needs.push(steps.add(Step::Personalise(personalisation), needs, StepReason::NeededBy { what }));
    }
    if let (false, Some(spawn)) = (spawned, spawn) {
        steps.add(Step::SpawnSession(Box::new(spawn)), spawn_needs, StepReason::Missing);
    }
}
