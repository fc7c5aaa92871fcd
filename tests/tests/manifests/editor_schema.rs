//! JSON Schemas of the kinds for editors: strict where the types are strict, about what people write.

use std::collections::BTreeMap;

use jackin_api::kinds::{AgentSpec, ImageSpec, InstanceSpec, RoleSpec, WorkspaceSpec};
use schemars::{JsonSchema, schema_for};
use serde_json::{Map, Value, json};

/// The schemas by kind in lower case.
pub(crate) fn all() -> BTreeMap<String, Value> {
    let schemas = [
        object::<RoleSpec>("Role"),
        object::<AgentSpec>("Agent"),
        object::<WorkspaceSpec>("Workspace"),
        object::<InstanceSpec>("Instance"),
        object::<ImageSpec>("Image"),
    ];
    schemas.into_iter().collect()
}

fn object<Spec: JsonSchema>(kind: &str) -> (String, Value) {
    let mut spec = schema_for!(Spec).to_value();
    let definitions = take(&mut spec, "$defs").unwrap_or_else(|| Value::Object(Map::new()));
    take(&mut spec, "$schema");
    take(&mut spec, "title");
    let description = spec["description"].clone();
    let text_map =
        |text: &str| json!({"description": text, "type": "object", "additionalProperties": {"type": "string"}});
    let name =
        |text: &str| json!({"description": text, "type": "string", "pattern": "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"});
    let lower = kind.to_lowercase();
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": format!("https://jackin.dev/schemas/v1alpha1/{lower}.json"),
        "title": kind,
        "description": description,
        "type": "object",
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "additionalProperties": false,
        "properties": {
            "apiVersion": {"description": "Group and version of the kind.", "const": "jackin.dev/v1alpha1"},
            "kind": {"description": "The kind.", "const": kind},
            "metadata": {
                "description": "Name, namespace, labels and annotations.",
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": name("Name, unique in the namespace among the objects of the kind."),
                    "namespace": name("Namespace; `default` when absent."),
                    "labels": text_map("Labels, for selectors."),
                    "annotations": text_map("Annotations, for tools and people."),
                },
            },
            "spec": spec,
            "status": {"description": "What was observed. Written by the controller.", "type": "object"},
        },
        "$defs": definitions,
    });
    accept_amounts(&mut schema);
    (lower, schema)
}

fn take(value: &mut Value, key: &str) -> Option<Value> {
    value.as_object_mut().and_then(|object| object.remove(key))
}

/// Amounts are marked in Kubernetes' words, which editors do not know.
fn accept_amounts(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if object.remove("x-kubernetes-int-or-string").is_some() {
                object.insert("type".to_owned(), json!(["string", "number"]));
            }
            object.values_mut().for_each(accept_amounts);
        }
        Value::Array(items) => items.iter_mut().for_each(accept_amounts),
        _ => {}
    }
}
