//! The OpenAPI v2 document, in the only encoding that kubectl reads: gnostic's protobuf.
//!
//! Older kubectl refuses to apply, create, diff or explain without it. Only the fields that kubectl looks at are
//! written: the schemas of the kinds, and of each patch its kind and its query parameters. Field numbers are those of
//! gnostic's `OpenAPIv2.proto`; all fields used are length-delimited, so that no protobuf library is needed.

use serde_json::{Value, json};

use crate::kind::BuildInfo;
use crate::openapi::{group_version_kind, schema_name};
use crate::registry::{Registry, Served};

/// The serialised document.
pub(crate) fn document(registry: &Registry, build: &BuildInfo) -> Vec<u8> {
    let mut info = Message::default();
    info.text(1, "Kubernetes API").text(2, &build.version);
    let (mut paths, mut definitions) = (Message::default(), Message::default());
    for served in registry.all() {
        paths.message(2, &named(&patch_path(served), &path_item(served)));
        let mut definition = schema(&with_type_fields(&served.definition.schema));
        definition.message(31, &extension("x-kubernetes-group-version-kind", &json!([group_version_kind(served)])));
        definitions.message(1, &named(&schema_name(served), &definition));
    }
    let mut document = Message::default();
    document.text(1, "2.0").message(2, &info).message(8, &paths).message(9, &definitions);
    document.bytes
}

fn patch_path(served: &Served) -> String {
    let definition = &served.definition;
    let root = if definition.group.is_empty() { "api".to_owned() } else { format!("apis/{}", definition.group) };
    let namespace = if definition.namespaced { "namespaces/{namespace}/" } else { "" };
    format!("/{root}/{}/{namespace}{}/{{name}}", definition.version, definition.plural)
}

/// A path with nothing but its patch, by which kubectl learns that a dry run is possible.
fn path_item(served: &Served) -> Message {
    let mut operation = Message::default();
    for name in ["dryRun", "fieldManager", "fieldValidation"] {
        let (mut query, mut non_body, mut parameter, mut item) =
            (Message::default(), Message::default(), Message::default(), Message::default());
        query.text(2, "query").text(4, name);
        non_body.message(3, &query);
        parameter.message(2, &non_body);
        item.message(1, &parameter);
        operation.message(8, &item);
    }
    operation
        .message(9, &Message::default())
        .message(13, &extension("x-kubernetes-action", &json!("patch")))
        .message(13, &extension("x-kubernetes-group-version-kind", &group_version_kind(served)));
    let mut item = Message::default();
    item.message(8, &operation);
    item
}

fn with_type_fields(schema: &Value) -> Value {
    let mut schema = schema.clone();
    for field in ["apiVersion", "kind"] {
        schema["properties"][field] = json!({"type": "string"});
    }
    if !schema["properties"]["metadata"].is_object() {
        schema["properties"]["metadata"] = json!({"type": "object"});
    }
    schema
}

/// What v2 can say of an OpenAPI v3 schema.
fn schema(source: &Value) -> Message {
    let mut message = Message::default();
    for (field, name) in [(2, "format"), (4, "description")] {
        if let Some(text) = source[name].as_str() {
            message.text(field, text);
        }
    }
    for required in source["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        message.text(19, required);
    }
    if source["additionalProperties"].is_object() {
        let mut item = Message::default();
        item.message(1, &schema(&source["additionalProperties"]));
        message.message(21, &item);
    }
    if let Some(kind) = source["type"].as_str() {
        let mut item = Message::default();
        item.text(1, kind);
        message.message(22, &item);
    }
    if source["items"].is_object() {
        let mut item = Message::default();
        item.message(1, &schema(&source["items"]));
        message.message(23, &item);
    }
    if let Some(fields) = source["properties"].as_object() {
        let mut properties = Message::default();
        for (name, field) in fields {
            properties.message(1, &named(name, &schema(field)));
        }
        message.message(25, &properties);
    }
    for (name, value) in source.as_object().into_iter().flatten().filter(|(name, _)| name.starts_with("x-kubernetes-"))
    {
        // The kinds of a definition are written by the caller.
        if name != "x-kubernetes-group-version-kind" {
            message.message(31, &extension(name, value));
        }
    }
    message
}

fn named(name: &str, value: &Message) -> Message {
    let mut pair = Message::default();
    pair.text(1, name).message(2, value);
    pair
}

/// A vendor extension; its value is YAML, which JSON is.
fn extension(name: &str, value: &Value) -> Message {
    let mut any = Message::default();
    any.text(2, &value.to_string());
    named(name, &any)
}

#[derive(Default)]
struct Message {
    bytes: Vec<u8>,
}

impl Message {
    fn text(&mut self, field: u64, text: &str) -> &mut Self {
        self.field(field, text.as_bytes())
    }

    fn message(&mut self, field: u64, message: &Message) -> &mut Self {
        self.field(field, &message.bytes)
    }

    fn field(&mut self, field: u64, content: &[u8]) -> &mut Self {
        const LENGTH_DELIMITED: u64 = 2;
        self.varint(field << 3 | LENGTH_DELIMITED);
        self.varint(content.len() as u64);
        self.bytes.extend_from_slice(content);
        self
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push((value & 0x7f) as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_fields_have_lengths_of_several_bytes() {
        let mut message = Message::default();
        message.text(31, &"x".repeat(300));
        // Field 31, wire type 2, then 300 = 0b10_0101100.
        assert_eq!(message.bytes[..4], [0xfa, 0x01, 0xac, 0x02]);
        assert_eq!(message.bytes.len(), 304);
    }

    #[test]
    fn a_schema_keeps_types_descriptions_and_children() {
        let bytes = schema(&json!({"type": "object", "properties": {"color": {"type": "string"}}})).bytes;
        let mut expected = vec![0xb2, 0x01, 8, 0x0a, 6];
        expected.extend(b"object");
        // properties(25) { named(1) { name(1) "color", value(2) { type(22) { 1 "string" } } } }
        expected.extend([0xca, 0x01, 22, 0x0a, 20, 0x0a, 5]);
        expected.extend(b"color");
        expected.extend([0x12, 11, 0xb2, 0x01, 8, 0x0a, 6]);
        expected.extend(b"string");
        assert_eq!(bytes, expected);
    }
}
