//! Admission: the schema held strictly, then the rules of a single object, then the fields that never change.
//!
//! Every refusal names its field. Rules that need other objects (does the role exist?) are the controllers', who say them in
//! conditions.

use jackin_api::kinds::{Agent, Image, Instance, Role, Workspace};
use jackin_api::validate::{FieldReason, Validate, is_dns_label};
use jackin_apiserver::{Admission, FieldError, FieldErrorReason, Operation};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The parts that an object has; everything else is unknown.
const PARTS: [&str; 5] = ["apiVersion", "kind", "metadata", "spec", "status"];

/// What admission asks of a kind beyond its schema.
pub trait Admitted: DeserializeOwned {
    /// Fields whose value stays what it was at creation, by their path from the root.
    const FIXED: &'static [&'static str] = &[];

    /// Rules that the object breaks.
    fn broken_rules(&self) -> Vec<jackin_api::validate::FieldError> {
        Vec::new()
    }
}

impl Admitted for Role {
    fn broken_rules(&self) -> Vec<jackin_api::validate::FieldError> {
        self.validate()
    }
}

impl Admitted for Agent {
    fn broken_rules(&self) -> Vec<jackin_api::validate::FieldError> {
        self.validate()
    }
}

impl Admitted for Workspace {
    fn broken_rules(&self) -> Vec<jackin_api::validate::FieldError> {
        self.validate()
    }
}

impl Admitted for Instance {
    const FIXED: &'static [&'static str] = &["spec.workspace", "spec.template"];
}

impl Admitted for Image {}

/// Admits a write of one of our kinds, or says every reason against it.
///
/// Deletions are always admitted, and a change of the status or of an object that is being deleted is held to the schema only:
/// an object that an earlier version admitted can still be finished and removed.
///
/// # Errors
/// When a field is unknown, missing, of the wrong type, breaks a rule, or must not change.
pub fn admit<K: Admitted>(admission: Admission<'_>) -> Result<(), Vec<FieldError>> {
    if admission.operation == Operation::Delete {
        return Ok(());
    }
    let object: K = typed(admission.new)?;
    if admission.subresource.is_some() || !admission.new["metadata"]["deletionTimestamp"].is_null() {
        return Ok(());
    }
    let mut errors: Vec<_> = check_name(admission.new).into_iter().collect();
    errors.extend(object.broken_rules().into_iter().map(served_error));
    if let Some(old) = admission.old {
        errors.extend(K::FIXED.iter().filter_map(|field| check_fixed(field, old, admission.new)));
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// The object as its type, or the field where it is none.
fn typed<K: DeserializeOwned>(object: &Value) -> Result<K, Vec<FieldError>> {
    let unknown =
        object.as_object().into_iter().flat_map(|parts| parts.keys()).find(|part| !PARTS.contains(&part.as_str()));
    if let Some(part) = unknown {
        let message = format!("unknown field `{part}`, expected one of `{}`", PARTS.join("`, `"));
        return Err(vec![FieldError::new(part.as_str(), FieldErrorReason::Forbidden, message)]);
    }
    serde_path_to_error::deserialize(object).map_err(|error| {
        let path = error.path().to_string();
        let path = if path == "." { String::new() } else { path };
        vec![schema_error(&path, &error.into_inner().to_string())]
    })
}

/// The error of a deserializer in the words of the API: the field that is missing or unknown belongs into the path.
fn schema_error(path: &str, message: &str) -> FieldError {
    let missing = message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    if let Some(field) = missing {
        let path = if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") };
        return FieldError::new(path, FieldErrorReason::Required, "");
    }
    let reason = if message.starts_with("unknown field") {
        FieldErrorReason::Forbidden
    } else if message.starts_with("unknown variant") {
        FieldErrorReason::NotSupported
    } else {
        FieldErrorReason::Invalid
    };
    FieldError::new(path, reason, message)
}

fn served_error(error: jackin_api::validate::FieldError) -> FieldError {
    let reason = match error.reason {
        FieldReason::Required => FieldErrorReason::Required,
        FieldReason::Invalid => FieldErrorReason::Invalid,
        FieldReason::Duplicate => FieldErrorReason::Duplicate,
        FieldReason::NotSupported => FieldErrorReason::NotSupported,
        FieldReason::Forbidden => FieldErrorReason::Forbidden,
    };
    let message = match error.hint {
        Some(hint) => format!("{}; {hint}", error.message),
        None => error.message,
    };
    FieldError::new(error.field, reason, message)
}

/// Names of our objects become parts of the engine's names, where a dot would be a boundary.
fn check_name(object: &Value) -> Option<FieldError> {
    let name = object["metadata"]["name"].as_str()?;
    (!is_dns_label(name)).then(|| {
        let message = format!(
            "not a name: `{name}`; names have at most 63 lowercase letters, digits and `-`, and start and end with a letter or digit"
        );
        FieldError::new("metadata.name", FieldErrorReason::Invalid, message)
    })
}

fn check_fixed(field: &str, old: &Value, new: &Value) -> Option<FieldError> {
    let pointer = format!("/{}", field.replace('.', "/"));
    let (old, new) = (old.pointer(&pointer), new.pointer(&pointer));
    (old != new).then(|| FieldError::new(field, FieldErrorReason::Forbidden, "the field is immutable"))
}

#[cfg(test)]
mod tests {
    use jackin_apiserver::FieldValidation;
    use serde_json::json;

    use super::*;

    fn refusals<K: Admitted>(old: Option<&Value>, mut new: Value) -> Vec<String> {
        let admission = Admission {
            operation: if old.is_some() { Operation::Update } else { Operation::Create },
            subresource: None,
            field_validation: FieldValidation::Strict,
            old,
            new: &mut new,
        };
        let errors = admit::<K>(admission).err().unwrap_or_default();
        let line = |error: FieldError| format!("{} {:?} {}", error.field, error.reason, error.message);
        errors.into_iter().map(line).collect()
    }

    fn object(kind: &str, spec: Value) -> Value {
        json!({"apiVersion": "jackin.dev/v1alpha1", "kind": kind, "metadata": {"name": "x"}, "spec": spec})
    }

    #[test]
    fn a_field_of_the_wrong_type_is_named_with_its_whole_path() {
        let mount = json!({"workdir": "/w", "mounts": [{"source": 3, "target": "/w"}]});
        let refusals = refusals::<Workspace>(None, object("Workspace", mount));
        assert_eq!(refusals, ["spec.mounts[0].source Invalid invalid type: integer `3`, expected a string"]);
    }

    #[test]
    fn an_unknown_field_is_named_with_its_whole_path() {
        let mount = json!({"workdir": "/w", "mounts": [{"source": "/s", "target": "/w", "readonly": true}]});
        let nested = refusals::<Workspace>(None, object("Workspace", mount));
        assert!(nested[0].starts_with("spec.mounts[0].readonly Forbidden unknown field `readonly`"), "{nested:?}");
        let mut top = object("Workspace", json!({"workdir": "/w"}));
        top["sepc"] = json!({});
        let top = refusals::<Workspace>(None, top);
        assert!(top[0].starts_with("sepc Forbidden unknown field `sepc`"), "{top:?}");
    }

    #[test]
    fn a_missing_field_is_named_and_not_only_its_parent() {
        let refusals =
            refusals::<Workspace>(None, object("Workspace", json!({"mounts": [{"source": "/s"}], "workdir": "/w"})));
        assert_eq!(refusals, ["spec.mounts[0].target Required "]);
    }

    #[test]
    fn a_word_that_is_none_of_the_possible_ones_is_unsupported() {
        let refusals =
            refusals::<Role>(None, object("Role", json!({"source": {"image": "a"}, "docker": {"mode": "host"}})));
        assert_eq!(refusals, ["spec.docker.mode NotSupported unknown variant `host`, expected `none` or `dind`"]);
    }

    #[test]
    fn every_broken_rule_is_told_with_what_to_write_instead() {
        let spec = json!({"workdir": "w", "mounts": [{"source": "/s", "target": "t"}]});
        let refusals = refusals::<Workspace>(None, object("Workspace", spec));
        assert_eq!(refusals.len(), 2, "{refusals:?}");
        assert!(
            refusals[0].starts_with("spec.workdir Invalid workdir is not absolute: `w`; write `/w`"),
            "{refusals:?}"
        );
        assert!(refusals[1].starts_with("spec.mounts[0].target Invalid"), "{refusals:?}");
    }

    #[test]
    fn a_name_with_a_dot_is_refused() {
        let mut role = object("Role", json!({"source": {"image": "a"}}));
        role["metadata"]["name"] = json!("a.b");
        assert!(refusals::<Role>(None, role)[0].starts_with("metadata.name Invalid"));
    }

    #[test]
    fn an_instance_stays_with_its_workspace_and_template() {
        let spec = |workspace: &str, agent: &str| {
            let spec =
                json!({"workspace": workspace, "template": "main", "role": "r", "agent": agent, "workdir": "/w"});
            object("Instance", spec)
        };
        let old = spec("one", "shell");
        assert_eq!(refusals::<Instance>(Some(&old), spec("one", "codex")), Vec::<String>::new());
        let moved = refusals::<Instance>(Some(&old), spec("two", "shell"));
        assert_eq!(moved, ["spec.workspace Forbidden the field is immutable"]);
    }

    #[test]
    fn an_object_that_breaks_a_newer_rule_can_still_lose_its_finalizers() {
        let mut old = object("Workspace", json!({"workdir": "relative"}));
        old["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        assert_eq!(refusals::<Workspace>(Some(&old), old.clone()), Vec::<String>::new());
    }
}
