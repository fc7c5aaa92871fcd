//! Random sequences of operations: versions rise, and a watch replayed is the list.

use std::collections::BTreeMap;

use jackin_apiserver::Store;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{Client, MERGE, TOYS, server_over, toy, version_of};

#[derive(Clone, Debug)]
enum Step {
    Create(u8, Option<u8>),
    Recolor(u8, u8),
    Label(u8, u8),
    Status(u8, u8),
    Finalize(u8, bool),
    Delete(u8, u8),
}

fn step() -> impl Strategy<Value = Step> {
    let name = 0..5_u8;
    prop_oneof![
        3 => (name.clone(), proptest::option::of(name.clone())).prop_map(|(name, owner)| Step::Create(name, owner)),
        2 => (name.clone(), 0..3_u8).prop_map(|(name, color)| Step::Recolor(name, color)),
        2 => (name.clone(), 0..2_u8).prop_map(|(name, on)| Step::Label(name, on)),
        1 => (name.clone(), 0..2_u8).prop_map(|(name, value)| Step::Status(name, value)),
        1 => (name.clone(), any::<bool>()).prop_map(|(name, on)| Step::Finalize(name, on)),
        2 => (name, 0..3_u8).prop_map(|(name, policy)| Step::Delete(name, policy)),
    ]
}

async fn perform(client: &Client, step: &Step) {
    let url = |name: &u8| format!("{TOYS}/t{name}");
    let merge = async |name: &u8, patch: Value| client.patch(&url(name), MERGE, patch).await;
    let answer = match step {
        Step::Create(name, owner) => {
            let mut value = toy(&format!("t{name}"));
            if let Some(owner) = owner
                && let found = client.get(&url(owner)).await
                && found.code == 200
            {
                value = crate::support::owned(&format!("t{name}"), &found.body);
            }
            client.post(TOYS, &value).await
        }
        Step::Recolor(name, color) => merge(name, json!({"spec": {"color": color.to_string()}})).await,
        Step::Label(name, on) => merge(name, json!({"metadata": {"labels": {"on": on.to_string()}}})).await,
        Step::Status(name, value) => {
            client.patch(&format!("{}/status", url(name)), MERGE, json!({"status": {"value": value}})).await
        }
        Step::Finalize(name, on) => {
            let finalizers = if *on { json!(["toys.example/f"]) } else { Value::Null };
            merge(name, json!({"metadata": {"finalizers": finalizers}})).await
        }
        Step::Delete(name, policy) => {
            let policy = ["Background", "Foreground", "Orphan"][usize::from(*policy)];
            client.delete_with(&url(name), json!({"propagationPolicy": policy})).await
        }
    };
    assert!(matches!(answer.code, 200 | 201 | 404 | 409 | 422), "{step:?}: {answer:?}");
}

/// Applies the events up to a version to a list; checks that versions rise.
async fn replay(client: &Client, query: &str, from: u64, to: u64) -> BTreeMap<String, Value> {
    let mut watch =
        client.watch(&format!("{TOYS}?resourceVersion={from}&allowWatchBookmarks=true&timeoutSeconds=1&{query}")).await;
    let (mut objects, mut last) = (BTreeMap::new(), from);
    // The bookmark at the end of the watch is the end of what is to be seen.
    while let Some(event) = watch.next().await {
        let object = event["object"].clone();
        if event["type"] == "BOOKMARK" {
            assert_eq!(version_of(&object), to);
            continue;
        }
        let version = version_of(&object);
        assert!(version > last && version <= to, "{version} after {last}");
        last = version;
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        let known = match event["type"].as_str().unwrap() {
            "ADDED" => !objects.contains_key(&name),
            _ => objects.contains_key(&name),
        };
        assert!(known, "{event}");
        if event["type"] == "DELETED" {
            objects.remove(&name)
        } else {
            objects.insert(name, object)
        };
    }
    objects
}

async fn listed(client: &Client, query: &str) -> BTreeMap<String, Value> {
    let list = client.get(&format!("{TOYS}?{query}")).await.expect(200);
    let named = |object: &Value| (object["metadata"]["name"].as_str().unwrap().to_owned(), object.clone());
    list["items"].as_array().unwrap().iter().map(named).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_watch_replayed_is_the_list(steps in proptest::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client = Client::of(&server_over(Store::in_memory()));
            let start: u64 = client.version().await.parse().unwrap();
            for step in &steps {
                perform(&client, step).await;
            }
            let end: u64 = client.version().await.parse().unwrap();
            tokio::time::pause();
            for query in ["", "labelSelector=on%3D1", "fieldSelector=metadata.name%3Dt1"] {
                let replayed = replay(&client, query, start, end).await;
                assert_eq!(replayed, listed(&client, query).await);
            }
            for object in listed(&client, "").await.values() {
                let terminating = object["metadata"].get("deletionTimestamp").is_some();
                assert!(!terminating || object["metadata"].get("finalizers").is_some(), "{object}");
            }
        });
    }
}
