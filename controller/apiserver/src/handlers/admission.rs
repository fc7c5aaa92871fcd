//! The checks that a new or changed object passes before it is stored.

use serde_json::Value;

use super::Subresource;
use crate::kind::{Admission, FieldValidation, Operation};
use crate::metadata;
use crate::registry::Served;
use crate::status_error::StatusError;

/// Runs the metadata rules and the kind's own admission; all problems are reported together.
pub(crate) fn admit(
    served: &Served,
    operation: Operation,
    subresource: Option<Subresource>,
    field_validation: FieldValidation,
    old: Option<&Value>,
    new: &mut Value,
) -> Result<(), StatusError> {
    let name = new["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let mut errors = metadata::errors(new, served);
    let subresource = subresource.map(|Subresource::Status| "status");
    let admission = Admission { operation, subresource, field_validation, old, new };
    if let Err(more) = (served.definition.admit)(admission) {
        errors.extend(more);
    }
    if errors.is_empty() { Ok(()) } else { Err(StatusError::invalid(served, &name, &errors)) }
}
