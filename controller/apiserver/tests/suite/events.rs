//! Events: two shapes of the same objects, bounded in number and age.

use serde_json::{Value, json};

use crate::support::Client;

const NEW: &str = "/apis/events.k8s.io/v1/namespaces/default/events";
const CORE: &str = "/api/v1/namespaces/default/events";

fn event(name: &str, time: &str) -> Value {
    json!({
        "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": name},
        "eventTime": time, "reportingController": "toys", "reportingInstance": "toys-1", "action": "Play",
        "reason": "Played", "note": "it was fun", "type": "Normal",
        "regarding": {"apiVersion": "toys.example/v1", "kind": "Toy", "name": "a", "namespace": "default", "uid": "u1"},
    })
}

fn now() -> String {
    jiff::Timestamp::now().to_string()
}

#[tokio::test]
async fn an_event_reads_in_the_core_shape() {
    let client = Client::new();
    let time = now();
    client.post(NEW, &event("a.1", &time)).await.expect(201);
    let core = client.get(&format!("{CORE}/a.1")).await.expect(200);
    assert_eq!((&core["apiVersion"], &core["message"]), (&json!("v1"), &json!("it was fun")));
    assert_eq!(core["involvedObject"]["name"], "a");
    assert_eq!(core["source"]["component"], "toys");
    assert_eq!((&core["count"], &core["lastTimestamp"]), (&json!(1), &json!(time)));
    assert!(core.get("regarding").is_none());
}

#[tokio::test]
async fn a_series_counts_in_both_shapes() {
    let client = Client::new();
    client.post(NEW, &event("a.1", &now())).await.expect(201);
    let again = now();
    let series = json!({"series": {"count": 5, "lastObservedTime": again}});
    client.patch(&format!("{NEW}/a.1"), crate::support::MERGE, series).await.expect(200);
    let core = client.get(&format!("{CORE}/a.1")).await.expect(200);
    assert_eq!((&core["count"], &core["lastTimestamp"]), (&json!(5), &json!(again)));
}

#[tokio::test]
async fn an_event_written_in_the_core_shape_reads_in_the_new_one() {
    let client = Client::new();
    let core = json!({
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": "b.1"}, "reason": "Played", "message": "hello",
        "involvedObject": {"kind": "Toy", "name": "b", "namespace": "default"}, "source": {"component": "toys"},
        "firstTimestamp": now(), "lastTimestamp": now(), "count": 3, "type": "Normal",
    });
    let made = client.post(CORE, &core).await.expect(201);
    assert_eq!((&made["message"], &made["count"]), (&json!("hello"), &json!(3)));
    let new = client.get(&format!("{NEW}/b.1")).await.expect(200);
    assert_eq!((&new["note"], &new["deprecatedCount"]), (&json!("hello"), &json!(3)));
    assert_eq!(new["regarding"]["name"], "b");
    assert_eq!(new["apiVersion"], "events.k8s.io/v1");
}

#[tokio::test]
async fn events_are_selected_by_their_object_in_either_shape() {
    let client = Client::new();
    client.post(NEW, &event("a.1", &now())).await.expect(201);
    let mut other = event("b.1", &now());
    other["regarding"]["name"] = "b".into();
    client.post(NEW, &other).await.expect(201);
    let describe = "fieldSelector=involvedObject.name%3Da,involvedObject.namespace%3Ddefault,involvedObject.uid%3Du1";
    assert_eq!(client.names(&format!("{CORE}?{describe}")).await, ["a.1"]);
    assert_eq!(client.names(&format!("{NEW}?fieldSelector=regarding.name%3Db,reason%3DPlayed")).await, ["b.1"]);
    let mut watch = client.watch(&format!("{CORE}?fieldSelector=involvedObject.name%3Db")).await;
    let seen = watch.next().await.unwrap();
    assert_eq!((&seen["object"]["kind"], &seen["object"]["message"]), (&json!("Event"), &json!("it was fun")));
}

#[tokio::test]
async fn old_and_surplus_events_go_when_new_ones_come() {
    let client = Client::new();
    client.post(NEW, &event("old.1", "2020-01-01T00:00:00Z")).await.expect(201);
    let time = now();
    for index in 0..1005 {
        client.post(NEW, &event(&format!("e.{index:04}"), &time)).await.expect(201);
    }
    let names = client.names(NEW).await;
    assert_eq!(names.len(), 1000);
    assert_eq!(names.first().map(String::as_str), Some("e.0005"));
}
