//! Watchers, also through a restart of the server.

use std::pin::pin;
use std::time::Duration;

use futures::{Stream, StreamExt};
use jackin_api::kinds::Workspace;
use kube::api::{DeleteParams, PostParams, WatchEvent, WatchParams};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, ResourceExt};
use serde_json::json;

use super::machine::Machine;

/// Longer than anything here takes; a test that waits for it has failed.
const LONG: Duration = Duration::from_secs(60);

fn workspace(name: &str) -> Workspace {
    serde_json::from_value(json!({"metadata": {"name": name}, "spec": {"workdir": "/work"}})).expect("a workspace")
}

/// Waits until the watcher tells of an object, or of one's end with `-` before its name. Errors on the way are its own business.
async fn told(events: &mut (impl Stream<Item = watcher::Result<watcher::Event<Workspace>>> + Unpin), expected: &str) {
    let wait = async {
        while let Some(event) = events.next().await {
            let told = match event {
                Ok(watcher::Event::Apply(object) | watcher::Event::InitApply(object)) => object.name_any(),
                Ok(watcher::Event::Delete(object)) => format!("-{}", object.name_any()),
                Ok(watcher::Event::Init | watcher::Event::InitDone) | Err(_) => continue,
            };
            if told == expected {
                return;
            }
        }
        panic!("the watcher ended before it told of `{expected}`");
    };
    tokio::time::timeout(LONG, wait).await.unwrap_or_else(|_| panic!("the watcher never told of `{expected}`"));
}

#[tokio::test]
async fn a_watcher_is_told_of_what_comes_and_goes() {
    let workspaces: Api<Workspace> = Api::default_namespaced(Machine::in_memory().client());
    workspaces.create(&PostParams::default(), &workspace("before")).await.expect("it is created");
    let mut events = pin!(watcher(workspaces.clone(), watcher::Config::default()));
    told(&mut events, "before").await;
    workspaces.create(&PostParams::default(), &workspace("after")).await.expect("it is created");
    told(&mut events, "after").await;
    workspaces.delete("before", &DeleteParams::default()).await.expect("it is deleted");
    told(&mut events, "-before").await;
}

#[tokio::test]
async fn a_watcher_goes_on_through_a_restart_of_the_server() {
    let folder = tempfile::tempdir().expect("a folder");
    let machine = Machine::at(&folder.path().join("jackin.db")).await;
    let workspaces: Api<Workspace> = Api::default_namespaced(machine.client());
    let before = workspaces.create(&PostParams::default(), &workspace("before")).await.expect("it is created");

    let (sender, receiver) = futures::channel::mpsc::unbounded();
    let watched = watcher(workspaces.clone(), watcher::Config::default()).default_backoff();
    // A task of its own, so that the watcher notices the end of its stream while the test waits for the file.
    let watching = tokio::spawn(watched.map(Ok).forward(sender));
    let mut events = receiver;
    told(&mut events, "before").await;

    machine.stop();
    assert!(workspaces.get("before").await.is_err(), "the server is not stopped");
    machine.start().await;

    let after = workspaces.get("before").await.expect("it is still there");
    assert_eq!((after.uid(), after.resource_version()), (before.uid(), before.resource_version()));
    workspaces.create(&PostParams::default(), &workspace("after")).await.expect("it is created");
    told(&mut events, "after").await;
    watching.abort();
}

#[tokio::test]
async fn a_watch_from_a_version_that_is_no_longer_kept_is_told_410() {
    let folder = tempfile::tempdir().expect("a folder");
    // A new store begins at a version taken from the clock, as after the loss of an older one.
    let machine = Machine::at(&folder.path().join("jackin.db")).await;
    let workspaces: Api<Workspace> = Api::default_namespaced(machine.client());
    let code = match workspaces.watch(&WatchParams::default(), "1").await {
        Err(kube::Error::Api(status)) => status.code,
        Err(error) => panic!("not told: {error}"),
        Ok(events) => match tokio::time::timeout(LONG, pin!(events).next()).await.expect("nothing was told") {
            Some(Ok(WatchEvent::Error(status))) => status.code,
            other => panic!("not told: {other:?}"),
        },
    };
    assert_eq!(code, 410);
}
