//! `CreateFromValidImage` and `BuildAndCreate`, spelled out: a container is made, and takes the place of the one that is there.

use crate::launch::Launch;
use crate::step::{Consent, PlannedStep, Step, StepReason, Target};
use crate::world::{Container, ContainerSpec};

use super::rungs::Asked;
use super::steps::{Steps, final_name, first_sessions, remove_other};
use super::validity::Current;
use super::{Situation, has_processes, prerequisites, sidecar, start};

/// The steps; `consent` allows to end what runs. Without a launch, what the container will need is made ready meanwhile.
pub(super) fn steps(
    situation: &Situation<'_>,
    launch: Option<Launch>,
    current: Option<&Current<'_>>,
    consent: Option<Consent>,
) -> Vec<PlannedStep> {
    if let (Some(_), Some(made)) = (&launch, current.and_then(|current| current.made.as_deref())) {
        // An interrupted swap goes on from where it was.
        return start::steps(situation, made, consent);
    }
    let mut steps = Steps::default();
    let mut joined = prerequisites::all(situation, &mut steps);
    if current.is_none() {
        joined.extend(sidecar::look(situation).prepare(&mut steps, &[], Consent::NoLiveSession));
    }
    let Some(launch) = launch else { return steps.finish() };
    let ready = match current {
        None => vec![create(launch.spec, joined, StepReason::Missing, &mut steps)],
        Some(current) => {
            let swap = Swap { situation, current, consent };
            swap.steps(launch.spec, joined, &mut steps)
        }
    };
    let start = Step::StartContainer { container: Target::Created };
    let started = steps.add(start, ready, StepReason::NotRunning);
    first_sessions(situation, Target::Created, started, &mut steps);
    steps.finish()
}

fn create(spec: ContainerSpec, needs: Vec<usize>, reason: StepReason, steps: &mut Steps) -> usize {
    steps.add(Step::CreateContainer(Box::new(spec)), needs, reason)
}

/// A container in the place of another.
struct Swap<'a> {
    situation: &'a Situation<'a>,
    current: &'a Current<'a>,
    consent: Option<Consent>,
}

impl Swap<'_> {
    /// The new one is made beside the old one, so that a failure to make it leaves the old one as it was.
    ///
    /// A sidecar that is replaced too goes once nothing uses it any more, and serves again before the new container starts.
    fn steps(&self, mut spec: ContainerSpec, joined: Vec<usize>, steps: &mut Steps) -> Vec<usize> {
        let name = std::mem::replace(&mut spec.name, self.free_name());
        let renames = spec.name != name;
        let mut needs = joined;
        needs.extend(self.remove_stale([&spec.name, &name], steps));
        let created = create(spec, needs, StepReason::Superseded, steps);
        steps.explain(created, self.why());
        let stopped = self.stop(created, steps);
        let mut placed = self.remove(stopped, steps);
        if renames {
            let rename = Step::RenameContainer { container: Target::Created, name };
            placed = steps.add(rename, vec![placed], StepReason::Superseded);
        }
        let sidecar = sidecar::look(self.situation);
        let mut ready = sidecar.prepare(steps, &[stopped], self.consent.unwrap_or(Consent::NoLiveSession));
        ready.push(placed);
        ready
    }

    /// The final name, unless the container that is replaced bears that: then a temporary one.
    fn free_name(&self) -> String {
        let key = &self.situation.desired.key;
        let name = final_name(self.situation);
        if self.current.container.name != name {
            return name;
        }
        self.situation.site.owner.replacement(&key.namespace, &key.name)
    }

    /// What an interrupted swap left under one of the names, and what runs besides and may be ended.
    fn remove_stale(&self, names: [&String; 2], steps: &mut Steps) -> Vec<usize> {
        let runs = |other: &Container| has_processes(other.state) && self.consent.is_some();
        let others = self.current.others.iter();
        let stale = others.filter(|other| names.contains(&&other.name) || runs(other));
        stale.filter_map(|other| remove_other(other, self.consent, steps)).collect()
    }

    /// The old one ends once the new one is made.
    fn stop(&self, created: usize, steps: &mut Steps) -> usize {
        if !has_processes(self.current.state()) {
            return created;
        }
        let consent = self.consent.unwrap_or(Consent::NoLiveSession);
        steps.stop(&self.current.container.id, vec![created], StepReason::Superseded, consent)
    }

    fn remove(&self, stopped: usize, steps: &mut Steps) -> usize {
        let consent = self.consent.unwrap_or(Consent::NoLiveSession);
        let remove = Step::RemoveContainer { id: self.current.container.id.clone() };
        steps.add_destructive(remove, vec![stopped], StepReason::Superseded, consent)
    }

    fn why(&self) -> Vec<StepReason> {
        let changes = self.current.all_launch_changes();
        if !changes.is_empty() {
            return changes.into_iter().map(StepReason::Differs).collect();
        }
        vec![if Asked::of(self.situation) != Asked::Nothing {
            StepReason::Requested
        } else if self.current.is_alive() {
            StepReason::Superseded
        } else {
            StepReason::NotRunning
        }]
    }
}
