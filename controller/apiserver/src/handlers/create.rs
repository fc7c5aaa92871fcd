//! Creating an object, with its name generated if asked for and its namespace made on first use.

use std::sync::Arc;

use axum::body::Bytes;
use axum::response::Response;
use serde_json::Value;

use super::{Call, admission, parse};
use crate::kind::{FieldError, FieldErrorReason, Operation};
use crate::metadata;
use crate::registry::{Registry, Role};
use crate::status_error::StatusError;
use crate::store::{Key, Object, Transaction, Urgency};
use crate::{events, garbage, namespaces};

/// Letters that form no words.
const SUFFIX_LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
const SUFFIX_LENGTH: usize = 5;

pub(crate) async fn create(call: Call, body: Bytes) -> Result<Response, StatusError> {
    let served = &call.target.served;
    if served.definition.namespaced && call.target.namespace.is_none() {
        return Err(StatusError::method_not_allowed());
    }
    let mut value = parse(&body)?;
    metadata::check_identity(&mut value, served, call.namespace(), None)?;
    if value["metadata"]["resourceVersion"].as_str().is_some_and(|version| !version.is_empty()) {
        return Err(StatusError::bad_request("resourceVersion should not be set on objects to be created"));
    }
    if let Some(view) = served.view {
        (view.write)(&mut value);
    }
    let (registry, job_call) = (call.server.registry().clone(), call.clone());
    let dry_run = call.options.dry_run;
    let object = call
        .server
        .store()
        .write(dry_run, move |transaction| create_in(transaction, &registry, &job_call, value))
        .await?;
    if dry_run {
        let mut value = object.value();
        if let Some(metadata) = value["metadata"].as_object_mut() {
            metadata.remove("resourceVersion");
        }
        return Ok(call.object_response(201, &Object::unstored(object.key.clone(), &value)));
    }
    Ok(call.object_response(201, &object))
}

fn create_in(
    transaction: &mut Transaction<'_>,
    registry: &Registry,
    call: &Call,
    mut value: Value,
) -> Result<Arc<Object>, StatusError> {
    let (served, namespace) = (&call.target.served, call.namespace());
    let name = name_of(transaction, call, &value)?;
    if served.definition.namespaced {
        namespaces::ensure(transaction, namespace, served, call.now)?;
    }
    if served.has_status
        && let Some(fields) = value.as_object_mut()
    {
        fields.remove("status");
    }
    metadata::own_new(&mut value, namespace, &name, call.now);
    let validation = call.options.field_validation;
    admission::admit(served, Operation::Create, None, validation, None, &mut value)?;
    let key = Key::new(&served.storage, namespace, &name);
    if let Some(existing) = transaction.get(&key) {
        return Err(StatusError::already_exists(served, &name, existing.terminating));
    }
    let urgency = if served.role == Role::Event { Urgency::Lazy } else { Urgency::Durable };
    let object = transaction.put(key, value, urgency);
    garbage::delete_if_orphaned(transaction, registry, &object, call.now);
    if served.role == Role::Event {
        events::prune(transaction, call.now);
    }
    Ok(object)
}

fn name_of(transaction: &Transaction<'_>, call: &Call, value: &Value) -> Result<String, StatusError> {
    let metadata = &value["metadata"];
    if let Some(name) = metadata["name"].as_str().filter(|name| !name.is_empty()) {
        return Ok(name.to_owned());
    }
    let served = &call.target.served;
    let Some(prefix) = metadata["generateName"].as_str().filter(|prefix| !prefix.is_empty()) else {
        let message = "name or generateName is required";
        let error = FieldError::new("metadata.name", FieldErrorReason::Required, message);
        return Err(StatusError::invalid(served, "", &[error]));
    };
    let prefix: String = prefix.chars().take(63 - SUFFIX_LENGTH).collect();
    loop {
        let name = format!("{prefix}{}", suffix());
        if transaction.get(&Key::new(&served.storage, call.namespace(), &name)).is_none() {
            return Ok(name);
        }
    }
}

fn suffix() -> String {
    let random = uuid::Uuid::new_v4();
    let letters = random.as_bytes().iter().take(SUFFIX_LENGTH);
    letters.map(|byte| char::from(SUFFIX_LETTERS[usize::from(*byte) % SUFFIX_LETTERS.len()])).collect()
}
