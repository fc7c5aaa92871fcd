//! A controller of somebody else's beside ours, on the same objects: children, a finalizer, events, a daemon that restarts.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures::StreamExt;
use jackin_api::kinds::{Role, Workspace};
use k8s_openapi::api::events::v1::Event as StoredEvent;
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::runtime::controller::Action;
use kube::runtime::events::{Event, EventType, Recorder};
use kube::runtime::wait::{await_condition, conditions};
use kube::runtime::{Controller, finalizer, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use tokio::task::JoinHandle;

use super::stage::{Stage, in_time, role, workspace};

const FINALIZER: &str = "example.com/tidy";

struct Context {
    client: Client,
    recorder: Recorder,
}

type Failure = finalizer::Error<kube::Error>;

/// One Role for each Workspace; an event when the Workspace goes.
async fn reconcile(workspace: Arc<Workspace>, context: Arc<Context>) -> Result<Action, Failure> {
    let workspaces: Api<Workspace> = Api::default_namespaced(context.client.clone());
    finalizer::finalizer(&workspaces, FINALIZER, workspace, |event| async {
        match event {
            finalizer::Event::Apply(workspace) => make_child(&workspace, &context).await?,
            finalizer::Event::Cleanup(workspace) => {
                let event = Event {
                    type_: EventType::Normal,
                    reason: "Tidied".to_owned(),
                    note: Some("nothing is left".to_owned()),
                    action: "Tidy".to_owned(),
                    secondary: None,
                };
                context.recorder.publish(&event, &workspace.object_ref(&())).await?;
            }
        }
        Ok::<_, kube::Error>(Action::await_change())
    })
    .await
}

async fn make_child(workspace: &Workspace, context: &Context) -> Result<(), kube::Error> {
    let roles: Api<Role> = Api::default_namespaced(context.client.clone());
    let mut child = role(&format!("{}-child", workspace.name_any()));
    child.metadata.owner_references = workspace.controller_owner_ref(&()).map(|owner| vec![owner]);
    match roles.create(&PostParams::default(), &child).await {
        Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
        answer => answer.map(drop),
    }
}

/// Runs it until the task is aborted.
fn start(client: &Client) -> JoinHandle<()> {
    let workspaces: Api<Workspace> = Api::default_namespaced(client.clone());
    let roles: Api<Role> = Api::default_namespaced(client.clone());
    let context = Context { client: client.clone(), recorder: Recorder::new(client.clone(), "test-controller".into()) };
    let again = |_: Arc<Workspace>, _: &Failure, _: Arc<Context>| Action::requeue(Duration::from_millis(100));
    let controller = Controller::new(workspaces, watcher::Config::default())
        .owns(roles, watcher::Config::default())
        .run(reconcile, again, Arc::new(context))
        .for_each(|_| std::future::ready(()));
    tokio::spawn(controller)
}

async fn child_of(client: &Client, workspace: &str) -> Result<Role> {
    let roles: Api<Role> = Api::default_namespaced(client.clone());
    let name = format!("{workspace}-child");
    let there = |role: Option<&Role>| role.is_some();
    let child = in_time("the child", await_condition(roles, &name, there)).await??;
    child.context("it was there")
}

#[tokio::test]
async fn a_controller_keeps_children_finalizes_and_records_events() -> Result<()> {
    let stage = Stage::new()?;
    let client = stage.client().await?;
    let workspaces: Api<Workspace> = Api::default_namespaced(client.clone());
    let roles: Api<Role> = Api::default_namespaced(client.clone());
    let controller = start(&client);
    workspaces.create(&PostParams::default(), &workspace("shop")).await?;
    let first = child_of(&client, "shop").await?.uid().context("a uid")?;

    // A child that is lost is made again.
    roles.delete("shop-child", &DeleteParams::default()).await?;
    let other = |role: Option<&Role>| role.is_some_and(|role| role.uid().as_ref() != Some(&first));
    in_time("another child", await_condition(roles.clone(), "shop-child", other)).await??;

    let uid = workspaces.get("shop").await?.uid().context("a uid")?;
    workspaces.delete("shop", &DeleteParams::default()).await?;
    in_time("the end", await_condition(workspaces, "shop", conditions::is_deleted(&uid))).await??;
    let gone = |role: Option<&Role>| role.is_none();
    in_time("the child's end", await_condition(roles, "shop-child", gone)).await??;

    let events: Api<StoredEvent> = Api::default_namespaced(client);
    let events = events.list(&ListParams::default().fields("reason=Tidied")).await?;
    let told: Vec<_> = events.iter().map(|event| event.note.as_deref()).collect();
    assert_eq!(told, [Some("nothing is left")]);
    assert_eq!(events.items[0].regarding.as_ref().and_then(|object| object.uid.clone()), Some(uid));
    controller.abort();
    Ok(())
}

#[tokio::test]
async fn a_controller_goes_on_when_the_daemon_was_killed_and_started_again() -> Result<()> {
    let mut stage = Stage::new()?;
    let client = stage.client().await?;
    let workspaces: Api<Workspace> = Api::default_namespaced(client.clone());
    let controller = start(&client);
    workspaces.create(&PostParams::default(), &workspace("before")).await?;
    let child = child_of(&client, "before").await?;

    stage.crash()?;
    stage.start()?;
    workspaces.create(&PostParams::default(), &workspace("after")).await?;
    child_of(&client, "after").await?;
    assert_eq!(child_of(&client, "before").await?.uid(), child.uid());

    let uid = workspaces.get("before").await?.uid().context("a uid")?;
    workspaces.delete("before", &DeleteParams::default()).await?;
    in_time("the end", await_condition(workspaces, "before", conditions::is_deleted(&uid))).await??;
    controller.abort();
    Ok(())
}
