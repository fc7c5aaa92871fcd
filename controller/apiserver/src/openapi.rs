//! The OpenAPI documents, made once, when somebody first asks: v3 per group and version here, v2 in [`crate::openapi_v2`].
//!
//! Clients read from them the schemas (for `explain`), the kinds of the paths, and whether a patch can be a dry run.

use axum::body::{Body, Bytes};
use axum::response::Response;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::handlers::{json_response, response};
use crate::kind::BuildInfo;
use crate::openapi_v2;
use crate::registry::{Registry, Served};

/// All documents, serialised.
#[derive(Debug)]
pub(crate) struct Documents {
    index: Bytes,
    /// Path below `/openapi/v3/`, document.
    documents: Vec<(String, Bytes)>,
    v2: Bytes,
}

impl Documents {
    pub(crate) fn new(registry: &Registry, build: &BuildInfo) -> Self {
        let mut pairs = vec![(String::new(), "v1".to_owned())];
        pairs.extend(registry.group_versions());
        let documents: Vec<(String, Bytes)> = pairs
            .iter()
            .map(|(group, version)| {
                let path = if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") };
                let served: Vec<&Served> = registry.in_version(group, version).map(AsRef::as_ref).collect();
                (path.clone(), Bytes::from(document(&path, &served, build).to_string()))
            })
            .collect();
        let paths: Map<String, Value> = documents
            .iter()
            .map(|(path, document)| {
                let url = format!("/openapi/v3/{path}?hash={}", hash(document));
                (path.clone(), json!({"serverRelativeURL": url}))
            })
            .collect();
        let index = Bytes::from(json!({"paths": paths}).to_string());
        Self { index, documents, v2: Bytes::from(openapi_v2::document(registry, build)) }
    }

    /// The answer below `/openapi/`.
    pub(crate) fn answer(&self, segments: &[&str]) -> Option<Response> {
        match segments {
            // Clients ask for a media type with an `@` in it, and cannot parse it as an answer.
            ["v2"] => Some(response(200, "application/octet-stream", Body::from(self.v2.clone()))),
            ["v3"] => Some(json_response(200, self.index.clone())),
            ["v3", rest @ ..] => {
                let wanted = rest.join("/");
                let (_, document) = self.documents.iter().find(|(path, _)| *path == wanted)?;
                Some(response(200, "application/json", Body::from(document.clone())))
            }
            _ => None,
        }
    }
}

/// Clients cache by it.
fn hash(document: &[u8]) -> String {
    Sha256::digest(document).iter().fold(String::new(), |text, byte| format!("{text}{byte:02X}"))
}

/// `dev.example.v1.Toy` for the group `example.dev`.
pub(crate) fn schema_name(served: &Served) -> String {
    let definition = &served.definition;
    let group = if definition.group.is_empty() { "core" } else { &definition.group };
    let mut parts: Vec<&str> = group.split('.').rev().collect();
    parts.extend([definition.version.as_str(), definition.kind.as_str()]);
    parts.join(".")
}

pub(crate) fn group_version_kind(served: &Served) -> Value {
    let definition = &served.definition;
    json!({"group": definition.group, "version": definition.version, "kind": definition.kind})
}

const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

fn document(path: &str, served: &[&Served], build: &BuildInfo) -> Value {
    let mut schemas = Map::new();
    let mut paths = Map::new();
    schemas.insert(OBJECT_META.to_owned(), object_meta());
    for kind in served {
        let name = schema_name(kind);
        let mut schema = kind.definition.schema.clone();
        schema["x-kubernetes-group-version-kind"] = json!([group_version_kind(kind)]);
        schema["properties"]["metadata"] = json!({
            "description": "Standard object's metadata.",
            "allOf": [{"$ref": format!("#/components/schemas/{OBJECT_META}")}],
            "default": {},
        });
        add_type_fields(&mut schema);
        schemas.insert(format!("{name}List"), list_schema(kind, &name));
        schemas.insert(name, schema);
        add_paths(&mut paths, path, kind);
    }
    json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes API", "version": build.version},
        "paths": paths,
        "components": {"schemas": schemas},
    })
}

fn add_type_fields(schema: &mut Value) {
    let fields = [
        ("apiVersion", "APIVersion defines the versioned schema of this representation of an object."),
        ("kind", "Kind is a string value representing the REST resource this object represents."),
    ];
    for (field, description) in fields {
        schema["properties"][field] = json!({"type": "string", "description": description});
    }
}

fn list_schema(served: &Served, name: &str) -> Value {
    let mut kind = group_version_kind(served);
    kind["kind"] = format!("{}List", served.definition.kind).into();
    let mut schema = json!({
        "type": "object",
        "description": format!("A list of {}.", served.definition.kind),
        "required": ["items"],
        "properties": {
            "metadata": {"type": "object", "description": "Standard list metadata."},
            "items": {"type": "array", "items": {"allOf": [{"$ref": format!("#/components/schemas/{name}")}]}},
        },
        "x-kubernetes-group-version-kind": [kind],
    });
    add_type_fields(&mut schema);
    schema
}

fn add_paths(paths: &mut Map<String, Value>, path: &str, served: &Served) {
    let plural = &served.definition.plural;
    let base = if served.definition.namespaced {
        paths.insert(format!("/{path}/{plural}"), json!({"get": operation(served, "list", &[])}));
        format!("/{path}/namespaces/{{namespace}}/{plural}")
    } else {
        format!("/{path}/{plural}")
    };
    let write = ["dryRun", "fieldManager", "fieldValidation"];
    let mut collection = json!({
        "get": operation(served, "list", &["labelSelector", "fieldSelector", "limit", "continue", "watch"]),
        "post": operation(served, "post", &write),
        "delete": operation(served, "deletecollection", &["dryRun", "labelSelector", "fieldSelector"]),
    });
    let mut object = json!({
        "get": operation(served, "get", &[]),
        "put": operation(served, "put", &write),
        "patch": operation(served, "patch", &["dryRun", "fieldManager", "fieldValidation", "force"]),
        "delete": operation(served, "delete", &["dryRun", "propagationPolicy"]),
    });
    let namespace = served.definition.namespaced.then_some("namespace");
    let path_parameters = |names: &[&str]| -> Value {
        let parameter =
            |name: &&str| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}});
        names.iter().map(parameter).collect()
    };
    let names: Vec<&str> = namespace.into_iter().collect();
    collection["parameters"] = path_parameters(&names);
    let names: Vec<&str> = namespace.into_iter().chain(["name"]).collect();
    object["parameters"] = path_parameters(&names);
    if served.has_status {
        let mut status = object.clone();
        if let Some(verbs) = status.as_object_mut() {
            verbs.remove("delete");
        }
        paths.insert(format!("{base}/{{name}}/status"), status);
    }
    paths.insert(base.clone(), collection);
    paths.insert(format!("{base}/{{name}}"), object);
}

fn operation(served: &Served, action: &str, parameters: &[&str]) -> Value {
    let parameters: Vec<Value> = parameters
        .iter()
        .map(|name| json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}}))
        .collect();
    let list = if action == "list" { "List" } else { "" };
    let schema = json!({"$ref": format!("#/components/schemas/{}{list}", schema_name(served))});
    let mut operation = json!({
        "operationId": format!("{action}{}", served.definition.kind),
        "parameters": parameters,
        "responses": {"200": {"description": "OK", "content": {"application/json": {"schema": schema}}}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": group_version_kind(served),
    });
    let bodies: &[&str] = match action {
        "post" | "put" => &["application/json"],
        "patch" => &["application/json-patch+json", "application/merge-patch+json"],
        _ => &[],
    };
    if !bodies.is_empty() {
        let content: Map<String, Value> =
            bodies.iter().map(|body| ((*body).to_owned(), json!({"schema": {"type": "object"}}))).collect();
        operation["requestBody"] = json!({"content": content, "required": true});
    }
    operation
}

fn object_meta() -> Value {
    let map = |description: &str| json!({"type": "object", "description": description, "additionalProperties": {"type": "string", "default": ""}});
    let text = |description: &str| json!({"type": "string", "description": description});
    json!({
        "type": "object",
        "description": "ObjectMeta is metadata that all persisted resources must have.",
        "properties": {
            "name": text("Name, unique within a namespace."),
            "generateName": text("Prefix from which the server makes a unique name when there is none."),
            "namespace": text("Namespace within which the name is unique."),
            "labels": map("Keys and values to select objects by."),
            "annotations": map("Keys and values for tools; not for selecting."),
            "finalizers": {
                "type": "array", "items": {"type": "string", "default": ""},
                "description": "Must be empty before a deleted object is removed.",
            },
            "ownerReferences": {
                "type": "array", "items": {"type": "object"},
                "description": "Objects that this one depends on; when all of them are gone it is deleted.",
            },
            "uid": text("Unique in time and space; made by the server."),
            "resourceVersion": text("Version of the object, opaque to clients."),
            "generation": {"type": "integer", "format": "int64", "description": "Counts the changes of the spec."},
            "creationTimestamp": {"type": "string", "format": "date-time", "description": "When it was created."},
            "deletionTimestamp": {"type": "string", "format": "date-time", "description": "When its deletion was asked for."},
        },
    })
}
