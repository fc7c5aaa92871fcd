//! Namespaces: made on first use, listable, deletable with all that is in them; `default` is always there.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::kind::{Column, KindDefinition};
use crate::metadata;
use crate::registry::{Role, Served};
use crate::status_error::StatusError;
use crate::store::{Key, Transaction, Urgency};
use crate::table;

pub(crate) const STORAGE: &str = "namespaces";
pub(crate) const DEFAULT: &str = "default";

pub(crate) fn served() -> Served {
    let definition = KindDefinition {
        group: String::new(),
        version: "v1".to_owned(),
        kind: "Namespace".to_owned(),
        plural: "namespaces".to_owned(),
        singular: "namespace".to_owned(),
        short_names: vec!["ns".to_owned()],
        categories: Vec::new(),
        namespaced: false,
        schema: json!({
            "type": "object",
            "description": "Namespace provides a scope for names.",
            "properties": {
                "apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"},
                "spec": {"type": "object", "description": "The behaviour of the namespace."},
                "status": {"type": "object", "description": "The current state of the namespace.",
                           "properties": {"phase": {"type": "string", "description": "Active or Terminating."}}},
            },
        }),
        columns: vec![
            Column {
                name: "Status".to_owned(),
                type_: "string".to_owned(),
                format: String::new(),
                description: "Active or Terminating.".to_owned(),
                priority: 0,
                cell: |namespace, _| namespace["status"]["phase"].clone(),
            },
            table::age_column(),
        ],
        admit: |admission| {
            // The phase follows the deletion, whatever a client writes.
            let terminating = admission.new["metadata"]["deletionTimestamp"].is_string();
            admission.new["status"] = json!({"phase": if terminating { "Terminating" } else { "Active" }});
            Ok(())
        },
    };
    Served { definition, storage: STORAGE.into(), role: Role::Namespace, view: None, has_status: false }
}

pub(crate) fn key(name: &str) -> Key {
    Key::new(&Arc::from(STORAGE), "", name)
}

/// Makes the namespace of a new object when it is missing.
///
/// # Errors
/// When the name is no DNS label, or the namespace is being deleted.
pub(crate) fn ensure(
    transaction: &mut Transaction<'_>,
    namespace: &str,
    content: &Served,
    now: Timestamp,
) -> Result<(), StatusError> {
    match transaction.get(&key(namespace)) {
        Some(existing) if existing.terminating => {
            let why = format!("unable to create new content in namespace {namespace} because it is being terminated");
            Err(StatusError::forbidden(content, "", &why))
        }
        Some(_) => Ok(()),
        None => {
            let errors = metadata::name_errors(namespace, "metadata.namespace", false);
            if !errors.is_empty() {
                return Err(StatusError::invalid(content, "", &errors));
            }
            transaction.put(key(namespace), new_value(namespace, now), Urgency::Durable);
            Ok(())
        }
    }
}

fn new_value(name: &str, now: Timestamp) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": name,
            "uid": metadata::new_uid(),
            "creationTimestamp": metadata::time(now),
            "generation": 1,
            "labels": {"kubernetes.io/metadata.name": name},
        },
        "spec": {},
        "status": {"phase": "Active"},
    })
}
