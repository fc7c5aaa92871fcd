//! A controller of somebody else's on our kinds: children, a finalizer, events.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use jackin_api::kinds::{Instance, Workspace};
use k8s_openapi::api::events::v1::Event as StoredEvent;
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::runtime::controller::Action;
use kube::runtime::events::{Event, EventType, Recorder};
use kube::runtime::wait::{await_condition, conditions};
use kube::runtime::{Controller, finalizer, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use serde_json::json;

use super::machine::Machine;

const FINALIZER: &str = "example.com/tidy";
const LONG: Duration = Duration::from_secs(60);

struct Context {
    client: Client,
    recorder: Recorder,
}

type Failure = finalizer::Error<kube::Error>;

/// One Instance for each Workspace; an event when it goes.
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
    let instances: Api<Instance> = Api::default_namespaced(context.client.clone());
    let name = format!("{}-main", workspace.name_any());
    if instances.get_opt(&name).await?.is_some() {
        return Ok(());
    }
    let spec = json!({
        "workspace": workspace.name_any(), "template": "main", "role": "r", "agent": "a", "workdir": workspace.spec.workdir,
    });
    let metadata = json!({"name": name, "ownerReferences": [workspace.controller_owner_ref(&())]});
    let child = serde_json::from_value(json!({"metadata": metadata, "spec": spec})).map_err(kube::Error::SerdeError)?;
    instances.create(&PostParams::default(), &child).await?;
    Ok(())
}

async fn in_time<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, work).await.unwrap_or_else(|_| panic!("{what} did not happen"))
}

#[tokio::test]
async fn a_controller_keeps_children_finalizes_and_records_events() {
    let client = Machine::in_memory().client();
    let workspaces: Api<Workspace> = Api::default_namespaced(client.clone());
    let instances: Api<Instance> = Api::default_namespaced(client.clone());
    let context =
        Arc::new(Context { client: client.clone(), recorder: Recorder::new(client.clone(), "test-controller".into()) });
    let controller = Controller::new(workspaces.clone(), watcher::Config::default())
        .owns(instances.clone(), watcher::Config::default())
        .run(reconcile, |_, _, _| Action::requeue(Duration::from_millis(100)), context)
        .for_each(|_| std::future::ready(()));
    let controller = tokio::spawn(controller);

    let workspace = json!({"metadata": {"name": "shop"}, "spec": {"workdir": "/work"}});
    let workspace = serde_json::from_value(workspace).expect("a workspace");
    workspaces.create(&PostParams::default(), &workspace).await.expect("it is created");
    let there = |instance: Option<&Instance>| instance.is_some();
    in_time("the child", await_condition(instances.clone(), "shop-main", there)).await.expect("a watch");

    let child = instances.get("shop-main").await.expect("the child").uid().expect("a uid");
    instances.delete("shop-main", &DeleteParams::default()).await.expect("it is deleted");
    let other = |instance: Option<&Instance>| instance.is_some_and(|instance| instance.uid().as_ref() != Some(&child));
    in_time("another child", await_condition(instances.clone(), "shop-main", other)).await.expect("a watch");

    let uid = workspaces.get("shop").await.expect("it is there").uid().expect("a uid");
    workspaces.delete("shop", &DeleteParams::default()).await.expect("its deletion begins");
    in_time("the end", await_condition(workspaces, "shop", conditions::is_deleted(&uid))).await.expect("a watch");
    let gone = |instance: Option<&Instance>| instance.is_none();
    in_time("the child's end", await_condition(instances, "shop-main", gone)).await.expect("a watch");

    let events: Api<StoredEvent> = Api::default_namespaced(client);
    let events = events.list(&ListParams::default()).await.expect("a list");
    let told: Vec<_> = events.iter().map(|event| (event.reason.as_deref(), event.note.as_deref())).collect();
    assert_eq!(told, [(Some("Tidied"), Some("nothing is left"))]);
    let regarding = events.items[0].regarding.clone().unwrap_or_default();
    assert_eq!((regarding.kind.as_deref(), regarding.uid), (Some("Workspace"), Some(uid)));
    controller.abort();
}
