//! The sidecar's part of a plan: what is done about it, and what waits for it.
//!
//! A sidecar that is stopped or gone is started or made alone: what runs beside it is not touched. One whose launch changed is
//! replaced together with the instance's container, which fixed the same fields, as one repair that waits for live sessions once.

use jackin_api::kinds::ReclaimPolicy;
use jackin_api::words::{self as labels, Change, ChangeKind, Digest, DigestMap};

use crate::desired::DesiredSidecar;
use crate::observed::SidecarEngine;
use crate::sidecar::{self, SidecarLaunch};
use crate::step::{Consent, DataConsent, Step, StepReason, Target};
use crate::world::{Container, ContainerId, ContainerState, Volume, VolumeSpec};

use super::rungs::Asked;
use super::steps::Steps;
use super::{Situation, has_processes, network, prerequisites};

/// The sidecar that is wanted, and what is there of it.
pub(super) struct Sidecar<'a> {
    situation: &'a Situation<'a>,
    wanted: Option<&'a DesiredSidecar>,
    /// What it would be made as; absent while its image is not there.
    launch: Option<SidecarLaunch>,
    current: Option<&'a Container>,
    /// What differs between the current one and what is wanted, versions included.
    changes: Vec<Change>,
    /// Whether the current one does not say what it was made from.
    unreadable: bool,
}

/// What is done about a sidecar.
enum Repair {
    Nothing,
    Await(Target),
    Start(Target),
    Unpause(Target),
    Restart(ContainerId),
    Create,
    Replace,
    Remove,
}

/// Looks at the sidecar of a situation.
pub(super) fn look<'a>(situation: &'a Situation<'a>) -> Sidecar<'a> {
    let Situation { site, desired, observed, .. } = *situation;
    let seen = &observed.sidecar;
    let wanted = desired.sidecar.as_ref();
    let name = site.owner.sidecar(&desired.key.namespace, &desired.key.name);
    let rank = |container: &&Container| (has_processes(container.state), container.name == name, container.id.clone());
    let current = seen.containers.iter().max_by_key(rank);
    let made_from = current.and_then(|current| current.labels.get(labels::LAUNCH_FIELDS));
    let made_from = made_from.and_then(|text| serde_json::from_str::<DigestMap>(text).ok());
    let now = wanted.map(|wanted| sidecar::fields(site, desired, wanted, seen.image.as_ref()));
    let changes = match (&made_from, &now) {
        (Some(made_from), Some(now)) => sidecar::changes(made_from, now),
        (None, _) | (_, None) => Vec::new(),
    };
    let launch = wanted.zip(seen.image.as_ref()).map(|(wanted, image)| sidecar::launch(site, desired, wanted, image));
    let unreadable = current.is_some() && made_from.is_none();
    Sidecar { situation, wanted, launch, current, changes, unreadable }
}

impl Sidecar<'_> {
    fn repair(&self) -> Repair {
        let Some(current) = self.current else {
            return if self.wanted.is_some() { Repair::Create } else { Repair::Nothing };
        };
        if self.wanted.is_none() {
            return Repair::Remove;
        }
        let asked = Asked::of(self.situation) != Asked::Nothing;
        let counts = |change: &Change| !sidecar::is_version(change) || asked;
        let differs = self.unreadable || self.changes.iter().any(counts);
        let target = Target::Existing(current.id.clone());
        match current.state {
            ContainerState::Dead | ContainerState::Removing => Repair::Replace,
            _ if differs => Repair::Replace,
            ContainerState::Created | ContainerState::Exited => Repair::Start(target),
            ContainerState::Paused => Repair::Unpause(target),
            ContainerState::Running | ContainerState::Restarting => match self.situation.observed.sidecar.engine {
                SidecarEngine::Answers => Repair::Nothing,
                // It may hang for ever. Somebody who asks for a restart asks for one of this, too.
                SidecarEngine::Silent(_) if asked => Repair::Restart(current.id.clone()),
                SidecarEngine::NotAsked | SidecarEngine::Silent(_) => Repair::Await(target),
            },
        }
    }

    /// Whether what runs in it ends by its repair.
    pub(super) fn ends_work(&self) -> bool {
        let runs = self.current.is_some_and(|current| has_processes(current.state));
        runs && matches!(self.repair(), Repair::Replace | Repair::Restart(_))
    }

    /// Adds what differs of it, by fields of the instance. What it has in common with the container is told once.
    pub(super) fn add_differences(&self, changes: &mut Vec<Change>) {
        for change in &self.changes {
            let of_instance = Change { field: format!("sidecar.{}", change.field), ..change.clone() };
            let told = |other: &Change| other.field == change.field || other.field == of_instance.field;
            if !changes.iter().any(told) {
                changes.push(of_instance);
            }
        }
    }

    /// Volumes that would have to be replaced, which nobody agreed to.
    pub(super) fn unconsented(&self) -> Vec<String> {
        let replaced = self.volume_in_the_way().filter(|volume| self.data_consent(volume).is_none());
        replaced.map(|volume| volume.name).into_iter().collect()
    }

    /// The image that is missing and needed to go on.
    pub(super) fn missing_image(&self) -> Option<String> {
        let makes = matches!(self.repair(), Repair::Create | Repair::Replace);
        self.wanted.filter(|_| makes && self.launch.is_none()).map(|wanted| wanted.image.clone())
    }

    /// Whether it runs and its engine does not answer.
    pub(super) fn is_silent(&self) -> bool {
        matches!(self.repair(), Repair::Await(_))
    }

    /// Brings it where a container that is about to start needs it, and gives the steps that this start waits for.
    ///
    /// What must end for it ends after the steps of `after`.
    pub(super) fn prepare(&self, steps: &mut Steps, after: &[usize], consent: Consent) -> Vec<usize> {
        let ready = match self.repair() {
            Repair::Nothing => None,
            Repair::Await(target) => Some(wait(target, vec![], steps)),
            Repair::Start(target) => Some(self.start(target, vec![], steps)),
            Repair::Restart(id) => {
                let stop = Step::StopContainer { id: id.clone(), timeout_seconds: sidecar::STOP_SECONDS };
                let stopped = steps.add_destructive(stop, after.to_vec(), StepReason::Requested, consent);
                Some(self.start(Target::Existing(id), vec![stopped], steps))
            }
            Repair::Unpause(target) => unpause(target, steps),
            Repair::Create => self.create(vec![], steps),
            Repair::Replace => {
                let removed = self.remove(after, consent, steps);
                self.create(removed, steps)
            }
            Repair::Remove => {
                self.remove(after, consent, steps);
                None
            }
        };
        ready.into_iter().collect()
    }

    /// The instance's container stays and runs: what it has of a sidecar is kept going.
    ///
    /// Without consent nothing of it is replaced or removed: the container was made for it as it is.
    pub(super) fn keep(&self, consent: Option<Consent>, steps: &mut Steps) {
        match (self.repair(), consent) {
            (Repair::Nothing | Repair::Await(_) | Repair::Restart(_), _) => {}
            (Repair::Create, _) if !self.unconsented().is_empty() => {}
            (Repair::Create | Repair::Start(_) | Repair::Unpause(_), _) => {
                self.prepare(steps, &[], Consent::NoLiveSession);
            }
            (Repair::Replace | Repair::Remove, Some(consent)) => {
                self.prepare(steps, &[], consent);
            }
            (Repair::Replace | Repair::Remove, None) => self.sustain(steps),
        }
        if let Some(current) = self.current.filter(|_| self.wanted.is_some()) {
            network::keep_joined(self.situation, current, &sidecar::alias(self.situation.desired), steps);
        }
    }

    /// Starts the one that is there although another one is wanted.
    fn sustain(&self, steps: &mut Steps) {
        let Some(current) = self.current else { return };
        let target = Target::Existing(current.id.clone());
        match current.state {
            ContainerState::Created | ContainerState::Exited => _ = self.start(target, vec![], steps),
            ContainerState::Paused => _ = unpause(target, steps),
            ContainerState::Running | ContainerState::Restarting | ContainerState::Dead | ContainerState::Removing => {}
        }
    }

    fn start(&self, target: Target, mut needs: Vec<usize>, steps: &mut Steps) -> usize {
        needs.extend(prerequisites::directories(self.situation, steps));
        if let Some(current) = self.current {
            let alias = sidecar::alias(self.situation.desired);
            needs.extend(network::rejoin(self.situation, current, &alias, steps));
        }
        let started = steps.add(Step::StartSidecar { container: target.clone() }, needs, StepReason::NotRunning);
        wait(target, vec![started], steps)
    }

    /// A new one, once what it takes the place of is removed.
    fn create(&self, removed: Vec<usize>, steps: &mut Steps) -> Option<usize> {
        let launch = self.launch.as_ref()?;
        let mut needs = removed.clone();
        needs.extend(self.volume(removed, steps));
        needs.extend(prerequisites::directories(self.situation, steps));
        let create = steps.add(Step::CreateSidecar(Box::new(launch.spec.clone())), needs, StepReason::Missing);
        steps.explain(create, self.changes.iter().cloned().map(StepReason::Differs).collect());
        let mut needs = vec![create];
        needs.extend(network::ensure(self.situation, steps));
        let step = Step::StartSidecar { container: Target::Created };
        let started = steps.add(step, needs, StepReason::NotRunning);
        Some(wait(Target::Created, vec![started], steps))
    }

    /// Its volume, made where it is missing; in the place of another one where somebody agreed to that.
    fn volume(&self, removed: Vec<usize>, steps: &mut Steps) -> Option<usize> {
        let wanted = self.wanted_volume()?;
        let there = self.situation.observed.sidecar.volumes.iter().any(|volume| volume.name == wanted.name);
        let Some(old) = self.volume_in_the_way() else {
            return (!there).then(|| steps.add(Step::CreateVolume(wanted), vec![], StepReason::Missing));
        };
        let consent = self.data_consent(&old)?;
        let change = Change {
            field: "sidecar.data".to_owned(),
            change: ChangeKind::Changed,
            old: old.labels.get(labels::VOLUME).cloned().map(Digest),
            new: wanted.labels.get(labels::VOLUME).cloned().map(Digest),
        };
        let word = match consent {
            DataConsent::ReclaimPolicy => Consent::Policy,
            DataConsent::Approval => Consent::Request,
        };
        let step = Step::RemoveVolume { name: old.name, consent };
        let gone = steps.add_destructive(step, removed, StepReason::Differs(change), word);
        Some(steps.add(Step::CreateVolume(wanted), vec![gone], StepReason::Missing))
    }

    fn wanted_volume(&self) -> Option<VolumeSpec> {
        let Situation { site, desired, .. } = *self.situation;
        self.wanted.map(|wanted| sidecar::data_volume(site, desired, wanted))
    }

    /// The volume that has the name of the wanted one and is another one.
    fn volume_in_the_way(&self) -> Option<Volume> {
        let wanted = self.wanted_volume()?;
        let volumes = &self.situation.observed.sidecar.volumes;
        volumes.iter().find(|volume| sidecar::must_replace(volume, &wanted)).cloned()
    }

    fn data_consent(&self, volume: &Volume) -> Option<DataConsent> {
        let desired = self.situation.desired;
        match desired.reclaim {
            ReclaimPolicy::Delete => Some(DataConsent::ReclaimPolicy),
            ReclaimPolicy::Retain => {
                let approval = desired.approval.as_ref();
                let covers = approval.is_some_and(|approval| approval.volumes.contains(&volume.name));
                covers.then_some(DataConsent::Approval)
            }
        }
    }

    /// Removes every container that is a sidecar of the instance.
    fn remove(&self, after: &[usize], consent: Consent, steps: &mut Steps) -> Vec<usize> {
        let reason = if self.wanted.is_some() { StepReason::Superseded } else { StepReason::NotWanted };
        let all = self.situation.observed.sidecar.containers.iter();
        all.map(|container| remove(container, after, &reason, consent, steps)).collect()
    }
}

fn unpause(target: Target, steps: &mut Steps) -> Option<usize> {
    let Target::Existing(id) = target.clone() else { return None };
    let thawed = steps.add(Step::UnpauseContainer { id }, vec![], StepReason::Frozen);
    Some(wait(target, vec![thawed], steps))
}

fn wait(container: Target, needs: Vec<usize>, steps: &mut Steps) -> usize {
    let what = "the instance".to_owned();
    steps.add(Step::AwaitSidecar { container }, needs, StepReason::NeededBy { what })
}

/// Stops a sidecar where it runs, and removes it.
pub(super) fn remove(
    container: &Container,
    after: &[usize],
    reason: &StepReason,
    consent: Consent,
    steps: &mut Steps,
) -> usize {
    let id = container.id.clone();
    let mut needs = after.to_vec();
    if has_processes(container.state) {
        let stop = Step::StopContainer { id: id.clone(), timeout_seconds: sidecar::STOP_SECONDS };
        needs = vec![steps.add_destructive(stop, needs, reason.clone(), consent)];
    }
    steps.add_destructive(Step::RemoveContainer { id }, needs, reason.clone(), consent)
}
