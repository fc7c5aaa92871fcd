//! Changing an object: the one path that PUT and PATCH take, for the whole object and for its status.
//!
//! Guarantees: a stale resource version is refused; a change that changes nothing is not written; the status path
//! touches nothing but the status and the main path everything but the status; an object whose last finalizer goes
//! while it is terminating is removed.

use std::sync::Arc;

use axum::body::Bytes;
use axum::response::Response;
use serde_json::{Value, json};

use super::{Call, Subresource, admission, parse};
use crate::kind::{FieldError, FieldErrorReason, Operation};
use crate::metadata;
use crate::registry::{Registry, Role};
use crate::status_error::StatusError;
use crate::store::{Object, Transaction, Urgency};
use crate::{events, garbage};

pub(crate) async fn update(call: Call, body: Bytes) -> Result<Response, StatusError> {
    let served = &call.target.served;
    let mut value = parse(&body)?;
    metadata::check_identity(&mut value, served, call.namespace(), Some(call.name()))?;
    if let Some(view) = served.view {
        (view.write)(&mut value);
    }
    write(call, move |transaction, registry, call| {
        let old = transaction.get(&call.key()).ok_or_else(|| call.not_found())?;
        change(transaction, registry, call, &old, value)
    })
    .await
}

/// Runs a change on the writer thread and answers with the object.
pub(crate) async fn write(
    call: Call,
    job: impl FnOnce(&mut Transaction<'_>, &Registry, &Call) -> Result<Arc<Object>, StatusError> + Send + 'static,
) -> Result<Response, StatusError> {
    let (registry, job_call) = (call.server.registry().clone(), call.clone());
    let dry_run = call.options.dry_run;
    let object = call
        .server
        .store()
        .write(dry_run, move |transaction| {
            let before = transaction.get(&job_call.key());
            let object = job(transaction, &registry, &job_call)?;
            Ok(if dry_run { unversioned(&object, before.as_deref()) } else { object })
        })
        .await?;
    Ok(call.object_response(200, &object))
}

/// A dry run's answer carries the version of the object that stays.
fn unversioned(object: &Arc<Object>, before: Option<&Object>) -> Arc<Object> {
    let Some(before) = before else { return object.clone() };
    let mut value = object.value();
    value["metadata"]["resourceVersion"] = json!(before.resource_version.to_string());
    Arc::new(Object::unstored(object.key.clone(), &value))
}

/// Replaces an object by a new value in the stored shape.
pub(crate) fn change(
    transaction: &mut Transaction<'_>,
    registry: &Registry,
    call: &Call,
    old: &Arc<Object>,
    mut new: Value,
) -> Result<Arc<Object>, StatusError> {
    let served = &call.target.served;
    let old_value = old.value();
    check_versions(call, old, &new)?;
    if call.target.subresource == Some(Subresource::Status) {
        let status = new["status"].take();
        new = old_value.clone();
        set_status(&mut new, status);
    } else {
        metadata::own_changed(&mut new, &old_value);
        if served.has_status {
            set_status(&mut new, old_value["status"].clone());
        }
    }
    check_finalizers(call, old, &new)?;
    // An object that an older program accepted must be able to go: its finalizers are not held by today's rules.
    let leaving = old.terminating && served.role == Role::Embedded && new["spec"] == old_value["spec"];
    if !leaving {
        let validation = call.options.field_validation;
        let subresource = call.target.subresource;
        admission::admit(served, Operation::Update, subresource, validation, Some(&old_value), &mut new)?;
    }
    if call.target.subresource == Some(Subresource::Status) {
        // Defaults that the kind learnt since the object was stored wait for a write of the whole object.
        let status = new["status"].take();
        new = old_value.clone();
        set_status(&mut new, status);
    }
    if new["spec"] != old_value["spec"] {
        let generation = old_value["metadata"]["generation"].as_i64().unwrap_or(0) + 1;
        new["metadata"]["generation"] = generation.into();
    }
    if same(&new, &old_value) {
        return Ok(old.clone());
    }
    if old.terminating && new["metadata"]["finalizers"].is_null() && may_go(transaction, call) {
        return Ok(garbage::remove(transaction, registry, &old.key, new, call.now));
    }
    let lazy = call.target.subresource == Some(Subresource::Status) || served.role == Role::Event;
    let urgency = if lazy { Urgency::Lazy } else { Urgency::Durable };
    let object = transaction.put(old.key.clone(), new, urgency);
    garbage::delete_if_orphaned(transaction, registry, &object, call.now);
    if served.role == Role::Event {
        events::prune(transaction, call.now);
    }
    Ok(object)
}

fn may_go(transaction: &Transaction<'_>, call: &Call) -> bool {
    call.target.served.role != Role::Namespace || garbage::namespace_is_empty(transaction, call.name())
}

fn check_versions(call: &Call, old: &Object, new: &Value) -> Result<(), StatusError> {
    let served = &call.target.served;
    let metadata = &new["metadata"];
    let sent = |field: &str| metadata[field].as_str().filter(|text| !text.is_empty());
    if let Some(uid) = sent("uid").filter(|uid| *uid != old.uid) {
        let why = format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {}", old.uid);
        return Err(StatusError::conflict(served, call.name(), &why));
    }
    if sent("resourceVersion").is_some_and(|version| version != old.resource_version.to_string()) {
        return Err(StatusError::modified(served, call.name()));
    }
    Ok(())
}

fn check_finalizers(call: &Call, old: &Object, new: &Value) -> Result<(), StatusError> {
    if !old.terminating {
        return Ok(());
    }
    let Some(finalizers) = new["metadata"]["finalizers"].as_array() else {
        return Ok(());
    };
    let added: Vec<&Value> = finalizers
        .iter()
        .filter(|finalizer| !old.finalizers.iter().any(|known| Some(known.as_str()) == finalizer.as_str()))
        .collect();
    if added.is_empty() {
        return Ok(());
    }
    let message =
        format!("no new finalizers can be added if the object is being deleted, found new finalizers {}", json!(added));
    let error = FieldError::new("metadata.finalizers", FieldErrorReason::Forbidden, message);
    Err(StatusError::invalid(&call.target.served, call.name(), &[error]))
}

fn set_status(value: &mut Value, status: Value) {
    let Some(fields) = value.as_object_mut() else { return };
    if status.is_null() {
        fields.remove("status");
    } else {
        fields.insert("status".to_owned(), status);
    }
}

/// Equal but for a `null` where the other has nothing.
fn same(new: &Value, old: &Value) -> bool {
    match (new, old) {
        (Value::Object(new), Value::Object(old)) => {
            new.iter().all(|(name, value)| same(value, old.get(name).unwrap_or(&Value::Null)))
                && old.iter().all(|(name, value)| new.contains_key(name) || value.is_null())
        }
        (new, old) => new == old,
    }
}
