//! Which rung is taken, with which steps, and why each cheaper one was not.

use jackin_api::kinds::DisruptionPolicy;
use jackin_api::wire::SessionState;
use jackin_api::words::PlanKind::{AttachExisting, BuildAndCreate, ClaimWarm, CreateFromValidImage, StartStopped};
use jackin_api::words::RejectionReason;
use jackin_plan::observed::Program;
use jackin_plan::resolve::Wanted;
use jackin_plan::step::{Consent, Step, StepReason, Target};
use jackin_plan::world::{ContainerState, RestartPolicy};

use crate::support::{Case, digest, names, pending, rejections, steps};

#[test]
fn a_converged_instance_needs_nothing() {
    let plan = Case::converged().plan();
    assert_eq!((plan.chosen, steps(&plan)), (Some(AttachExisting), vec![]));
    assert_eq!((rejections(&plan), plan.drift, plan.pending, plan.held), (vec![], vec![], None, None));
}

#[test]
fn from_nothing_everything_independent_starts_at_once_and_joins_at_the_creation() {
    let plan = Case::nothing().plan();
    assert_eq!(plan.chosen, Some(CreateFromValidImage));
    let expected = [
        "PrepareDirectories",
        "CreateNetwork",
        "FillVolume",
        "FillVolume",
        "CreateContainer after 0+1+2+3",
        "StartContainer after 4",
        "AwaitCapsule after 5",
        "Personalise after 6",
        "SpawnSession after 6+7",
    ];
    assert_eq!(steps(&plan), expected);
    let expected = [
        (AttachExisting, RejectionReason::ContainerMissing),
        (StartStopped, RejectionReason::ContainerMissing),
        (ClaimWarm, RejectionReason::NoWarmPool),
    ];
    assert_eq!(rejections(&plan), expected);
}

#[test]
fn a_removed_container_is_made_again_under_its_final_name() {
    let case = Case::converged().without_container();
    let plan = case.plan();
    let expected = ["CreateContainer", "StartContainer", "AwaitCapsule", "Personalise", "SpawnSession"];
    assert_eq!(names(&plan), expected);
    assert_eq!(plan.steps[0].step.object(), case.final_name());
}

#[test]
fn an_edited_mount_replaces_the_container_under_a_temporary_name_first() {
    let case = Case::converged().mount_edited();
    let plan = case.plan();
    assert_eq!(plan.chosen, Some(CreateFromValidImage));
    let expected = [
        "CreateContainer",
        "StopContainer after 0",
        "RemoveContainer after 1",
        "RenameContainer after 2",
        "StartContainer after 3",
        "AwaitCapsule after 4",
        "Personalise after 5",
        "SpawnSession after 5+6",
    ];
    assert_eq!(steps(&plan), expected);
    assert_eq!(plan.steps[0].step.object(), case.temporary_name());
    assert_eq!(plan.steps[3].step.object(), case.final_name());
    let [StepReason::Differs(change)] = plan.steps[0].reasons.as_slice() else {
        panic!("{:?}", plan.steps[0].reasons);
    };
    assert_eq!(change.to_string(), "~ mounts[/work].source");
    assert!(change.old.is_some() && change.new.is_some());
    let expected = [
        (AttachExisting, RejectionReason::LaunchChanged),
        (StartStopped, RejectionReason::LaunchChanged),
        (ClaimWarm, RejectionReason::NoWarmPool),
    ];
    assert_eq!(rejections(&plan), expected);
}

#[test]
fn limits_and_restart_policy_change_with_one_update_under_the_processes() {
    let case = Case::converged().session(SessionState::Working, 1).wanting(|desired| {
        desired.limits.memory_bytes = Some(1 << 30);
        desired.limits.nano_cpus = Some(2_000_000_000);
        desired.restart_policy = RestartPolicy::UnlessStopped;
    });
    let plan = case.plan();
    assert_eq!((plan.chosen, names(&plan)), (Some(AttachExisting), vec!["UpdateContainer"]));
    let reasons: Vec<_> = plan.steps[0].reasons.iter().map(ToString::to_string).collect();
    assert_eq!(reasons, ["~ resources.cpus", "~ resources.memory", "~ lifecycle.restartPolicy"]);
    assert_eq!(plan.pending, None);
}

#[test]
fn changed_variables_are_given_to_new_sessions_and_nothing_else_happens() {
    let case = Case::converged().session(SessionState::Working, 1).wanting(|desired| {
        desired.environment.insert("STAGE".to_owned(), Default::default());
    });
    let plan = case.plan();
    assert_eq!(names(&plan), ["Personalise"]);
    let [change] = plan.drift.as_slice() else { panic!("{:?}", plan.drift) };
    assert_eq!(change.to_string(), "~ sessions.environment");
    assert!(change.old.is_some() && change.new.is_some() && change.old != change.new);
}

#[test]
fn a_container_that_left_its_network_is_connected_again() {
    let case = Case::converged().container(|container| container.networks.clear());
    assert_eq!(names(&case.plan()), ["ConnectNetwork"]);
    let case = case.seeing(|observed| observed.network = None);
    assert_eq!(steps(&case.plan()), ["CreateNetwork", "ConnectNetwork after 0"]);
}

#[test]
fn an_exited_container_is_started_and_not_made_anew() {
    let plan = Case::converged().state(ContainerState::Exited).plan();
    assert_eq!(plan.chosen, Some(StartStopped));
    let expected = ["StartContainer", "AwaitCapsule after 0", "Personalise after 1", "SpawnSession after 1+2"];
    assert_eq!(steps(&plan), expected);
    assert_eq!(rejections(&plan), [(AttachExisting, RejectionReason::ContainerNotRunning)]);
}

#[test]
fn an_exited_container_gets_new_limits_before_it_starts() {
    let case = Case::converged().state(ContainerState::Exited);
    let plan = case.wanting(|desired| desired.limits.memory_bytes = Some(1 << 30)).plan();
    assert_eq!(steps(&plan)[..2], ["UpdateContainer", "StartContainer after 0"]);
}

#[test]
fn a_paused_container_is_unpaused_and_nothing_else_even_when_a_field_differs() {
    for case in [Case::converged(), Case::converged().mount_edited()] {
        let plan = case.state(ContainerState::Paused).plan();
        assert_eq!((plan.chosen, names(&plan)), (Some(StartStopped), vec!["UnpauseContainer", "AwaitCapsule"]));
        assert_eq!(rejections(&plan), [(AttachExisting, RejectionReason::ContainerPaused)]);
    }
}

#[test]
fn a_dead_container_is_replaced() {
    let plan = Case::converged().state(ContainerState::Dead).plan();
    assert_eq!(plan.chosen, Some(CreateFromValidImage));
    assert_eq!(names(&plan)[..4], ["CreateContainer", "RemoveContainer", "RenameContainer", "StartContainer"]);
    assert_eq!(rejections(&plan)[1], (StartStopped, RejectionReason::ContainerDead));
    assert_eq!(plan.steps[0].reasons, [StepReason::NotRunning]);
}

#[test]
fn a_container_that_never_stays_up_is_replaced_after_four_failures() {
    let case = Case::converged().state(ContainerState::Exited);
    assert_eq!(case.clone().failed(3, -1).plan().chosen, Some(StartStopped));
    let plan = case.clone().failed(4, -1).plan();
    assert_eq!(plan.chosen, Some(CreateFromValidImage));
    assert_eq!(rejections(&plan)[1], (StartStopped, RejectionReason::StartFailed));
    assert_eq!(case.failed(5, -1).plan().chosen, Some(StartStopped), "the replacement has tries of its own");
}

#[test]
fn failures_of_an_older_spec_do_not_replace_a_container() {
    let mut case = Case::converged().state(ContainerState::Exited).failed(4, 100);
    case.memory.generation += 1;
    assert_eq!(case.plan().chosen, Some(StartStopped));
}

#[test]
fn a_container_without_readable_digests_is_replaced() {
    let case = Case::converged().container(|container| container.labels.retain(|label, _| !label.contains("launch")));
    let plan = case.plan();
    assert_eq!(plan.chosen, Some(CreateFromValidImage));
    assert_eq!(rejections(&plan)[0], (AttachExisting, RejectionReason::LaunchUnreadable));
    assert_eq!(plan.drift.iter().map(ToString::to_string).collect::<Vec<_>>(), ["+ launch"]);
}

#[test]
fn an_image_of_equal_recipe_changes_nothing_whatever_its_id() {
    let case = Case::converged().container(|container| container.image.0 = "sha256:built earlier".to_owned());
    assert_eq!(steps(&case.plan()), [""; 0]);
}

#[test]
fn another_recipe_replaces_the_container_and_says_which_input_changed() {
    let plan = Case::converged().image("recipe 2").plan();
    assert_eq!(plan.chosen, Some(CreateFromValidImage));
    let drift: Vec<_> = plan.drift.iter().map(ToString::to_string).collect();
    assert_eq!(drift, ["~ image", "~ image.dockerfile"]);
}

#[test]
fn a_running_instance_stays_while_its_next_image_is_built() {
    for older in [Some("recipe 1"), None] {
        let plan = Case::converged().image_building(older).plan();
        assert_eq!((plan.chosen, steps(&plan)), (Some(AttachExisting), vec![]));
    }
}

#[test]
fn without_an_image_everything_else_is_made_ready_meanwhile() {
    let plan = Case::nothing().image_building(None).plan();
    assert_eq!(plan.chosen, Some(BuildAndCreate));
    assert_eq!(names(&plan), ["PrepareDirectories", "CreateNetwork", "FillVolume", "FillVolume"]);
    assert_eq!(rejections(&plan)[3], (CreateFromValidImage, RejectionReason::ImageInvalid));
    assert_eq!(plan.rejected[3].message, "recipe 2 is being built");
}

#[test]
fn a_program_is_fetched_before_the_container_can_be_made() {
    let plan = Case::nothing().program(Program::Unfetched).plan();
    assert_eq!(names(&plan), ["PrepareDirectories", "CreateNetwork", "FillVolume", "FetchProgram"]);
    let plan = Case::nothing().seeing(|observed| observed.programs.clear()).plan();
    assert!(names(&plan).contains(&"FetchProgram"), "a program that was not looked at is fetched");
}

#[test]
fn a_restart_happens_in_place() {
    let plan = Case::converged().session(SessionState::Working, 1).restart(false).plan();
    assert_eq!(plan.chosen, Some(StartStopped));
    assert_eq!(steps(&plan)[..2], ["StopContainer", "StartContainer after 0"]);
    assert_eq!(plan.steps[0].ends_sessions, Some(Consent::Request));
    assert_eq!(rejections(&plan), [(AttachExisting, RejectionReason::RestartRequested)]);
}

#[test]
fn a_restart_that_asks_for_it_replaces_the_container_with_the_same_four_operations() {
    let plan = Case::converged().session(SessionState::Working, 1).restart(true).plan();
    let expected = ["CreateContainer", "StopContainer", "RemoveContainer", "RenameContainer", "StartContainer"];
    assert_eq!(names(&plan)[..5], expected);
    assert_eq!(plan.steps[0].reasons, [StepReason::Requested]);
    assert_eq!(plan.steps[1].ends_sessions, Some(Consent::Request));
    assert_eq!(rejections(&plan)[1], (StartStopped, RejectionReason::RestartRequested));
}

#[test]
fn a_restart_brings_new_versions_by_replacing_the_container() {
    let content = digest("codex 2");
    let plan = Case::converged().program(Program::Known { content }).restart(false).plan();
    assert_eq!(plan.chosen, Some(CreateFromValidImage));
    assert_eq!(names(&plan)[..2], ["FillVolume", "CreateContainer"]);
    let expected = [
        (AttachExisting, RejectionReason::RestartRequested),
        (StartStopped, RejectionReason::VersionChanged),
        (ClaimWarm, RejectionReason::NoWarmPool),
    ];
    assert_eq!(rejections(&plan), expected);
}

#[test]
fn a_pending_repair_says_why_each_cheaper_one_would_not_do() {
    let case = Case::converged().session(SessionState::Working, 1).mount_edited();
    let plan = case.clone().plan();
    let mut cheaper = vec![
        (AttachExisting, RejectionReason::LaunchChanged),
        (StartStopped, RejectionReason::LaunchChanged),
        (ClaimWarm, RejectionReason::NoWarmPool),
    ];
    assert_eq!((rejections(&plan), pending(&plan)), (vec![], Some((CreateFromValidImage, cheaper.clone()))));
    cheaper.push((CreateFromValidImage, RejectionReason::ImageInvalid));
    assert_eq!(pending(&case.image_building(None).plan()), Some((BuildAndCreate, cheaper)));
}

#[test]
fn a_version_that_moved_is_pending_with_the_repair_that_a_restart_would_be() {
    let plan = Case::converged().program(Program::Known { content: digest("codex 2") }).plan();
    let cheaper = vec![
        (AttachExisting, RejectionReason::VersionChanged),
        (StartStopped, RejectionReason::VersionChanged),
        (ClaimWarm, RejectionReason::NoWarmPool),
    ];
    assert_eq!((plan.chosen, pending(&plan)), (Some(AttachExisting), Some((CreateFromValidImage, cheaper))));
}

#[test]
fn a_mount_whose_source_is_another_file_now_is_told_and_waits_for_a_restart_in_place() {
    let plan = Case::converged().mount_replaced().plan();
    assert_eq!((plan.chosen, steps(&plan)), (Some(AttachExisting), vec![]));
    let [change] = plan.drift.as_slice() else { panic!("{:?}", plan.drift) };
    assert_eq!(change.to_string(), "~ mounts[/work].file");
    assert!(change.old.is_some() && change.new.is_some() && change.old != change.new);
    assert_eq!(pending(&plan), Some((StartStopped, vec![(AttachExisting, RejectionReason::MountReplaced)])));
    let plan = Case::converged().mount_replaced().restart(false).plan();
    assert_eq!(names(&plan)[..2], ["StopContainer", "StartContainer"]);
}

#[test]
fn a_mount_that_is_to_show_another_path_is_told_once() {
    let plan = Case::converged().session(SessionState::Working, 1).mount_edited().mount_replaced().plan();
    assert_eq!(plan.drift.iter().map(ToString::to_string).collect::<Vec<_>>(), ["~ mounts[/work].source"]);
}

#[test]
fn a_file_that_is_the_same_at_both_ends_is_no_difference() {
    let case = Case::converged().mount_replaced().seeing(|observed| {
        let mounted = observed.mounted.get_mut("/work").expect("a mount");
        mounted.source = mounted.shown;
    });
    assert_eq!((case.plan().drift, case.plan().pending), (vec![], None));
}

#[test]
fn what_a_container_fixes_is_compared_also_while_no_image_is_there() {
    let case = Case::converged().session(SessionState::Working, 1).mount_edited().image_building(None);
    let drift: Vec<_> = case.plan().drift.iter().map(ToString::to_string).collect();
    assert_eq!(drift, ["~ mounts[/work].source"]);
}

#[test]
fn a_paused_container_is_restarted_on_request() {
    let plan = Case::converged().state(ContainerState::Paused).restart(false).plan();
    assert_eq!(names(&plan)[..2], ["StopContainer", "StartContainer"]);
}

#[test]
fn stopping_ends_the_processes_and_keeps_the_container() {
    let case = Case::converged().session(SessionState::Working, 1);
    let plan = case.plan_for(&Wanted::Stop);
    assert_eq!((plan.chosen, names(&plan)), (None, vec!["StopContainer"]));
    assert_eq!(plan.steps[0].ends_sessions, Some(Consent::Request));
    assert_eq!(steps(&case.state(ContainerState::Exited).plan_for(&Wanted::Stop)), [""; 0]);
}

#[test]
fn removal_takes_the_containers_and_then_the_directories() {
    let wanted = Wanted::Remove {
        run: "/run/of/shop-main".to_owned(),
        home: "/home/of/shop-main".to_owned(),
        reclaim: Default::default(),
    };
    let plan = Case::converged().session(SessionState::Working, 1).plan_for(&wanted);
    let expected = ["StopContainer", "RemoveContainer after 0", "RemoveDirectories after 1"];
    assert_eq!(steps(&plan), expected);
    assert_eq!(plan.steps[0].ends_sessions, Some(Consent::Deletion));
    assert_eq!(steps(&Case::nothing().plan_for(&wanted)), [""; 0]);
}

#[test]
fn an_instance_that_cannot_be_resolved_is_left_alone() {
    let plan = Case::converged().plan_for(&Wanted::Unresolved(vec![]));
    assert_eq!((plan.chosen, steps(&plan)), (None, vec![]));
}

#[test]
fn a_container_that_the_engine_starts_again_is_waited_for() {
    let plan = Case::converged().state(ContainerState::Restarting).plan();
    assert_eq!((plan.chosen, steps(&plan)), (Some(AttachExisting), vec![]));
}

#[test]
fn a_container_that_the_engine_keeps_starting_again_is_mended_by_a_new_spec() {
    let case = Case::converged().state(ContainerState::Restarting).mount_edited();
    let plan = case.policy(DisruptionPolicy::Never, None).plan();
    assert_eq!(names(&plan)[..2], ["CreateContainer", "StopContainer"]);
    assert_eq!(plan.steps[1].ends_sessions, Some(Consent::NoLiveSession));
}

#[test]
fn a_container_renamed_by_hand_gets_its_name_back_while_it_runs() {
    let case = Case::converged().session(SessionState::Working, 1);
    let case = case.container(|container| container.name = "by-hand".to_owned());
    let plan = case.plan();
    let [only] = plan.steps.as_slice() else { panic!("{:?}", steps(&plan)) };
    let Step::RenameContainer { container: Target::Existing(_), name } = &only.step else { panic!("{only:?}") };
    assert_eq!(*name, case.final_name());
}
