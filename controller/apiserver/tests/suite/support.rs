//! Two toy kinds, a server over them, and requests and watches in process.

use axum::Router;
use axum::body::Body;
use bytes::BytesMut;
use http::{Request, Response};
use http_body_util::BodyExt;
use jackin_apiserver::{
    Admission, ApiServer, BuildInfo, Column, FieldError, FieldErrorReason, FieldValidation, KindDefinition, Operation,
    Store,
};
use serde_json::{Value, json};
use tower::ServiceExt;

pub(crate) const TOYS: &str = "/apis/toys.example/v1/namespaces/default/toys";
pub(crate) const BOXES: &str = "/apis/toys.example/v1/namespaces/default/boxes";
pub(crate) const MERGE: &str = "application/merge-patch+json";
pub(crate) const JSON_PATCH: &str = "application/json-patch+json";
pub(crate) const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

pub(crate) fn kinds() -> Vec<KindDefinition> {
    vec![kind("Toy", "toys", "toy", admit_toy), kind("Box", "boxes", "box", |_| Ok(()))]
}

fn kind(
    kind: &str,
    plural: &str,
    singular: &str,
    admit: fn(Admission<'_>) -> Result<(), Vec<FieldError>>,
) -> KindDefinition {
    KindDefinition {
        group: "toys.example".to_owned(),
        version: "v1".to_owned(),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
        singular: singular.to_owned(),
        short_names: vec![singular[..2].to_owned()],
        categories: vec!["playroom".to_owned()],
        namespaced: true,
        schema: json!({
            "type": "object", "description": "Something to play with.",
            "properties": {
                "spec": {"type": "object", "description": "What it should be.", "required": ["color"],
                         "properties": {"color": {"type": "string", "description": "Its color."}}},
                "status": {"type": "object", "description": "What it is."},
            },
        }),
        columns: vec![Column {
            name: "Color".to_owned(),
            type_: "string".to_owned(),
            format: String::new(),
            description: "Its color.".to_owned(),
            priority: 0,
            cell: |toy, _| toy["spec"]["color"].clone(),
        }],
        admit,
    }
}

/// Toys have a color, get a shape, know no weight, and stay while they are labelled as kept.
fn admit_toy(admission: Admission<'_>) -> Result<(), Vec<FieldError>> {
    let spec = &mut admission.new["spec"];
    let mut errors = Vec::new();
    if admission.operation == Operation::Delete {
        if admission.old.is_some_and(|old| old["metadata"]["labels"]["keep"] == "yes") {
            errors.push(FieldError::new("metadata.labels", FieldErrorReason::Forbidden, "the toy is kept"));
        }
    } else {
        if !spec["color"].is_string() {
            errors.push(FieldError::new("spec.color", FieldErrorReason::Required, ""));
        }
        if spec["color"] == "panic" {
            panic!("this color makes the admission panic, on purpose");
        }
        if admission.field_validation == FieldValidation::Strict && spec.get("weight").is_some() {
            errors.push(FieldError::new("spec.weight", FieldErrorReason::Invalid, "unknown field"));
        }
        if spec.is_object() && spec["shape"].is_null() {
            spec["shape"] = "round".into();
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

pub(crate) fn server_over(store: Store) -> ApiServer {
    ApiServer::new(store, kinds(), BuildInfo { version: "0.1.0".to_owned(), git: "abc".to_owned() })
}

pub(crate) fn toy(name: &str) -> Value {
    json!({"apiVersion": "toys.example/v1", "kind": "Toy", "metadata": {"name": name}, "spec": {"color": "red"}})
}

pub(crate) fn owned(name: &str, owner: &Value) -> Value {
    owned_by(name, &[owner])
}

pub(crate) fn owned_by(name: &str, owners: &[&Value]) -> Value {
    let mut value = toy(name);
    value["metadata"]["ownerReferences"] = owners
        .iter()
        .map(|owner| {
            json!({
                "apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"],
                "uid": owner["metadata"]["uid"], "blockOwnerDeletion": true,
            })
        })
        .collect();
    value
}

/// An answer taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn expect(self, code: u16) -> Value {
        assert_eq!(self.code, code, "{}", self.body);
        self.body
    }
}

/// A client in process.
#[derive(Clone)]
pub(crate) struct Client {
    router: Router,
}

impl Client {
    pub(crate) fn new() -> Self {
        Self::of(&server_over(Store::in_memory()))
    }

    pub(crate) fn of(server: &ApiServer) -> Self {
        Self { router: server.router() }
    }

    pub(crate) async fn raw(&self, method: &str, url: &str, headers: &[(&str, &str)], body: String) -> Response<Body> {
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap()
    }

    async fn send(&self, method: &str, url: &str, headers: &[(&str, &str)], body: String) -> Answer {
        let response = self.raw(method, url, headers, body).await;
        let code = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        Answer { code, body: serde_json::from_slice(&bytes).unwrap_or_else(|_| json!(String::from_utf8_lossy(&bytes))) }
    }

    pub(crate) async fn get(&self, url: &str) -> Answer {
        self.send("GET", url, &[], String::new()).await
    }

    pub(crate) async fn get_as(&self, url: &str, accept: &str) -> Answer {
        self.send("GET", url, &[("accept", accept)], String::new()).await
    }

    pub(crate) async fn post(&self, url: &str, body: &Value) -> Answer {
        self.send("POST", url, &[("content-type", "application/json")], body.to_string()).await
    }

    pub(crate) async fn put(&self, url: &str, body: &Value) -> Answer {
        self.send("PUT", url, &[("content-type", "application/json")], body.to_string()).await
    }

    pub(crate) async fn patch(&self, url: &str, content_type: &str, body: Value) -> Answer {
        self.send("PATCH", url, &[("content-type", content_type)], body.to_string()).await
    }

    pub(crate) async fn delete(&self, url: &str) -> Answer {
        self.send("DELETE", url, &[], String::new()).await
    }

    pub(crate) async fn delete_with(&self, url: &str, options: Value) -> Answer {
        self.send("DELETE", url, &[("content-type", "application/json")], options.to_string()).await
    }

    pub(crate) async fn create_toy(&self, name: &str) -> Value {
        self.post(TOYS, &toy(name)).await.expect(201)
    }

    pub(crate) async fn version(&self) -> String {
        self.get(TOYS).await.expect(200)["metadata"]["resourceVersion"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn names(&self, url: &str) -> Vec<String> {
        names(&self.get(url).await.expect(200))
    }

    pub(crate) async fn watch(&self, url: &str) -> Watch {
        self.watch_as(url, "application/json").await
    }

    pub(crate) async fn watch_as(&self, url: &str, accept: &str) -> Watch {
        let separator = if url.contains('?') { '&' } else { '?' };
        let response =
            self.raw("GET", &format!("{url}{separator}watch=true"), &[("accept", accept)], String::new()).await;
        assert_eq!(response.status(), 200);
        Watch { body: response.into_body(), buffer: BytesMut::new() }
    }
}

pub(crate) fn names(list: &Value) -> Vec<String> {
    list["items"].as_array().unwrap().iter().map(|item| item["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}

pub(crate) fn version_of(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap()
}

/// An open watch.
pub(crate) struct Watch {
    body: Body,
    buffer: BytesMut,
}

impl Watch {
    /// The next event; `None` when the stream ended.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(end + 1);
                return Some(serde_json::from_slice(&line).unwrap());
            }
            let frame = self.body.frame().await?.unwrap();
            self.buffer.extend_from_slice(&frame.into_data().unwrap());
        }
    }

    /// The next event as `TYPE name`.
    pub(crate) async fn line(&mut self) -> String {
        let event = self.next().await.unwrap();
        format!(
            "{} {}",
            event["type"].as_str().unwrap(),
            event["object"]["metadata"]["name"].as_str().unwrap_or_default()
        )
    }
}
