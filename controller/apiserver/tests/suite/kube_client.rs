//! Unmodified kube-rs over the router: typed API, watcher, controller, finalizers, events, waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::StreamExt;
use jackin_apiserver::{ApiServer, Store};
use k8s_openapi::api::core::v1::Event as CoreEvent;
use kube::api::{Api, DeleteParams, ListParams, ObjectMeta, Patch, PatchParams, PostParams, PropagationPolicy};
use kube::runtime::controller::Action;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::runtime::finalizer::{Event as FinalizerEvent, finalizer};
use kube::runtime::wait::{await_condition, conditions};
use kube::runtime::{Controller, WatchStreamExt, watcher};
use kube::{Client, CustomResource, Resource, ResourceExt};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::support::server_over;

#[derive(CustomResource, Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[kube(group = "toys.example", version = "v1", kind = "Toy", namespaced, status = "ToyStatus", schema = "disabled")]
struct ToySpec {
    color: String,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
struct ToyStatus {
    played: bool,
}

fn client_of(server: &ApiServer) -> Client {
    Client::new(server.router(), "default")
}

fn toys() -> (ApiServer, Api<Toy>) {
    let server = server_over(Store::in_memory());
    let api = Api::default_namespaced(client_of(&server));
    (server, api)
}

fn red(name: &str) -> Toy {
    Toy::new(name, ToySpec { color: "red".to_owned() })
}

fn code(error: kube::Error) -> u16 {
    match error {
        kube::Error::Api(status) => status.code,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn the_typed_api_does_what_it_does_on_a_cluster() {
    let (_server, api) = toys();
    let made = api.create(&PostParams::default(), &red("a")).await.unwrap();
    let mut changed = made.clone();
    changed.spec.color = "blue".to_owned();
    let changed = api.replace("a", &PostParams::default(), &changed).await.unwrap();
    assert_eq!(changed.metadata.generation, Some(2));
    assert_eq!(code(api.replace("a", &PostParams::default(), &made).await.unwrap_err()), 409);
    assert_eq!(code(api.create(&PostParams::default(), &Toy::new("A", ToySpec::default())).await.unwrap_err()), 422);
    let status = Patch::Merge(json!({"status": {"played": true}}));
    let patched = api.patch_status("a", &PatchParams::default(), &status).await.unwrap();
    assert_eq!(patched.status, Some(ToyStatus { played: true }));
    let metadata = api.list_metadata(&ListParams::default()).await.unwrap();
    assert_eq!(metadata.items[0].name_any(), "a");
    api.create(&PostParams::default(), &red("b")).await.unwrap();
    let page = api.list(&ListParams::default().limit(1)).await.unwrap();
    assert_eq!(page.items.len(), 1);
    assert!(page.metadata.continue_.is_some());
    let foreground =
        DeleteParams { propagation_policy: Some(PropagationPolicy::Foreground), ..DeleteParams::default() };
    assert!(api.delete("a", &foreground).await.unwrap().is_right());
    api.delete_collection(&DeleteParams::default(), &ListParams::default()).await.unwrap();
    assert!(api.list(&ListParams::default()).await.unwrap().items.is_empty());
    assert!(api.get_opt("a").await.unwrap().is_none());
    assert_eq!(code(api.get("a").await.unwrap_err()), 404);
    let apply = Patch::Apply(json!({"apiVersion": "toys.example/v1", "kind": "Toy", "spec": {"color": "x"}}));
    assert_eq!(code(api.patch("a", &PatchParams::apply("me"), &apply).await.unwrap_err()), 415);
}

#[tokio::test]
async fn discovery_finds_the_kinds() {
    let server = server_over(Store::in_memory());
    let discovery = kube::discovery::Discovery::new(client_of(&server)).run().await.unwrap();
    let kinds: Vec<String> = discovery
        .get("toys.example")
        .unwrap()
        .recommended_resources()
        .into_iter()
        .map(|(resource, _)| resource.kind)
        .collect();
    assert_eq!(kinds, ["Toy", "Box"]);
}

async fn watch_through_expiry(config: watcher::Config) {
    let server = server_over(Store::in_memory_with_ring(4));
    let api: Api<Toy> = Api::default_namespaced(client_of(&server));
    api.create(&PostParams::default(), &red("a")).await.unwrap();
    let mut stream = std::pin::pin!(watcher(api.clone(), config));
    let mut next = async || stream.next().await.unwrap();
    assert!(matches!(next().await, Ok(watcher::Event::Init)));
    assert!(matches!(next().await, Ok(watcher::Event::InitApply(_))));
    assert!(matches!(next().await, Ok(watcher::Event::InitDone)));
    api.create(&PostParams::default(), &red("b")).await.unwrap();
    assert!(matches!(next().await, Ok(watcher::Event::Apply(toy)) if toy.name_any() == "b"));
    for index in 0..10 {
        api.create(&PostParams::default(), &red(&format!("c{index}"))).await.unwrap();
    }
    let expired = next().await;
    assert!(matches!(&expired, Err(watcher::Error::WatchError(status)) if status.code == 410), "{expired:?}");
    assert!(matches!(next().await, Ok(watcher::Event::Init)));
    for _ in 0..12 {
        assert!(matches!(next().await, Ok(watcher::Event::InitApply(_))));
    }
    assert!(matches!(next().await, Ok(watcher::Event::InitDone)));
}

#[tokio::test]
async fn a_watcher_lists_again_after_it_fell_behind() {
    watch_through_expiry(watcher::Config::default()).await;
}

#[tokio::test]
async fn a_watcher_with_streaming_lists_lists_again_after_it_fell_behind() {
    watch_through_expiry(watcher::Config::default().streaming_lists()).await;
}

#[tokio::test]
async fn a_controller_with_finalizers_converges_and_cleans_up() {
    let (_server, api) = toys();
    let cleaned = Arc::new(AtomicUsize::new(0));
    let (context, reconciled) = ((api.clone(), cleaned.clone()), api.clone());
    let controller = Controller::new(reconciled, watcher::Config::default()).run(
        async |toy: Arc<Toy>, context: Arc<(Api<Toy>, Arc<AtomicUsize>)>| {
            let (api, cleaned) = &*context;
            finalizer(api, "toys.example/cleanup", toy, async |event| match event {
                FinalizerEvent::Apply(toy) => {
                    let status = Patch::Merge(json!({"status": {"played": true}}));
                    api.patch_status(&toy.name_any(), &PatchParams::default(), &status).await?;
                    Ok::<_, kube::Error>(Action::await_change())
                }
                FinalizerEvent::Cleanup(_) => {
                    cleaned.fetch_add(1, Ordering::SeqCst);
                    Ok(Action::await_change())
                }
            })
            .await
        },
        |_, error, _| panic!("{error}"),
        Arc::new(context),
    );
    let running = tokio::spawn(controller.for_each(async |_| {}));
    for index in 0..20 {
        api.create(&PostParams::default(), &red(&format!("a{index}"))).await.unwrap();
    }
    let played = |toy: Option<&Toy>| toy.and_then(|toy| toy.status.as_ref()).is_some_and(|status| status.played);
    for index in 0..20 {
        let name = format!("a{index}");
        let toy = await_condition(api.clone(), &name, played).await.unwrap().unwrap();
        api.delete(&name, &DeleteParams::default()).await.unwrap();
        let uid = toy.uid().unwrap();
        await_condition(api.clone(), &name, conditions::is_deleted(&uid)).await.unwrap();
    }
    assert_eq!(cleaned.load(Ordering::SeqCst), 20);
    running.abort();
}

#[tokio::test]
async fn recorded_events_are_read_in_the_core_shape() {
    let (server, api) = toys();
    let toy = api.create(&PostParams::default(), &red("a")).await.unwrap();
    let reporter = Reporter { controller: "toys".to_owned(), instance: Some("toys-1".to_owned()) };
    let recorder = Recorder::new(client_of(&server), reporter);
    let event = Event {
        type_: EventType::Normal,
        reason: "Played".to_owned(),
        note: Some("it was fun".to_owned()),
        action: "Play".to_owned(),
        secondary: None,
    };
    for _ in 0..3 {
        recorder.publish(&event, &toy.object_ref(&())).await.unwrap();
    }
    let events: Api<CoreEvent> = Api::default_namespaced(client_of(&server));
    let about = ListParams::default().fields(&format!("involvedObject.uid={}", toy.uid().unwrap()));
    let found = events.list(&about).await.unwrap().items;
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].message.as_deref(), found[0].count), (Some("it was fun"), Some(3)));
}

#[tokio::test]
async fn dependents_are_watched_through_their_owner() {
    let (_server, api) = toys();
    let owner = api.create(&PostParams::default(), &red("a")).await.unwrap();
    let mut child = red("b");
    child.metadata = ObjectMeta {
        name: Some("b".to_owned()),
        owner_references: owner.controller_owner_ref(&()).map(|reference| vec![reference]),
        ..ObjectMeta::default()
    };
    let child = api.create(&PostParams::default(), &child).await.unwrap();
    let mut seen = std::pin::pin!(watcher(api.clone(), watcher::Config::default()).default_backoff().applied_objects());
    assert!(seen.next().await.unwrap().is_ok());
    api.delete("a", &DeleteParams::default()).await.unwrap();
    await_condition(api.clone(), "b", conditions::is_deleted(&child.uid().unwrap())).await.unwrap();
}
