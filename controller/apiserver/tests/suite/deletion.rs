//! Deletion: preconditions, finalizers, owners and dependents, namespaces.

use serde_json::{Value, json};

use crate::support::{Client, JSON_PATCH, MERGE, TOYS, owned, owned_by, toy};

fn url(name: &str) -> String {
    format!("{TOYS}/{name}")
}

async fn create(client: &Client, value: Value) -> Value {
    client.post(TOYS, &value).await.expect(201)
}

fn finalized(name: &str) -> Value {
    let mut value = toy(name);
    value["metadata"]["finalizers"] = json!(["toys.example/a", "toys.example/b"]);
    value
}

async fn release(client: &Client, name: &str) {
    client.patch(&url(name), MERGE, json!({"metadata": {"finalizers": null}})).await.expect(200);
}

#[tokio::test]
async fn a_deletion_says_what_was_deleted() {
    let client = Client::new();
    let made = client.create_toy("a").await;
    let status = client.delete(&url("a")).await.expect(200);
    assert_eq!((&status["kind"], &status["status"]), (&json!("Status"), &json!("Success")));
    let details = json!({"name": "a", "group": "toys.example", "kind": "toys", "uid": made["metadata"]["uid"]});
    assert_eq!(status["details"], details);
    client.get(&url("a")).await.expect(404);
}

#[tokio::test]
async fn preconditions_protect_another_object_of_the_same_name() {
    let client = Client::new();
    let made = client.create_toy("a").await;
    for preconditions in [json!({"uid": "other"}), json!({"resourceVersion": "1"})] {
        let status = client.delete_with(&url("a"), json!({"preconditions": preconditions})).await.expect(409);
        assert_eq!(status["reason"], "Conflict");
    }
    let metadata = &made["metadata"];
    let right = json!({"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]});
    client.delete_with(&url("a"), json!({"preconditions": right})).await.expect(200);
}

#[tokio::test]
async fn the_kind_may_refuse_a_deletion() {
    let client = Client::new();
    let mut kept = toy("a");
    kept["metadata"]["labels"] = json!({"keep": "yes"});
    create(&client, kept).await;
    client.delete(&url("a")).await.expect(422);
    client.get(&url("a")).await.expect(200);
}

#[tokio::test]
async fn finalizers_hold_an_object_until_the_last_is_gone() {
    let client = Client::new();
    create(&client, finalized("a")).await;
    let mut watch = client.watch(&format!("{TOYS}?resourceVersion={}", client.version().await)).await;
    let held = client.delete(&url("a")).await.expect(200);
    assert_eq!(held["kind"], "Toy");
    assert!(held["metadata"]["deletionTimestamp"].is_string());
    assert_eq!(client.delete(&url("a")).await.expect(200), held, "a second deletion changes nothing");
    let remove = json!([{"op": "remove", "path": "/metadata/finalizers/0"}]);
    client.patch(&url("a"), JSON_PATCH, remove.clone()).await.expect(200);
    client.get(&url("a")).await.expect(200);
    client.patch(&url("a"), JSON_PATCH, remove).await.expect(200);
    client.get(&url("a")).await.expect(404);
    assert_eq!([watch.line().await, watch.line().await, watch.line().await], ["MODIFIED a", "MODIFIED a", "DELETED a"]);
}

#[tokio::test]
async fn a_terminating_object_takes_no_new_finalizers_and_its_name_stays_taken() {
    let client = Client::new();
    create(&client, finalized("a")).await;
    let held = client.delete(&url("a")).await.expect(200);
    let more = json!({"metadata": {"finalizers": ["toys.example/a", "toys.example/c"]}});
    let status = client.patch(&url("a"), MERGE, more).await.expect(422);
    assert_eq!(status["details"]["causes"][0]["reason"], "FieldValueForbidden");
    client.post(TOYS, &toy("a")).await.expect(409);
    let undelete = client.patch(&url("a"), MERGE, json!({"metadata": {"deletionTimestamp": null}})).await;
    assert_eq!(undelete.expect(200), held);
}

#[tokio::test]
async fn in_the_background_dependents_follow_their_owner() {
    let client = Client::new();
    let owner = client.create_toy("a").await;
    let child = create(&client, owned("b", &owner)).await;
    create(&client, owned("c", &child)).await;
    create(&client, toy("d")).await;
    client.delete(&url("a")).await.expect(200);
    assert_eq!(client.names(TOYS).await, ["d"]);
}

#[tokio::test]
async fn a_dependent_stays_while_one_of_its_owners_does() {
    let client = Client::new();
    let (a, b) = (client.create_toy("a").await, client.create_toy("b").await);
    create(&client, owned_by("c", &[&a, &b])).await;
    client.delete(&url("a")).await.expect(200);
    let child = client.get(&url("c")).await.expect(200);
    let owners: Vec<&Value> =
        child["metadata"]["ownerReferences"].as_array().unwrap().iter().map(|o| &o["name"]).collect();
    assert_eq!(owners, ["b"]);
    client.delete(&url("b")).await.expect(200);
    client.get(&url("c")).await.expect(404);
}

#[tokio::test]
async fn in_the_foreground_the_owner_waits_for_blocking_dependents() {
    let client = Client::new();
    let owner = client.create_toy("a").await;
    let mut child = owned("b", &owner);
    child["metadata"]["finalizers"] = json!(["toys.example/a"]);
    create(&client, child).await;
    create(&client, owned("c", &owner)).await;
    let held = client.delete_with(&url("a"), json!({"propagationPolicy": "Foreground"})).await.expect(200);
    assert_eq!(held["metadata"]["finalizers"], json!(["foregroundDeletion"]));
    assert_eq!(client.names(TOYS).await, ["a", "b"]);
    release(&client, "b").await;
    assert!(client.names(TOYS).await.is_empty());
}

#[tokio::test]
async fn in_the_foreground_an_owner_without_dependents_goes_at_once() {
    let client = Client::new();
    client.create_toy("a").await;
    let status = client.delete(&format!("{}?propagationPolicy=Foreground", url("a"))).await.expect(200);
    assert_eq!(status["status"], "Success");
    client.get(&url("a")).await.expect(404);
}

#[tokio::test]
async fn in_the_foreground_a_dependent_that_does_not_block_is_not_waited_for() {
    let client = Client::new();
    let owner = client.create_toy("a").await;
    let mut child = owned("b", &owner);
    child["metadata"]["finalizers"] = json!(["toys.example/a"]);
    child["metadata"]["ownerReferences"][0]["blockOwnerDeletion"] = false.into();
    create(&client, child).await;
    client.delete_with(&url("a"), json!({"propagationPolicy": "Foreground"})).await.expect(200);
    assert_eq!(client.names(TOYS).await, ["b"]);
}

#[tokio::test]
async fn in_the_foreground_a_dependent_with_another_owner_stays_and_is_not_waited_for() {
    let client = Client::new();
    let (a, b) = (client.create_toy("a").await, client.create_toy("b").await);
    create(&client, owned_by("c", &[&a, &b])).await;
    client.delete_with(&url("a"), json!({"propagationPolicy": "Foreground"})).await.expect(200);
    assert_eq!(client.names(TOYS).await, ["b", "c"]);
}

#[tokio::test]
async fn a_child_that_comes_while_its_owner_waits_does_not_hold_it() {
    let client = Client::new();
    let owner = client.create_toy("a").await;
    let mut child = owned("b", &owner);
    child["metadata"]["finalizers"] = json!(["toys.example/a"]);
    create(&client, child).await;
    client.delete_with(&url("a"), json!({"propagationPolicy": "Foreground"})).await.expect(200);
    create(&client, owned("c", &owner)).await;
    assert_eq!(client.names(TOYS).await, ["a", "b"]);
    release(&client, "b").await;
    assert!(client.names(TOYS).await.is_empty());
}

#[tokio::test]
async fn orphaned_dependents_stay_and_forget_their_owner() {
    let client = Client::new();
    let owner = client.create_toy("a").await;
    create(&client, owned("b", &owner)).await;
    client.delete_with(&url("a"), json!({"propagationPolicy": "Orphan"})).await.expect(200);
    let child = client.get(&url("b")).await.expect(200);
    assert!(child["metadata"].get("ownerReferences").is_none());
}

#[tokio::test]
async fn an_owner_with_finalizers_keeps_its_dependents_until_it_goes() {
    let client = Client::new();
    let owner = create(&client, finalized("a")).await;
    create(&client, owned("b", &owner)).await;
    client.delete(&url("a")).await.expect(200);
    assert_eq!(client.names(TOYS).await, ["a", "b"]);
    release(&client, "a").await;
    assert!(client.names(TOYS).await.is_empty());
}

#[tokio::test]
async fn a_child_that_comes_after_its_owner_went_is_collected() {
    let client = Client::new();
    let owner = client.create_toy("a").await;
    client.delete(&url("a")).await.expect(200);
    client.create_toy("a").await;
    create(&client, owned("b", &owner)).await;
    assert_eq!(client.names(TOYS).await, ["a"], "the new owner has another uid");
}

#[tokio::test]
async fn an_owner_of_a_kind_that_is_not_kept_here_counts_as_present() {
    let client = Client::new();
    let elsewhere = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x", "uid": "u"}});
    create(&client, owned("b", &elsewhere)).await;
    assert_eq!(client.names(TOYS).await, ["b"]);
}

#[tokio::test]
async fn a_collection_is_deleted_by_selector() {
    let client = Client::new();
    for (name, color) in [("a", "x"), ("b", "y"), ("c", "x")] {
        let mut value = toy(name);
        value["metadata"]["labels"] = json!({"color": color});
        create(&client, value).await;
    }
    let deleted = client.delete(&format!("{TOYS}?labelSelector=color%3Dx")).await.expect(200);
    assert_eq!(crate::support::names(&deleted), ["a", "c"]);
    assert_eq!(client.names(TOYS).await, ["b"]);
}

#[tokio::test]
async fn a_namespace_goes_with_all_that_is_in_it() {
    let client = Client::new();
    let inside = "/apis/toys.example/v1/namespaces/other/toys";
    client.post(inside, &toy("a")).await.expect(201);
    client.post(inside, &finalized("b")).await.expect(201);
    client.delete("/api/v1/namespaces/other").await.expect(200);
    let namespace = client.get("/api/v1/namespaces/other").await.expect(200);
    assert_eq!(namespace["status"]["phase"], "Terminating");
    let status = client.post(inside, &toy("c")).await.expect(403);
    assert_eq!(status["reason"], "Forbidden");
    client.patch(&format!("{inside}/b"), MERGE, json!({"metadata": {"finalizers": null}})).await.expect(200);
    client.get("/api/v1/namespaces/other").await.expect(404);
    client.post(inside, &toy("c")).await.expect(201);
}

#[tokio::test]
async fn the_default_namespace_stays() {
    let client = Client::new();
    client.delete("/api/v1/namespaces/default").await.expect(403);
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "mine"}});
    let made = client.post("/api/v1/namespaces", &namespace).await.expect(201);
    assert_eq!(made["status"]["phase"], "Active");
    client.delete("/api/v1/namespaces/mine").await.expect(200);
    assert_eq!(client.names("/api/v1/namespaces").await, ["default"]);
}
