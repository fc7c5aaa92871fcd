//! One situation: what is wanted, what was seen, what is remembered.

use std::collections::{BTreeMap, BTreeSet};

use jackin_api::kinds::{
    AgentSpec, DisruptionPolicy, HostPathInstall, Install, Isolation, Launch as LastLaunch, RestartRequest, Retry,
};
use jackin_api::wire::{self, SessionState};
use jackin_api::words::{Digest, DigestMap, PlanKind};
use jackin_plan::check::check;
use jackin_plan::desired::{
    Desired, DesiredDisruption, DesiredImage, DesiredMount, Goal, InstanceKey, ServingImage, Site,
};
use jackin_plan::digest::digest_of;
use jackin_plan::ladder::{self, Memory};
use jackin_plan::launch;
use jackin_plan::names::Owner;
use jackin_plan::observed::{Capsule, FileIdentity, MountSourceState, Mounted, Observed, Program};
use jackin_plan::resolve::Wanted;
use jackin_plan::step::Plan;
use jackin_plan::world::{
    Container, ContainerId, ContainerState, Exit, ImageId, Limits, Network, NetworkId, RestartPolicy, Security,
};
use jiff::{SignedDuration, Timestamp};

/// A situation of the instance `shop-main` with one mount at `/work` and the agents `codex` and `shell`.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) site: Site,
    pub(crate) desired: Desired,
    pub(crate) observed: Observed,
    pub(crate) memory: Memory,
    pub(crate) now: Timestamp,
}

pub(crate) fn digest(text: &str) -> Digest {
    digest_of(&text)
}

pub(crate) fn agent(installed: bool) -> AgentSpec {
    let host_path = HostPathInstall { path: "/opt/codex".to_owned(), program: None };
    AgentSpec {
        install: installed.then(|| Install { host_path: Some(host_path), ..Install::default() }),
        command: vec!["codex".to_owned()],
        env: BTreeMap::new(),
        homes: vec![],
        files: vec![],
        credentials: None,
        plugins: None,
        state: None,
    }
}

pub(crate) fn session(name: &str, state: SessionState, attached: u32) -> wire::Session {
    wire::Session {
        id: format!("id-{name}"),
        name: name.to_owned(),
        agent: "shell".to_owned(),
        argv: vec![],
        pid: 7,
        state,
        evidence: String::new(),
        state_since: None,
        exit: (state == SessionState::Exited).then(|| wire::Exit::with_code(0)),
        attached,
        writer: attached > 0,
        created_at: wire::Millis::default(),
        last_output_at: None,
        size: wire::Size::default(),
        title: String::new(),
        preparing: false,
        failed_hook: None,
    }
}

fn image(recipe: &str) -> ServingImage {
    ServingImage {
        id: format!("sha256:image-{recipe}"),
        name: format!("jackin-012345/default/dev:{recipe}"),
        recipe: digest(recipe),
        fields: DigestMap([("dockerfile".to_owned(), digest(recipe))].into()),
    }
}

impl Case {
    /// All that the spec wants is there: an idle session, nobody attached.
    pub(crate) fn converged() -> Self {
        let mut case = Self::nothing();
        case.observed.directories = true;
        let network = case.site.owner.network("default", "shop");
        case.observed.network = Some(Network {
            id: NetworkId("network-1".to_owned()),
            name: network,
            labels: case.site.owner.labels("network"),
            internal: false,
            members: vec![],
        });
        let launch = case.launch();
        for mount in &launch.spec.mounts {
            if let jackin_plan::world::MountSource::Volume { name, .. } = &mount.source {
                case.observed.volumes.insert(name.clone());
            }
        }
        let container = case.made("c1", ContainerState::Running);
        case.observed.containers.push(container);
        case.answering(vec![session("main", SessionState::Idle, 0)])
    }

    /// Only the image, the mount's source and the agent's program are there.
    pub(crate) fn nothing() -> Self {
        let now = "2026-11-01T12:00:00Z".parse().expect("a time");
        let site = Site {
            owner: Owner("0123456789ab".to_owned()),
            user: "1000:1000".to_owned(),
            capsule: digest("capsule 1"),
        };
        let desired = Desired {
            key: InstanceKey { namespace: "default".to_owned(), name: "shop-main".to_owned() },
            workspace: "shop".to_owned(),
            role: "dev".to_owned(),
            goal: Goal::Run,
            suspended: false,
            restart: None,
            start: None,
            idle_after_seconds: None,
            agent: "shell".to_owned(),
            agents: [("codex".to_owned(), agent(true)), ("shell".to_owned(), agent(false))].into(),
            workdir: "/work".to_owned(),
            mounts: vec![DesiredMount {
                source: "/src/shop".to_owned(),
                target: "/work".to_owned(),
                read_only: false,
                isolation: Isolation::Shared,
            }],
            home: "/home/of/shop-main".to_owned(),
            run: "/run/of/shop-main".to_owned(),
            environment: BTreeMap::new(),
            network: Default::default(),
            limits: Limits { pids: Some(4096), ..Limits::default() },
            restart_policy: RestartPolicy::No,
            security: Security::default(),
            disruption: DesiredDisruption::default(),
            image: DesiredImage::Valid(image("recipe 1")),
            requested_build: None,
            hooks: vec![],
            plugins: BTreeSet::new(),
            sidecar: None,
            reclaim: Default::default(),
            approval: None,
        };
        let content = digest("codex 1");
        let observed = Observed {
            mounts: [("/work".to_owned(), MountSourceState::Present)].into(),
            programs: [("codex".to_owned(), Program::Known { content }), ("shell".to_owned(), Program::InImage)].into(),
            ..Observed::default()
        };
        let memory = Memory { generation: 1, ..Memory::default() };
        Self { site, desired, observed, memory, now }
    }

    /// The launch that is wanted now.
    pub(crate) fn launch(&self) -> launch::Launch {
        let image = match &self.desired.image {
            DesiredImage::Valid(image) | DesiredImage::Invalid { serving: Some(image), .. } => image,
            DesiredImage::Invalid { serving: None, .. } => panic!("no image is there"),
        };
        launch::launch(&self.site, &self.desired, &self.observed, image).expect("every program is known")
    }

    pub(crate) fn final_name(&self) -> String {
        self.site.owner.container("default", "shop-main")
    }

    pub(crate) fn temporary_name(&self) -> String {
        self.site.owner.replacement("default", "shop-main")
    }

    /// A container made from what is wanted now.
    pub(crate) fn made(&self, id: &str, state: ContainerState) -> Container {
        let spec = self.launch().spec;
        let aliases = spec.networks.iter().map(|network| (network.clone(), spec.aliases.clone())).collect();
        let started = self.now.checked_sub(SignedDuration::from_hours(1)).ok();
        let ran = !matches!(state, ContainerState::Created);
        Container {
            id: ContainerId(id.to_owned()),
            name: spec.name,
            image: ImageId(spec.image.0),
            state,
            labels: spec.labels,
            limits: spec.limits,
            restart: spec.restart,
            networks: spec.networks,
            network_ids: BTreeMap::new(),
            aliases,
            pid: (state == ContainerState::Running).then_some(4711),
            created_at: started,
            started_at: started.filter(|_| ran),
            exit: matches!(state, ContainerState::Exited | ContainerState::Dead).then_some(Exit {
                code: 137,
                out_of_memory: false,
                error: None,
                finished_at: Some(self.now),
            }),
        }
    }

    /// The container is in this state, and who does not run is not asked.
    pub(crate) fn state(mut self, state: ContainerState) -> Self {
        let old = self.observed.containers.remove(0);
        let made = self.made(&old.id.0, state);
        self.observed.containers.insert(
            0,
            Container {
                name: old.name,
                image: old.image,
                labels: old.labels,
                limits: old.limits,
                restart: old.restart,
                networks: old.networks,
                aliases: old.aliases,
                ..made
            },
        );
        if state != ContainerState::Running {
            self.observed.capsule = Capsule::NotAsked;
        }
        self
    }

    pub(crate) fn without_container(mut self) -> Self {
        self.observed.containers.clear();
        self.observed.capsule = Capsule::NotAsked;
        self
    }

    /// Changes the only container.
    pub(crate) fn container(mut self, change: impl FnOnce(&mut Container)) -> Self {
        change(&mut self.observed.containers[0]);
        self
    }

    /// The capsule answers, has the wanted environment and these sessions.
    pub(crate) fn answering(mut self, sessions: Vec<wire::Session>) -> Self {
        self.observed.capsule = Capsule::Answers(wire::Status {
            version: "1".to_owned(),
            started_at: wire::Millis::default(),
            environment_digest: Some(launch::personalisation(&self.desired).digest.0),
            sessions,
            hooks: vec![],
        });
        self
    }

    /// One session of this state.
    pub(crate) fn session(self, state: SessionState, attached: u32) -> Self {
        self.answering(vec![session("main", state, attached)])
    }

    pub(crate) fn not_asked(mut self) -> Self {
        self.observed.capsule = Capsule::NotAsked;
        self
    }

    pub(crate) fn silent(mut self) -> Self {
        self.observed.capsule = Capsule::Silent("asked its capsule".to_owned());
        self
    }

    /// Changes what is wanted.
    pub(crate) fn wanting(mut self, change: impl FnOnce(&mut Desired)) -> Self {
        change(&mut self.desired);
        self
    }

    /// The mount shows another folder now.
    pub(crate) fn mount_edited(self) -> Self {
        self.wanting(|desired| desired.mounts[0].source = "/src/other".to_owned())
    }

    /// The image of another recipe is there.
    pub(crate) fn image(self, recipe: &str) -> Self {
        self.wanting(|desired| desired.image = DesiredImage::Valid(image(recipe)))
    }

    /// The image must be built; an older one may be there.
    pub(crate) fn image_building(self, older: Option<&str>) -> Self {
        let serving = older.map(image);
        self.wanting(|desired| {
            desired.image = DesiredImage::Invalid { why: "recipe 2 is being built".to_owned(), failed: false, serving };
        })
    }

    pub(crate) fn policy(self, policy: DisruptionPolicy, deadline_seconds: Option<u64>) -> Self {
        self.wanting(|desired| {
            desired.disruption = DesiredDisruption { policy, deadline_seconds };
        })
    }

    /// The workspace holds repairs back.
    pub(crate) fn suspended(self) -> Self {
        self.wanting(|desired| desired.suspended = true)
    }

    pub(crate) fn restart(mut self, recreate: bool) -> Self {
        // A request is an edit of the spec.
        self.memory.generation += 1;
        self.wanting(|desired| {
            desired.restart = Some(RestartRequest { id: "request-1".to_owned(), recreate });
        })
    }

    pub(crate) fn seeing(mut self, change: impl FnOnce(&mut Observed)) -> Self {
        change(&mut self.observed);
        self
    }

    /// The running container shows this file at `/work` while another one is at the source.
    pub(crate) fn mount_replaced(self) -> Self {
        let [shown, source] = [7, 8].map(|inode| FileIdentity { device: 1, inode });
        self.seeing(|observed| _ = observed.mounted.insert("/work".to_owned(), Mounted { shown, source }))
    }

    pub(crate) fn program(self, program: Program) -> Self {
        self.seeing(|observed| _ = observed.programs.insert("codex".to_owned(), program))
    }

    /// So many failures of this generation, the next try due after some seconds.
    pub(crate) fn failed(mut self, failures: u32, due_in_seconds: i64) -> Self {
        let after = self.now.checked_add(SignedDuration::from_secs(due_in_seconds)).expect("a time");
        let generation = self.memory.generation;
        self.memory.status.retry =
            Some(Retry { failures, after, generation, since: Some(self.now), ends: failures, last_exit: None });
        self
    }

    /// A launch was begun a minute ago and not finished.
    pub(crate) fn launch_open(mut self, plan: PlanKind) -> Self {
        let started_at = self.now.checked_sub(SignedDuration::from_mins(1)).expect("a time");
        self.memory.status.last_launch =
            Some(LastLaunch { id: "launch-1".to_owned(), plan, started_at, duration_ms: None, steps: vec![] });
        self
    }

    pub(crate) fn later(mut self, seconds: i64) -> Self {
        self.now = self.now.checked_add(SignedDuration::from_secs(seconds)).expect("a time");
        self
    }

    pub(crate) fn wanted(&self) -> Wanted {
        Wanted::Run(Box::new(self.desired.clone()))
    }

    /// The plan, checked.
    pub(crate) fn plan(&self) -> Plan {
        self.plan_for(&self.wanted())
    }

    pub(crate) fn plan_for(&self, wanted: &Wanted) -> Plan {
        let plan = ladder::plan(&self.site, wanted, &self.observed, &self.memory, self.now);
        check(plan).unwrap_or_else(|defects| panic!("{defects:?}"))
    }
}
