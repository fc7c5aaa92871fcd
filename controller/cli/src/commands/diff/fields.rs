//! What of two objects differs, field by field, in what a file can say.

use jackin_api::LAST_APPLIED_ANNOTATION;
use serde::Serialize;
use serde_json::{Value, json};

/// What would change in one object.
#[derive(Debug, Serialize)]
pub(super) struct ObjectDiff {
    /// The object, as it is named to people.
    pub(super) object: String,
    /// `created` or `changed`.
    pub(super) change: &'static str,
    /// Its fields.
    pub(super) fields: Vec<FieldDiff>,
}

/// One field that would change.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct FieldDiff {
    /// Its path.
    pub(super) field: String,
    /// The value that is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) old: Option<Value>,
    /// The value that the file gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) new: Option<Value>,
}

/// What of two objects differs, in what a file can say.
pub(super) fn compare(old: &Value, new: &Value) -> Vec<FieldDiff> {
    let mut fields = Vec::new();
    for part in ["labels", "annotations"] {
        let (mut old, mut new) = (old["metadata"][part].clone(), new["metadata"][part].clone());
        for side in [&mut old, &mut new] {
            if let Some(side) = side.as_object_mut() {
                side.remove(LAST_APPLIED_ANNOTATION);
            }
        }
        differences(&format!("metadata.{part}"), Some(&old), Some(&new), &mut fields);
    }
    differences("spec", old.get("spec"), new.get("spec"), &mut fields);
    fields
}

fn differences(field: &str, old: Option<&Value>, new: Option<&Value>, fields: &mut Vec<FieldDiff>) {
    let (old, new) = (old.filter(|value| !value.is_null()), new.filter(|value| !value.is_null()));
    if old == new {
        return;
    }
    let empty = json!({});
    match (old, new) {
        (Some(Value::Array(before)), Some(Value::Array(after))) => {
            for index in 0..before.len().max(after.len()) {
                differences(&format!("{field}[{index}]"), before.get(index), after.get(index), fields);
            }
        }
        (Some(Value::Object(_)) | None, Some(Value::Object(_))) | (Some(Value::Object(_)), None) => {
            let (old, new) = (old.unwrap_or(&empty), new.unwrap_or(&empty));
            let names = old.as_object().into_iter().chain(new.as_object()).flat_map(serde_json::Map::keys);
            let names: std::collections::BTreeSet<_> = names.collect();
            for name in names {
                differences(&format!("{field}.{name}"), old.get(name), new.get(name), fields);
            }
        }
        _ => fields.push(FieldDiff { field: field.to_owned(), old: old.cloned(), new: new.cloned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_file_can_say_is_compared_field_by_field() {
        let old = json!({"metadata": {"uid": "1", "labels": {"a": "1"}, "annotations": {LAST_APPLIED_ANNOTATION: "x"}},
                         "spec": {"workdir": "/w", "mounts": [{"source": "/a"}]}, "status": {"ready": 1}});
        let new = json!({"metadata": {"uid": "2", "annotations": {LAST_APPLIED_ANNOTATION: "y"}},
                         "spec": {"workdir": "/w", "mounts": [{"source": "/b"}, {"source": "/c"}]}});
        let field = |field: &str, old: Option<&str>, new: Option<&str>| FieldDiff {
            field: field.to_owned(),
            old: old.map(Value::from),
            new: new.map(Value::from),
        };
        let expected = [
            field("metadata.labels.a", Some("1"), None),
            field("spec.mounts[0].source", Some("/a"), Some("/b")),
            field("spec.mounts[1].source", None, Some("/c")),
        ];
        assert_eq!(compare(&old, &new), expected);
    }
}
