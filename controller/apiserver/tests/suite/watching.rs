//! Watches: order, selectors, expiry, bookmarks, tables.

use jackin_apiserver::Store;
use serde_json::json;

use crate::support::{BOXES, Client, MERGE, TABLE, TOYS, server_over, toy, version_of};

fn url(name: &str) -> String {
    format!("{TOYS}/{name}")
}

#[tokio::test]
async fn a_watch_sends_what_is_there_and_then_what_changes() {
    let client = Client::new();
    client.create_toy("a").await;
    let mut watch = client.watch(TOYS).await;
    assert_eq!(watch.line().await, "ADDED a");
    client.create_toy("b").await;
    client.patch(&url("a"), MERGE, json!({"spec": {"color": "blue"}})).await.expect(200);
    client.delete(&url("b")).await.expect(200);
    assert_eq!([watch.line().await, watch.line().await, watch.line().await], ["ADDED b", "MODIFIED a", "DELETED b"]);
}

#[tokio::test]
async fn a_watch_from_a_version_sends_only_what_came_after() {
    let client = Client::new();
    let first = client.create_toy("a").await;
    client.create_toy("b").await;
    let mut watch = client.watch(&format!("{TOYS}?resourceVersion={}", version_of(&first))).await;
    assert_eq!(watch.line().await, "ADDED b");
}

#[tokio::test]
async fn a_deletion_is_told_under_a_fresh_version() {
    let client = Client::new();
    let made = client.create_toy("a").await;
    let mut watch = client.watch(&format!("{TOYS}?resourceVersion={}", version_of(&made))).await;
    client.delete(&url("a")).await.expect(200);
    let event = watch.next().await.unwrap();
    assert_eq!(event["type"], "DELETED");
    assert!(version_of(&event["object"]) > version_of(&made));
    assert_eq!(event["object"]["spec"], made["spec"]);
}

#[tokio::test]
async fn a_watch_sees_its_kind_and_namespace_only() {
    let client = Client::new();
    let mut watch = client.watch(TOYS).await;
    let mut everywhere = client.watch("/apis/toys.example/v1/toys").await;
    let mut sent = toy("box");
    sent["kind"] = "Box".into();
    client.post(BOXES, &sent).await.expect(201);
    client.post("/apis/toys.example/v1/namespaces/other/toys", &toy("b")).await.expect(201);
    client.create_toy("c").await;
    assert_eq!(watch.line().await, "ADDED c");
    assert_eq!([everywhere.line().await, everywhere.line().await], ["ADDED b", "ADDED c"]);
}

#[tokio::test]
async fn an_object_that_stops_matching_is_deleted_for_its_watcher() {
    let client = Client::new();
    client.create_toy("a").await;
    let mut watch = client.watch(&format!("{TOYS}?labelSelector=on%3Dyes")).await;
    let label = |value: &str| json!({"metadata": {"labels": {"on": value}}});
    client.patch(&url("a"), MERGE, label("yes")).await.expect(200);
    client.patch(&url("a"), MERGE, json!({"spec": {"color": "blue"}})).await.expect(200);
    let left = client.patch(&url("a"), MERGE, label("no")).await.expect(200);
    client.patch(&url("a"), MERGE, json!({"spec": {"color": "green"}})).await.expect(200);
    client.patch(&url("a"), MERGE, label("yes")).await.expect(200);
    assert_eq!([watch.line().await, watch.line().await], ["ADDED a", "MODIFIED a"]);
    let deleted = watch.next().await.unwrap();
    assert_eq!(deleted["type"], "DELETED");
    assert_eq!(deleted["object"]["metadata"]["labels"]["on"], "yes");
    assert_eq!(version_of(&deleted["object"]), version_of(&left));
    assert_eq!(watch.line().await, "ADDED a");
}

#[tokio::test]
async fn a_field_selector_on_the_name_watches_one_object() {
    let client = Client::new();
    let mut by_field = client.watch(&format!("{TOYS}?fieldSelector=metadata.name%3Db")).await;
    let mut by_url = client.watch(&url("b")).await;
    for name in ["a", "b"] {
        client.create_toy(name).await;
    }
    assert_eq!([by_field.line().await, by_url.line().await], ["ADDED b", "ADDED b"]);
}

#[tokio::test]
async fn a_watcher_that_falls_behind_is_told_so_and_ends() {
    let client = Client::of(&server_over(Store::in_memory_with_ring(8)));
    let made = client.create_toy("a").await;
    let mut slow = client.watch(&format!("{TOYS}?resourceVersion={}", version_of(&made))).await;
    for index in 0..20 {
        client.patch(&url("a"), MERGE, json!({"spec": {"color": format!("c{index}")}})).await.expect(200);
    }
    let event = slow.next().await.unwrap();
    assert_eq!(event["type"], "ERROR");
    assert_eq!((&event["object"]["code"], &event["object"]["reason"]), (&json!(410), &json!("Expired")));
    assert_eq!(slow.next().await, None);
}

#[tokio::test]
async fn a_version_that_was_never_given_out_is_expired() {
    let client = Client::new();
    let mut watch = client.watch(&format!("{TOYS}?resourceVersion=999999999999")).await;
    assert_eq!(watch.next().await.unwrap()["object"]["reason"], "Expired");
    assert_eq!(watch.next().await, None);
}

#[tokio::test]
async fn initial_events_end_with_a_marked_bookmark() {
    let client = Client::new();
    for name in ["a", "b"] {
        client.create_toy(name).await;
    }
    let query = "sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&resourceVersion=0";
    let mut watch = client.watch(&format!("{TOYS}?{query}")).await;
    assert_eq!([watch.line().await, watch.line().await], ["ADDED a", "ADDED b"]);
    let bookmark = watch.next().await.unwrap();
    assert_eq!(bookmark["type"], "BOOKMARK");
    assert_eq!(bookmark["object"]["kind"], "Toy");
    assert_eq!(bookmark["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
    assert_eq!(bookmark["object"]["metadata"]["resourceVersion"], client.version().await);
    client.create_toy("c").await;
    assert_eq!(watch.line().await, "ADDED c");
}

#[tokio::test]
async fn without_initial_events_a_watch_starts_now() {
    let client = Client::new();
    client.create_toy("a").await;
    let mut watch = client.watch(&format!("{TOYS}?sendInitialEvents=false")).await;
    client.create_toy("b").await;
    assert_eq!(watch.line().await, "ADDED b");
}

#[tokio::test]
async fn bookmarks_come_each_minute_and_at_the_end() {
    let client = Client::new();
    client.create_toy("a").await;
    let version = client.version().await;
    tokio::time::pause();
    let started = tokio::time::Instant::now();
    let query = format!("allowWatchBookmarks=true&timeoutSeconds=70&resourceVersion={version}");
    let mut watch = client.watch(&format!("{TOYS}?{query}")).await;
    for _ in 0..2 {
        let bookmark = watch.next().await.unwrap();
        assert_eq!(bookmark["type"], "BOOKMARK");
        assert_eq!(bookmark["object"]["metadata"]["resourceVersion"], version.as_str());
    }
    assert_eq!(watch.next().await, None);
    assert_eq!(started.elapsed().as_secs(), 70);
}

#[tokio::test(start_paused = true)]
async fn a_watch_without_bookmarks_ends_silently_at_its_timeout() {
    let client = Client::new();
    let mut watch = client.watch(&format!("{TOYS}?timeoutSeconds=5")).await;
    assert_eq!(watch.next().await, None);
}

#[tokio::test]
async fn a_watch_as_tables_sends_one_row_each_and_columns_once() {
    let client = Client::new();
    for name in ["a", "b"] {
        client.create_toy(name).await;
    }
    let mut watch = client.watch_as(TOYS, TABLE).await;
    let first = watch.next().await.unwrap()["object"].clone();
    assert_eq!(first["kind"], "Table");
    assert_eq!(first["columnDefinitions"].as_array().unwrap().len(), 2);
    assert_eq!(first["rows"][0]["cells"], json!(["a", "red"]));
    assert_eq!(first["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    let second = watch.next().await.unwrap()["object"].clone();
    assert_eq!(second["columnDefinitions"], json!([]));
    assert_eq!(second["rows"][0]["cells"], json!(["b", "red"]));
}

#[tokio::test]
async fn a_watch_ends_when_the_store_closes() {
    let server = server_over(Store::in_memory());
    let client = Client::of(&server);
    let mut watch = client.watch(TOYS).await;
    drop((server, client));
    assert_eq!(watch.next().await, None);
}

#[tokio::test]
async fn over_a_socket_a_quiet_watch_answers_at_once() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api.sock");
    let server = server_over(Store::in_memory());
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let serving = tokio::spawn(axum::serve(listener, server.router()).into_future());
    let mut stream = tokio::net::UnixStream::connect(&path).await.unwrap();
    let request = format!("GET {TOYS}?watch=true HTTP/1.1\r\nhost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut received = String::new();
    while !received.contains("\r\n\r\n") {
        received.push(char::from(stream.read_u8().await.unwrap()));
    }
    assert!(received.starts_with("HTTP/1.1 200 OK"), "{received}");
    Client::of(&server).create_toy("a").await;
    while !received.contains("\"ADDED\"") {
        received.push(char::from(stream.read_u8().await.unwrap()));
    }
    serving.abort();
}
