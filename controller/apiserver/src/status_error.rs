//! Failures as Kubernetes `Status` objects.
//!
//! Clients match on `reason` and `code`, people read `message`; the wording follows Kubernetes where a person may
//! search for it.

use serde_json::{Value, json};

use crate::kind::FieldError;
use crate::registry::Served;

/// A refused or failed request, ready to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct StatusError {
    /// HTTP status code.
    pub code: u16,
    /// Kubernetes reason, such as `NotFound`.
    pub reason: &'static str,
    /// What a person reads.
    pub message: String,
    details: Option<Box<Value>>,
}

impl std::fmt::Display for StatusError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for StatusError {}

impl StatusError {
    fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: None }
    }

    fn about(mut self, served: &Served, name: &str) -> Self {
        self.details =
            Some(Box::new(json!({"name": name, "group": served.definition.group, "kind": served.definition.plural})));
        self
    }

    /// The `Status` object that is sent.
    pub fn to_value(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "code": self.code,
        });
        if let Some(details) = &self.details {
            status["details"] = (**details).clone();
        }
        status
    }

    pub(crate) fn not_found(served: &Served, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{} \"{name}\" not found", served.qualified())).about(served, name)
    }

    pub(crate) fn no_such_resource() -> Self {
        Self::new(404, "NotFound", "the server could not find the requested resource")
    }

    pub(crate) fn already_exists(served: &Served, name: &str, terminating: bool) -> Self {
        let prefix = if terminating { "object is being deleted: " } else { "" };
        Self::new(409, "AlreadyExists", format!("{prefix}{} \"{name}\" already exists", served.qualified()))
            .about(served, name)
    }

    pub(crate) fn conflict(served: &Served, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} \"{name}\": {why}", served.qualified());
        Self::new(409, "Conflict", message).about(served, name)
    }

    pub(crate) fn modified(served: &Served, name: &str) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(served, name, why)
    }

    pub(crate) fn forbidden(served: &Served, name: &str, why: &str) -> Self {
        let name_part = if name.is_empty() { String::new() } else { format!(" \"{name}\"") };
        Self::new(403, "Forbidden", format!("{}{name_part} is forbidden: {why}", served.qualified()))
            .about(served, name)
    }

    pub(crate) fn invalid(served: &Served, name: &str, errors: &[FieldError]) -> Self {
        let definition = &served.definition;
        let kind = if definition.group.is_empty() {
            definition.kind.clone()
        } else {
            format!("{}.{}", definition.kind, definition.group)
        };
        let parts: Vec<String> = errors.iter().map(|error| format!("{}: {}", error.field, error.sentence())).collect();
        let list = match parts.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let causes: Vec<Value> = errors
            .iter()
            .map(|error| json!({"reason": error.reason.cause(), "message": error.sentence(), "field": error.field}))
            .collect();
        let mut status = Self::new(422, "Invalid", format!("{kind} \"{name}\" is invalid: {list}"));
        status.details =
            Some(Box::new(json!({"name": name, "group": definition.group, "kind": definition.kind, "causes": causes})));
        status
    }

    pub(crate) fn unprocessable(message: impl Into<String>) -> Self {
        Self::new(422, "Invalid", message)
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    pub(crate) fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// A list wants a version that this server has not reached.
    pub(crate) fn version_too_large(wanted: u64, current: u64) -> Self {
        let message = format!("Too large resource version: {wanted}, current: {current}");
        let mut status = Self::new(504, "Timeout", message);
        status.details = Some(Box::new(json!({
            "retryAfterSeconds": 1,
            "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
        })));
        status
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
    }

    pub(crate) fn unsupported_media_type(message: impl Into<String>) -> Self {
        Self::new(415, "UnsupportedMediaType", message)
    }

    pub(crate) fn not_acceptable() -> Self {
        Self::new(
            406,
            "NotAcceptable",
            "only the following media types are accepted: application/json, application/json;as=Table;v=v1;g=meta.k8s.io, \
             application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
        )
    }

    pub(crate) fn too_large() -> Self {
        Self::new(413, "RequestEntityTooLarge", "Request entity too large: limit is 3145728")
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(500, "InternalError", format!("Internal error occurred: {}", message.into()))
    }

    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(503, "ServiceUnavailable", message)
    }
}
