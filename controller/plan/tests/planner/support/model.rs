//! A model of the engine, the host and the capsule: carries out one step, and refuses what the real ones refuse.

use std::collections::BTreeMap;

use jackin_api::wire::{self, SessionState};
use jackin_plan::observed::{Capsule, Program};
use jackin_plan::status::{self, InstancePass, Outcome, StepResult};
use jackin_plan::step::{Plan, Step, Target};
use jackin_plan::world::{Container, ContainerId, ContainerSpec, ContainerState, Exit, Network, NetworkId};

use super::{Case, digest, session};

/// A world that steps change.
pub(crate) struct Model {
    pub(crate) case: Case,
    made: usize,
    /// Names of sessions that were not idle and that a step ended.
    pub(crate) ended: Vec<String>,
    /// Steps that were carried out, in one word each.
    pub(crate) done: Vec<&'static str>,
}

impl Model {
    pub(crate) fn new(case: Case) -> Self {
        Self { case, made: 0, ended: vec![], done: vec![] }
    }

    /// Passes until a plan has no steps; how many had some.
    pub(crate) fn settle(&mut self, most: usize) -> usize {
        for passes in 0..=most {
            if self.pass(usize::MAX).steps.is_empty() {
                return passes;
            }
        }
        panic!("steps are left after {most} passes: {:?}, {:#?}", self.done, self.case.plan());
    }

    /// One pass, interrupted after `most` steps: then it writes no status.
    pub(crate) fn pass(&mut self, most: usize) -> Plan {
        let (wanted, plan) = (self.case.wanted(), self.case.plan());
        if let Some(recorded) = status::record(&self.case.memory, &plan, "launch-m", self.case.now) {
            self.case.memory.status = recorded;
        }
        let before = self.case.clone();
        let mut created = None;
        let mut outcomes = Vec::new();
        for planned in plan.steps.iter().take(most) {
            self.apply(&planned.step, &mut created);
            self.done.push(planned.step.name());
            outcomes.push(Outcome {
                step: planned.step.name(),
                object: planned.step.object(),
                duration_ms: 1,
                result: StepResult::Done,
            });
        }
        if most >= plan.steps.len() {
            self.case.memory.status = status::instance(&InstancePass {
                site: &before.site,
                wanted: &wanted,
                observed: &before.observed,
                plan: &plan,
                outcomes: &outcomes,
                memory: &before.memory,
                now: before.now,
                jitter: 0.0,
            });
        }
        let served = self.case.memory.status.restarted.clone();
        let restart = self.case.desired.restart.take();
        self.case.desired.restart = restart.filter(|request| Some(&request.id) != served.as_ref());
        self.case = self.case.clone().later(1);
        plan
    }

    fn container(&mut self, id: &ContainerId) -> &mut Container {
        let containers = &mut self.case.observed.containers;
        containers.iter_mut().find(|container| container.id == *id).unwrap_or_else(|| panic!("no such container: {id}"))
    }

    fn take_name(&self, name: &str) {
        let taken = self.case.observed.containers.iter().any(|container| container.name == name);
        assert!(!taken, "the name {name} is in use");
    }

    fn apply(&mut self, step: &Step, created: &mut Option<ContainerId>) {
        let target = |container: &Target, created: &Option<ContainerId>| match container {
            Target::Existing(id) => id.clone(),
            Target::Created => created.clone().expect("a container was made"),
        };
        let now = self.case.now;
        match step {
            Step::PrepareDirectories { .. } => self.case.observed.directories = true,
            Step::RemoveDirectories { .. } => self.case.observed.directories = false,
            Step::FetchProgram { agent } => {
                let content = digest(&format!("fetched {agent}"));
                self.case.observed.programs.insert(agent.clone(), Program::Known { content });
            }
            Step::FillVolume { volume, .. } => _ = self.case.observed.volumes.insert(volume.name.clone()),
            Step::CreateNetwork(spec) => {
                self.case.observed.network = Some(Network {
                    id: NetworkId(format!("network of {}", spec.name)),
                    name: spec.name.clone(),
                    labels: spec.labels.clone(),
                    internal: spec.internal,
                    members: vec![],
                });
            }
            Step::CreateContainer(spec) => *created = Some(self.create(spec)),
            Step::StopContainer { id, .. } => self.stop(id),
            Step::RemoveContainer { id } => {
                let state = self.container(id).state;
                let alive =
                    matches!(state, ContainerState::Running | ContainerState::Paused | ContainerState::Restarting);
                assert!(!alive, "removal of a container that is {state:?}");
                self.case.observed.containers.retain(|container| container.id != *id);
            }
            Step::RenameContainer { container, name } => {
                self.take_name(name);
                self.container(&target(container, created)).name.clone_from(name);
            }
            Step::StartContainer { container } => {
                let container = self.container(&target(container, created));
                assert!(!matches!(container.state, ContainerState::Dead | ContainerState::Removing));
                container.state = ContainerState::Running;
                container.started_at = Some(now);
                container.exit = None;
                self.answer(None, vec![]);
            }
            Step::CreateVolume(_)
            | Step::CreateSidecar(_)
            | Step::StartSidecar { .. }
            | Step::AwaitSidecar { .. }
            | Step::RemoveVolume { .. } => panic!("this model has no sidecars: {step:?}"),
            Step::UnpauseContainer { id } => {
                let container = self.container(id);
                assert_eq!(container.state, ContainerState::Paused);
                container.state = ContainerState::Running;
                self.answer(None, vec![session("main", SessionState::Idle, 0)]);
            }
            Step::UpdateContainer { id, limits, restart } => {
                let container = self.container(id);
                (container.limits, container.restart) = (*limits, *restart);
            }
            Step::ConnectNetwork { id, network, aliases } => {
                let network_id = self.case.observed.network.as_ref().map(|network| network.id.clone());
                let container = self.container(id);
                container.networks.retain(|other| other != network);
                container.networks.push(network.clone());
                container.aliases.insert(network.clone(), aliases.clone());
                container.network_ids.insert(network.clone(), network_id.expect("a network"));
            }
            Step::DisconnectNetwork { id, network, .. } => {
                let container = self.container(id);
                container.networks.retain(|other| other != network);
                container.network_ids.remove(network);
                container.aliases.remove(network);
            }
            Step::AwaitCapsule { container } => {
                let state = self.container(&target(container, created)).state;
                assert_eq!(state, ContainerState::Running);
                if self.case.observed.capsule == Capsule::NotAsked {
                    self.answer(None, vec![]);
                }
            }
            Step::Personalise(personalisation) => {
                let sessions = self.case.observed.capsule.sessions().to_vec();
                self.answer(Some(personalisation.digest.0.clone()), sessions);
            }
            Step::SpawnSession(spawn) => {
                let status = match &self.case.observed.capsule {
                    Capsule::Answers(status) => status.clone(),
                    other => panic!("a session for {other:?}"),
                };
                let mut sessions = status.sessions;
                sessions.push(session(&spawn.name, SessionState::Idle, 0));
                self.answer(status.environment_digest, sessions);
            }
        }
    }

    fn answer(&mut self, environment_digest: Option<String>, sessions: Vec<wire::Session>) {
        self.case.observed.capsule = Capsule::Answers(wire::Status {
            version: "1".to_owned(),
            started_at: wire::Millis::default(),
            environment_digest,
            sessions,
            hooks: vec![],
        });
    }

    fn create(&mut self, spec: &ContainerSpec) -> ContainerId {
        self.take_name(&spec.name);
        self.made += 1;
        let id = ContainerId(format!("made-{}", self.made));
        self.case.observed.containers.push(Container {
            id: id.clone(),
            name: spec.name.clone(),
            image: spec.image.clone(),
            state: ContainerState::Created,
            labels: spec.labels.clone(),
            limits: spec.limits,
            restart: spec.restart,
            networks: spec.networks.clone(),
            network_ids: BTreeMap::new(),
            aliases: spec.networks.iter().map(|network| (network.clone(), spec.aliases.clone())).collect(),
            pid: None,
            created_at: Some(self.case.now),
            started_at: None,
            exit: None,
        });
        id
    }

    fn stop(&mut self, id: &ContainerId) {
        let finished_at = Some(self.case.now);
        let container = self.container(id);
        if container.state == ContainerState::Running {
            let sessions = self.case.observed.capsule.sessions();
            let busy = sessions.iter().filter(|session| session.state != SessionState::Idle || session.attached > 0);
            self.ended.extend(busy.map(|session| session.name.clone()));
        }
        let container = self.container(id);
        container.state = ContainerState::Exited;
        container.exit = Some(Exit { code: 143, out_of_memory: false, error: None, finished_at });
        self.case.observed.capsule = Capsule::NotAsked;
    }
}
