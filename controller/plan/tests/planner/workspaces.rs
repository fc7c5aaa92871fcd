//! Which instances and images a workspace owns.

use jackin_api::kinds::{
    Disruption, DisruptionPolicy, Instance, InstanceSpec, InstanceStatus, InstanceTemplate, RestartRequest, Role,
    RoleSpec, RunState, SessionStatus, WarmPool, Workspace, WorkspaceSpec, WorkspaceStatus,
};
use jackin_api::words::{ConditionStatus, ConditionType, Conditions, Reason, find};
use jackin_plan::status::{self, WorkspacePass};
use jackin_plan::workspace::{WorkspacePlan, WorkspaceSnapshot, plan};
use jiff::Timestamp;
use kube::ResourceExt;

struct Shop(WorkspaceSnapshot);

impl Shop {
    fn new() -> Self {
        Self(WorkspaceSnapshot {
            workspace: Workspace::new("shop", WorkspaceSpec::default()),
            roles: [("dev".to_owned(), Role::new("dev", RoleSpec::default()))].into(),
            instances: vec![],
        })
    }

    fn wants(mut self, name: &str, count: Option<u32>) -> Self {
        let mut template: InstanceTemplate =
            serde_json::from_value(serde_json::json!({"name": name, "role": "dev", "agent": "shell"}))
                .expect("a template");
        template.count = count;
        self.0.workspace.spec.instances = vec![template];
        self
    }

    /// Carries the plan out.
    fn settled(mut self) -> Self {
        let plan = self.plan();
        self.0.instances.retain(|instance| {
            !plan.delete.contains(&instance.name_any()) && !plan.release.contains(&instance.name_any())
        });
        for instance in &mut self.0.instances {
            if let Some(spec) = plan.update.get(&instance.name_any()) {
                instance.spec = spec.clone();
            }
        }
        let created = plan.create.into_iter().map(|(name, spec): (String, InstanceSpec)| Instance::new(&name, spec));
        self.0.instances.extend(created);
        self
    }

    fn instance(mut self, name: &str, change: impl FnOnce(&mut Instance)) -> Self {
        let mut instances = self.0.instances.iter_mut();
        change(instances.find(|instance| instance.name_any() == name).expect("an instance"));
        self
    }

    fn working(self, name: &str) -> Self {
        self.instance(name, |instance| {
            let session =
                SessionStatus { id: "main".to_owned(), state: "Working".to_owned(), ..SessionStatus::default() };
            instance.status = Some(InstanceStatus { sessions: vec![session], ..InstanceStatus::default() });
        })
    }

    fn plan(&self) -> WorkspacePlan {
        plan(&self.0)
    }

    fn status(&self) -> WorkspaceStatus {
        status::workspace(&WorkspacePass {
            workspace: &self.0.workspace,
            instances: &self.0.instances,
            plan: &self.plan(),
            not_acted_on: &[],
            failure: None,
            left_behind: None,
            now: Timestamp::UNIX_EPOCH,
        })
    }
}

fn keys<T>(map: &std::collections::BTreeMap<String, T>) -> Vec<&str> {
    map.keys().map(String::as_str).collect()
}

#[test]
fn an_instance_without_a_count_has_the_plain_name_and_needs_its_roles_image() {
    let plan = Shop::new().wants("main", None).plan();
    assert_eq!((keys(&plan.create), keys(&plan.images)), (vec!["shop-main"], vec!["dev"]));
}

#[test]
fn with_a_count_even_of_one_the_names_are_indexed() {
    assert_eq!(keys(&Shop::new().wants("main", Some(1)).plan().create), ["shop-main-0"]);
    assert_eq!(keys(&Shop::new().wants("main", Some(2)).plan().create), ["shop-main-0", "shop-main-1"]);
    assert_eq!(keys(&Shop::new().wants("main", Some(0)).plan().create), [""; 0]);
}

#[test]
fn a_settled_workspace_needs_nothing() {
    for count in [None, Some(3)] {
        let plan = Shop::new().wants("main", count).settled().plan();
        assert_eq!((plan.create.len(), plan.update.len(), plan.delete.len(), plan.waiting.len()), (0, 0, 0, 0));
    }
}

#[test]
fn more_are_made_and_of_fewer_the_highest_go() {
    let shop = Shop::new().wants("main", Some(3)).settled();
    assert_eq!(keys(&Shop(shop.0.clone()).wants("main", Some(5)).plan().create), ["shop-main-3", "shop-main-4"]);
    let plan = shop.wants("main", Some(1)).plan();
    assert_eq!(plan.delete, ["shop-main-1", "shop-main-2"]);
}

#[test]
fn going_from_plain_to_indexed_keeps_the_running_one_as_index_zero_and_back() {
    let shop = Shop::new().wants("main", None).settled().wants("main", Some(2));
    let plan = shop.plan();
    assert_eq!((keys(&plan.create), plan.delete.len()), (vec!["shop-main-0", "shop-main-1"], 0));
    assert_eq!(plan.create["shop-main-0"].identity.as_deref(), Some("shop-main"));
    assert_eq!(plan.release, ["shop-main"]);
    let shop = shop.settled();
    let plan = shop.plan();
    assert_eq!(plan.update.len() + plan.create.len() + plan.delete.len() + plan.release.len(), 0);
    let plan = shop.wants("main", None).plan();
    assert_eq!((keys(&plan.create), plan.delete), (vec!["shop-main"], vec!["shop-main-1".to_owned()]));
    assert_eq!((plan.create["shop-main"].identity.as_deref(), plan.release), (None, vec!["shop-main-0".to_owned()]));
}

#[test]
fn an_interrupted_change_of_names_is_finished_without_removing_what_runs() {
    let before = Shop::new().wants("main", None).settled().wants("main", Some(1));
    let old = before.0.instances.clone();
    let mut halfway = before.settled();
    halfway.0.instances.extend(old);
    let plan = halfway.plan();
    assert_eq!((plan.release, plan.delete.len()), (vec!["shop-main".to_owned()], 0));
}

#[test]
fn stops_and_restart_requests_are_left_alone() {
    let request = RestartRequest { id: "1".to_owned(), recreate: false };
    let shop = Shop::new().wants("main", None).settled().instance("shop-main", |instance| {
        instance.spec.run = RunState::Stopped;
        instance.spec.restart = Some(request.clone());
    });
    assert_eq!(shop.plan().update.len(), 0);
    let mut shop = shop;
    shop.0.workspace.spec.workdir = "/elsewhere".to_owned();
    let spec = &shop.plan().update["shop-main"];
    assert_eq!(
        (spec.run, spec.restart.as_ref(), spec.workdir.as_str()),
        (RunState::Stopped, Some(&request), "/elsewhere")
    );
}

#[test]
fn an_instance_that_is_not_wanted_any_more_waits_for_its_live_session() {
    let shop = Shop::new().wants("main", Some(2)).settled().working("shop-main-1").wants("main", Some(0));
    let plan = shop.plan();
    assert_eq!(plan.delete, ["shop-main-0"]);
    assert_eq!(plan.waiting["shop-main-1"], ["main"]);
}

/// The names that stay when three become as many as `count` says.
fn left(shop: Shop, count: Option<u32>) -> Vec<String> {
    shop.wants("main", count).plan().desired.into_iter().collect()
}

fn three() -> Shop {
    Shop::new().wants("main", Some(3)).settled()
}

fn outdated(instance: &mut Instance) {
    let mut conditions = Conditions::new(&[], 1, Timestamp::UNIX_EPOCH);
    conditions.set(ConditionType::RepairPending, true, Reason::RestartNeeded, "");
    instance.status.get_or_insert_default().conditions = conditions.finish();
}

#[test]
fn of_fewer_the_one_with_a_live_session_stays_whatever_its_index() {
    assert_eq!(left(three().working("shop-main-2"), Some(1)), ["shop-main-2"]);
    assert_eq!(left(three().working("shop-main-1"), Some(2)), ["shop-main-0", "shop-main-1"]);
    let plan = three().working("shop-main-2").wants("main", Some(1)).plan();
    assert_eq!((plan.delete, plan.waiting.len()), (vec!["shop-main-0".to_owned(), "shop-main-1".to_owned()], 0));
}

#[test]
fn among_the_idle_the_outdated_one_goes_first_and_never_one_that_works_before_it() {
    assert_eq!(left(three().instance("shop-main-0", outdated), Some(2)), ["shop-main-1", "shop-main-2"]);
    let working = three().working("shop-main-1").instance("shop-main-1", outdated);
    assert_eq!(left(working, Some(1)), ["shop-main-1"]);
    let behind = three().instance("shop-main-0", |instance| instance.spec.role_revision = Some("older".to_owned()));
    assert_eq!(left(behind, Some(2)), ["shop-main-1", "shop-main-2"]);
}

#[test]
fn what_remains_stays_and_new_ones_take_the_lowest_free_indices() {
    let shop = three().working("shop-main-2").wants("main", Some(1)).settled();
    let plan = shop.plan();
    assert_eq!((plan.create.len(), plan.update.len(), plan.delete.len()), (0, 0, 0));
    assert_eq!(keys(&shop.wants("main", Some(3)).plan().create), ["shop-main-0", "shop-main-1"]);
}

#[test]
fn when_all_work_the_highest_wait_and_the_first_that_is_idle_goes_in_their_place() {
    let all = three().working("shop-main-0").working("shop-main-1").working("shop-main-2").wants("main", Some(2));
    assert_eq!(keys(&all.plan().waiting), ["shop-main-2"]);
    let plan = all.instance("shop-main-0", |instance| instance.status = None).plan();
    assert_eq!((plan.delete, plan.waiting.len()), (vec!["shop-main-0".to_owned()], 0));
}

#[test]
fn the_one_that_remains_goes_on_under_the_plain_name_and_no_two_have_one_home() {
    let shop = three().working("shop-main-1").wants("main", None);
    let plan = shop.plan();
    assert_eq!(plan.create["shop-main"].identity.as_deref(), Some("shop-main-1"));
    assert_eq!((plan.release, plan.delete.len()), (vec!["shop-main-1".to_owned()], 2));
    let shop = shop.settled().wants("main", Some(1)).settled().wants("main", Some(3));
    let created = shop.plan().create;
    assert_eq!(keys(&created), ["shop-main-2", "shop-main-3"], "what `shop-main-1` names is with index 0");
}

#[test]
fn one_whose_home_another_has_that_is_going_is_made_when_that_is_gone() {
    let going = |instance: &mut Instance| {
        instance.metadata.deletion_timestamp = serde_json::from_value(serde_json::json!("2026-11-01T12:00:00Z")).ok();
    };
    let shop = Shop::new().wants("main", None).settled().wants("main", Some(1)).settled();
    let shop = shop.instance("shop-main-0", going).wants("main", None);
    assert_eq!(shop.plan().create.len(), 0);
}

#[test]
fn while_it_is_suspended_nothing_goes_and_no_image_is_made() {
    let mut shop = three().wants("main", Some(1));
    shop.0.workspace.spec.suspend = true;
    let plan = shop.plan();
    assert_eq!(plan.suspended, ["shop-main-1", "shop-main-2"]);
    assert_eq!((plan.delete.len(), plan.waiting.len(), plan.images.len()), (0, 0, 0));
    assert!(plan.update["shop-main-0"].suspend);
}

#[test]
fn an_instance_whose_sessions_cannot_be_told_is_not_deleted_unless_the_policy_does_not_care() {
    let silent = |instance: &mut Instance| {
        let mut conditions = Conditions::new(&[], 1, Timestamp::UNIX_EPOCH);
        conditions.set(ConditionType::CapsuleReady, false, Reason::CapsuleUnresponsive, "");
        instance.status = Some(InstanceStatus { conditions: conditions.finish(), ..InstanceStatus::default() });
    };
    let shop = Shop::new().wants("main", Some(1)).settled().instance("shop-main-0", silent).wants("main", Some(0));
    assert_eq!((shop.plan().delete.len(), shop.plan().waiting["shop-main-0"].len()), (0, 0));
    let always = Disruption { policy: DisruptionPolicy::Always, deadline: None };
    let shop = shop.instance("shop-main-0", |instance| instance.spec.disruption = Some(always));
    assert_eq!(shop.plan().delete, ["shop-main-0"]);
}

#[test]
fn one_that_is_going_is_neither_updated_nor_counted_on() {
    let going = |instance: &mut Instance| {
        instance.metadata.deletion_timestamp = serde_json::from_value(serde_json::json!("2026-11-01T12:00:00Z")).ok();
        assert!(instance.metadata.deletion_timestamp.is_some());
    };
    let shop = Shop::new().wants("main", None).settled().instance("shop-main", going);
    let mut edited = Shop(shop.0.clone());
    edited.0.workspace.spec.workdir = "/elsewhere".to_owned();
    let plan = edited.plan();
    assert_eq!((plan.create.len(), plan.update.len(), plan.delete.len()), (0, 0, 0));
    let plan = shop.wants("main", Some(1)).plan();
    assert_eq!(keys(&plan.create), ["shop-main-0"]);
}

#[test]
fn a_role_that_does_not_exist_is_named() {
    let mut shop = Shop::new().wants("main", None);
    shop.0.roles.clear();
    let plan = shop.plan();
    assert!(plan.missing_roles.contains("dev") && plan.images.is_empty());
}

#[test]
fn a_workspace_whose_instances_cannot_be_seen_does_not_know_either() {
    let shop = Shop::new().wants("main", Some(2)).settled();
    let said = |shop: Shop, index: u32, status: ConditionStatus| {
        shop.instance(&format!("shop-main-{index}"), |instance| {
            let mut conditions = Conditions::new(&[], 0, Timestamp::UNIX_EPOCH);
            conditions.set(ConditionType::Ready, status, Reason::EngineTimeout, "no answer");
            instance.status = Some(InstanceStatus { conditions: conditions.finish(), ..InstanceStatus::default() });
        })
    };
    let shop = said(said(shop, 0, ConditionStatus::True), 1, ConditionStatus::Unknown);
    let status = shop.status();
    for type_ in [ConditionType::Ready, ConditionType::InstancesReady] {
        let condition = find(&status.conditions, type_).expect("it is stated");
        assert_eq!((condition.status, condition.reason.as_str()), (ConditionStatus::Unknown, "SomeUnknown"));
        assert_eq!(condition.message, "shop-main-1: EngineTimeout: no answer");
    }
    assert_eq!((status.ready, find(&status.conditions, ConditionType::Stalled)), (1, None));
}

#[test]
fn a_pool_that_is_asked_for_is_not_kept_and_the_workspace_says_so() {
    let reason = |shop: &Shop| {
        let status = shop.status();
        let condition = find(&status.conditions, ConditionType::PoolReady).expect("it is stated");
        (condition.status, condition.reason.clone())
    };
    let mut shop = Shop::new();
    assert_eq!(reason(&shop), (ConditionStatus::False, "NotRequested".to_owned()));
    shop.0.workspace.spec.warm_pool = Some(WarmPool { size: 1, ..WarmPool::default() });
    assert_eq!(reason(&shop), (ConditionStatus::False, "NotActedOn".to_owned()));
}
