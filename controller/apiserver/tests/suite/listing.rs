//! Lists: selectors, pages, tables, metadata only.

use serde_json::json;

use crate::support::{Client, TABLE, TOYS, names, toy};

async fn with_toys(labels: &[(&str, &[(&str, &str)])]) -> Client {
    let client = Client::new();
    for (name, labels) in labels {
        let mut sent = toy(name);
        for (key, value) in *labels {
            sent["metadata"]["labels"][key] = (*value).into();
        }
        client.post(TOYS, &sent).await.expect(201);
    }
    client
}

#[tokio::test]
async fn selectors_choose_what_is_listed() {
    let client = with_toys(&[
        ("a", &[("tier", "x")]),
        ("b", &[("tier", "y"), ("old", "")]),
        ("c", &[("tier", "z")]),
        ("d", &[]),
    ])
    .await;
    let cases: [(&str, &[&str]); 9] = [
        ("labelSelector=tier%3Dx", &["a"]),
        ("labelSelector=tier!%3Dx", &["b", "c", "d"]),
        ("labelSelector=tier%20in%20(x,y)", &["a", "b"]),
        ("labelSelector=tier%20notin%20(x,y)", &["c", "d"]),
        ("labelSelector=tier,!old", &["a", "c"]),
        ("fieldSelector=metadata.name%3Dc", &["c"]),
        ("fieldSelector=metadata.name!%3Dc,metadata.namespace%3Ddefault", &["a", "b", "d"]),
        ("labelSelector=old&fieldSelector=metadata.name%3Da", &[]),
        ("", &["a", "b", "c", "d"]),
    ];
    for (query, expected) in cases {
        assert_eq!(client.names(&format!("{TOYS}?{query}")).await, expected, "{query}");
    }
}

#[tokio::test]
async fn a_selector_that_we_do_not_know_is_a_bad_request() {
    let client = Client::new();
    let status = client.get(&format!("{TOYS}?fieldSelector=spec.color%3Dred")).await.expect(400);
    assert_eq!(status["message"], "field label not supported: spec.color");
    client.get(&format!("{TOYS}?labelSelector=a%20within%20(b)")).await.expect(400);
}

#[tokio::test]
async fn a_list_is_over_one_namespace_or_all() {
    let client = Client::new();
    client.create_toy("b").await;
    let elsewhere = "/apis/toys.example/v1/namespaces/another/toys";
    client.post(elsewhere, &toy("a")).await.expect(201);
    assert_eq!(client.names(TOYS).await, ["b"]);
    assert_eq!(client.names(elsewhere).await, ["a"]);
    let all = client.get("/apis/toys.example/v1/toys").await.expect(200);
    assert_eq!(names(&all), ["a", "b"]);
    assert_eq!((&all["kind"], &all["apiVersion"]), (&json!("ToyList"), &json!("toys.example/v1")));
    assert_eq!(client.names("/api/v1/namespaces").await, ["another", "default"]);
}

#[tokio::test]
async fn pages_show_the_list_as_it_was_at_the_first() {
    let client = Client::new();
    for name in ["a", "b", "c", "d", "e"] {
        client.create_toy(name).await;
    }
    let first = client.get(&format!("{TOYS}?limit=2")).await.expect(200);
    assert_eq!(names(&first), ["a", "b"]);
    assert_eq!(first["metadata"]["remainingItemCount"], 3);
    client.delete(&format!("{TOYS}/d")).await.expect(200);
    client.create_toy("c1").await;
    let token = |list: &serde_json::Value| list["metadata"]["continue"].as_str().unwrap().to_owned();
    let second = client.get(&format!("{TOYS}?limit=2&continue={}", token(&first))).await.expect(200);
    assert_eq!(names(&second), ["c", "d"]);
    let third = client.get(&format!("{TOYS}?limit=2&continue={}", token(&second))).await.expect(200);
    assert_eq!(names(&third), ["e"]);
    assert!(third["metadata"].get("continue").is_none());
    for page in [&second, &third] {
        assert_eq!(page["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    }
}

#[tokio::test]
async fn a_continue_token_expires_and_fits_its_own_list_only() {
    let client = Client::new();
    for name in ["a", "b"] {
        client.create_toy(name).await;
    }
    let first = client.get(&format!("{TOYS}?limit=1")).await.expect(200);
    let token = first["metadata"]["continue"].as_str().unwrap();
    client.get(&format!("/apis/toys.example/v1/toys?limit=1&continue={token}")).await.expect(400);
    client.get(&format!("{TOYS}?limit=1&continue=nonsense")).await.expect(400);
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_secs(301)).await;
    let status = client.get(&format!("{TOYS}?limit=1&continue={token}")).await.expect(410);
    assert_eq!(status["reason"], "Expired");
}

#[tokio::test]
async fn a_list_at_an_exact_version_is_that_version_or_expired() {
    let client = Client::new();
    client.create_toy("a").await;
    let version = client.version().await;
    let exact = format!("{TOYS}?resourceVersionMatch=Exact&resourceVersion={version}");
    client.get(&exact).await.expect(200);
    client.create_toy("b").await;
    client.get(&exact).await.expect(410);
    assert_eq!(client.names(&format!("{TOYS}?resourceVersion=0")).await, ["a", "b"]);
    assert_eq!(client.get(&format!("{TOYS}?resourceVersion=99999999")).await.expect(504)["reason"], "Timeout");
}

#[tokio::test]
async fn a_table_has_the_name_first_and_the_metadata_of_each_row() {
    let client = Client::new();
    client.create_toy("a").await;
    let table = client.get_as(TOYS, TABLE).await.expect(200);
    assert_eq!((&table["kind"], &table["apiVersion"]), (&json!("Table"), &json!("meta.k8s.io/v1")));
    assert_eq!(table["metadata"]["resourceVersion"], client.version().await);
    let columns: Vec<_> = table["columnDefinitions"].as_array().unwrap().iter().map(|column| &column["name"]).collect();
    assert_eq!(columns, ["Name", "Color"]);
    assert_eq!(table["columnDefinitions"][0]["format"], "name");
    assert_eq!(table["rows"][0]["cells"], json!(["a", "red"]));
    assert_eq!(table["rows"][0]["object"]["metadata"]["name"], "a");
    assert!(table["rows"][0]["object"].get("spec").is_none());
    let whole = client.get_as(&format!("{TOYS}?includeObject=Object"), TABLE).await.expect(200);
    assert_eq!(whole["rows"][0]["object"]["spec"]["color"], "red");
    let none = client.get_as(&format!("{TOYS}?includeObject=None"), TABLE).await.expect(200);
    assert!(none["rows"][0].get("object").is_none());
    let single = client.get_as(&format!("{TOYS}/a"), TABLE).await.expect(200);
    assert_eq!(single["rows"][0]["cells"], json!(["a", "red"]));
}

#[tokio::test]
async fn a_list_of_metadata_has_no_spec() {
    let client = Client::new();
    client.create_toy("a").await;
    let accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
    let list = client.get_as(TOYS, accept).await.expect(200);
    assert_eq!(list["kind"], "PartialObjectMetadataList");
    assert_eq!(list["items"][0]["kind"], "PartialObjectMetadata");
    assert!(list["items"][0].get("spec").is_none());
    assert_eq!(client.get_as(TOYS, "application/yaml").await.expect(406)["reason"], "NotAcceptable");
}
