//! What is refused, and with which words.

use anyhow::Result;
use jackin_api::kinds::{Instance, Role, Workspace};
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::json;

use super::stage::{Stage, fields, refusal, role, workspace};

#[tokio::test]
async fn a_stale_update_is_refused_with_409_and_the_newer_one_stays() -> Result<()> {
    let stage = Stage::new()?;
    let roles: Api<Role> = Api::default_namespaced(stage.client().await?);
    let stale = roles.create(&PostParams::default(), &role("tools")).await?;
    let newer = Patch::Merge(json!({"spec": {"agents": ["shell", "codex"]}}));
    roles.patch("tools", &PatchParams::default(), &newer).await?;
    let mut late = stale.clone();
    late.spec.agents.clear();
    let refused = refusal(roles.replace("tools", &PostParams::default(), &late).await);
    assert_eq!((refused.code, refused.reason.as_str()), (409, "Conflict"));
    assert!(refused.message.contains("the object has been modified"), "{}", refused.message);
    assert_eq!(roles.get("tools").await?.spec.agents, ["shell", "codex"]);

    // A patch that names the version that it was made for is held to it as well.
    let late =
        Patch::Merge(json!({"metadata": {"resourceVersion": stale.metadata.resource_version}, "spec": {"agents": []}}));
    let refused = refusal(roles.patch("tools", &PatchParams::default(), &late).await);
    assert_eq!((refused.code, refused.reason.as_str()), (409, "Conflict"));

    let again = refusal(roles.create(&PostParams::default(), &role("tools")).await);
    assert_eq!((again.code, again.reason.as_str()), (409, "AlreadyExists"));
    Ok(())
}

#[tokio::test]
async fn of_many_writers_at_once_each_change_is_kept() -> Result<()> {
    let stage = Stage::new()?;
    let client = stage.client().await?;
    let roles: Api<Role> = Api::default_namespaced(client);
    roles.create(&PostParams::default(), &role("tools")).await?;
    let writers = (0..8).map(|writer| {
        let roles = roles.clone();
        async move {
            loop {
                let mut read = roles.get("tools").await?;
                read.spec.agents.push(format!("agent-{writer}"));
                match roles.replace("tools", &PostParams::default(), &read).await {
                    Err(kube::Error::Api(status)) if status.is_conflict() => {}
                    answer => return answer.map(drop),
                }
            }
        }
    });
    futures::future::try_join_all(writers).await?;
    let mut agents = roles.get("tools").await?.spec.agents;
    agents.sort();
    let mut expected: Vec<_> = (0..8).map(|writer| format!("agent-{writer}")).collect();
    expected.push("shell".to_owned());
    assert_eq!(agents, expected);
    Ok(())
}

#[tokio::test]
async fn an_invalid_object_is_refused_with_422_that_names_every_field_and_is_not_stored() -> Result<()> {
    let stage = Stage::new()?;
    let workspaces: Api<Workspace> = Api::default_namespaced(stage.client().await?);
    let mut invalid = workspace("shop");
    invalid.spec.workdir = "work".to_owned();
    invalid.spec.instances = serde_json::from_value(json!([{"name": "main", "role": "unheard", "agent": "shell"}]))?;
    let refused = refusal(workspaces.create(&PostParams::default(), &invalid).await);
    assert_eq!((refused.code, refused.reason.as_str()), (422, "Invalid"));
    assert_eq!(fields(&refused), ["spec.workdir", "spec.instances[0].role"]);
    let begin = "Workspace.jackin.dev \"shop\" is invalid: ";
    assert!(refused.message.starts_with(begin), "{}", refused.message);
    assert!(workspaces.get_opt("shop").await?.is_none(), "it was stored all the same");
    Ok(())
}

#[tokio::test]
async fn an_unknown_field_and_a_wrong_type_are_refused_with_422_that_names_the_field() -> Result<()> {
    let stage = Stage::new()?;
    let workspaces: Api<Workspace> = Api::default_namespaced(stage.client().await?);
    let created = workspaces.create(&PostParams::default(), &workspace("shop")).await?;
    let patches = [
        (json!({"spec": {"disruption": {"polcy": "always"}}}), "spec.disruption.polcy"),
        (json!({"spec": {"mounts": [{"source": "/a", "target": 1}]}}), "spec.mounts[0].target"),
        (json!({"spec": {"disruption": {"policy": "sometimes"}}}), "spec.disruption.policy"),
        (json!({"spec": {"workdir": null}}), "spec.workdir"),
        (json!({"specs": {}}), "specs"),
    ];
    for (patch, field) in patches {
        let refused = refusal(workspaces.patch("shop", &PatchParams::default(), &Patch::Merge(patch)).await);
        assert_eq!((refused.code, fields(&refused)), (422, vec![field]), "{}", refused.message);
    }
    assert_eq!(workspaces.get("shop").await?.spec, created.spec);
    Ok(())
}

#[tokio::test]
async fn a_status_is_written_through_its_own_path_only() -> Result<()> {
    let stage = Stage::new()?;
    let client = stage.client().await?;
    let roles: Api<Role> = Api::default_namespaced(client.clone());
    let claim = json!({"observedGeneration": 777});
    let mut with_status = role("tools");
    with_status.status = Some(serde_json::from_value(claim.clone())?);
    let created = roles.create(&PostParams::default(), &with_status).await?;
    let observed = |role: &Role| role.status.clone().unwrap_or_default().observed_generation;
    assert_ne!(observed(&created), 777, "a status came with the creation");
    let patched = roles.patch("tools", &PatchParams::default(), &Patch::Merge(json!({"status": claim}))).await?;
    assert_ne!(observed(&patched), 777, "a status came with a patch");

    // The instance is one of nobody's workspace, whose controller says so and no more.
    let instances: Api<Instance> = Api::default_namespaced(client);
    let spec = json!({"workspace": "w", "template": "t", "role": "r", "agent": "a", "workdir": "/w"});
    let instance: Instance = serde_json::from_value(json!({"metadata": {"name": "one"}, "spec": spec}))?;
    let created = instances.create(&PostParams::default(), &instance).await?;
    let by_status = Patch::Merge(json!({"spec": {"workdir": "/x"}, "status": {"container": {"id": "c", "name": "c"}}}));
    let written = instances.patch_status("one", &PatchParams::default(), &by_status).await?;
    assert_eq!(written.spec, created.spec, "a spec came with a status");
    assert_eq!(written.metadata.generation, Some(1));
    assert!(written.status.is_some_and(|status| status.container.is_some()));
    Ok(())
}

#[tokio::test]
async fn what_never_changes_is_refused_by_field() -> Result<()> {
    let stage = Stage::new()?;
    let instances: Api<Instance> = Api::default_namespaced(stage.client().await?);
    let spec = json!({"workspace": "w", "template": "t", "role": "r", "agent": "a", "workdir": "/w"});
    let instance: Instance = serde_json::from_value(json!({"metadata": {"name": "one"}, "spec": spec}))?;
    instances.create(&PostParams::default(), &instance).await?;
    let moved = Patch::Merge(json!({"spec": {"workspace": "other"}}));
    let refused = refusal(instances.patch("one", &PatchParams::default(), &moved).await);
    assert_eq!((refused.code, fields(&refused)), (422, vec!["spec.workspace"]));
    Ok(())
}
