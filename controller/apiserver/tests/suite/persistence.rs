//! What outlives the process.

use jackin_apiserver::{Medium, Store};
use serde_json::{Value, json};

use crate::support::{Client, MERGE, TOYS, owned, server_over, toy, version_of};

#[tokio::test]
async fn objects_and_statuses_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let written = {
        let client = Client::of(&server_over(Store::open(&path).unwrap()));
        client.create_toy("a").await;
        client.patch(&format!("{TOYS}/a/status"), MERGE, json!({"status": {"x": 1}})).await.expect(200)
    };
    let client = Client::of(&server_over(Store::open(&path).unwrap()));
    assert_eq!(client.get(&format!("{TOYS}/a")).await.expect(200), written);
}

#[tokio::test]
async fn versions_rise_across_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let mut last = 0;
    for index in 0..4 {
        let client = Client::of(&server_over(Store::open(&path).unwrap()));
        let version = version_of(&client.create_toy(&format!("a{index}")).await);
        assert!(version > last, "{version} after {last}");
        last = version;
    }
}

#[tokio::test]
async fn a_restart_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let version = {
        let client = Client::of(&server_over(Store::open(&path).unwrap()));
        client.create_toy("a").await;
        client.version().await
    };
    let client = Client::of(&server_over(Store::open(&path).unwrap()));
    assert_eq!(client.version().await, version);
}

#[tokio::test]
async fn a_watch_from_before_a_restart_is_expired() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let version = {
        let client = Client::of(&server_over(Store::open(&path).unwrap()));
        let first = client.create_toy("a").await;
        client.create_toy("b").await;
        version_of(&first)
    };
    let client = Client::of(&server_over(Store::open(&path).unwrap()));
    let mut watch = client.watch(&format!("{TOYS}?resourceVersion={version}")).await;
    let event = watch.next().await.unwrap();
    assert_eq!((&event["type"], &event["object"]["code"]), (&json!("ERROR"), &json!(410)));
    assert_eq!(watch.next().await, None);
}

#[tokio::test]
async fn a_version_of_a_lost_store_is_expired_in_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let version = {
        let client = Client::of(&server_over(Store::open(&path).unwrap()));
        version_of(&client.create_toy("a").await)
    };
    std::fs::remove_file(&path).unwrap();
    let client = Client::of(&server_over(Store::open(&path).unwrap()));
    client.create_toy("a").await;
    let mut watch = client.watch(&format!("{TOYS}?resourceVersion={version}")).await;
    assert_eq!(watch.next().await.unwrap()["object"]["reason"], "Expired");
}

#[tokio::test]
async fn a_lazy_status_is_on_disk_after_the_next_durable_write() {
    let folder = tempfile::tempdir().unwrap();
    let (path, crashed) = (folder.path().join("store.db"), folder.path().join("crashed.db"));
    let client = Client::of(&server_over(Store::open(&path).unwrap()));
    client.create_toy("a").await;
    let written = client.patch(&format!("{TOYS}/a/status"), MERGE, json!({"status": {"x": 1}})).await.expect(200);
    client.create_toy("b").await;
    // What a crash leaves is what the file holds now.
    std::fs::copy(&path, &crashed).unwrap();
    let after = Client::of(&server_over(Store::open(&crashed).unwrap()));
    assert_eq!(after.get(&format!("{TOYS}/a")).await.expect(200), written);
}

#[tokio::test]
async fn an_idle_store_writes_what_it_owes() {
    let folder = tempfile::tempdir().unwrap();
    let (path, crashed) = (folder.path().join("store.db"), folder.path().join("crashed.db"));
    let client = Client::of(&server_over(Store::open(&path).unwrap()));
    client.create_toy("a").await;
    let written = client.patch(&format!("{TOYS}/a/status"), MERGE, json!({"status": {"x": 1}})).await.expect(200);
    let on_disk = async || {
        std::fs::copy(&path, &crashed).unwrap();
        let after = Client::of(&server_over(Store::open(&crashed).unwrap()));
        after.get(&format!("{TOYS}/a")).await.expect(200)
    };
    assert_ne!(on_disk().await, written, "the write was not lazy");
    let waited = std::time::Instant::now();
    while on_disk().await != written {
        assert!(waited.elapsed().as_secs() < 20, "the status never reached the disk");
    }
}

#[tokio::test]
async fn a_flush_makes_lazy_writes_durable() {
    let folder = tempfile::tempdir().unwrap();
    let (path, crashed) = (folder.path().join("store.db"), folder.path().join("crashed.db"));
    let server = server_over(Store::open(&path).unwrap());
    let client = Client::of(&server);
    client.create_toy("a").await;
    let written = client.patch(&format!("{TOYS}/a/status"), MERGE, json!({"status": {"x": 1}})).await.expect(200);
    server.store().flush().await.unwrap();
    std::fs::copy(&path, &crashed).unwrap();
    let after = Client::of(&server_over(Store::open(&crashed).unwrap()));
    assert_eq!(after.get(&format!("{TOYS}/a")).await.expect(200), written);
}

#[tokio::test]
async fn a_created_object_is_on_disk_before_the_answer() {
    let folder = tempfile::tempdir().unwrap();
    let (path, crashed) = (folder.path().join("store.db"), folder.path().join("crashed.db"));
    let client = Client::of(&server_over(Store::open(&path).unwrap()));
    let made = client.create_toy("a").await;
    std::fs::copy(&path, &crashed).unwrap();
    let after = Client::of(&server_over(Store::open(&crashed).unwrap()));
    assert_eq!(after.get(&format!("{TOYS}/a")).await.expect(200), made);
    let next = after.create_toy("b").await;
    assert!(version_of(&next) > version_of(&made));
}

#[tokio::test]
async fn orphans_left_by_a_crash_are_collected_at_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let dump = {
        // A server that does not keep the owner's kind cannot know that the owner is gone.
        let server = server_over(Store::open(&path).unwrap());
        let client = Client::of(&server);
        let owner = client.create_toy("a").await;
        let mut elsewhere = owner.clone();
        elsewhere["apiVersion"] = "later.example/v1".into();
        elsewhere["metadata"]["uid"] = "gone".into();
        client.post(TOYS, &owned("b", &elsewhere)).await.expect(201);
        server.store().dump()
    };
    assert_eq!(dump["objects"].as_array().unwrap().len(), 3);
    let mut kinds = crate::support::kinds();
    let mut later = kinds[0].clone();
    later.group = "later.example".to_owned();
    kinds.push(later);
    let build = jackin_apiserver::BuildInfo { version: String::new(), git: String::new() };
    let server = jackin_apiserver::ApiServer::new(Store::open(&path).unwrap(), kinds, build);
    assert_eq!(Client::of(&server).names(TOYS).await, ["a"]);
}

#[tokio::test]
async fn a_caller_that_gave_up_does_not_keep_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    for index in 0..20 {
        let client = Client::of(&server_over(open_when_free(&path).await));
        let mut creating = Box::pin(async move { client.create_toy(&format!("a{index}")).await });
        // One poll hands the job to the writer; unless that was very fast, the last handle to the store is then in the job.
        let _ = futures::poll!(&mut creating);
        drop(creating);
    }
    let client = Client::of(&server_over(open_when_free(&path).await));
    assert_eq!(client.names(TOYS).await.len(), 20);
}

async fn open_when_free(path: &std::path::Path) -> Store {
    loop {
        match Store::open(path) {
            Ok(store) => return store,
            Err(jackin_apiserver::StoreError::Locked { .. }) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn a_dump_holds_every_object() {
    let server = server_over(Store::in_memory());
    let client = Client::of(&server);
    let made = client.post(TOYS, &toy("a")).await.expect(201);
    let dump = server.store().dump();
    assert_eq!(dump["format"], 1);
    assert_eq!(dump["resourceVersion"], client.version().await);
    let objects: Vec<Value> = dump["objects"].as_array().unwrap().clone();
    assert!(objects.contains(&made));
    assert!(objects.iter().any(|object| object["kind"] == "Namespace"));
}

#[tokio::test]
async fn a_medium_keeps_what_is_durable_and_loses_what_was_lazy() {
    let medium = Medium::default();
    let client = Client::of(&server_over(Store::on(&medium)));
    let created = client.create_toy("a").await;
    let written = client.patch(&format!("{TOYS}/a/status"), MERGE, json!({"status": {"x": 1}})).await.expect(200);
    // Nothing is closed: this is what a process that was killed leaves behind.
    let client = Client::of(&server_over(Store::on(&medium)));
    assert_eq!(client.get(&format!("{TOYS}/a")).await.expect(200), created);
    let newer = version_of(&client.create_toy("b").await);
    assert!(newer > version_of(&written), "a version that was given out is given out again");
}
