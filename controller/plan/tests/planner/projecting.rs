//! What applying would come to: every pass with its operations, and what is left.

use std::collections::BTreeMap;

use jackin_api::kinds::{Agent, Image, ImageSpec, Instance, InstanceSpec, Role, RoleSpec};
use jackin_api::wire::SessionState;
use jackin_api::words::{Digest, DigestMap, PlanKind, RECIPE};
use jackin_plan::digest::image_revision;
use jackin_plan::image::ObservedImage;
use jackin_plan::model::World;
use jackin_plan::observed::MountSourceState;
use jackin_plan::project::{self, ShownInstance, ShownProjection, shown_image, shown_instance};
use jackin_plan::resolve::Snapshot;
use jackin_plan::world::{ContainerState, ImageId};
use serde_json::json;

use crate::support::{Case, agent, digest};

/// The installation, an instance of a role whose source is this text, and a world.
struct Stage {
    case: Case,
    snapshot: Snapshot,
    observed: ObservedImage,
    world: World,
}

impl Stage {
    fn new(source: &str) -> Self {
        let role: RoleSpec =
            serde_json::from_value(json!({"source": {"inline": {"dockerfile": source}}, "agents": []}))
                .expect("a role");
        let instance: InstanceSpec = serde_json::from_value(json!({
            "workspace": "shop", "template": "main", "role": "dev", "agent": "shell", "workdir": "/work",
            "mounts": [{"source": "/src/shop", "target": "/work"}],
        }))
        .expect("an instance");
        let mut instance = Instance::new("shop-main", instance);
        instance.metadata.namespace = Some("default".to_owned());
        instance.metadata.generation = Some(1);
        let snapshot = Snapshot {
            instance,
            role: Some(Role::new("dev", role)),
            agents: [("shell".to_owned(), Agent::new("shell", agent(false)))].into(),
            image: None,
            home: "/home/of/shop-main".to_owned(),
            run: "/run/of/shop-main".to_owned(),
        };
        let mut world = World::default();
        world.sources.insert("/src/shop".to_owned(), MountSourceState::Present);
        world.sources.insert("/src/other".to_owned(), MountSourceState::Present);
        let case = Case::nothing();
        let observed = observed(source);
        Self { case, snapshot, observed, world }
    }

    /// Another source of the role.
    fn source(mut self, source: &str) -> Self {
        if let Some(role) = &mut self.snapshot.role {
            role.spec.source.inline = serde_json::from_value(json!({"dockerfile": source})).expect("a source");
        }
        self.observed = ObservedImage { found: std::mem::take(&mut self.observed.found), ..observed(source) };
        self
    }

    fn edited(mut self, edit: impl FnOnce(&mut InstanceSpec)) -> Self {
        edit(&mut self.snapshot.instance.spec);
        self.snapshot.instance.metadata.generation = self.snapshot.instance.metadata.generation.map(|known| known + 1);
        self
    }

    fn working(mut self) -> Self {
        for contained in self.world.containers.values_mut() {
            for session in &mut contained.capsule.sessions {
                session.state = SessionState::Working;
            }
        }
        self
    }

    fn state(mut self, state: ContainerState) -> Self {
        for contained in self.world.containers.values_mut() {
            contained.container.state = state;
        }
        self
    }

    /// Everything that would be done, done.
    fn project(&mut self) -> ShownProjection {
        let role = self.snapshot.role.as_ref().expect("a role");
        let spec = ImageSpec { role: "dev".to_owned(), role_revision: image_revision(role), rebuild: None };
        let mut object = Image::new("dev", spec);
        object.metadata.namespace = Some("default".to_owned());
        object.metadata.generation = Some(self.snapshot.instance.metadata.generation.unwrap_or_default());
        object.status = self.snapshot.image.as_ref().and_then(|image| image.status.clone());
        let image = project::image(&self.case.site, &object, &self.observed, self.case.now);
        let serving = image.last.status.as_ref().and_then(|status| status.image.clone()).expect("an image");
        self.world.insert_image(&serving.id, image.labels.clone());
        self.snapshot.image = Some(image.first.clone());
        let (site, now) = (&self.case.site, self.case.now);
        let done = project::instance(site, &mut self.snapshot, Some(&image.last), &mut self.world, now);
        let shown = shown_instance("default", "shop-main", &done.expect("no plan breaks a rule"), image.provisional);
        let images = vec![shown_image("default", "dev", &image)];
        self.observed.found = self.built(&serving.id, &image.labels);
        ShownProjection { images, instances: vec![shown], workspaces: vec![] }
    }

    fn built(&self, id: &str, labels: &jackin_plan::world::Labels) -> Vec<jackin_plan::world::Image> {
        let id = ImageId(id.to_owned());
        vec![jackin_plan::world::Image {
            id,
            tags: vec![crate::images::name().of(&Digest(labels[RECIPE].clone()))],
            labels: labels.clone(),
            size_bytes: 0,
            content: None,
            repository_digests: vec![],
            created_at: None,
        }]
    }

    fn converged() -> Self {
        let mut stage = Self::new("FROM scratch");
        stage.project();
        stage.case = stage.case.later(3600);
        stage
    }
}

fn observed(source: &str) -> ObservedImage {
    ObservedImage {
        source: DigestMap([("dockerfile".to_owned(), digest(source))].into()),
        bases: BTreeMap::new(),
        ..crate::images::source()
    }
}

fn operations(instance: &ShownInstance) -> Vec<(usize, &str)> {
    instance.operations.iter().map(|operation| (operation.pass, operation.step.as_str())).collect()
}

#[test]
fn a_first_apply_shows_the_build_and_every_step_until_the_first_session() {
    let shown = Stage::new("FROM scratch").project();
    assert!(shown.changes());
    assert_eq!(
        shown.images[0].operations.iter().map(|operation| operation.step.as_str()).collect::<Vec<_>>(),
        ["Build"]
    );
    assert_eq!(shown.instances[0].plan, Some(PlanKind::BuildAndCreate));
    assert_eq!(
        operations(&shown.instances[0]),
        [
            (1, "PrepareDirectories"),
            (1, "CreateNetwork"),
            (1, "FillVolume"),
            (3, "CreateContainer"),
            (3, "StartContainer"),
            (3, "AwaitCapsule"),
            (3, "Personalise"),
            (3, "SpawnSession"),
        ]
    );
    assert_eq!(shown.instances[0].held, None);
}

#[test]
fn what_was_applied_shows_nothing_any_more() {
    let shown = Stage::converged().project();
    assert_eq!(operations(&shown.instances[0]), []);
    assert_eq!(shown.images[0].operations, []);
    assert!(!shown.changes());
}

#[test]
fn a_repair_that_waits_shows_the_fields_with_both_digests_and_the_next_command() {
    let mut stage = Stage::converged().working().edited(|spec| spec.mounts[0].source = "/src/other".to_owned());
    let shown = stage.project();
    let instance = &shown.instances[0];
    assert_eq!(operations(instance), []);
    let waits = instance.waits.as_ref().expect("it waits");
    assert_eq!((waits.waits_for.as_str(), waits.sessions.as_slice()), ("Sessions", &["main".to_owned()][..]));
    assert_eq!(waits.reasons[0].field, "mounts[/work].source");
    assert!(waits.reasons[0].old.is_some() && waits.reasons[0].new.is_some());
    assert!(waits.message.contains("`jackin restart`"), "{}", waits.message);
    assert!(shown.changes());
}

#[test]
fn a_frozen_container_is_thawed_in_one_pass_and_replaced_in_the_next() {
    let stage = Stage::converged().state(ContainerState::Paused);
    let shown = stage.edited(|spec| spec.mounts[0].source = "/src/other".to_owned()).project();
    let instance = &shown.instances[0];
    let passes: Vec<_> = instance.passes.iter().map(|pass| (pass.pass, pass.plan)).collect();
    assert_eq!(passes, [(1, Some(PlanKind::StartStopped)), (2, Some(PlanKind::CreateFromValidImage))]);
    assert_eq!(instance.operations[0].engine_write.as_deref(), Some("container unpause"));
    assert_eq!(instance.plan, Some(PlanKind::CreateFromValidImage));
}

#[test]
fn an_image_that_must_be_built_first_is_followed_by_the_swap_to_it() {
    let shown = Stage::converged().source("FROM scratch\nENV A=b").project();
    let instance = &shown.instances[0];
    let writes: Vec<_> = instance.operations.iter().filter_map(|operation| operation.engine_write.as_deref()).collect();
    assert_eq!(
        writes,
        ["container create", "container stop", "container destroy", "container rename", "container start"]
    );
    let fields: Vec<_> = instance.operations[0].reasons.iter().map(|reason| reason.message.as_str()).collect();
    assert_eq!(fields, ["~ image", "~ image.dockerfile"]);
}

#[test]
fn what_is_fetched_first_has_no_digest_that_could_be_shown() {
    let mut stage = Stage::new("FROM debian");
    stage.observed.bases.insert("debian".to_owned(), None);
    let shown = stage.project();
    let operations = shown.images[0].operations.iter();
    let operations: Vec<_> = operations.map(|operation| (operation.step.as_str(), operation.object.as_str())).collect();
    assert_eq!(operations, [("Pull", "debian"), ("Build", "on what was fetched")]);
}

#[test]
fn what_is_in_the_way_is_told_in_the_words_of_the_status() {
    let mut stage = Stage::new("FROM scratch");
    stage.world.sources.insert("/src/shop".to_owned(), MountSourceState::Missing);
    let shown = stage.project();
    let held = shown.instances[0].held.as_ref().expect("it is held");
    assert_eq!((held.reason.as_str(), held.message.as_str()), ("MountSourceMissing", "`/src/shop` does not exist"));
    assert!(shown.changes());
}
