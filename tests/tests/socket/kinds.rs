//! All five kinds through their types.

use std::fmt::Debug;

use anyhow::{Context, Result, bail};
use jackin_api::kinds::{Agent, Image, Instance, Role, Workspace};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::core::NamespaceResourceScope;
use kube::discovery::{Discovery, verbs};
use kube::runtime::wait::{await_condition, conditions};
use kube::{Api, Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::stage::{Stage, in_time};

/// Create, get, list, patch, replace and delete of one kind. Its controller may write at the same time.
async fn goes_round<K>(client: &Client, spec: Value, patch: Value) -> Result<()>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    K: Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    let kind = K::kind(&());
    let api: Api<K> = Api::namespaced(client.clone(), "elsewhere");
    let object: K = serde_json::from_value(json!({"metadata": {"name": "one", "labels": {"try": "1"}}, "spec": spec}))?;
    let created = api.create(&PostParams::default(), &object).await?;
    assert_eq!(created.meta().generation, Some(1), "{kind}");
    let uid = created.uid().context("a uid")?;
    assert_eq!(api.get("one").await?.uid().as_ref(), Some(&uid), "{kind}");

    for selector in [ListParams::default().labels("try in (1, 2)"), ListParams::default().fields("metadata.name=one")] {
        let listed: Vec<_> = api.list(&selector).await?.iter().map(ResourceExt::name_any).collect();
        assert_eq!(listed, ["one"], "{kind}");
    }
    assert!(api.list(&ListParams::default().labels("try=2")).await?.items.is_empty(), "{kind}");
    let everywhere = Api::<K>::all(client.clone()).list(&ListParams::default().labels("try")).await?;
    assert_eq!(everywhere.items.len(), 1, "{kind}");

    let patch = Patch::Merge(json!({"spec": patch}));
    let patched = api.patch("one", &PatchParams::default(), &patch).await?;
    assert_eq!(patched.meta().generation, Some(2), "{kind}");
    let note = json!({"example.com/note": "by patch"});
    let add = json!([{"op": "add", "path": "/metadata/annotations", "value": note}]);
    let add = Patch::Json::<()>(serde_json::from_value(add)?);
    let patched = api.patch("one", &PatchParams::default(), &add).await?;
    assert_eq!(patched.annotations()["example.com/note"], "by patch", "{kind}");
    assert_eq!(patched.meta().generation, Some(2), "{kind}: an annotation counted as a change of the spec");

    let replaced = replace(&api, |object| {
        object.annotations_mut().insert("example.com/note".to_owned(), "by replace".to_owned());
    })
    .await?;
    assert_eq!(replaced.annotations()["example.com/note"], "by replace", "{kind}");
    assert_eq!(replaced.uid().as_ref(), Some(&uid), "{kind}");

    api.delete("one", &DeleteParams::default()).await?;
    in_time("the deletion", await_condition(api.clone(), "one", conditions::is_deleted(&uid))).await??;
    assert!(api.get_opt("one").await?.is_none(), "{kind}");
    Ok(())
}

/// Reads, changes and writes back until nobody wrote in between, as every program against a cluster has to.
async fn replace<K>(api: &Api<K>, change: impl Fn(&mut K)) -> Result<K>
where
    K: Resource<DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned,
{
    for _ in 0..20 {
        let mut object = api.get("one").await?;
        change(&mut object);
        match api.replace("one", &PostParams::default(), &object).await {
            Err(kube::Error::Api(status)) if status.is_conflict() => {}
            answer => return Ok(answer?),
        }
    }
    bail!("somebody writes all the time")
}

#[tokio::test]
async fn all_five_kinds_are_created_read_changed_and_deleted_through_their_types() -> Result<()> {
    let stage = Stage::new()?;
    let client = stage.client().await?;
    let source = |image: &str| json!({"source": {"image": image}});
    goes_round::<Role>(&client, source("a:1"), source("a:2")).await?;
    goes_round::<Agent>(&client, json!({"command": ["a"]}), json!({"homes": [".a"]})).await?;
    goes_round::<Workspace>(&client, json!({"workdir": "/a"}), json!({"workdir": "/b"})).await?;
    let instance = json!({"workspace": "w", "template": "t", "role": "r", "agent": "a", "workdir": "/w"});
    goes_round::<Instance>(&client, instance, json!({"workdir": "/x"})).await?;
    goes_round::<Image>(&client, json!({"role": "r", "roleRevision": "1"}), json!({"roleRevision": "2"})).await?;
    Ok(())
}

#[tokio::test]
async fn a_program_that_knows_nothing_of_the_kinds_discovers_them() -> Result<()> {
    let stage = Stage::new()?;
    let client = stage.client().await?;
    assert!(!client.apiserver_version().await?.git_version.is_empty());
    let discovery = Discovery::new(client).filter(&["jackin.dev"]).run().await?;
    let group = discovery.get("jackin.dev").context("the group")?;
    let mut kinds = Vec::new();
    for (resource, capabilities) in group.recommended_resources() {
        for verb in [verbs::LIST, verbs::WATCH, verbs::CREATE, verbs::PATCH, verbs::UPDATE, verbs::DELETE] {
            assert!(capabilities.supports_operation(verb), "{} without {verb}", resource.kind);
        }
        kinds.push(resource.kind);
    }
    kinds.sort();
    assert_eq!(kinds, ["Agent", "Image", "Instance", "Role", "Workspace"]);
    Ok(())
}
