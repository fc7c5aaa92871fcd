//! Creating, reading, updating and patching.

use jackin_apiserver::Store;
use serde_json::{Value, json};

use crate::support::{Client, JSON_PATCH, MERGE, TOYS, server_over, toy, version_of};

fn url(name: &str) -> String {
    format!("{TOYS}/{name}")
}

#[tokio::test]
async fn a_new_object_has_metadata_of_the_server_and_no_status() {
    let client = Client::new();
    let mut sent = toy("a");
    sent["status"] = json!({"phase": "Played"});
    sent["metadata"]["uid"] = "mine".into();
    sent["metadata"]["generation"] = 7.into();
    sent["metadata"]["deletionTimestamp"] = "2020-01-01T00:00:00Z".into();
    let made = client.post(TOYS, &sent).await.expect(201);
    assert_eq!(made["metadata"]["namespace"], "default");
    assert_eq!(made["metadata"]["generation"], 1);
    assert_ne!(made["metadata"]["uid"], "mine");
    assert!(made["metadata"]["creationTimestamp"].as_str().unwrap().ends_with('Z'));
    assert!(made["metadata"].get("deletionTimestamp").is_none());
    assert!(made.get("status").is_none());
    assert_eq!(made["spec"], json!({"color": "red", "shape": "round"}));
    assert_eq!(client.get(&url("a")).await.expect(200), made);
}

#[tokio::test]
async fn a_name_in_use_already_exists() {
    let client = Client::new();
    client.create_toy("a").await;
    let status = client.post(TOYS, &toy("a")).await.expect(409);
    assert_eq!(status["reason"], "AlreadyExists");
    assert_eq!(status["message"], "toys.toys.example \"a\" already exists");
    assert_eq!(status["details"], json!({"name": "a", "group": "toys.example", "kind": "toys"}));
}

#[tokio::test]
async fn a_missing_object_is_not_found() {
    let client = Client::new();
    let missing = url("a");
    let mut answers = vec![client.get(&missing).await, client.put(&missing, &toy("a")).await];
    answers.push(client.delete(&missing).await);
    answers.push(client.patch(&missing, MERGE, json!({})).await);
    for answer in answers {
        let status = answer.expect(404);
        assert_eq!(status["reason"], "NotFound");
        assert_eq!(status["message"], "toys.toys.example \"a\" not found");
    }
}

#[tokio::test]
async fn an_invalid_object_names_all_its_fields() {
    let mut sent = toy("a");
    sent["spec"] = json!({"weight": 3});
    let status = Client::new().post(TOYS, &sent).await.expect(422);
    assert_eq!(
        status["message"],
        "Toy.toys.example \"a\" is invalid: [spec.color: Required value, spec.weight: Invalid value: unknown field]"
    );
    assert_eq!(status["details"]["kind"], "Toy");
    let causes = json!([
        {"reason": "FieldValueRequired", "message": "Required value", "field": "spec.color"},
        {"reason": "FieldValueInvalid", "message": "Invalid value: unknown field", "field": "spec.weight"},
    ]);
    assert_eq!(status["details"]["causes"], causes);
}

#[tokio::test]
async fn one_invalid_field_is_named_without_brackets() {
    let mut sent = toy("a");
    sent["spec"] = json!({});
    let status = Client::new().post(TOYS, &sent).await.expect(422);
    assert_eq!(status["message"], "Toy.toys.example \"a\" is invalid: spec.color: Required value");
}

#[tokio::test]
async fn field_validation_reaches_the_admission() {
    let client = Client::new();
    let mut sent = toy("a");
    sent["spec"]["weight"] = 3.into();
    client.post(TOYS, &sent).await.expect(422);
    client.post(&format!("{TOYS}?fieldValidation=Ignore"), &sent).await.expect(201);
}

#[tokio::test]
async fn names_are_dns_labels() {
    let client = Client::new();
    for name in ["A", "a.b", "-a", "a-", "a_b", "a/b", &"x".repeat(64)] {
        let status = client.post(TOYS, &toy(name)).await.expect(422);
        assert_eq!(status["details"]["causes"][0]["field"], "metadata.name", "{name}");
    }
    client.create_toy(&"x".repeat(63)).await;
}

#[tokio::test]
async fn a_generated_name_starts_with_the_prefix_and_never_collides() {
    let client = Client::new();
    let mut sent = toy("");
    sent["metadata"] = json!({"generateName": "a-"});
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..50 {
        let made = client.post(TOYS, &sent).await.expect(201);
        let name = made["metadata"]["name"].as_str().unwrap().to_owned();
        assert!(name.starts_with("a-") && name.len() == 7, "{name}");
        assert!(seen.insert(name));
    }
    sent["metadata"] = json!({});
    client.post(TOYS, &sent).await.expect(422);
}

#[tokio::test]
async fn a_body_that_contradicts_the_url_is_a_bad_request() {
    let client = Client::new();
    client.create_toy("a").await;
    let change = |path: &str, value: Value| {
        let mut sent = toy("a");
        *sent.pointer_mut(path).unwrap() = value;
        sent
    };
    let mut elsewhere = toy("a");
    elsewhere["metadata"]["namespace"] = "other".into();
    let bodies = [
        change("/kind", "Box".into()),
        change("/apiVersion", "toys.example/v2".into()),
        change("/metadata/name", "b".into()),
        change("/metadata", 3.into()),
        change("/kind", Value::Null),
        elsewhere,
        json!([]),
    ];
    for body in bodies {
        assert_eq!(client.put(&url("a"), &body).await.expect(400)["reason"], "BadRequest", "{body}");
    }
}

#[tokio::test]
async fn of_two_conflicting_updates_one_is_refused() {
    let client = Client::new();
    let read = client.create_toy("a").await;
    let with_color = |color: &str| {
        let mut sent = read.clone();
        sent["spec"]["color"] = color.into();
        sent
    };
    client.put(&url("a"), &with_color("blue")).await.expect(200);
    let status = client.put(&url("a"), &with_color("green")).await.expect(409);
    assert_eq!(status["reason"], "Conflict");
    assert_eq!(
        status["message"],
        "Operation cannot be fulfilled on toys.toys.example \"a\": the object has been modified; please apply your \
         changes to the latest version and try again"
    );
    assert_eq!(client.get(&url("a")).await.body["spec"]["color"], "blue");
}

#[tokio::test]
async fn an_update_without_a_version_is_unconditional() {
    let client = Client::new();
    client.create_toy("a").await;
    let mut sent = toy("a");
    sent["spec"]["color"] = "blue".into();
    assert_eq!(client.put(&url("a"), &sent).await.expect(200)["spec"]["color"], "blue");
}

#[tokio::test]
async fn an_update_of_a_recreated_object_conflicts_by_uid() {
    let client = Client::new();
    let mut read = client.create_toy("a").await;
    client.delete(&url("a")).await.expect(200);
    client.create_toy("a").await;
    read["metadata"]["resourceVersion"] = "".into();
    assert_eq!(client.put(&url("a"), &read).await.expect(409)["reason"], "Conflict");
}

#[tokio::test]
async fn a_patch_needs_no_version_but_honours_one() {
    let client = Client::new();
    let first = client.create_toy("a").await;
    client.patch(&url("a"), MERGE, json!({"spec": {"color": "blue"}})).await.expect(200);
    let version = first["metadata"]["resourceVersion"].clone();
    let stale = json!({"metadata": {"resourceVersion": version}, "spec": {"color": "green"}});
    client.patch(&url("a"), MERGE, stale).await.expect(409);
    let current =
        client.patch(&url("a"), JSON_PATCH, json!([{"op": "remove", "path": "/spec/shape"}])).await.expect(200);
    assert_eq!(current["spec"], json!({"color": "blue", "shape": "round"}));
}

#[tokio::test]
async fn concurrent_patches_are_all_kept() {
    let client = Client::new();
    client.create_toy("a").await;
    let patches = (0..40).map(|index| {
        let client = client.clone();
        async move {
            let patch = json!({"metadata": {"annotations": {format!("k{index}"): "v"}}});
            client.patch(&url("a"), MERGE, patch).await.expect(200);
        }
    });
    futures::future::join_all(patches).await;
    let annotations = client.get(&url("a")).await.body["metadata"]["annotations"].clone();
    assert_eq!(annotations.as_object().unwrap().len(), 40);
}

#[tokio::test]
async fn a_json_patch_may_test_for_absence_with_null() {
    let client = Client::new();
    client.create_toy("a").await;
    let add = json!([
        {"op": "test", "path": "/metadata/finalizers", "value": null},
        {"op": "add", "path": "/metadata/finalizers", "value": ["toys.example/a"]},
    ]);
    client.patch(&url("a"), JSON_PATCH, add.clone()).await.expect(200);
    assert_eq!(client.patch(&url("a"), JSON_PATCH, add).await.expect(422)["reason"], "Invalid");
}

#[tokio::test]
async fn unsupported_patches_are_refused_with_the_supported_ones() {
    let client = Client::new();
    client.create_toy("a").await;
    for content_type in ["application/apply-patch+yaml", "application/strategic-merge-patch+json", "text/plain"] {
        let status = client.patch(&url("a"), content_type, json!({})).await.expect(415);
        assert_eq!(status["reason"], "UnsupportedMediaType");
        assert!(status["message"].as_str().unwrap().contains("application/merge-patch+json"), "{status}");
    }
}

#[tokio::test]
async fn writes_that_change_nothing_change_nothing() {
    let client = Client::new();
    client.create_toy("a").await;
    let status = json!({"status": {"phase": "Played", "conditions": []}});
    let before = client.patch(&format!("{}/status", url("a")), MERGE, status.clone()).await.expect(200);
    let version = client.version().await;
    let mut empty_lists = before.clone();
    empty_lists["metadata"]["finalizers"] = json!([]);
    empty_lists["metadata"]["labels"] = json!({});
    let answers = [
        client.put(&url("a"), &before).await,
        client.put(&url("a"), &toy("a")).await,
        client.put(&url("a"), &empty_lists).await,
        client.patch(&url("a"), MERGE, json!({})).await,
        client.patch(&url("a"), MERGE, json!({"spec": {"color": "red"}})).await,
        client.patch(&url("a"), JSON_PATCH, json!([])).await,
        client.put(&format!("{}/status", url("a")), &before).await,
        client.patch(&format!("{}/status", url("a")), MERGE, status).await,
    ];
    for answer in answers {
        assert_eq!(answer.expect(200), before);
    }
    assert_eq!(client.version().await, version);
}

#[tokio::test]
async fn the_main_path_ignores_the_status_and_the_status_path_all_else() {
    let client = Client::new();
    client.create_toy("a").await;
    let status_url = format!("{}/status", url("a"));
    let everything = |color: &str, phase: &str| {
        let mut sent = toy("a");
        sent["metadata"]["labels"] = json!({"color": color});
        sent["spec"]["color"] = color.into();
        sent["status"] = json!({"phase": phase});
        sent
    };
    let made = client.put(&status_url, &everything("blue", "One")).await.expect(200);
    assert_eq!((&made["spec"]["color"], &made["status"]["phase"]), (&json!("red"), &json!("One")));
    assert!(made["metadata"].get("labels").is_none());
    assert_eq!(made["metadata"]["generation"], 1);
    for answer in [
        client.put(&url("a"), &everything("blue", "Two")).await,
        client.patch(&url("a"), MERGE, everything("green", "Three")).await,
    ] {
        assert_eq!(answer.expect(200)["status"]["phase"], "One");
    }
    let patched = client.patch(&status_url, MERGE, everything("pink", "Four")).await.expect(200);
    assert_eq!((&patched["spec"]["color"], &patched["status"]["phase"]), (&json!("green"), &json!("Four")));
    assert_eq!(client.get(&status_url).await.expect(200), patched);
}

#[tokio::test]
async fn a_new_default_of_the_kind_does_not_come_in_through_the_status() {
    let store = Store::in_memory();
    let mut older = crate::support::kinds();
    older[0].admit = |_| Ok(());
    let build = jackin_apiserver::BuildInfo { version: String::new(), git: String::new() };
    let older = jackin_apiserver::ApiServer::new(store.clone(), older, build);
    let made = Client::of(&older).create_toy("a").await;
    assert!(made["spec"].get("shape").is_none());
    let client = Client::of(&server_over(store));
    let patched = client.patch(&format!("{}/status", url("a")), MERGE, json!({"status": {"x": 1}})).await.expect(200);
    assert_eq!((&patched["spec"], &patched["metadata"]["generation"]), (&made["spec"], &json!(1)));
    let patched = client.patch(&url("a"), MERGE, json!({"spec": {"color": "blue"}})).await.expect(200);
    assert_eq!(patched["spec"]["shape"], "round");
}

#[tokio::test]
async fn the_generation_counts_changes_of_the_spec_only() {
    let client = Client::new();
    client.create_toy("a").await;
    let generation = |answer: Value| answer["metadata"]["generation"].as_i64().unwrap();
    let labelled = client.patch(&url("a"), MERGE, json!({"metadata": {"labels": {"a": "b"}, "generation": 9}})).await;
    assert_eq!(generation(labelled.expect(200)), 1);
    let status = client.patch(&format!("{}/status", url("a")), MERGE, json!({"status": {"x": 1}})).await;
    assert_eq!(generation(status.expect(200)), 1);
    let changed = client.patch(&url("a"), MERGE, json!({"spec": {"color": "blue"}})).await;
    assert_eq!(generation(changed.expect(200)), 2);
}

#[tokio::test]
async fn no_path_writes_the_metadata_of_the_server() {
    let client = Client::new();
    let made = client.create_toy("a").await;
    let theirs = json!({"metadata": {
        "creationTimestamp": "2000-01-01T00:00:00Z", "deletionTimestamp": "2000-01-01T00:00:00Z", "generation": 7,
        "managedFields": [{"manager": "m"}], "selfLink": "/x",
    }});
    assert_eq!(client.patch(&url("a"), MERGE, theirs.clone()).await.expect(200), made);
    assert_eq!(client.patch(&format!("{}/status", url("a")), MERGE, theirs).await.expect(200), made);
    let status = client.patch(&url("a"), MERGE, json!({"metadata": {"uid": "other"}})).await.expect(409);
    assert_eq!(status["reason"], "Conflict");
}

#[tokio::test]
async fn a_dry_run_answers_as_the_real_one_and_keeps_nothing() {
    let client = Client::new();
    let made = client.create_toy("a").await;
    let version = client.version().await;
    let new = client.post(&format!("{TOYS}?dryRun=All"), &toy("b")).await.expect(201);
    assert!(new["metadata"]["uid"].is_string() && new["metadata"].get("resourceVersion").is_none());
    let elsewhere = "/apis/toys.example/v1/namespaces/new/toys?dryRun=All";
    client.post(elsewhere, &toy("b")).await.expect(201);
    let mut changed = made.clone();
    changed["spec"]["color"] = "blue".into();
    let run = format!("{}?dryRun=All", url("a"));
    let answers = [
        client.put(&run, &changed).await.expect(200),
        client.patch(&run, MERGE, json!({"spec": {"color": "blue"}})).await.expect(200),
    ];
    for answer in answers {
        assert_eq!(answer["spec"]["color"], "blue");
        assert_eq!(answer["metadata"]["generation"], 2);
        assert_eq!(version_of(&answer), version_of(&made));
    }
    let status = client.patch(&format!("{}/status?dryRun=All", url("a")), MERGE, json!({"status": {"x": 1}})).await;
    assert_eq!(status.expect(200)["status"]["x"], 1);
    client.delete(&run).await.expect(200);
    client.delete_with(&url("a"), json!({"kind": "DeleteOptions", "dryRun": ["All"]})).await.expect(200);
    client.delete(&format!("{TOYS}?dryRun=All")).await.expect(200);
    assert_eq!(client.get(&url("a")).await.expect(200), made);
    assert_eq!(client.version().await, version);
    assert_eq!(client.names("/api/v1/namespaces").await, ["default"]);
    client.put(&format!("{}?dryRun=Some", url("a")), &changed).await.expect(400);
}

#[tokio::test]
async fn a_panicking_admission_costs_its_request_only() {
    let client = Client::new();
    let mut sent = toy("a");
    sent["spec"]["color"] = "panic".into();
    assert_eq!(client.post(TOYS, &sent).await.expect(500)["reason"], "InternalError");
    client.create_toy("a").await;
}

#[tokio::test]
async fn bodies_are_bounded_and_json() {
    let client = Client::new();
    let mut sent = toy("a");
    sent["spec"]["shape"] = "x".repeat(3 << 20).into();
    assert_eq!(client.post(TOYS, &sent).await.expect(413)["reason"], "RequestEntityTooLarge");
    let yaml = client.raw("POST", TOYS, &[("content-type", "application/yaml")], "kind: Toy".to_owned()).await;
    assert_eq!(yaml.status(), 415);
    let broken = client.raw("POST", TOYS, &[("content-type", "application/json")], "{".to_owned()).await;
    assert_eq!(broken.status(), 400);
}

#[tokio::test]
async fn labels_annotations_finalizers_and_owners_are_checked() {
    let client = Client::new();
    let cases = [
        (json!({"labels": {"a b": "c"}}), "metadata.labels"),
        (json!({"labels": {"a": "c d"}}), "metadata.labels"),
        (json!({"labels": {"a": 1}}), "metadata.labels[a]"),
        (json!({"annotations": {"/": "c"}}), "metadata.annotations"),
        (json!({"finalizers": ["a b"]}), "metadata.finalizers[0]"),
        (json!({"finalizers": "a"}), "metadata.finalizers"),
        (json!({"ownerReferences": [{"kind": "Toy"}]}), "metadata.ownerReferences[0].apiVersion"),
    ];
    for (mut metadata, field) in cases {
        metadata["name"] = "a".into();
        let mut sent = toy("a");
        sent["metadata"] = metadata;
        let status = client.post(TOYS, &sent).await.expect(422);
        assert_eq!(status["details"]["causes"][0]["field"], field, "{status}");
    }
}

#[tokio::test]
async fn versions_are_global_and_rise_with_every_write() {
    let client = Client::of(&server_over(Store::in_memory()));
    let mut last = 0;
    for index in 0..20 {
        let name = format!("a{index}");
        let url = if index % 2 == 0 { TOYS } else { crate::support::BOXES };
        let mut sent = toy(&name);
        if index % 2 == 1 {
            sent["kind"] = "Box".into();
        }
        let version = version_of(&client.post(url, &sent).await.expect(201));
        assert!(version > last, "{version} after {last}");
        last = version;
    }
    assert_eq!(client.version().await, last.to_string());
}
