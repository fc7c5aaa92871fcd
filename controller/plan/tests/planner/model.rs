//! The model engine: what its steps do, and what the cheapest sequence costs.

use jackin_api::kinds::DisruptionPolicy;
use jackin_api::wire::SessionState;
use jackin_plan::engine_write::EngineWrite::{self, *};
use jackin_plan::model::{Frame, Refused, World, apply, cheapest};
use jackin_plan::resolve::Wanted;
use jackin_plan::step::{Step, Target};
use jackin_plan::world::{ContainerId, ContainerState};

use crate::support::{Case, session};

fn frame(case: &Case) -> Frame<'_> {
    Frame { site: &case.site, key: &case.desired.key, now: case.now }
}

fn world(case: &Case) -> World {
    let mut world = World::default();
    world.see(&case.site, &case.wanted(), &case.observed);
    world
}

/// What the passes over this case write to the engine until a plan has no steps.
fn written(case: &Case) -> Vec<EngineWrite> {
    let (mut case, mut world) = (case.clone(), world(case));
    for _ in 0..4 {
        let plan = case.plan();
        if plan.steps.is_empty() {
            return world.writes.iter().map(|write| write.write).collect();
        }
        world.begin_plan();
        for planned in &plan.steps {
            world.apply(&planned.step, frame(&case)).unwrap_or_else(|refused| panic!("{:?}: {refused}", planned.step));
        }
        case.desired.restart = None;
        case.observed = world.observe_running(&case.site, &case.desired);
    }
    panic!("steps are left: {:#?}", case.plan());
}

/// The price of this case where what runs may be ended.
fn price(case: &Case) -> Option<usize> {
    cheapest(&world(case), &case.wanted(), true, frame(case))
}

#[track_caller]
fn assert_costs(case: &Case, writes: &[EngineWrite]) {
    assert_eq!(written(case), writes);
    assert_eq!(price(case), Some(writes.len()));
}

#[test]
fn what_is_seen_of_a_world_is_the_world_again() {
    for case in [
        Case::converged(),
        Case::converged().silent(),
        Case::nothing(),
        Case::converged().state(ContainerState::Exited),
        Case::converged().session(SessionState::Working, 2),
    ] {
        let seen = world(&case).observe_running(&case.site, &case.desired);
        let mut again = World::default();
        again.see(&case.site, &case.wanted(), &seen);
        assert_eq!(again.observe_running(&case.site, &case.desired), seen);
        assert_eq!(seen.containers, case.observed.containers);
        assert_eq!(seen.capsule.sessions(), case.observed.capsule.sessions());
    }
}

#[test]
fn a_creation_fills_each_volume_once() {
    assert_costs(&Case::nothing(), &[NetworkCreate, VolumeCreate, VolumeCreate, ContainerCreate, ContainerStart]);
}

#[test]
fn another_network_costs_no_more_than_its_own_making_and_the_move() {
    let other = |case: Case| {
        let network = jackin_api::kinds::WorkspaceNetwork { name: None, internal: true };
        case.wanting(|desired| desired.network = network).seeing(|observed| observed.network = None)
    };
    assert_costs(&other(Case::converged()), &[NetworkCreate, NetworkConnect, NetworkDisconnect]);
    let stopped = other(Case::converged().state(ContainerState::Exited));
    assert_costs(&stopped, &[NetworkCreate, NetworkConnect, NetworkDisconnect, ContainerStart]);
}

#[test]
fn what_is_as_desired_costs_nothing() {
    assert_costs(&Case::converged(), &[]);
}

#[test]
fn what_is_stopped_or_frozen_costs_one_write() {
    assert_costs(&Case::converged().state(ContainerState::Exited), &[ContainerStart]);
    assert_costs(&Case::converged().state(ContainerState::Created), &[ContainerStart]);
    assert_costs(&Case::converged().state(ContainerState::Paused), &[ContainerUnpause]);
}

#[test]
fn what_can_change_underneath_costs_one_write() {
    let limited = Case::converged().wanting(|desired| desired.limits.memory_bytes = Some(1));
    assert_costs(&limited, &[ContainerUpdate]);
    assert_costs(&Case::converged().container(|container| container.networks.clear()), &[NetworkConnect]);
}

#[test]
fn a_replacement_costs_five_writes_and_four_where_nothing_runs() {
    let swap = [ContainerCreate, ContainerStop, ContainerDestroy, ContainerRename, ContainerStart];
    assert_costs(&Case::converged().mount_edited(), &swap);
    assert_costs(&Case::converged().restart(true), &swap);
    let idle = [ContainerCreate, ContainerDestroy, ContainerRename, ContainerStart];
    assert_costs(&Case::converged().state(ContainerState::Dead), &idle);
    assert_costs(&Case::converged().state(ContainerState::Exited).mount_edited(), &idle);
}

#[test]
fn a_restart_in_place_costs_two_writes() {
    assert_costs(&Case::converged().restart(false), &[ContainerStop, ContainerStart]);
}

#[test]
fn no_sequence_is_known_while_sessions_may_not_be_ended() {
    let case = Case::converged().session(SessionState::Working, 1).policy(DisruptionPolicy::Never, None).mount_edited();
    assert_eq!(cheapest(&world(&case), &case.wanted(), false, frame(&case)), None);
    assert_eq!(price(&case), Some(5));
}

#[test]
fn stopping_and_removing_cost_a_write_for_each_container() {
    let case = Case::converged();
    let removed =
        Wanted::Remove { run: case.desired.run.clone(), home: case.desired.home.clone(), reclaim: Default::default() };
    assert_eq!(cheapest(&world(&case), &Wanted::Stop, true, frame(&case)), Some(1));
    assert_eq!(cheapest(&world(&case), &removed, true, frame(&case)), Some(2));
}

#[test]
fn a_step_that_is_refused_changes_nothing() {
    let case = Case::converged();
    let before = world(&case);
    let id = ContainerId("c1".to_owned());
    let refused = apply(&Step::RemoveContainer { id: id.clone() }, &before, frame(&case));
    assert_eq!(refused, Err(Refused::State { container: id, state: ContainerState::Running }));
    let spec = Box::new(case.launch().spec);
    let taken = apply(&Step::CreateContainer(spec), &before, frame(&case));
    assert!(matches!(taken, Err(Refused::NameTaken { .. })), "{taken:?}");
    let nobody = apply(&Step::StartContainer { container: Target::Created }, &before, frame(&case));
    assert_eq!(nobody, Err(Refused::NothingCreated));
}

#[test]
fn what_is_already_so_is_no_write() {
    let case = Case::converged();
    let id = ContainerId("c1".to_owned());
    for step in [
        Step::StartContainer { container: Target::Existing(id.clone()) },
        Step::UnpauseContainer { id: id.clone() },
        Step::RenameContainer { container: Target::Existing(id), name: case.final_name() },
        Step::RemoveContainer { id: ContainerId("gone".to_owned()) },
    ] {
        assert_eq!(apply(&step, &world(&case), frame(&case)), Ok(world(&case)), "{step:?}");
    }
}

#[test]
fn a_stop_tells_which_busy_sessions_it_ended() {
    let busy = vec![session("one", SessionState::Working, 0), session("two", SessionState::Idle, 0)];
    let case = Case::converged().answering(busy);
    let id = ContainerId("c1".to_owned());
    let step = Step::StopContainer { id, timeout_seconds: 1 };
    let after = apply(&step, &world(&case), frame(&case)).expect("it can be stopped");
    assert_eq!(after.ended.iter().map(|session| session.name.as_str()).collect::<Vec<_>>(), ["one"]);
}
