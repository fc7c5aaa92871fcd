//! Deleting one object or all that a selector matches; what follows is in [`crate::garbage`].

use std::sync::Arc;

use axum::body::Bytes;
use axum::response::Response;
use serde_json::json;

use super::{Call, admission, json_response};
use crate::kind::Operation;
use crate::options::Deletion;
use crate::registry::{Registry, Role};
use crate::status_error::StatusError;
use crate::store::{Object, Transaction};
use crate::{garbage, namespaces};

pub(crate) async fn delete(call: Call, body: Bytes) -> Result<Response, StatusError> {
    let deletion = Deletion::parse(&call.options, &body)?;
    let (registry, job_call) = (call.server.registry().clone(), call.clone());
    let outcome = call
        .server
        .store()
        .write(deletion.dry_run, move |transaction| {
            let object = transaction.get(&job_call.key()).ok_or_else(|| job_call.not_found())?;
            delete_in(transaction, &registry, &job_call, &object, &deletion)
        })
        .await?;
    match outcome {
        Outcome::Terminating(object) => Ok(call.object_response(200, &object)),
        Outcome::Removed(object) => {
            let definition = &call.target.served.definition;
            let status = json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 200,
                "details": {
                    "name": &*object.key.name, "group": definition.group, "kind": definition.plural, "uid": object.uid,
                },
            });
            Ok(json_response(200, Bytes::from(status.to_string())))
        }
    }
}

pub(crate) async fn delete_collection(call: Call, body: Bytes) -> Result<Response, StatusError> {
    let served = &call.target.served;
    if (served.definition.namespaced && call.target.namespace.is_none()) || served.role == Role::Namespace {
        return Err(StatusError::method_not_allowed());
    }
    let deletion = Deletion::parse(&call.options, &body)?;
    let selector = call.selector()?;
    let (registry, job_call) = (call.server.registry().clone(), call.clone());
    let objects = call
        .server
        .store()
        .write(deletion.dry_run, move |transaction| {
            let mut objects = transaction.list(&job_call.target.served.storage, job_call.target.namespace.as_deref());
            objects.retain(|object| selector.matches(object));
            for object in &objects {
                // An earlier deletion of this request may have taken it along.
                if let Some(current) = transaction.get(&object.key) {
                    delete_in(transaction, &registry, &job_call, &current, &deletion)?;
                }
            }
            Ok(objects)
        })
        .await?;
    let metadata = json!({"resourceVersion": call.server.store().resource_version().to_string()});
    let body = call.representation.list(served, &objects, metadata, call.options.include_object, call.now);
    Ok(json_response(200, body))
}

enum Outcome {
    Removed(Arc<Object>),
    /// Finalizers hold it.
    Terminating(Arc<Object>),
}

fn delete_in(
    transaction: &mut Transaction<'_>,
    registry: &Registry,
    call: &Call,
    object: &Arc<Object>,
    deletion: &Deletion,
) -> Result<Outcome, StatusError> {
    let served = &call.target.served;
    let name = &*object.key.name;
    check_preconditions(call, object, deletion)?;
    if served.role == Role::Namespace && name == namespaces::DEFAULT {
        return Err(StatusError::forbidden(served, name, "this namespace may not be deleted"));
    }
    if !object.terminating {
        let old = object.value();
        let validation = call.options.field_validation;
        admission::admit(served, Operation::Delete, None, validation, Some(&old), &mut old.clone())?;
    }
    garbage::delete(transaction, registry, object, deletion.propagation, call.now);
    Ok(match transaction.get(&object.key).filter(|current| current.uid == object.uid) {
        Some(current) => Outcome::Terminating(current),
        None => Outcome::Removed(object.clone()),
    })
}

fn check_preconditions(call: &Call, object: &Object, deletion: &Deletion) -> Result<(), StatusError> {
    let (served, name) = (&call.target.served, &*object.key.name);
    let failed = |what: &str, wanted: &str, found: &str| {
        let why = format!("Precondition failed: {what} in precondition: {wanted}, {what} in object meta: {found}");
        Err(StatusError::conflict(served, name, &why))
    };
    let version = object.resource_version.to_string();
    match &deletion.preconditions {
        wanted if wanted.uid.as_ref().is_some_and(|uid| *uid != object.uid) => {
            failed("UID", wanted.uid.as_deref().unwrap_or_default(), &object.uid)
        }
        wanted if wanted.resource_version.as_ref().is_some_and(|wanted| *wanted != version) => {
            failed("ResourceVersion", wanted.resource_version.as_deref().unwrap_or_default(), &version)
        }
        _ => Ok(()),
    }
}
