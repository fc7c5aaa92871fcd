//! The metadata that the server owns, and the rules for what clients may write into the rest.
//!
//! Server-owned on every path: `uid`, `creationTimestamp`, `generation`, `deletionTimestamp`, `resourceVersion`, `name`,
//! `namespace`. Whatever a client sends there is replaced.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::kind::{FieldError, FieldErrorReason};
use crate::registry::{Role, Served};
use crate::status_error::StatusError;

/// Fields copied from the stored object on every update.
const OWNED: [&str; 8] = [
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "generation",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "resourceVersion",
];

pub(crate) fn new_uid() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// A time as Kubernetes writes it, to the second.
pub(crate) fn time(now: Timestamp) -> String {
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Checks kind, version, namespace and name of a body against the URL, and fills in the namespace.
pub(crate) fn check_identity(
    body: &mut Value,
    served: &Served,
    namespace: &str,
    name: Option<&str>,
) -> Result<(), StatusError> {
    if !body.is_object() {
        return Err(StatusError::bad_request("the body of the request is not a JSON object"));
    }
    let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    if kind.is_empty() || api_version.is_empty() {
        let missing = if kind.is_empty() { "Kind" } else { "apiVersion" };
        return Err(StatusError::bad_request(format!("Object '{missing}' is missing in the body of the request")));
    }
    if kind != served.definition.kind {
        let expected = &served.definition.kind;
        return Err(StatusError::bad_request(format!(
            "the kind in the data ({kind}) does not match the expected kind ({expected})"
        )));
    }
    if api_version != served.api_version() {
        return Err(StatusError::bad_request(format!(
            "the API version in the data ({api_version}) does not match the expected API version ({})",
            served.api_version()
        )));
    }
    let fields = body.as_object_mut().map(|body| body.entry("metadata").or_insert_with(|| Value::Object(Map::new())));
    let Some(metadata) = fields.and_then(Value::as_object_mut) else {
        return Err(StatusError::bad_request("metadata is not an object"));
    };
    for field in ["name", "namespace", "generateName", "resourceVersion", "uid"] {
        if metadata.get(field).is_some_and(|value| !value.is_string() && !value.is_null()) {
            return Err(StatusError::bad_request(format!("metadata.{field} is not a string")));
        }
    }
    let text = |field: &str| metadata.get(field).and_then(Value::as_str).unwrap_or_default();
    if !text("namespace").is_empty() && text("namespace") != namespace {
        return Err(StatusError::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    if let Some(name) = name
        && !text("name").is_empty()
        && text("name") != name
    {
        return Err(StatusError::bad_request(format!(
            "the name of the object ({}) does not match the name on the URL ({name})",
            text("name")
        )));
    }
    Ok(())
}

/// Fills in what the server owns on a new object.
pub(crate) fn own_new(value: &mut Value, namespace: &str, name: &str, now: Timestamp) {
    let Some(metadata) = value["metadata"].as_object_mut() else {
        return;
    };
    for field in OWNED.iter().chain(&["selfLink", "managedFields"]) {
        metadata.remove(*field);
    }
    metadata.insert("name".to_owned(), name.into());
    if !namespace.is_empty() {
        metadata.insert("namespace".to_owned(), namespace.into());
    }
    metadata.insert("uid".to_owned(), new_uid().into());
    metadata.insert("creationTimestamp".to_owned(), time(now).into());
    metadata.insert("generation".to_owned(), 1.into());
    normalise(value);
}

/// Puts back what the server owns on a changed object.
pub(crate) fn own_changed(value: &mut Value, old: &Value) {
    let Some(metadata) = value["metadata"].as_object_mut() else {
        return;
    };
    for field in OWNED {
        match old["metadata"].get(field) {
            Some(stored) => metadata.insert(field.to_owned(), stored.clone()),
            None => metadata.remove(field),
        };
    }
    metadata.remove("selfLink");
    metadata.remove("managedFields");
    normalise(value);
}

/// Drops empty lists, maps and nulls, so that writing `finalizers: []` over no finalizers changes nothing.
fn normalise(value: &mut Value) {
    if let Some(metadata) = value["metadata"].as_object_mut() {
        metadata.retain(|_, field| match field {
            Value::Null => false,
            Value::Array(items) => !items.is_empty(),
            Value::Object(fields) => !fields.is_empty(),
            _ => true,
        });
    }
    if let Some(fields) = value.as_object_mut()
        && fields.get("status").is_some_and(Value::is_null)
    {
        fields.remove("status");
    }
}

/// Problems with the metadata that clients write.
pub(crate) fn errors(value: &Value, served: &Served) -> Vec<FieldError> {
    let metadata = &value["metadata"];
    let subdomain = served.role == Role::Event;
    let mut errors = name_errors(metadata["name"].as_str().unwrap_or_default(), "metadata.name", subdomain);
    label_errors(&metadata["labels"], &mut errors);
    annotation_errors(&metadata["annotations"], &mut errors);
    finalizer_errors(&metadata["finalizers"], &mut errors);
    owner_errors(&metadata["ownerReferences"], &mut errors);
    errors
}

/// Problems with a name: a DNS label, or a DNS subdomain where dots are allowed.
pub(crate) fn name_errors(name: &str, field: &str, subdomain: bool) -> Vec<FieldError> {
    let limit = if subdomain { 253 } else { 63 };
    let label = |label: &str| {
        let bytes = label.as_bytes();
        let inner = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
        !bytes.is_empty() && bytes.iter().all(inner) && !label.starts_with('-') && !label.ends_with('-')
    };
    if name.len() > limit {
        let message = format!("must be no more than {limit} characters");
        return vec![FieldError::new(field, FieldErrorReason::Invalid, format!("{name:?}: {message}"))];
    }
    let valid = if subdomain { name.split('.').all(label) } else { label(name) };
    if valid {
        return Vec::new();
    }
    let what = if subdomain { "RFC 1123 subdomain" } else { "RFC 1123 label" };
    let message = format!(
        "{name:?}: a lowercase {what} must consist of lower case alphanumeric characters{} or '-', and must start and \
         end with an alphanumeric character (e.g. 'my-name')",
        if subdomain { ", '.'" } else { "" }
    );
    vec![FieldError::new(field, FieldErrorReason::Invalid, message)]
}

fn label_errors(labels: &Value, errors: &mut Vec<FieldError>) {
    let Some(labels) = map_of_strings(labels, "metadata.labels", errors) else {
        return;
    };
    for (key, value) in labels {
        if !is_qualified_name(key) {
            errors.push(FieldError::new(
                "metadata.labels",
                FieldErrorReason::Invalid,
                format!("{key:?}: name part must consist of alphanumeric characters, '-', '_' or '.'"),
            ));
        }
        let value = value.as_str().unwrap_or_default();
        if !value.is_empty() && !is_name_part(value) {
            errors.push(FieldError::new(
                "metadata.labels",
                FieldErrorReason::Invalid,
                format!(
                    "{value:?}: a valid label must be an empty string or consist of at most 63 alphanumeric \
                     characters, '-', '_' or '.', and must start and end with an alphanumeric character"
                ),
            ));
        }
    }
}

fn annotation_errors(annotations: &Value, errors: &mut Vec<FieldError>) {
    let Some(annotations) = map_of_strings(annotations, "metadata.annotations", errors) else {
        return;
    };
    for key in annotations.keys().filter(|key| !is_qualified_name(key)) {
        let message = format!("{key:?}: name part must consist of alphanumeric characters, '-', '_' or '.'");
        errors.push(FieldError::new("metadata.annotations", FieldErrorReason::Invalid, message));
    }
    let size: usize = annotations.iter().map(|(key, value)| key.len() + value.as_str().unwrap_or_default().len()).sum();
    if size > 256 << 10 {
        errors.push(FieldError::new(
            "metadata.annotations",
            FieldErrorReason::TooLong,
            "must have at most 262144 bytes",
        ));
    }
}

fn finalizer_errors(finalizers: &Value, errors: &mut Vec<FieldError>) {
    let Some(list) = list(finalizers, "metadata.finalizers", errors) else {
        return;
    };
    for (index, finalizer) in list.iter().enumerate() {
        if !finalizer.as_str().is_some_and(is_qualified_name) {
            let field = format!("metadata.finalizers[{index}]");
            errors.push(FieldError::new(
                field,
                FieldErrorReason::Invalid,
                format!("{finalizer}: not a qualified name"),
            ));
        }
    }
}

fn owner_errors(owners: &Value, errors: &mut Vec<FieldError>) {
    let Some(list) = list(owners, "metadata.ownerReferences", errors) else {
        return;
    };
    let mut controllers = 0;
    for (index, owner) in list.iter().enumerate() {
        for field in ["apiVersion", "kind", "name", "uid"] {
            if owner[field].as_str().unwrap_or_default().is_empty() {
                let path = format!("metadata.ownerReferences[{index}].{field}");
                errors.push(FieldError::new(path, FieldErrorReason::Required, "must not be empty"));
            }
        }
        controllers += usize::from(owner["controller"].as_bool().unwrap_or(false));
    }
    if controllers > 1 {
        let message = "only one reference can have controller set to true";
        errors.push(FieldError::new("metadata.ownerReferences", FieldErrorReason::Invalid, message));
    }
}

fn map_of_strings<'a>(value: &'a Value, field: &str, errors: &mut Vec<FieldError>) -> Option<&'a Map<String, Value>> {
    let map = match value {
        Value::Null => return None,
        Value::Object(map) => map,
        _ => {
            errors.push(FieldError::new(field, FieldErrorReason::Invalid, "must be a map of strings"));
            return None;
        }
    };
    for key in map.iter().filter(|(_, value)| !value.is_string()).map(|(key, _)| key) {
        errors.push(FieldError::new(format!("{field}[{key}]"), FieldErrorReason::Invalid, "must be a string"));
    }
    Some(map)
}

fn list<'a>(value: &'a Value, field: &str, errors: &mut Vec<FieldError>) -> Option<&'a Vec<Value>> {
    match value {
        Value::Null => None,
        Value::Array(list) => Some(list),
        _ => {
            errors.push(FieldError::new(field, FieldErrorReason::Invalid, "must be a list"));
            None
        }
    }
}

/// `name` or `dns.subdomain/name`.
pub(crate) fn is_qualified_name(text: &str) -> bool {
    match text.split_once('/') {
        Some((prefix, name)) => name_errors(prefix, "", true).is_empty() && is_name_part(name),
        None => is_name_part(text),
    }
}

/// What a label's value or the last part of its key may be.
pub(crate) fn is_name_part(text: &str) -> bool {
    let outer = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    bytes.len() <= 63
        && outer(bytes.first())
        && outer(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}
