//! What the launch digest covers, and what it does not.

use std::collections::BTreeMap;

use jackin_api::kinds::ValueSource;
use jackin_api::words::{LAUNCH, LIVE, RECIPE, RECIPE_FIELDS};
use jackin_plan::desired::{Desired, DesiredImage, DesiredMount};
use jackin_plan::launch::{Launch, personalisation, session};
use jackin_plan::world::{MountSource, RestartPolicy};

use crate::support::{Case, digest};

fn fields(launch: &Launch) -> Vec<&str> {
    launch.fields.0.keys().map(String::as_str).collect()
}

fn changed(change: impl FnOnce(&mut Desired)) -> Vec<String> {
    let before = Case::nothing().launch();
    let after = Case::nothing().wanting(change).launch();
    let changes: Vec<_> = before.fields.changes_to(&after.fields).iter().map(ToString::to_string).collect();
    let same = before.spec.labels.get(LAUNCH) == after.spec.labels.get(LAUNCH);
    assert_eq!(changes.is_empty(), same, "the digest moves with its fields");
    changes
}

#[test]
fn the_launch_has_these_fields() {
    let expected = [
        "agents[codex]",
        "agents[codex].install",
        "capsule",
        "command",
        "env",
        "home",
        "image",
        "mounts[/work].readOnly",
        "mounts[/work].source",
        "run",
        "security.capabilities",
        "security.readOnlyRootFilesystem",
        "user",
    ];
    assert_eq!(fields(&Case::nothing().launch()), expected);
}

#[test]
fn what_can_change_under_processes_is_not_in_it() {
    let changes = changed(|desired| {
        desired.limits.memory_bytes = Some(1);
        desired.limits.nano_cpus = Some(1);
        desired.limits.pids = None;
        desired.restart_policy = RestartPolicy::OnFailure;
        desired.environment = BTreeMap::from([("A".to_owned(), ValueSource::default())]);
        desired.agent = "codex".to_owned();
        desired.workdir = "/".to_owned();
    });
    assert_eq!(changes, [""; 0]);
}

#[test]
fn the_order_in_which_mounts_are_written_is_not_in_it() {
    let second = |desired: &Desired| DesiredMount { target: "/notes".to_owned(), ..desired.mounts[0].clone() };
    let one = Case::nothing().wanting(|desired| desired.mounts.push(second(desired)));
    let other = one.clone().wanting(|desired| desired.mounts.reverse());
    assert_eq!(one.launch().fields, other.launch().fields);
    assert_eq!(one.launch().spec.labels, other.launch().spec.labels);
}

#[test]
fn each_field_is_told_by_name() {
    assert_eq!(changed(|desired| desired.security.read_only_rootfs = true), ["~ security.readOnlyRootFilesystem"]);
    assert_eq!(
        changed(|desired| desired.security.capabilities.push("NET_ADMIN".to_owned())),
        ["~ security.capabilities"]
    );
    assert_eq!(changed(|desired| desired.mounts.clear()), ["- mounts[/work].readOnly", "- mounts[/work].source"]);
    assert_eq!(changed(|desired| desired.home.push('2')), ["~ home"]);
}

#[test]
fn an_image_counts_by_its_recipe() {
    let id = |desired: &mut Desired| {
        if let DesiredImage::Valid(image) = &mut desired.image {
            image.id = "sha256:another".to_owned();
        }
    };
    assert_eq!(changed(id), [""; 0]);
    assert_eq!(Case::nothing().image("recipe 2").launch().spec.labels[RECIPE], digest("recipe 2").0);
}

#[test]
fn the_container_bears_its_digests_and_no_value() {
    let mut case = Case::nothing();
    let secret = ValueSource { value: Some("a value".to_owned()), from: None };
    case.desired.environment.insert("TOKEN".to_owned(), secret);
    let spec = case.launch().spec;
    assert!(spec.labels.contains_key(LIVE) && spec.labels.contains_key(RECIPE_FIELDS));
    let all = format!("{:?}{:?}{:?}", spec.labels, spec.env, spec.command);
    assert!(!all.contains("a value"), "{all}");
}

#[test]
fn programs_and_the_capsule_are_mounted_read_only_from_volumes() {
    let spec = Case::nothing().launch().spec;
    let volumes: Vec<_> = spec
        .mounts
        .iter()
        .filter(|mount| matches!(mount.source, MountSource::Volume { .. }))
        .map(|mount| (mount.target.as_str(), mount.read_only))
        .collect();
    assert_eq!(volumes, [("/jackin/bin", true), ("/jackin/agents/codex", true)]);
}

#[test]
fn a_session_has_the_variables_of_its_agent_that_nobody_else_sets() {
    let case = Case::nothing().wanting(|desired| {
        let agent = desired.agents.get_mut("codex").expect("it is wanted");
        agent.env =
            [("OWN", "agent"), ("BOTH", "agent")].map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        desired.environment.insert("BOTH".to_owned(), ValueSource { value: Some("workspace".to_owned()), from: None });
    });
    let spawn = session(&case.desired, "codex", "main").expect("the role has it");
    assert_eq!(spawn.env, [("OWN", "agent")].into_iter().collect());
}

#[test]
fn the_environment_of_sessions_has_a_digest_that_tells_each_change() {
    let case = Case::nothing();
    let before = personalisation(&case.desired);
    assert_eq!(before.path_prepend, ["/jackin/agents/codex/bin"]);
    let source = ValueSource::default();
    let after = case.wanting(|desired| _ = desired.environment.insert("A".to_owned(), source));
    assert_ne!(before.digest, personalisation(&after.desired).digest);
}
