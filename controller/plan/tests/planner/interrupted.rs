//! A pass that ends after any of its steps, and the passes after it.

use jackin_api::wire::SessionState;
use jackin_api::words::LAUNCH;
use jackin_plan::observed::{Capsule, Program};
use jackin_plan::world::ContainerState;

use crate::support::{Case, Model};

fn assert_one(model: &Model, what: &str) {
    let case = &model.case;
    let [only] = case.observed.containers.as_slice() else {
        panic!("{what}: {:#?}", case.observed.containers);
    };
    assert_eq!(only.name, case.final_name(), "{what}");
    assert_eq!(only.state, ContainerState::Running, "{what}");
    assert_eq!(only.labels.get(LAUNCH), case.launch().spec.labels.get(LAUNCH), "{what}");
    assert_eq!(model.ended, Vec::<String>::new(), "{what}");
    assert!(matches!(case.observed.capsule, Capsule::Answers(_)), "{what}");
}

/// Interrupts the first pass after each number of its steps.
fn at_every_step(case: &Case, meanwhile: impl Fn(Case) -> Case) {
    for most in 0..=case.plan().steps.len() {
        let mut model = Model::new(case.clone());
        model.pass(most);
        model.case = meanwhile(model.case.clone());
        model.settle(4);
        assert_one(&model, &format!("after {most} steps: {:?}", model.done));
    }
}

#[test]
fn a_creation_is_finished_after_any_of_its_steps() {
    at_every_step(&Case::nothing(), |case| case);
    at_every_step(&Case::nothing().program(Program::Unfetched), |case| case);
}

#[test]
fn a_replacement_is_finished_after_any_of_its_steps() {
    at_every_step(&Case::converged().mount_edited(), |case| case);
    at_every_step(&Case::converged().state(ContainerState::Exited).mount_edited(), |case| case);
    at_every_step(&Case::converged().state(ContainerState::Dead), |case| case);
}

#[test]
fn a_requested_replacement_is_finished_after_any_of_its_steps() {
    at_every_step(&Case::converged().restart(true), |case| case);
    at_every_step(&Case::converged().restart(false), |case| case);
}

#[test]
fn a_replacement_is_overtaken_by_the_next_spec_after_any_of_its_steps() {
    at_every_step(&Case::converged().mount_edited(), |case| case.image("recipe 2"));
    let taken_back = |case: Case| case.wanting(|desired| desired.mounts[0].source = "/src/shop".to_owned());
    at_every_step(&Case::converged().mount_edited(), taken_back);
}

#[test]
fn two_overtaken_replacements_still_leave_one_container() {
    let case = Case::converged().mount_edited();
    for (first, second) in (0..6).flat_map(|first| (0..7).map(move |second| (first, second))) {
        let mut model = Model::new(case.clone());
        model.pass(first);
        model.case = model.case.clone().image("recipe 2");
        model.pass(second);
        model.case = model.case.clone().image("recipe 3");
        model.settle(4);
        assert_one(&model, &format!("{first}, then {second}: {:?}", model.done));
    }
}

#[test]
fn an_interrupted_swap_goes_on_with_the_container_that_it_made() {
    let case = Case::converged().mount_edited();
    for most in 1..=4 {
        let mut model = Model::new(case.clone());
        model.pass(most);
        model.settle(4);
        let made = model.done.iter().filter(|step| **step == "CreateContainer").count();
        assert_eq!(made, 1, "after {most} steps: {:?}", model.done);
    }
}

#[test]
fn a_replacement_that_the_next_spec_does_not_want_is_removed_and_made_anew() {
    let mut model = Model::new(Case::converged().mount_edited());
    model.pass(1);
    model.case = model.case.clone().image("recipe 2");
    model.settle(4);
    assert_eq!(model.done.iter().filter(|step| **step == "CreateContainer").count(), 2);
}

#[test]
fn a_session_that_wakes_during_the_replacement_is_not_ended() {
    let case = Case::converged().mount_edited();
    for most in 0..=1 {
        let mut model = Model::new(case.clone());
        model.pass(most);
        model.case = model.case.clone().session(SessionState::Working, 1);
        model.settle(4);
        assert_eq!(model.ended, Vec::<String>::new());
        let containers = &model.case.observed.containers;
        assert_eq!(containers.len(), 1, "what was half made is taken away");
        assert_eq!(containers[0].id.0, "c1");
    }
}

#[test]
fn a_network_that_was_made_anew_is_joined_before_the_container_starts() {
    let case = Case::converged().state(ContainerState::Exited);
    let name = case.observed.network.as_ref().map(|network| network.name.clone()).expect("a network");
    let id = jackin_plan::world::NetworkId("network-0".to_owned());
    let case = case.container(|container| _ = container.network_ids.insert(name, id));
    assert_eq!(crate::support::steps(&case.plan())[..2], ["ConnectNetwork", "StartContainer after 0"]);
    at_every_step(&case, |case| case);
    at_every_step(&case.clone().seeing(|observed| observed.network = None), |case| case);
}
