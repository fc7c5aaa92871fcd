//! The three-way merge: what the file said last, what is live, what the file says now.
//!
//! As kubectl does it for kinds of its users: a JSON merge patch, in which lists are replaced as a whole. A field that the file
//! said last and says no more goes; a field that it never said stays.

use jackin_api::LAST_APPLIED_ANNOTATION;
use serde_json::{Map, Value};

/// The object with what it says noted in an annotation.
///
/// # Errors
/// When it cannot be written as canonical JSON.
pub(crate) fn with_last_applied(mut object: Value) -> Result<Value, serde_json::Error> {
    let said = serde_json_canonicalizer::to_string(&object)?;
    let metadata = object.as_object_mut().and_then(|object| object.get_mut("metadata")).and_then(Value::as_object_mut);
    if let Some(metadata) = metadata {
        let annotations = metadata.entry("annotations").or_insert_with(|| Value::Object(Map::new()));
        if let Some(annotations) = annotations.as_object_mut() {
            annotations.insert(LAST_APPLIED_ANNOTATION.to_owned(), Value::String(said));
        }
    }
    Ok(object)
}

/// The merge patch that makes `live` as `wanted` says, when there is anything to change.
pub(crate) fn patch(live: &Value, wanted: &Value) -> Option<Value> {
    let last = live
        .get("metadata")
        .and_then(|metadata| metadata.get("annotations"))
        .and_then(|annotations| annotations.get(LAST_APPLIED_ANNOTATION))
        .and_then(Value::as_str)
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or(Value::Null);
    let patch = differences(&last, live, wanted)?;
    Some(patch)
}

fn differences(last: &Value, live: &Value, wanted: &Value) -> Option<Value> {
    let wanted = wanted.as_object()?;
    let mut patch = Map::new();
    for (field, wanted) in wanted {
        match live.get(field) {
            Some(live) if live.is_object() && wanted.is_object() => {
                let last = last.get(field).unwrap_or(&Value::Null);
                if let Some(inner) = differences(last, live, wanted) {
                    patch.insert(field.clone(), inner);
                }
            }
            Some(live) if live == wanted => {}
            // Nothing where nothing is: a null would be taken for a removal.
            None if wanted.is_null() => {}
            _ => {
                patch.insert(field.clone(), wanted.clone());
            }
        }
    }
    for field in last.as_object().into_iter().flat_map(Map::keys) {
        if !wanted.contains_key(field) && live.get(field).is_some() {
            patch.insert(field.clone(), Value::Null);
        }
    }
    (!patch.is_empty()).then_some(Value::Object(patch))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(labels: &Value, spec: &Value) -> Value {
        json!({"apiVersion": "jackin.dev/v1alpha1", "kind": "Workspace",
               "metadata": {"name": "shop", "labels": labels}, "spec": spec})
    }

    fn applied(labels: &Value, spec: &Value) -> Value {
        with_last_applied(object(labels, spec)).expect("is JSON")
    }

    /// What is live after `said` was applied and the server added its own.
    fn live(said: &Value) -> Value {
        let mut live = said.clone();
        live["metadata"]["uid"] = json!("1");
        live["status"] = json!({"ready": 1});
        live
    }

    #[test]
    fn what_was_applied_before_needs_no_patch() {
        let said = applied(&json!({"a": "b"}), &json!({"workdir": "/w", "mounts": [{"source": "/s"}]}));
        assert_eq!(patch(&live(&said), &said), None);
    }

    #[test]
    fn a_field_that_the_file_says_no_more_goes_and_one_of_others_stays() {
        let before =
            applied(&json!({"mine": "1"}), &json!({"workdir": "/w", "resources": {"memory": "4Gi", "pids": 9}}));
        let mut live = live(&before);
        live["metadata"]["labels"]["theirs"] = json!("2");
        live["spec"]["resources"]["cpus"] = json!("2");
        let now = applied(&json!({}), &json!({"workdir": "/w", "resources": {"memory": "6Gi"}}));
        let patch = patch(&live, &now).expect("differs");
        assert_eq!(patch["spec"], json!({"resources": {"memory": "6Gi", "pids": null}}));
        assert_eq!(patch["metadata"]["labels"], json!({"mine": null}));
    }

    #[test]
    fn a_field_that_somebody_else_changed_is_changed_back() {
        let said = applied(&json!({}), &json!({"workdir": "/w"}));
        let mut live = live(&said);
        live["spec"]["workdir"] = json!("/other");
        assert_eq!(patch(&live, &said), Some(json!({"spec": {"workdir": "/w"}})));
    }

    #[test]
    fn lists_are_replaced_as_a_whole() {
        let before = applied(&json!({}), &json!({"mounts": [{"source": "/a"}, {"source": "/b"}]}));
        let now = applied(&json!({}), &json!({"mounts": [{"source": "/b"}]}));
        let patch = patch(&live(&before), &now).expect("differs");
        assert_eq!(patch["spec"], json!({"mounts": [{"source": "/b"}]}));
    }

    #[test]
    fn an_object_that_nobody_applied_is_taken_over_without_removals() {
        let said = applied(&json!({}), &json!({"workdir": "/w"}));
        let mut live = live(&object(&json!({"theirs": "1"}), &json!({"workdir": "/w", "roles": ["x"]})));
        live["metadata"]["labels"] = json!({"theirs": "1"});
        let patch = patch(&live, &said).expect("notes what was applied");
        assert_eq!(patch.as_object().map(Map::len), Some(1), "{patch}");
        assert!(patch["metadata"]["annotations"][LAST_APPLIED_ANNOTATION].is_string());
    }
}
