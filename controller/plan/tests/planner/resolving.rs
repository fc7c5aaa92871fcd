//! References followed, defaults applied, every gap named.

use std::collections::BTreeMap;

use jackin_api::kinds::{Agent, Image, ImageReference, ImageSpec, ImageStatus, Instance, InstanceSpec, Role, RoleSpec};
use jackin_api::words::{ConditionType, Conditions, Reason};
use jackin_plan::desired::DesiredImage;
use jackin_plan::digest::image_revision;
use jackin_plan::resolve::{Snapshot, Wanted, resolve};
use jiff::Timestamp;
use serde_json::json;

use crate::support::{agent, digest};

fn snapshot() -> Snapshot {
    let spec: RoleSpec = serde_json::from_value(json!({
        "source": {"image": "debian:1"}, "agents": ["codex"],
        "env": {"RUST_LOG": {"default": "info"}, "TICKET": {"required": true, "prompt": "Which?"}},
        "resources": {"memory": "4Gi", "cpus": "2"},
    }))
    .expect("a role");
    let instance: InstanceSpec = serde_json::from_value(json!({
        "workspace": "shop", "template": "main", "role": "dev", "agent": "codex", "workdir": "/work",
        "env": {"TICKET": {"value": "1"}}, "resources": {"memory": "6Gi"},
    }))
    .expect("an instance");
    let agents = [("codex", agent(true)), ("shell", agent(false))];
    Snapshot {
        instance: Instance::new("shop-main", instance),
        role: Some(Role::new("dev", spec)),
        agents: agents.map(|(name, spec)| (name.to_owned(), Agent::new(name, spec))).into(),
        image: None,
        home: "/home".to_owned(),
        run: "/run".to_owned(),
    }
}

fn gaps(snapshot: &Snapshot) -> Vec<String> {
    match resolve(snapshot) {
        Wanted::Unresolved(gaps) => gaps.into_iter().map(|gap| gap.message).collect(),
        Wanted::Run(_) => vec![],
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_instances_limits_lie_over_the_roles() {
    let Wanted::Run(desired) = resolve(&snapshot()) else { panic!("it resolves") };
    assert_eq!(desired.limits.memory_bytes, Some(6 << 30));
    assert_eq!(desired.limits.nano_cpus, Some(2_000_000_000));
    assert_eq!(desired.limits.pids, Some(4096));
    let expected = BTreeMap::from([("RUST_LOG", Some("info")), ("TICKET", Some("1"))]);
    let found = desired.environment.iter().map(|(name, source)| (name.as_str(), source.value.as_deref()));
    assert_eq!(found.collect::<BTreeMap<_, _>>(), expected);
}

#[test]
fn every_gap_is_named_at_once() {
    let mut snapshot = snapshot();
    snapshot.instance.spec.env.clear();
    snapshot.instance.spec.agent = "amp".to_owned();
    snapshot.agents.remove("codex");
    let expected = [
        "role `dev` does not support agent `amp`",
        "agent `codex` does not exist",
        "the role requires `TICKET` (Which?)",
    ];
    assert_eq!(gaps(&snapshot), expected);
    snapshot.role = None;
    assert_eq!(gaps(&snapshot), ["role `dev` does not exist"]);
}

fn with_image(built: bool, revision: Option<&str>) -> DesiredImage {
    let mut snapshot = snapshot();
    let role = snapshot.role.as_ref().expect("a role");
    let spec = ImageSpec {
        role: "dev".to_owned(),
        role_revision: revision.map_or_else(|| image_revision(role), str::to_owned),
        rebuild: None,
    };
    let mut image = Image::new("dev", spec);
    let mut conditions = Conditions::new(&[], 0, Timestamp::UNIX_EPOCH);
    conditions.set(ConditionType::Built, built, Reason::Building, if built { "" } else { "it is being built" });
    image.status = Some(ImageStatus {
        conditions: conditions.finish(),
        image: Some(ImageReference { id: "sha256:1".to_owned(), name: "dev:1".to_owned() }),
        image_recipe: Some(digest("recipe")),
        ..ImageStatus::default()
    });
    snapshot.image = Some(image);
    let Wanted::Run(desired) = resolve(&snapshot) else { panic!("it resolves") };
    desired.image
}

#[test]
fn an_image_is_valid_when_it_is_built_for_the_role_as_it_is_now() {
    assert!(matches!(with_image(true, None), DesiredImage::Valid(_)));
    let DesiredImage::Invalid { why, serving, .. } = with_image(false, None) else { panic!("it is being built") };
    assert_eq!((why.as_str(), serving.is_some()), ("it is being built", true));
    let DesiredImage::Invalid { why, serving, .. } = with_image(true, Some("older")) else {
        panic!("it is of an older role")
    };
    assert!(!why.is_empty() && serving.is_some());
}

#[test]
fn an_image_does_not_depend_on_what_only_containers_see() {
    let mut role = snapshot().role.expect("a role");
    let before = image_revision(&role);
    role.spec.resources = None;
    role.spec.env.clear();
    role.spec.agents.clear();
    assert_eq!(image_revision(&role), before);
    role.spec.source.image = Some("debian:2".to_owned());
    assert_ne!(image_revision(&role), before);
}
