//! What the server says about itself.

use serde_json::{Value, json};

use crate::support::{Client, TOYS};

#[tokio::test]
async fn discovery_lists_groups_kinds_and_subresources() {
    let client = Client::new();
    let groups = client.get("/apis").await.expect(200);
    let names: Vec<&Value> = groups["groups"].as_array().unwrap().iter().map(|group| &group["name"]).collect();
    assert_eq!(names, ["events.k8s.io", "toys.example", "authorization.k8s.io"]);
    let resources = client.get("/apis/toys.example/v1").await.expect(200);
    let toys = json!({
        "name": "toys", "singularName": "toy", "namespaced": true, "kind": "Toy", "shortNames": ["to"],
        "categories": ["playroom"],
        "verbs": ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
    });
    assert_eq!(resources["resources"][0], toys);
    assert_eq!(resources["resources"][1]["name"], "toys/status");
    let core = client.get("/api/v1").await.expect(200);
    let names: Vec<&Value> = core["resources"].as_array().unwrap().iter().map(|resource| &resource["name"]).collect();
    assert_eq!(names, ["namespaces", "events"]);
    assert_eq!(client.get("/api").await.expect(200)["versions"], json!(["v1"]));
    let group = client.get("/apis/toys.example").await.expect(200);
    assert_eq!(group["preferredVersion"]["groupVersion"], "toys.example/v1");
    assert!(client.get("/version").await.expect(200)["gitVersion"].as_str().unwrap().starts_with("v1."));
    for path in ["/healthz", "/readyz", "/livez"] {
        assert_eq!(client.get(path).await.expect(200), "ok");
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_kubernetes_errors() {
    let client = Client::new();
    for path in ["/apis/other/v1", "/apis/toys.example/v1/robots", "/nothing", "/apis/toys.example/v1/toys/a"] {
        assert_eq!(client.get(path).await.expect(404)["reason"], "NotFound", "{path}");
    }
    client.post("/apis/toys.example/v1/toys", &crate::support::toy("a")).await.expect(405);
    assert_eq!(client.put(TOYS, &json!({})).await.expect(405)["reason"], "MethodNotAllowed");
    client.post("/version", &json!({})).await.expect(405);
}

#[tokio::test]
async fn openapi_has_the_schema_the_kind_and_the_dry_run_of_a_patch() {
    let client = Client::new();
    let index = client.get("/openapi/v3").await.expect(200);
    let url = index["paths"]["apis/toys.example/v1"]["serverRelativeURL"].as_str().unwrap();
    assert!(url.starts_with("/openapi/v3/apis/toys.example/v1?hash="), "{url}");
    let document = client.get(url).await.expect(200);
    let schema = &document["components"]["schemas"]["example.toys.v1.Toy"];
    assert_eq!(schema["properties"]["spec"]["properties"]["color"]["description"], "Its color.");
    let kind = json!({"group": "toys.example", "version": "v1", "kind": "Toy"});
    assert_eq!(schema["x-kubernetes-group-version-kind"], json!([kind]));
    let patch = &document["paths"][format!("{}/{{name}}", TOYS.replace("default", "{namespace}"))]["patch"];
    assert_eq!(patch["x-kubernetes-group-version-kind"], kind);
    let parameters: Vec<&Value> =
        patch["parameters"].as_array().unwrap().iter().map(|parameter| &parameter["name"]).collect();
    for wanted in ["dryRun", "fieldManager", "fieldValidation"] {
        assert!(parameters.iter().any(|name| **name == wanted), "{wanted}");
    }
}

#[tokio::test]
async fn an_access_review_allows() {
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}},
    });
    let url = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let answer = Client::new().post(url, &review).await.expect(201);
    assert_eq!(answer["status"]["allowed"], true);
    assert_eq!(answer["spec"], review["spec"]);
}

#[tokio::test]
async fn openapi_v2_is_protobuf_whatever_was_asked_for() {
    let client = Client::new();
    let accept = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
    let response = client.raw("GET", "/openapi/v2", &[("accept", accept)], String::new()).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/octet-stream");
}
