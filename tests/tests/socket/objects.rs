//! Deletion with finalizers, owners and preconditions; dry runs; what a restart keeps.

use anyhow::{Context, Result};
use jackin_api::kinds::{Role, Workspace};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::runtime::wait::{await_condition, conditions};
use kube::{Api, Resource, ResourceExt};
use serde_json::json;

use super::stage::{Stage, in_time, refusal, role, workspace};

#[tokio::test]
async fn a_finalizer_holds_an_object_until_it_is_taken_away() -> Result<()> {
    let stage = Stage::new()?;
    let roles: Api<Role> = Api::default_namespaced(stage.client().await?);
    let mut held = role("tools");
    held.finalizers_mut().push("example.com/hold".to_owned());
    let uid = roles.create(&PostParams::default(), &held).await?.uid().context("a uid")?;
    let held = roles.delete("tools", &DeleteParams::default()).await?.left().context("deleted at once")?;
    assert!(held.metadata.deletion_timestamp.is_some());
    assert!(roles.get("tools").await?.metadata.deletion_timestamp.is_some());
    let free = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    roles.patch("tools", &PatchParams::default(), &free).await?;
    in_time("its end", await_condition(roles, "tools", conditions::is_deleted(&uid))).await??;
    Ok(())
}

#[tokio::test]
async fn what_an_object_owned_goes_with_it() -> Result<()> {
    let stage = Stage::new()?;
    let client = stage.client().await?;
    let workspaces: Api<Workspace> = Api::default_namespaced(client.clone());
    let roles: Api<Role> = Api::default_namespaced(client);
    let owner = workspaces.create(&PostParams::default(), &workspace("shop")).await?;
    for name in ["owned", "free"] {
        let mut child = role(name);
        child.metadata.owner_references =
            owner.controller_owner_ref(&()).filter(|_| name == "owned").map(|owner| vec![owner]);
        roles.create(&PostParams::default(), &child).await?;
    }
    workspaces.delete("shop", &DeleteParams::background()).await?;
    let gone = |role: Option<&Role>| role.is_none();
    in_time("the end of what it owned", await_condition(roles.clone(), "owned", gone)).await??;
    assert!(roles.get_opt("free").await?.is_some());
    Ok(())
}

#[tokio::test]
async fn a_deletion_is_of_the_object_that_was_meant() -> Result<()> {
    let stage = Stage::new()?;
    let roles: Api<Role> = Api::default_namespaced(stage.client().await?);
    let created = roles.create(&PostParams::default(), &role("tools")).await?;
    let meant = |uid: Option<String>| {
        let preconditions = Preconditions { uid, ..Preconditions::default() };
        DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() }
    };
    let refused = refusal(roles.delete("tools", &meant(Some("another".to_owned()))).await);
    assert_eq!((refused.code, refused.reason.as_str()), (409, "Conflict"));
    assert!(roles.delete("tools", &meant(created.uid())).await?.is_right());
    let missing = refusal(roles.delete("tools", &DeleteParams::default()).await);
    assert_eq!((missing.code, missing.reason.as_str()), (404, "NotFound"));
    Ok(())
}

#[tokio::test]
async fn a_dry_run_answers_and_changes_nothing() -> Result<()> {
    let stage = Stage::new()?;
    let roles: Api<Role> = Api::default_namespaced(stage.client().await?);
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    assert!(roles.create(&dry, &role("tools")).await?.uid().is_some());
    assert!(roles.get_opt("tools").await?.is_none(), "a dry run created it");
    let created = roles.create(&PostParams::default(), &role("tools")).await?;
    let patch = Patch::Merge(json!({"spec": {"agents": []}}));
    let patched = roles.patch("tools", &PatchParams { dry_run: true, ..PatchParams::default() }, &patch).await?;
    assert!(patched.spec.agents.is_empty());
    roles.delete("tools", &DeleteParams { dry_run: true, ..DeleteParams::default() }).await?;
    let kept = roles.get("tools").await?;
    assert_eq!((kept.spec, kept.metadata.generation), (created.spec, Some(1)));
    Ok(())
}

#[tokio::test]
async fn what_was_answered_is_kept_when_the_daemon_is_killed() -> Result<()> {
    let mut stage = Stage::new()?;
    let client = stage.client().await?;
    let roles: Api<Role> = Api::default_namespaced(client);
    let mut written = Vec::new();
    for number in 0..5 {
        written.push(roles.create(&PostParams::default(), &role(&format!("tools-{number}"))).await?);
    }
    let patch = Patch::Merge(json!({"spec": {"agents": ["codex"]}}));
    written[0] = roles.patch("tools-0", &PatchParams::default(), &patch).await?;
    roles.delete("tools-1", &DeleteParams::default()).await?;
    written.remove(1);
    stage.crash()?;
    stage.start()?;

    // The same client: it finds the new process at the same place.
    for before in &written {
        let after = roles.get(&before.name_any()).await?;
        assert_eq!((after.uid(), &after.spec), (before.uid(), &before.spec));
        assert_eq!(after.metadata.generation, before.metadata.generation);
    }
    assert!(roles.get_opt("tools-1").await?.is_none());

    // Versions go on: what is written now is newer than everything from before.
    let version = |role: &Role| role.resource_version().and_then(|version| version.parse::<u64>().ok());
    let newest = written.iter().filter_map(version).max();
    assert!(version(&roles.create(&PostParams::default(), &role("later")).await?) > newest);
    Ok(())
}
