//! Merge patches (RFC 7396) and JSON patches (RFC 6902), applied to the current object inside the writer.
//!
//! A patch is therefore never stale, unless it names a resource version itself.

use axum::body::Bytes;
use axum::response::Response;
use json_patch::{PatchErrorKind, PatchOperation};
use serde_json::Value;

use super::{Call, update};
use crate::metadata;
use crate::status_error::StatusError;

/// How a patch is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum PatchKind {
    Merge,
    Json,
}

impl PatchKind {
    pub(crate) fn of(content_type: &str) -> Result<Self, StatusError> {
        let accepted = "accepted media types include: application/json-patch+json, application/merge-patch+json";
        match content_type {
            "application/merge-patch+json" => Ok(Self::Merge),
            "application/json-patch+json" => Ok(Self::Json),
            "application/apply-patch+yaml" | "application/apply-patch+cbor" => {
                Err(StatusError::unsupported_media_type(format!(
                    "server-side apply is not supported by this server; {accepted}"
                )))
            }
            "application/strategic-merge-patch+json" => Err(StatusError::unsupported_media_type(format!(
                "strategic merge patches are not supported for these kinds; {accepted}"
            ))),
            other => Err(StatusError::unsupported_media_type(format!(
                "the body of the request was in an unknown format ({other}) - {accepted}"
            ))),
        }
    }
}

enum Patch {
    Merge(Value),
    Json(Vec<PatchOperation>),
}

pub(crate) async fn patch(call: Call, kind: PatchKind, body: Bytes) -> Result<Response, StatusError> {
    let malformed = |error: serde_json::Error| StatusError::bad_request(format!("the patch cannot be read: {error}"));
    let patch = match kind {
        PatchKind::Merge => Patch::Merge(serde_json::from_slice(&body).map_err(malformed)?),
        PatchKind::Json => Patch::Json(serde_json::from_slice(&body).map_err(malformed)?),
    };
    update::write(call, move |transaction, registry, call| {
        let served = &call.target.served;
        let old = transaction.get(&call.key()).ok_or_else(|| call.not_found())?;
        let mut value = served.value(&old);
        match patch {
            Patch::Merge(patch) => json_patch::merge(&mut value, &patch),
            Patch::Json(operations) => apply(&mut value, &operations)?,
        }
        metadata::check_identity(&mut value, served, call.namespace(), Some(call.name()))?;
        if let Some(view) = served.view {
            (view.write)(&mut value);
        }
        update::change(transaction, registry, call, &old, value)
    })
    .await
}

fn apply(value: &mut Value, operations: &[PatchOperation]) -> Result<(), StatusError> {
    for operation in operations {
        // Kubernetes clients test for absence with null; the RFC knows no such test.
        if let PatchOperation::Test(test) = operation
            && test.value.is_null()
            && value.pointer(test.path.as_str()).is_none()
        {
            continue;
        }
        json_patch::patch(value, std::slice::from_ref(operation)).map_err(|error| {
            let path = operation.path();
            StatusError::unprocessable(match error.kind {
                PatchErrorKind::TestFailed => format!("the JSON patch's test of {path} failed"),
                _ => format!("the JSON patch cannot be applied at {path}: {error}"),
            })
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn applied(mut value: Value, operations: Value) -> Result<Value, StatusError> {
        apply(&mut value, &serde_json::from_value::<Vec<PatchOperation>>(operations).unwrap())?;
        Ok(value)
    }

    #[test]
    fn an_absent_path_passes_a_test_for_null() {
        let operations = json!([
            {"op": "test", "path": "/metadata/finalizers", "value": null},
            {"op": "add", "path": "/metadata/finalizers", "value": ["a"]},
        ]);
        assert_eq!(
            applied(json!({"metadata": {}}), operations.clone()),
            Ok(json!({"metadata": {"finalizers": ["a"]}}))
        );
        assert_eq!(applied(json!({"metadata": {"finalizers": ["b"]}}), operations).unwrap_err().code, 422);
    }

    #[test]
    fn formats_that_we_cannot_merge_are_refused_by_name() {
        let apply = PatchKind::of("application/apply-patch+yaml").unwrap_err();
        assert_eq!(apply.code, 415);
        assert!(apply.message.contains("server-side apply is not supported"), "{apply}");
        assert_eq!(PatchKind::of("application/strategic-merge-patch+json").unwrap_err().code, 415);
    }
}
