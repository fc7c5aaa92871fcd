//! The sidecar of a role that asks for an engine: what is done about it, with what, and with whose word.

use jackin_api::kinds::{Approval, ReclaimPolicy};
use jackin_api::wire::SessionState;
use jackin_api::words::{self, ConditionStatus, ConditionType, PlanKind, Reason};
use jackin_plan::desired::DesiredSidecar;
use jackin_plan::model::{Frame, World};
use jackin_plan::observed::SidecarEngine;
use jackin_plan::resolve::Wanted;
use jackin_plan::status::{self, InstancePass};
use jackin_plan::step::{Consent, DataConsent, Held, Plan, Step, WaitsFor};
use jackin_plan::world::{Container, ContainerState, VolumeMedium};

use crate::support::{Case, session};

const IMAGE: &str = "jackin-dind:bookworm";

/// A case and the world that it was seen in.
struct Scene {
    case: Case,
    world: World,
}

impl Scene {
    /// Nothing but images is there, and the role asks for an engine.
    fn nothing() -> Self {
        let case = Case::nothing().wanting(|desired| {
            desired.sidecar =
                Some(DesiredSidecar { image: IMAGE.to_owned(), data: "docker".to_owned(), medium: VolumeMedium::Disk });
        });
        let mut world = World::default();
        world.see(&case.site, &case.wanted(), &case.observed);
        let mut scene = Self { case, world };
        scene.image("sha256:dind-1", "recipe of dind 1");
        scene
    }

    /// All that the spec wants is there.
    fn converged() -> Self {
        let mut scene = Self::nothing();
        scene.settle();
        scene
    }

    /// The name of the sidecar's image means this one now.
    fn image(&mut self, id: &str, recipe: &str) {
        for image in self.world.images.values_mut() {
            image.tags.retain(|tag| tag != IMAGE);
        }
        self.world.insert_image(id, [(words::RECIPE.to_owned(), recipe.to_owned())].into());
        let image = self.world.images.values_mut().find(|image| image.id.0 == id).expect("it was made");
        image.tags.push(IMAGE.to_owned());
        self.look();
    }

    fn look(&mut self) {
        self.case.observed = self.world.observe_running(&self.case.site, &self.case.desired);
    }

    /// One pass; its steps in words, each with the object's name where it has one.
    fn pass(&mut self) -> Vec<&'static str> {
        let plan = self.case.plan();
        self.world.begin_plan();
        for planned in &plan.steps {
            let frame = Frame { site: &self.case.site, key: &self.case.desired.key, now: self.case.now };
            let done = self.world.apply(&planned.step, frame);
            done.unwrap_or_else(|refused| panic!("{:?}: {refused}", planned.step));
        }
        self.look();
        self.case = self.case.clone().later(1);
        plan.steps.iter().map(|planned| planned.step.name()).collect()
    }

    /// Passes until nothing is left to do; what was written to the engine on the way.
    fn settle(&mut self) -> Vec<String> {
        self.world.writes.clear();
        for _ in 0..4 {
            if self.pass().is_empty() {
                return self.world.writes.iter().map(|write| write.write.to_string()).collect();
            }
            self.case.desired.restart = None;
        }
        panic!("steps are left: {:#?}", self.case.plan());
    }

    fn sidecar(&mut self) -> &mut Container {
        let site = self.case.site.clone();
        let id = self.world.sidecars(&site, &self.case.desired.key).map(|found| found.container.id.clone()).next();
        &mut self.world.containers.get_mut(&id.expect("a sidecar")).expect("it is there").container
    }

    /// The sidecar ended by itself.
    fn sidecar_ended(&mut self) {
        let id = self.sidecar().id.clone();
        self.world.end(&id, 1, self.case.now).expect("it is there");
        self.look();
    }

    fn session(&mut self, state: SessionState) {
        let id = self.case.observed.containers[0].id.clone();
        let capsule = &mut self.world.containers.get_mut(&id).expect("it is there").capsule;
        capsule.sessions = vec![session("main", state, 0)];
        self.look();
    }

    fn want(&mut self, change: impl FnOnce(&mut DesiredSidecar)) {
        change(self.case.desired.sidecar.as_mut().expect("a sidecar is wanted"));
        self.look();
    }

    fn status(&self, plan: &Plan) -> jackin_api::kinds::InstanceStatus {
        status::instance(&InstancePass {
            site: &self.case.site,
            wanted: &self.case.wanted(),
            observed: &self.case.observed,
            plan,
            outcomes: &[],
            memory: &self.case.memory,
            now: self.case.now,
            jitter: 0.0,
        })
    }

    fn condition(&self, type_: ConditionType) -> Option<(ConditionStatus, String)> {
        let status = self.status(&self.case.plan());
        words::find(&status.conditions, type_).map(|condition| (condition.status, condition.reason.clone()))
    }
}

fn index(plan: &Plan, name: &str) -> usize {
    plan.steps
        .iter()
        .position(|planned| planned.step.name() == name)
        .unwrap_or_else(|| panic!("no {name} in {plan:#?}"))
}

#[test]
fn a_sidecar_begins_with_the_other_prerequisites_and_the_instance_waits_for_its_answer() {
    let plan = Scene::nothing().case.plan();
    let (create, start, wait) =
        (index(&plan, "CreateSidecar"), index(&plan, "StartSidecar"), index(&plan, "AwaitSidecar"));
    let volumes = plan.steps.iter().enumerate().filter(|(_, planned)| matches!(planned.step, Step::FillVolume { .. }));
    for (volume, _) in volumes {
        assert!(!plan.steps[create].needs.contains(&volume) && !plan.steps[start].needs.contains(&volume));
    }
    assert!(plan.steps[index(&plan, "CreateContainer")].needs.contains(&wait));
}

#[test]
fn a_converged_instance_with_a_sidecar_needs_nothing() {
    let mut scene = Scene::converged();
    assert_eq!(scene.settle(), Vec::<String>::new());
    assert_eq!(scene.condition(ConditionType::SidecarReady), Some((ConditionStatus::True, "SidecarAnswers".into())));
    assert_eq!(scene.condition(ConditionType::ConsentRequired), None);
}

#[test]
fn a_stopped_sidecar_is_started_alone() {
    let mut scene = Scene::converged();
    scene.session(SessionState::Working);
    scene.sidecar_ended();
    assert_eq!(scene.case.plan().chosen, Some(PlanKind::AttachExisting));
    assert_eq!(scene.settle(), ["container start"]);
    assert_eq!(scene.world.ended, []);
}

#[test]
fn a_sidecar_that_is_gone_is_made_again_alone_with_its_data() {
    let mut scene = Scene::converged();
    scene.session(SessionState::Working);
    scene.sidecar_ended();
    let id = scene.sidecar().id.clone();
    scene.world.containers.remove(&id);
    scene.look();
    assert_eq!(scene.settle(), ["container create", "container start"]);
    assert_eq!(scene.world.ended, []);
}

#[test]
fn a_paused_sidecar_is_unpaused_alone() {
    let mut scene = Scene::converged();
    scene.sidecar().state = ContainerState::Paused;
    scene.look();
    assert_eq!(scene.settle(), ["container unpause"]);
}

#[test]
fn a_stopped_instance_is_started_with_its_sidecar() {
    let mut scene = Scene::converged();
    let stop = scene.case.plan_for(&Wanted::Stop);
    for planned in &stop.steps {
        let frame = Frame { site: &scene.case.site, key: &scene.case.desired.key, now: scene.case.now };
        scene.world.apply(&planned.step, frame).expect("a stop");
    }
    scene.look();
    let plan = scene.case.plan();
    assert_eq!(plan.chosen, Some(PlanKind::StartStopped));
    assert!(plan.steps[index(&plan, "StartContainer")].needs.contains(&index(&plan, "AwaitSidecar")));
    assert_eq!(scene.settle(), ["container start", "container start"]);
}

#[test]
fn a_sidecar_whose_launch_changed_is_replaced_with_the_container_once() {
    let mut scene = Scene::converged();
    scene.want(|sidecar| sidecar.data = "cache".to_owned());
    let plan = scene.case.plan();
    let (stop, start) = (index(&plan, "StopContainer"), index(&plan, "StartContainer"));
    assert!(plan.steps[stop].ends_sessions == Some(Consent::NoLiveSession) && stop < start);
    let mut writes = scene.settle();
    writes.sort();
    let twice = ["create", "destroy", "start", "stop"]
        .map(|action| [format!("container {action}"), format!("container {action}")]);
    let mut expected: Vec<_> = twice.into_iter().flatten().collect();
    // The volume of the new name is made beside the old one, which is kept.
    expected.extend(["container rename".to_owned(), "volume create".to_owned()]);
    expected.sort();
    assert_eq!(writes, expected);
    assert_eq!(scene.world.data_volumes(&scene.case.site, &scene.case.desired.key).len(), 2);
    let reclaimable = scene.status(&scene.case.plan()).reclaimable_volumes;
    assert_eq!(reclaimable, [scene.case.site.owner.data_volume("default", "shop-main", "docker")]);
}

#[test]
fn a_cascade_waits_for_sessions_as_one_repair() {
    let mut scene = Scene::converged();
    scene.session(SessionState::Working);
    scene.want(|sidecar| sidecar.data = "cache".to_owned());
    let plan = scene.case.plan();
    assert_eq!(plan.steps, []);
    let pending = plan.pending.expect("a repair that waits");
    assert_eq!(pending.waits_for, WaitsFor::Sessions(vec!["main".to_owned()]));
    let fields: Vec<_> = pending.repair.reasons.iter().map(|change| change.field.as_str()).collect();
    assert_eq!(fields, ["sidecar.data"]);
}

#[test]
fn while_a_cascade_waits_the_old_sidecar_is_kept_going() {
    let mut scene = Scene::converged();
    scene.session(SessionState::Working);
    scene.want(|sidecar| sidecar.data = "cache".to_owned());
    scene.sidecar_ended();
    assert_eq!(scene.pass(), ["StartSidecar", "AwaitSidecar"]);
    assert_eq!(scene.world.ended, []);
    assert_eq!(scene.pass(), Vec::<&str>::new());
}

#[test]
fn an_edited_mount_is_one_repair_of_both() {
    let mut scene = Scene::converged();
    scene.case = scene.case.clone().mount_edited();
    let source = scene.case.desired.mounts[0].source.clone();
    scene.world.sources.insert(source, jackin_plan::observed::MountSourceState::Present);
    scene.look();
    let fields: Vec<_> = scene.case.plan().drift.iter().map(|change| change.field.clone()).collect();
    assert_eq!(fields, ["mounts[/work].source"]);
    let writes = scene.settle();
    assert_eq!(writes.iter().filter(|write| *write == "container create").count(), 2);
}

#[test]
fn a_new_network_under_it_is_no_cascade() {
    let mut scene = Scene::converged();
    scene.world.networks.clear();
    for contained in scene.world.containers.values_mut() {
        contained.container.networks.clear();
    }
    scene.look();
    let mut writes = scene.settle();
    writes.sort();
    assert_eq!(writes, ["network connect", "network connect", "network create"]);
}

#[test]
fn an_engine_that_does_not_answer_is_waited_for_and_nothing_is_done() {
    let mut scene = Scene::converged();
    let id = scene.sidecar().id.clone();
    scene.world.containers.get_mut(&id).expect("it is there").capsule.silent =
        Some("its socket is not there yet".to_owned());
    scene.look();
    let plan = scene.case.plan();
    assert_eq!((plan.steps, plan.held), (vec![], Some(Held::SidecarSilent)));
    let expected = Some((ConditionStatus::False, "SidecarUnresponsive".to_owned()));
    assert_eq!(scene.condition(ConditionType::SidecarReady), expected);
    assert_eq!(scene.condition(ConditionType::Ready), expected);
}

#[test]
fn a_restart_starts_an_engine_that_hangs_anew_after_the_container_has_stopped() {
    let mut scene = Scene::converged();
    let id = scene.sidecar().id.clone();
    scene.world.containers.get_mut(&id).expect("it is there").capsule.silent = Some("it did not answer".to_owned());
    scene.look();
    scene.case = scene.case.clone().restart(false);
    let plan = scene.case.plan();
    let steps: Vec<_> = plan.steps.iter().map(|planned| planned.step.name()).collect();
    let expected = ["StopContainer", "StopContainer", "StartSidecar", "AwaitSidecar", "StartContainer"];
    assert_eq!(steps[..5], expected);
    assert_eq!(plan.steps[1].needs, [0]);
    assert_eq!(plan.steps[1].ends_sessions, Some(Consent::Request));
    assert_eq!(scene.settle(), ["container stop", "container stop", "container start", "container start"]);
}

#[test]
fn of_an_engine_that_cannot_be_read_nothing_is_claimed_about_the_sidecar_either() {
    let mut scene = Scene::converged();
    scene.case.memory.status = scene.status(&scene.case.plan());
    let unseen = status::Unseen { reason: Reason::EngineUnreachable, message: "asked the engine".to_owned() };
    let unknown = status::unknown(&scene.case.memory, &unseen, scene.case.now, 0.0);
    let said = |status: &jackin_api::kinds::InstanceStatus| {
        words::find(&status.conditions, ConditionType::SidecarReady).map(|condition| condition.status)
    };
    assert_eq!(said(&unknown), Some(ConditionStatus::Unknown));
    let plain = Case::converged();
    let plan = plain.plan();
    let memory = jackin_plan::ladder::Memory { status: Default::default(), generation: 1 };
    let before = status::instance(&InstancePass {
        site: &plain.site,
        wanted: &plain.wanted(),
        observed: &plain.observed,
        plan: &plan,
        outcomes: &[],
        memory: &memory,
        now: plain.now,
        jitter: 0.0,
    });
    let memory = jackin_plan::ladder::Memory { status: before, generation: 1 };
    assert_eq!(said(&status::unknown(&memory, &unseen, plain.now, 0.0)), Some(ConditionStatus::False));
}

#[test]
fn without_its_image_nothing_is_started_and_the_image_is_named() {
    let mut scene = Scene::nothing();
    scene.case.observed.sidecar.image = None;
    let plan = scene.case.plan();
    assert_eq!((plan.steps, plan.held), (vec![], Some(Held::SidecarImage(IMAGE.to_owned()))));
    let expected = Some((ConditionStatus::False, "SidecarImageMissing".to_owned()));
    assert_eq!(scene.condition(ConditionType::SidecarReady), expected);
}

#[test]
fn an_image_of_equal_content_is_no_difference_and_other_content_waits_for_a_restart() {
    let mut scene = Scene::converged();
    scene.image("sha256:dind-1-again", "recipe of dind 1");
    assert_eq!(scene.settle(), Vec::<String>::new());
    scene.image("sha256:dind-2", "recipe of dind 2");
    let plan = scene.case.plan();
    assert_eq!(plan.steps, []);
    assert_eq!(plan.pending.map(|pending| pending.waits_for), Some(WaitsFor::Restart));
    scene.case = scene.case.clone().restart(false);
    let writes = scene.settle();
    // The container is started again as it is: it fixed nothing of the image.
    assert_eq!(writes.iter().filter(|write| *write == "container create").count(), 1);
    assert_eq!(writes.iter().filter(|write| *write == "container stop").count(), 2);
}

#[test]
fn a_role_that_asks_for_an_engine_no_more_loses_its_sidecar_and_keeps_the_data() {
    let mut scene = Scene::converged();
    scene.case.desired.sidecar = None;
    scene.look();
    let writes = scene.settle();
    assert_eq!(writes.iter().filter(|write| *write == "container destroy").count(), 2);
    assert_eq!(scene.world.sidecars(&scene.case.site, &scene.case.desired.key).count(), 0);
    let kept = scene.case.site.owner.data_volume("default", "shop-main", "docker");
    assert_eq!(scene.status(&scene.case.plan()).reclaimable_volumes, [kept]);
    assert_eq!(scene.condition(ConditionType::SidecarReady), Some((ConditionStatus::False, "NotRequested".into())));
}

#[test]
fn a_volume_that_holds_data_is_replaced_only_with_consent() {
    let mut scene = Scene::converged();
    let volume = scene.case.site.owner.data_volume("default", "shop-main", "docker");
    scene.want(|sidecar| sidecar.medium = VolumeMedium::Memory { size_bytes: None });
    let plan = scene.case.plan();
    assert_eq!(plan.steps, []);
    assert_eq!(plan.pending.map(|pending| pending.waits_for), Some(WaitsFor::Consent(vec![volume.clone()])));
    let expected = Some((ConditionStatus::True, Reason::VolumeHoldsData.to_string()));
    assert_eq!(scene.condition(ConditionType::ConsentRequired), expected);
    assert_eq!(scene.status(&scene.case.plan()).awaits_approval, std::slice::from_ref(&volume));

    scene.case.desired.approval = Some(Approval { id: "1".to_owned(), volumes: vec!["another".to_owned()] });
    assert_eq!(scene.case.plan().steps, []);

    scene.case.desired.approval = Some(Approval { id: "2".to_owned(), volumes: vec![volume] });
    let plan = scene.case.plan();
    let removal = &plan.steps[index(&plan, "RemoveVolume")];
    assert!(matches!(removal.step, Step::RemoveVolume { consent: DataConsent::Approval, .. }));
    let writes = scene.settle();
    assert_eq!(writes.iter().filter(|write| *write == "volume destroy").count(), 1);
    assert_eq!(scene.condition(ConditionType::ConsentRequired), None);
    // Nothing is left that the consent could be used for.
    assert_eq!(scene.status(&scene.case.plan()).approved.as_deref(), Some("2"));
}

#[test]
fn a_stopped_instance_whose_volume_must_be_replaced_is_not_started_without_consent() {
    let mut scene = Scene::converged();
    let id = scene.case.observed.containers[0].id.clone();
    scene.world.end(&id, 0, scene.case.now).expect("it is there");
    scene.want(|sidecar| sidecar.medium = VolumeMedium::Memory { size_bytes: None });
    let plan = scene.case.plan();
    let volume = scene.case.site.owner.data_volume("default", "shop-main", "docker");
    assert_eq!((plan.steps, plan.held), (vec![], Some(Held::Consent(vec![volume]))));
    scene.case.desired.reclaim = ReclaimPolicy::Delete;
    let plan = scene.case.plan();
    let removal = &plan.steps[index(&plan, "RemoveVolume")];
    assert!(matches!(removal.step, Step::RemoveVolume { consent: DataConsent::ReclaimPolicy, .. }));
}

#[test]
fn a_deleted_instance_leaves_its_data_unless_the_policy_is_to_delete_it() {
    for (reclaim, destroyed) in [(ReclaimPolicy::Retain, 0), (ReclaimPolicy::Delete, 1)] {
        let mut scene = Scene::converged();
        let (run, home) = (scene.case.desired.run.clone(), scene.case.desired.home.clone());
        let plan = scene.case.plan_for(&Wanted::Remove { run, home, reclaim });
        scene.world.writes.clear();
        for planned in &plan.steps {
            let frame = Frame { site: &scene.case.site, key: &scene.case.desired.key, now: scene.case.now };
            scene.world.apply(&planned.step, frame).expect("a removal");
        }
        let writes: Vec<_> = scene.world.writes.iter().map(|write| write.write.to_string()).collect();
        assert_eq!(writes.iter().filter(|write| *write == "container destroy").count(), 2);
        assert_eq!(writes.iter().filter(|write| *write == "volume destroy").count(), destroyed);
    }
}

/// A controller may be killed between any two steps.
#[test]
fn a_cascade_that_is_interrupted_after_any_step_is_finished_by_the_next_passes() {
    let mut whole = Scene::converged();
    whole.want(|sidecar| sidecar.data = "cache".to_owned());
    let steps = whole.case.plan().steps;
    for interrupted in 0..=steps.len() {
        let mut scene = Scene::converged();
        scene.want(|sidecar| sidecar.data = "cache".to_owned());
        scene.world.begin_plan();
        for planned in &scene.case.plan().steps[..interrupted] {
            let frame = Frame { site: &scene.case.site, key: &scene.case.desired.key, now: scene.case.now };
            scene.world.apply(&planned.step, frame).expect("a step of the plan");
        }
        scene.look();
        scene.settle();
        assert_eq!(scene.case.observed.containers.len(), 1, "after {interrupted} steps");
        assert_eq!(scene.case.observed.sidecar.containers.len(), 1, "after {interrupted} steps");
        assert_eq!(scene.case.observed.sidecar.engine, SidecarEngine::Answers);
        assert_eq!(scene.case.plan().drift, []);
    }
}
