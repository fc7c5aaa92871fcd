//! A network is changed under the running processes, and what is not ours is used or refused, never touched.

use jackin_api::kinds::{Workspace, WorkspaceNetwork, WorkspaceSpec};
use jackin_api::wire::SessionState;
use jackin_api::words::{ConditionStatus, PlanKind, Reason};
use jackin_plan::check::{PlanDefect, check};
use jackin_plan::network::{NetworkTrouble, surplus};
use jackin_plan::step::{Held, Step};
use jackin_plan::world::{ContainerState, Labels, Network, NetworkId};

use crate::support::{Case, Model, names, steps};

const OTHER: &str = "ba9876543210";

fn internal() -> WorkspaceNetwork {
    WorkspaceNetwork { name: None, internal: true }
}

fn named(name: &str) -> WorkspaceNetwork {
    WorkspaceNetwork { name: Some(name.to_owned()), internal: false }
}

fn found(name: &str, labels: Labels) -> Network {
    Network { id: NetworkId(format!("id of {name}")), name: name.to_owned(), labels, internal: false, members: vec![] }
}

/// The workspace asks for another network, and this is what has its name.
fn asking(network: WorkspaceNetwork, there: Option<Network>) -> Case {
    let case = Case::converged().session(SessionState::Working, 1);
    case.wanting(|desired| desired.network = network).seeing(|observed| observed.network = there)
}

#[test]
fn another_network_is_joined_before_the_old_one_is_left_while_a_session_works() {
    let case = asking(internal(), None);
    let plan = case.plan();
    assert_eq!(plan.chosen, Some(PlanKind::AttachExisting));
    assert_eq!(steps(&plan), ["CreateNetwork", "ConnectNetwork after 0", "DisconnectNetwork after 1"]);
    let objects: Vec<_> = plan.steps.iter().map(|planned| planned.step.object()).collect();
    let (new, old) = ("jackin.012345.default.shop.internal", "jackin.012345.default.shop");
    assert_eq!(objects, [new, new, old]);
    let mut model = Model::new(case);
    model.settle(3);
    assert_eq!(model.ended, Vec::<String>::new());
    assert_eq!(model.case.observed.containers[0].networks, [new]);
}

#[test]
fn a_move_that_was_interrupted_is_finished() {
    for most in 0..3 {
        let mut model = Model::new(asking(internal(), None));
        model.pass(most);
        model.settle(3);
        assert_eq!(model.case.observed.containers[0].networks, ["jackin.012345.default.shop.internal"], "{most}");
    }
}

#[test]
fn a_network_that_a_person_connected_by_hand_is_left_alone() {
    let case = Case::converged().container(|container| {
        container.networks.push("theirs".to_owned());
        container.aliases.insert("theirs".to_owned(), vec!["0123456789ab".to_owned()]);
    });
    assert_eq!(steps(&case.plan()), [""; 0]);
}

#[test]
fn a_stopped_container_is_moved_before_it_is_started() {
    let case = asking(internal(), None).state(ContainerState::Exited);
    let plan = case.plan();
    assert_eq!(plan.chosen, Some(PlanKind::StartStopped));
    let expected = ["CreateNetwork", "ConnectNetwork after 0", "DisconnectNetwork after 1", "StartContainer after 1+2"];
    assert_eq!(steps(&plan)[..4], expected);
    let mut model = Model::new(case);
    model.settle(3);
    assert_eq!(model.case.observed.containers[0].networks, ["jackin.012345.default.shop.internal"]);
}

#[test]
fn a_named_network_of_somebody_elses_is_used_and_told_of() {
    let case = asking(named("team"), Some(found("team", Labels::new())));
    assert_eq!(names(&case.plan()), ["ConnectNetwork", "DisconnectNetwork"]);
    let mut model = Model::new(case);
    model.settle(3);
    let conditions = &model.case.memory.status.conditions;
    let ready = conditions.iter().find(|condition| condition.type_ == "NetworkReady").expect("it is stated");
    assert_eq!((ready.status, ready.reason.clone()), (ConditionStatus::True, Reason::NetworkNotOurs.to_string()));
    assert!(ready.message.contains("`team`"), "{}", ready.message);
}

#[test]
fn a_network_without_labels_that_has_our_name_is_used_and_one_of_another_installation_is_not() {
    let name = Case::converged().site.owner.network("default", "shop");
    let plain = Case::nothing().seeing(|observed| observed.network = Some(found(&name, Labels::new())));
    assert!(!names(&plain.plan()).contains(&"CreateNetwork"));
    assert_eq!(plain.plan().held, None);
    let labels = Labels::from([("jackin.owner".to_owned(), OTHER.to_owned())]);
    let alike = Case::nothing().seeing(|observed| observed.network = Some(found(&name, labels)));
    let held = alike.plan().held;
    assert_eq!(held, Some(Held::Network(NetworkTrouble::LookAlike { name, owner: OTHER.to_owned() })));
}

#[test]
fn a_network_with_a_way_out_never_serves_a_workspace_that_denies_it() {
    let denied = WorkspaceNetwork { internal: true, ..named("team") };
    let plan = asking(denied.clone(), Some(found("team", Labels::new()))).plan();
    assert_eq!(plan.held, Some(Held::Network(NetworkTrouble::LetsOut { name: "team".to_owned() })));
    // Also where the container is on it already.
    let on_it = asking(named("team"), Some(found("team", Labels::new())));
    let mut model = Model::new(on_it);
    model.settle(3);
    let plan = model.case.wanting(|desired| desired.network = denied).plan();
    assert_eq!(plan.held, Some(Held::Network(NetworkTrouble::LetsOut { name: "team".to_owned() })));
}

#[test]
fn of_several_networks_of_one_name_none_is_chosen() {
    let case = Case::converged().without_container().seeing(|observed| {
        observed.network = None;
        observed.namesakes = 2;
    });
    let plan = case.plan();
    let Some(Held::Network(trouble)) = &plan.held else { panic!("{:?}", plan.held) };
    assert_eq!(trouble.reason(), Reason::NetworkAmbiguous);
    assert_eq!(steps(&plan), [""; 0]);
}

#[test]
fn a_plan_that_takes_a_container_off_its_own_network_is_refused() {
    let mut plan = asking(internal(), None).plan();
    let Step::DisconnectNetwork { network, stays_on, .. } = &mut plan.steps[2].step else { panic!("{plan:?}") };
    network.clone_from(stays_on);
    let defects = check(plan).expect_err("a defect");
    assert!(matches!(defects.as_slice(), [PlanDefect::CutOff { index: 2, .. }]), "{defects:?}");
}

fn workspace(name: &str, network: Option<WorkspaceNetwork>) -> Workspace {
    let mut workspace = Workspace::new(name, WorkspaceSpec { network, ..WorkspaceSpec::default() });
    workspace.metadata.namespace = Some("default".to_owned());
    workspace
}

#[test]
fn only_networks_of_ours_that_no_workspace_asks_for_are_surplus() {
    let owner = Case::converged().site.owner;
    let made_for = |workspace: &str| {
        let mut labels = owner.labels("network");
        labels.insert("jackin.namespace".to_owned(), "default".to_owned());
        labels.insert("jackin.workspace".to_owned(), workspace.to_owned());
        labels
    };
    let networks = [
        found("jackin.012345.default.shop", made_for("shop")),
        found("jackin.012345.default.shop.internal", made_for("shop")),
        found("team", made_for("shop")),
        found("jackin.012345.default.other", made_for("other")),
        found("theirs", Labels::new()),
    ];
    let names = |of: &Workspace, all: &[Workspace]| -> Vec<String> {
        surplus(&owner, of, all, &networks).into_iter().map(|network| network.name.clone()).collect()
    };
    let shop = workspace("shop", Some(internal()));
    let other = workspace("other", Some(named("team")));
    assert_eq!(names(&shop, &[shop.clone(), other.clone()]), ["jackin.012345.default.shop"]);
    // A named network goes with the last workspace that asks for it, whoever made it.
    let mut leaving = other.clone();
    leaving.metadata.deletion_timestamp =
        serde_json::from_value(serde_json::json!("2026-11-01T12:00:00Z")).expect("a time");
    let expected = ["team", "jackin.012345.default.other"];
    assert_eq!(names(&leaving, &[shop, leaving.clone()]), expected);
}
