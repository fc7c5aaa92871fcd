//! What must never happen, looked at in the moment of each call: nobody's session ended, nothing foreign touched, no data removed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jackin_api::kinds::{DisruptionPolicy, Instance, RunState};
use jackin_api::words::{self as labels, ConditionType};
use jackin_plan::disruption::{consent, live_sessions};
use jackin_plan::names::Owner;
use jackin_plan::world::{Container, ContainerState, Labels};
use kube::api::ListParams;
use kube::{Api, Client};

use crate::docker::fake::FakeEngine;
use crate::docker::{Engine, LabelFilter, Operation};

use super::capsules::MemoryCapsules;
use super::time::VirtualTime;

/// How long what somebody asked for may still be carried out after they changed their mind: a slow pass is under way.
const UNDER_WAY: Duration = Duration::from_secs(180);

/// How long what a capsule told counts: as long as one call to the engine takes at most.
const TOLD: Duration = Duration::from_secs(13);

/// Watches over the calls of the controller.
pub(super) struct Guard {
    pub(super) engine: FakeEngine,
    pub(super) capsules: Arc<MemoryCapsules>,
    pub(super) owner: Owner,
    pub(super) time: Arc<VirtualTime>,
    /// The API as the operator has it.
    client: Mutex<Option<Client>>,
    /// When somebody last asked for something that ends sessions, by instance; all of them under the empty name.
    asked: Mutex<BTreeMap<String, Duration>>,
    policies: Mutex<Vec<(Duration, DisruptionPolicy)>>,
    violations: Mutex<Vec<String>>,
}

impl Guard {
    pub(super) fn new(engine: FakeEngine, capsules: Arc<MemoryCapsules>, owner: Owner, time: Arc<VirtualTime>) -> Self {
        let (client, asked) = (Mutex::default(), Mutex::default());
        let (policies, violations) = (Mutex::default(), Mutex::default());
        Self { engine, capsules, owner, time, client, asked, policies, violations }
    }

    /// From now on the API is this one.
    pub(super) fn use_client(&self, client: Option<Client>) {
        *lock(&self.client) = client;
    }

    /// Somebody asks for what ends the sessions of an instance; of all where the name is empty.
    pub(super) fn ask(&self, instance: &str) {
        lock(&self.asked).insert(instance.to_owned(), self.time.elapsed());
    }

    /// A policy holds from now on.
    pub(super) fn set_policy(&self, policy: DisruptionPolicy) {
        lock(&self.policies).push((self.time.elapsed(), policy));
    }

    /// Notes what must not have happened.
    pub(super) fn violated(&self, what: String) {
        lock(&self.violations).push(format!("at {:.3}: {what}", self.time.elapsed().as_secs_f64()));
    }

    pub(super) fn violations(&self) -> Vec<String> {
        lock(&self.violations).clone()
    }

    /// Looks at a call before its effect.
    pub(super) async fn check(&self, operation: Operation, object: &str) {
        match operation {
            Operation::StopContainer | Operation::KillContainer | Operation::RemoveContainer => {
                self.ends(operation, object).await;
            }
            Operation::StartContainer
            | Operation::PauseContainer
            | Operation::UnpauseContainer
            | Operation::RenameContainer
            | Operation::UpdateContainer
            | Operation::PutArchive => drop(self.ours(operation, object).await),
            Operation::RemoveNetwork => {
                let found = self.engine.inspect_network(object).await.ok().flatten();
                self.is_ours(operation, object, found.map(|network| network.labels));
            }
            Operation::RemoveImage => {
                let found = self.engine.inspect_image(object).await.ok().flatten();
                self.is_ours(operation, object, found.map(|image| image.labels));
            }
            Operation::RemoveVolume => self.volume(object).await,
            _ => {}
        }
    }

    fn is_ours(&self, operation: Operation, object: &str, labels: Option<Labels>) {
        if labels.is_some_and(|labels| !self.owner.owns(&labels)) {
            self.violated(format!("{operation} {object}: it is not ours"));
        }
    }

    async fn ours(&self, operation: Operation, object: &str) -> Option<Container> {
        let found = self.engine.inspect_container(object).await.ok().flatten()?;
        self.is_ours(operation, object, Some(found.labels.clone()));
        Some(found)
    }

    /// A volume with data is never removed without consent; those with programs can be filled again.
    async fn volume(&self, name: &str) {
        let Some(volume) = self.engine.inspect_volume(name).await.ok().flatten() else { return };
        let component = volume.labels.get(labels::COMPONENT).map(String::as_str);
        if !self.owner.owns(&volume.labels)
            || !matches!(component, Some(labels::COMPONENT_AGENT | labels::COMPONENT_CAPSULE))
        {
            self.violated(format!("the volume {name} is removed, which holds data"));
        }
    }

    async fn ends(&self, operation: Operation, object: &str) {
        let Some(container) = self.ours(operation, object).await else { return };
        if !matches!(container.state, ContainerState::Running | ContainerState::Paused) {
            return;
        }
        let (sessions, told) = self.capsules.sessions(&container);
        let live = live_sessions(&sessions, DisruptionPolicy::Never);
        if live.is_empty() {
            return;
        }
        let known = told.filter(|(when, _)| self.time.elapsed() < *when + TOLD).map_or(sessions, |(_, told)| told);
        let instance = self.instance(&container).await;
        let name = container.labels.get(labels::INSTANCE).cloned().unwrap_or_default();
        if self.was_asked(&name) || instance.as_ref().is_some_and(asks) {
            return;
        }
        let late = instance.as_ref().is_some_and(|instance| self.deadline_passed(instance));
        let policies = self.policies_under_way();
        if policies.iter().any(|policy| consent(&known, *policy, false, late).is_ok()) {
            return;
        }
        self.violated(format!(
            "{operation} {object} ends the sessions {live:?} of {name}; the policy was {policies:?}"
        ));
    }

    async fn instance(&self, container: &Container) -> Option<Instance> {
        let client = lock(&self.client).clone()?;
        let all = Api::<Instance>::all(client).list(&ListParams::default()).await.ok()?;
        let name = container.labels.get(labels::INSTANCE)?;
        all.items.into_iter().find(|instance| instance.identity() == name)
    }

    fn was_asked(&self, name: &str) -> bool {
        let asked = lock(&self.asked);
        let lately = |name: &str| asked.get(name).is_some_and(|when| self.time.elapsed() < *when + UNDER_WAY);
        lately(name) || lately("")
    }

    /// The policy of now, and those that were replaced a moment ago.
    fn policies_under_way(&self) -> Vec<DisruptionPolicy> {
        let policies = lock(&self.policies);
        let now = self.time.elapsed();
        let ends = policies.iter().skip(1).map(|(begins, _)| *begins).chain([Duration::MAX]);
        let held = policies.iter().zip(ends).filter(|(_, end)| now < end.saturating_add(UNDER_WAY));
        held.map(|((_, policy), _)| *policy).collect()
    }

    fn deadline_passed(&self, instance: &Instance) -> bool {
        let deadline = instance.spec.disruption.as_ref().and_then(|disruption| disruption.deadline.as_ref());
        let Some(seconds) = deadline.and_then(|deadline| deadline.seconds().ok()) else { return false };
        let conditions = instance.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
        labels::find(conditions, ConditionType::RepairPending).is_some_and(|pending| {
            let waited = self.time.now().duration_since(pending.last_transition_time).as_secs();
            waited >= i64::try_from(seconds).unwrap_or(i64::MAX)
        })
    }

    /// Containers of the engine that are not ours, for comparison.
    pub(super) async fn foreign(&self) -> Vec<(String, ContainerState)> {
        let all = self.engine.list_containers(&LabelFilter::new()).await.unwrap_or_default();
        let foreign = all.into_iter().filter(|container| !self.owner.owns(&container.labels));
        foreign.map(|container| (container.name, container.state)).collect()
    }
}

fn asks(instance: &Instance) -> bool {
    let served = instance.status.as_ref().and_then(|status| status.restarted.as_ref());
    let restart = instance.spec.restart.as_ref().is_some_and(|request| served != Some(&request.id));
    instance.metadata.deletion_timestamp.is_some() || instance.spec.run == RunState::Stopped || restart
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
