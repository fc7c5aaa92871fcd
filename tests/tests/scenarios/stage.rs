//! What a scenario plays on: a store of objects, the model's world, and a clock.

use std::collections::BTreeMap;

use jackin_api::kinds::{Agent, Image, ImageSpec, Instance, RestartRequest, Role, RunState, Workspace};
use jackin_api::wire::SessionState;
use jackin_api::words::{self as labels, DigestMap, Reason};
use jackin_plan::desired::{InstanceKey, Site};
use jackin_plan::digest::digest_of;
use jackin_plan::image::{self, ImageAction, ObservedImage, recipe_labels};
use jackin_plan::ladder::Memory;
use jackin_plan::model::{CapsuleState, World};
use jackin_plan::names::{ImageName, Owner};
use jackin_plan::network::surplus;
use jackin_plan::observed::MountSourceState;
use jackin_plan::project::{self, Pass};
use jackin_plan::resolve::{Snapshot, Wanted};
use jackin_plan::status::{self, ImageOutcome, Unseen};
use jackin_plan::workspace::{self, WorkspaceSnapshot, instances_after};
use jackin_plan::world::{
    self, Container, ContainerId, ContainerState, ImageId, Labels, Limits, Network, NetworkId, RestartPolicy,
};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::budget;
use super::transcript::Transcript;

/// More rounds than anything needs to settle.
const MOST_ROUNDS: usize = 20;

/// The stage.
pub(crate) struct Stage {
    pub(crate) site: Site,
    pub(crate) now: Timestamp,
    pub(crate) world: World,
    pub(crate) transcript: Transcript,
    pub(crate) roles: BTreeMap<String, Role>,
    pub(crate) agents: BTreeMap<String, Agent>,
    pub(crate) workspaces: BTreeMap<String, Workspace>,
    pub(crate) instances: BTreeMap<String, Instance>,
    pub(crate) images: BTreeMap<String, Image>,
    /// Images that were built, newest first.
    built: Vec<world::Image>,
    requests: usize,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let shell = json!({"command": ["@shell"], "state": {"rule": "foreground"}});
        let shell = Agent::new("shell", serde_json::from_value(shell).expect("an agent"));
        Self {
            site: Site {
                owner: Owner("0123456789ab".to_owned()),
                user: "1000:1000".to_owned(),
                capsule: digest_of(&"capsule"),
            },
            now: "2026-11-01T12:00:00Z".parse().expect("a time"),
            world: World::default(),
            transcript: Transcript::default(),
            roles: BTreeMap::new(),
            agents: [("shell".to_owned(), shell)].into(),
            workspaces: BTreeMap::new(),
            instances: BTreeMap::new(),
            images: BTreeMap::new(),
            built: Vec::new(),
            requests: 0,
        }
    }

    /// Puts objects into the store; those of the same name are replaced.
    pub(crate) fn apply(&mut self, documents: &str) {
        let documents: Vec<Value> = serde_saphyr::from_multiple(documents).expect("YAML");
        for mut document in documents {
            document["apiVersion"] = json!("jackin.dev/v1alpha1");
            document["metadata"]["namespace"] = json!("default");
            let read = |document: Value| serde_json::from_value(document).expect("a workspace");
            match document["kind"].as_str() {
                Some("Role") => {
                    let role: Role = serde_json::from_value(document).expect("a role");
                    self.roles.insert(role.metadata.name.clone().unwrap_or_default(), role);
                }
                Some("Workspace") => {
                    let mut workspace: Workspace = read(document);
                    let name = workspace.metadata.name.clone().unwrap_or_default();
                    workspace.metadata.uid = Some(format!("uid-of-{name}"));
                    for mount in &workspace.spec.mounts {
                        self.world.sources.entry(mount.source.clone()).or_insert(MountSourceState::Present);
                    }
                    self.workspaces.insert(name, workspace);
                }
                other => panic!("not a kind that scenarios know: {other:?}"),
            }
        }
    }

    pub(crate) fn delete(&mut self, workspace: &str) {
        let workspace = self.workspaces.get_mut(workspace).expect("a workspace");
        workspace.spec.instances.clear();
        workspace.metadata.deletion_timestamp = serde_json::from_value(json!(self.now.to_string())).ok();
        for instance in self.instances.values_mut() {
            // Whoever deletes a workspace ends its sessions.
            instance.metadata.deletion_timestamp.clone_from(&workspace.metadata.deletion_timestamp);
        }
    }

    /// The workspace and what there is of it.
    pub(crate) fn workspace_snapshot(&self, workspace: &Workspace) -> WorkspaceSnapshot {
        let ours = |instance: &&Instance| Some(&instance.spec.workspace) == workspace.metadata.name.as_ref();
        WorkspaceSnapshot {
            workspace: workspace.clone(),
            roles: self.roles.clone(),
            instances: self.instances.values().filter(ours).cloned().collect(),
        }
    }

    /// The snapshot of an instance, with this image.
    pub(crate) fn snapshot(&self, instance: &Instance, image: Option<Image>) -> Snapshot {
        let identity = instance.identity();
        Snapshot {
            instance: instance.clone(),
            role: self.roles.get(&instance.spec.role).cloned(),
            agents: self.agents.clone(),
            image,
            home: format!("/home/of/{identity}"),
            run: format!("/run/of/{identity}"),
        }
    }

    /// The Image object of a role at this revision.
    pub(crate) fn image_object(&self, role: &str, revision: &str) -> Image {
        let spec = ImageSpec { role: role.to_owned(), role_revision: revision.to_owned(), rebuild: None };
        let mut image = self.images.get(role).cloned().unwrap_or_else(|| Image::new(role, spec));
        image.metadata.namespace = Some("default".to_owned());
        if image.spec.role_revision != revision || image.metadata.generation.is_none() {
            image.spec.role_revision = revision.to_owned();
            image.metadata.generation = Some(image.metadata.generation.unwrap_or_default() + 1);
        }
        image
    }

    /// What is seen of a role's source, and of images that could serve.
    pub(crate) fn observed_image(&self, role: &str) -> ObservedImage {
        let source = &self.roles[role].spec.source;
        let inline = source.inline.as_ref().expect("scenarios know inline sources").dockerfile.clone();
        let (found, others) = self
            .built
            .iter()
            .cloned()
            .partition(|image| image.labels.get(labels::ROLE).map(String::as_str) == Some(role));
        let name = ImageName { owner: self.site.owner.clone(), namespace: "default".to_owned(), role: role.to_owned() };
        ObservedImage {
            name,
            source: DigestMap([("dockerfile".to_owned(), digest_of(&inline))].into()),
            commit: None,
            unfetched: None,
            unused: vec![],
            build: true,
            policy: self.roles[role].spec.pull_policy,
            bases: BTreeMap::new(),
            published: None,
            found,
            others,
            kept: Vec::new(),
            served: None,
            looks: BTreeMap::new(),
        }
    }

    /// Passes until nothing is left to do, and the rules that hold for each settling.
    pub(crate) fn settle(&mut self) {
        let expected = budget::expect(self);
        self.world.ended.clear();
        let mut passes: BTreeMap<String, Vec<Pass>> = BTreeMap::new();
        for _ in 0..MOST_ROUNDS {
            let mut moved = self.pass_workspaces();
            let building = self.begin_images();
            for name in self.instances.keys().cloned().collect::<Vec<_>>() {
                moved |= self.pass_instance(&name, usize::MAX, &mut passes);
            }
            moved |= self.finish_images(&building);
            moved |= self.release_networks();
            if !moved {
                budget::check(self, &expected, &passes);
                return;
            }
        }
        panic!("it does not settle:\n{}", self.transcript.text);
    }

    fn pass_workspaces(&mut self) -> bool {
        let before = (self.instances.clone(), self.images.clone());
        for (name, workspace) in self.workspaces.clone() {
            let snapshot = self.workspace_snapshot(&workspace);
            let plan = workspace::plan(&snapshot);
            self.transcript.workspace(&name, &plan);
            for (role, revision) in &plan.images {
                let image = self.image_object(role, revision);
                self.images.insert(role.clone(), image);
            }
            for instance in &snapshot.instances {
                self.instances.remove(instance.metadata.name.as_deref().unwrap_or_default());
            }
            self.instances.extend(instances_after(&snapshot, &plan, self.now));
        }
        before != (self.instances.clone(), self.images.clone())
    }

    /// Looks at every image; those that must be built are being built.
    fn begin_images(&mut self) -> Vec<String> {
        let mut building = Vec::new();
        for (name, mut image) in self.images.clone() {
            let status = image.status.clone().unwrap_or_default();
            let plan = image::plan(&self.observed_image(&name), image.spec.rebuild.as_ref(), &status);
            let begun = !matches!(plan.action, ImageAction::Serve(_));
            self.transcript.image(&name, &plan);
            let outcome = ImageOutcome::Planned { plan, begun };
            image.status = Some(status::image(&image, &outcome, None, self.now, 0.0));
            if begun {
                building.push(name.clone());
            }
            self.images.insert(name, image);
        }
        building
    }

    fn finish_images(&mut self, building: &[String]) -> bool {
        for name in building {
            let mut image = self.images[name].clone();
            let status = image.status.clone().unwrap_or_default();
            let plan = image::plan(&self.observed_image(name), image.spec.rebuild.as_ref(), &status);
            let ImageAction::Build { recipe, .. } = &plan.action else { continue };
            let mut all: Labels = self.site.owner.labels(labels::COMPONENT_IMAGE);
            all.extend(recipe_labels(recipe, &plan.fields));
            all.insert(labels::NAMESPACE.to_owned(), "default".to_owned());
            all.insert(labels::ROLE.to_owned(), name.clone());
            let id = format!("image-{}", self.built.len() + 1);
            let tags = vec![self.site.owner.image("default", name, recipe)];
            self.world.insert_image(&id, all.clone());
            let id = ImageId(id);
            let found = world::Image {
                id,
                content: None,
                tags,
                labels: all,
                size_bytes: 0,
                repository_digests: Vec::new(),
                created_at: None,
            };
            self.built.insert(0, found);
            let outcome = ImageOutcome::Planned { plan, begun: true };
            image.status = Some(status::image(&image, &outcome, Some(Vec::new()), self.now, 0.0));
            self.images.insert(name.clone(), image);
            self.transcript.line(&format!("image {name}: built"));
        }
        !building.is_empty()
    }

    fn pass_instance(&mut self, name: &str, most: usize, passes: &mut BTreeMap<String, Vec<Pass>>) -> bool {
        let instance = self.instances[name].clone();
        let mut snapshot = self.snapshot(&instance, self.images.get(&instance.spec.role).cloned());
        let pass = project::pass(&self.site, &mut snapshot, &mut self.world, self.now, most).expect("no broken rule");
        self.transcript.pass(name, &pass);
        let gone = matches!(pass.wanted, Wanted::Remove { .. }) && pass.plan.steps.is_empty();
        let moved = gone || !pass.plan.steps.is_empty() || snapshot.instance.status != instance.status;
        passes.entry(name.to_owned()).or_default().push(pass);
        if gone {
            self.instances.remove(name);
            self.transcript.line(&format!("{name} is gone"));
        } else {
            self.instances.insert(name.to_owned(), snapshot.instance);
        }
        moved
    }

    /// Networks of ours that no workspace asks for go when nobody is on them.
    fn release_networks(&mut self) -> bool {
        let workspaces: Vec<_> = self.workspaces.values().cloned().collect();
        let networks: Vec<_> = self.world.networks.values().cloned().collect();
        let mut removed = false;
        for workspace in &workspaces {
            for network in surplus(&self.site.owner, workspace, &workspaces, &networks) {
                let used = |container: &Container| container.networks.contains(&network.name);
                let users = self.world.containers.values().filter(|contained| used(&contained.container)).count();
                if users == 0 && self.world.networks.remove(&network.id).is_some() {
                    self.transcript.line(&format!("network {}: removed", network.name));
                    removed = true;
                }
            }
        }
        removed
    }

    /// What `jackin diff` would show.
    pub(crate) fn diff(&mut self) {
        for (instance, steps) in budget::expect(self).steps {
            let steps = if steps.is_empty() { "nothing".to_owned() } else { steps.join(", ") };
            self.transcript.line(&format!("{instance}: {steps}"));
        }
    }

    /// One pass that ends after so many steps, as if the controller had been killed.
    pub(crate) fn crash(&mut self, name: &str, steps: usize) {
        self.pass_workspaces();
        _ = self.begin_images();
        self.pass_instance(name, steps, &mut BTreeMap::new());
    }

    /// The capsule tells of its sessions, which wakes the instance.
    pub(crate) fn notice(&mut self, name: &str) {
        self.pass_instance(name, usize::MAX, &mut BTreeMap::new());
    }

    pub(crate) fn away(&mut self) {
        for (name, instance) in self.instances.clone() {
            let generation = instance.metadata.generation.unwrap_or_default();
            let memory = Memory { status: instance.status.clone().unwrap_or_default(), generation };
            let unseen = Unseen {
                reason: Reason::EngineUnreachable,
                message: "list containers: the engine cannot be reached".to_owned(),
            };
            let status = status::unknown(&memory, &unseen, self.now, 0.0);
            self.transcript.status(&name, &status);
            self.instances.insert(name, Instance { status: Some(status), ..instance });
        }
    }

    fn edit(&mut self, name: &str, edit: impl FnOnce(&mut Instance)) {
        let instance = self.instances.get_mut(name).unwrap_or_else(|| panic!("no instance {name}"));
        edit(instance);
        instance.metadata.generation = Some(instance.metadata.generation.unwrap_or_default() + 1);
    }

    pub(crate) fn restart(&mut self, name: &str, recreate: bool) {
        self.requests += 1;
        let id = format!("request-{}", self.requests);
        self.edit(name, |instance| instance.spec.restart = Some(RestartRequest { id, recreate }));
    }

    pub(crate) fn run_state(&mut self, name: &str, run: RunState) {
        self.edit(name, |instance| instance.spec.run = run);
    }

    /// What `jackin start` and `jackin attach` ask of an instance that was stopped because nobody worked in it.
    pub(crate) fn wake(&mut self, name: &str) {
        self.requests += 1;
        let start = format!("request-{}", self.requests);
        self.edit(name, |instance| instance.spec.start = Some(start));
    }

    pub(crate) fn rebuild(&mut self, role: &str) {
        self.requests += 1;
        let image = self.images.get_mut(role).expect("an image");
        image.spec.rebuild = Some(format!("request-{}", self.requests));
        image.metadata.generation = Some(image.metadata.generation.unwrap_or_default() + 1);
    }

    pub(crate) fn key(&self, name: &str) -> InstanceKey {
        let identity = self.instances.get(name).map_or(name, |instance| instance.identity());
        InstanceKey { namespace: "default".to_owned(), name: identity.to_owned() }
    }

    /// The container of an instance: the one that runs, of several.
    fn id(&self, name: &str) -> ContainerId {
        let all = self.world.of_instance(&self.site, &self.key(name)).map(|contained| &contained.container);
        let found = all.max_by_key(|container| container.state == ContainerState::Running);
        found.unwrap_or_else(|| panic!("{name} has no container")).id.clone()
    }

    pub(crate) fn container(&mut self, name: &str) -> &mut Container {
        let id = self.id(name);
        &mut self.world.containers.get_mut(&id).expect("it is there").container
    }

    fn capsule(&mut self, name: &str) -> &mut CapsuleState {
        let id = self.id(name);
        &mut self.world.containers.get_mut(&id).expect("it is there").capsule
    }

    pub(crate) fn session(&mut self, name: &str, state: SessionState, attached: u32) {
        for session in &mut self.capsule(name).sessions {
            (session.state, session.attached) = (state, attached);
        }
    }

    pub(crate) fn silent(&mut self, name: &str, silent: bool) {
        self.capsule(name).silent = silent.then(|| "asked its capsule: no answer".to_owned());
    }

    pub(crate) fn remove_container(&mut self, name: &str) {
        let id = self.id(name);
        self.world.containers.remove(&id);
    }

    pub(crate) fn end(&mut self, name: &str, code: i64) {
        let (id, now) = (self.id(name), self.now);
        self.world.end(&id, code, now).expect("it is there");
    }

    /// A container that somebody makes under this name, perhaps with all of our labels but the owner's.
    pub(crate) fn foreign(&mut self, name: &str, look_alike: bool) {
        let mut all = Labels::new();
        if look_alike {
            all = self.site.owner.labels(labels::COMPONENT_ROLE);
            all.insert(labels::OWNER.to_owned(), "ba9876543210".to_owned());
        }
        let container = Container {
            id: ContainerId(format!("foreign-{name}")),
            name: name.to_owned(),
            image: ImageId("foreign".to_owned()),
            state: ContainerState::Running,
            labels: all,
            limits: Limits::default(),
            restart: RestartPolicy::No,
            networks: Vec::new(),
            network_ids: BTreeMap::new(),
            aliases: BTreeMap::new(),
            pid: Some(1),
            created_at: Some(self.now),
            started_at: Some(self.now),
            exit: None,
        };
        self.world.insert(container, CapsuleState::default());
    }

    pub(crate) fn remove_foreign(&mut self, name: &str) {
        self.world.containers.remove(&ContainerId(format!("foreign-{name}")));
    }

    /// A network that somebody else makes.
    pub(crate) fn foreign_network(&mut self, name: &str) {
        let id = NetworkId(format!("foreign-{name}"));
        let network =
            Network { id: id.clone(), name: name.to_owned(), labels: Labels::new(), internal: false, members: vec![] };
        self.world.networks.insert(id, network);
    }

    /// Removes the images of a role behind our back.
    pub(crate) fn remove_image(&mut self, role: &str) {
        let (gone, kept): (Vec<_>, _) = std::mem::take(&mut self.built)
            .into_iter()
            .partition(|image| image.labels.get(labels::ROLE).map(String::as_str) == Some(role));
        self.built = kept;
        for image in gone {
            self.world.images.remove(&image.id);
        }
    }

    pub(crate) fn source(&mut self, path: &str, present: bool) {
        let state = if present { MountSourceState::Present } else { MountSourceState::Missing };
        self.world.sources.insert(path.to_owned(), state);
    }
}
