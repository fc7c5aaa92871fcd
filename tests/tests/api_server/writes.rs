//! Reads and writes of all five kinds, and what is refused.

use std::fmt::Debug;

use jackin_api::kinds::{Agent, Image, Instance, Role, Workspace};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::core::{NamespaceResourceScope, Status};
use kube::{Api, Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::machine::Machine;

fn workspace(name: &str) -> Workspace {
    let spec = json!({"workdir": "/work", "roles": ["tools"], "instances": [{"name": "main", "role": "tools", "agent": "shell"}]});
    serde_json::from_value(json!({"metadata": {"name": name}, "spec": spec})).expect("a workspace")
}

fn refusal<T: Debug>(answer: Result<T, kube::Error>) -> Box<Status> {
    match answer {
        Err(kube::Error::Api(status)) => status,
        other => panic!("not refused: {other:?}"),
    }
}

fn fields(status: &Status) -> Vec<&str> {
    status.details.iter().flat_map(|details| &details.causes).map(|cause| cause.field.as_str()).collect()
}

/// Create, get, list, patch, status and delete of one kind, through its type.
async fn goes_round<K>(client: &Client, spec: Value, change: Value)
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned,
{
    let kind = K::kind(&());
    let api: Api<K> = Api::default_namespaced(client.clone());
    let object: K = serde_json::from_value(json!({"metadata": {"name": "one"}, "spec": spec})).expect("an object");
    let created = api.create(&PostParams::default(), &object).await.expect("it is created");
    assert_eq!(created.meta().generation, Some(1), "{kind}");
    assert!(created.uid().is_some() && created.creation_timestamp().is_some(), "{kind}");
    assert_eq!(api.get("one").await.expect("it is there").uid(), created.uid(), "{kind}");

    let again = refusal(api.create(&PostParams::default(), &object).await);
    assert_eq!((again.code, again.reason.as_str()), (409, "AlreadyExists"), "{kind}");

    let patch = Patch::Merge(json!({"spec": change}));
    let patched = api.patch("one", &PatchParams::default(), &patch).await.expect("it is patched");
    assert_eq!(patched.meta().generation, Some(2), "{kind}");
    let same = api.patch("one", &PatchParams::default(), &patch).await.expect("it is patched");
    assert_eq!(same.resource_version(), patched.resource_version(), "{kind}: a write that changes nothing was stored");

    let observed = Patch::Merge(json!({"status": {"observedGeneration": 2}, "spec": {"unheard": true}}));
    let observed = api.patch_status("one", &PatchParams::default(), &observed).await.expect("its status is written");
    assert_eq!(observed.meta().generation, Some(2), "{kind}: a status counted as a change of the spec");

    let listed = api.list(&ListParams::default().fields("metadata.name=one")).await.expect("a list");
    let listed: Vec<_> = listed.iter().map(ResourceExt::resource_version).collect();
    assert_eq!(listed, [observed.resource_version()], "{kind}");
    api.delete("one", &DeleteParams::default()).await.expect("it is deleted");
    assert!(api.get_opt("one").await.expect("an answer").is_none(), "{kind}");
}

#[tokio::test]
async fn all_five_kinds_are_created_read_patched_and_deleted_through_their_types() {
    let client = Machine::in_memory().client();
    goes_round::<Role>(&client, json!({"source": {"image": "a:1"}}), json!({"source": {"image": "a:2"}})).await;
    goes_round::<Agent>(&client, json!({"command": ["a"]}), json!({"homes": [".a"]})).await;
    goes_round::<Workspace>(&client, json!({"workdir": "/a"}), json!({"workdir": "/b"})).await;
    let instance = json!({"workspace": "w", "template": "t", "role": "r", "agent": "a", "workdir": "/w"});
    goes_round::<Instance>(&client, instance, json!({"run": "stopped"})).await;
    goes_round::<Image>(&client, json!({"role": "r", "roleRevision": "1"}), json!({"roleRevision": "2"})).await;
}

#[tokio::test]
async fn a_spec_and_a_status_are_written_apart() {
    let workspaces: Api<Workspace> = Api::default_namespaced(Machine::in_memory().client());
    let created = workspaces.create(&PostParams::default(), &workspace("shop")).await.expect("it is created");

    let mut with_status = created.clone();
    with_status.spec.workdir = "/changed".to_owned();
    with_status.status = Some(serde_json::from_value(json!({"ready": 7})).expect("a status"));
    let replaced = workspaces.replace("shop", &PostParams::default(), &with_status).await.expect("it is replaced");
    assert_eq!(replaced.spec.workdir, "/changed");
    assert_eq!(replaced.status.unwrap_or_default().ready, 0, "a user wrote the status");

    let mut with_spec = workspaces.get("shop").await.expect("it is there");
    with_spec.spec.workdir = "/again".to_owned();
    with_spec.status = Some(serde_json::from_value(json!({"ready": 1})).expect("a status"));
    workspaces.replace_status("shop", &PostParams::default(), &with_spec).await.expect("its status is written");
    let after = workspaces.get("shop").await.expect("it is there");
    assert_eq!((after.spec.workdir.as_str(), after.status.unwrap_or_default().ready), ("/changed", 1));
}

#[tokio::test]
async fn a_stale_update_is_refused_with_409() {
    let workspaces: Api<Workspace> = Api::default_namespaced(Machine::in_memory().client());
    let stale = workspaces.create(&PostParams::default(), &workspace("shop")).await.expect("it is created");
    let mut newer = stale.clone();
    newer.spec.workdir = "/newer".to_owned();
    workspaces.replace("shop", &PostParams::default(), &newer).await.expect("the first one wins");
    let refused = refusal(workspaces.replace("shop", &PostParams::default(), &stale).await);
    assert_eq!((refused.code, refused.reason.as_str()), (409, "Conflict"));
}

#[tokio::test]
async fn an_invalid_object_is_refused_with_422_that_names_every_field() {
    let workspaces: Api<Workspace> = Api::default_namespaced(Machine::in_memory().client());
    let mut invalid = workspace("shop");
    invalid.spec.workdir = "work".to_owned();
    invalid.spec.instances[0].role = "unheard".to_owned();
    let refused = refusal(workspaces.create(&PostParams::default(), &invalid).await);
    assert_eq!((refused.code, refused.reason.as_str()), (422, "Invalid"));
    assert_eq!(fields(&refused), ["spec.workdir", "spec.instances[0].role"]);
    assert!(refused.message.contains("workdir is not absolute"), "{}", refused.message);
    assert!(workspaces.get_opt("shop").await.expect("an answer").is_none(), "it was stored all the same");
}

#[tokio::test]
async fn an_unknown_field_and_a_wrong_type_are_refused_with_422_that_names_the_field() {
    let workspaces: Api<Workspace> = Api::default_namespaced(Machine::in_memory().client());
    workspaces.create(&PostParams::default(), &workspace("shop")).await.expect("it is created");
    let patches = [
        (json!({"spec": {"disruption": {"polcy": "always"}}}), "spec.disruption.polcy"),
        (json!({"spec": {"mounts": [{"source": "/a", "target": 1}]}}), "spec.mounts[0].target"),
        (json!({"spec": {"env": {"A": {"value": true}}}}), "spec.env.A.value"),
        (json!({"spec": {"disruption": {"policy": "sometimes"}}}), "spec.disruption.policy"),
        (json!({"spec": {"workdir": null}}), "spec.workdir"),
    ];
    for (patch, field) in patches {
        let refused = refusal(workspaces.patch("shop", &PatchParams::default(), &Patch::Merge(patch)).await);
        assert_eq!((refused.code, fields(&refused)), (422, vec![field]), "{}", refused.message);
    }
}

#[tokio::test]
async fn an_instance_cannot_be_moved_to_another_workspace() {
    let instances: Api<Instance> = Api::default_namespaced(Machine::in_memory().client());
    let spec = json!({"workspace": "w", "template": "t", "role": "r", "agent": "a", "workdir": "/w"});
    let instance = serde_json::from_value(json!({"metadata": {"name": "w-t"}, "spec": spec})).expect("an instance");
    instances.create(&PostParams::default(), &instance).await.expect("it is created");
    let moved = Patch::Merge(json!({"spec": {"workspace": "other", "agent": "b"}}));
    let refused = refusal(instances.patch("w-t", &PatchParams::default(), &moved).await);
    assert_eq!((refused.code, fields(&refused)), (422, vec!["spec.workspace"]));
}
