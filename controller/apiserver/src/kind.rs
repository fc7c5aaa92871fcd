//! What an embedder says about a kind, as plain data and plain functions.
//!
//! How a kind is served is in [`crate::registry`]; the kinds that the server brings itself are in [`crate::events`] and
//! [`crate::namespaces`].

use jiff::Timestamp;
use serde_json::Value;

/// A kind served by the API server.
#[derive(Clone, Debug)]
pub struct KindDefinition {
    /// API group, for example `example.dev`.
    pub group: String,
    /// API version, for example `v1alpha1`.
    pub version: String,
    /// Kind in CamelCase.
    pub kind: String,
    /// Plural in lower case, as in the URL.
    pub plural: String,
    /// Singular in lower case.
    pub singular: String,
    /// Short names for clients.
    pub short_names: Vec<String>,
    /// Categories for clients, such as `all`.
    pub categories: Vec<String>,
    /// Whether objects live in a namespace.
    pub namespaced: bool,
    /// OpenAPI v3 schema of the whole object, as in a CRD's `openAPIV3Schema`; served, not enforced.
    pub schema: Value,
    /// Columns of the table view; a `Name` column is put in front when there is none.
    pub columns: Vec<Column>,
    /// Strict and semantic validation; may write defaults into the new object.
    pub admit: fn(Admission<'_>) -> Result<(), Vec<FieldError>>,
}

/// A column of a kind's table view.
#[derive(Clone, Debug)]
pub struct Column {
    /// Heading.
    pub name: String,
    /// OpenAPI type: `string`, `integer`, `boolean`.
    pub type_: String,
    /// OpenAPI format; the column with the object's name has the format `name`.
    pub format: String,
    /// One sentence about the column.
    pub description: String,
    /// 0 is always shown, greater values in wide output only.
    pub priority: i32,
    /// The cell of one object at a moment.
    pub cell: fn(&Value, Timestamp) -> Value,
}

/// What a write does to an object.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Operation {
    /// The object is new.
    Create,
    /// The object exists and changes (the main resource or a subresource).
    Update,
    /// The object is to be deleted.
    Delete,
}

/// How strictly a client wants unknown and duplicate fields to be treated.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum FieldValidation {
    /// Refuse the request.
    #[default]
    Strict,
    /// Accept the request with a warning.
    Warn,
    /// Accept the request.
    Ignore,
}

/// One write, before it is stored.
#[derive(Debug)]
pub struct Admission<'a> {
    /// What the write does.
    pub operation: Operation,
    /// `Some("status")` when only the status is written.
    pub subresource: Option<&'static str>,
    /// What the client asked for; `Strict` when it did not say.
    pub field_validation: FieldValidation,
    /// The stored object; absent on create.
    pub old: Option<&'a Value>,
    /// The object that will be stored; on delete a copy of the stored one, whose changes are dropped.
    pub new: &'a mut Value,
}

/// One reason to refuse an object.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FieldError {
    /// Path of the field, for example `spec.mounts[0].target`.
    pub field: String,
    /// Category of the problem.
    pub reason: FieldErrorReason,
    /// What is wrong, after the category's own words; may be empty.
    pub message: String,
}

impl FieldError {
    /// A problem with one field.
    pub fn new(field: impl Into<String>, reason: FieldErrorReason, message: impl Into<String>) -> Self {
        Self { field: field.into(), reason, message: message.into() }
    }

    /// The message without the field, as Kubernetes writes it: `Required value: say why`.
    pub(crate) fn sentence(&self) -> String {
        let words = self.reason.words();
        if self.message.is_empty() { words.to_owned() } else { format!("{words}: {}", self.message) }
    }
}

/// Category of a field's problem.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FieldErrorReason {
    /// What the field refers to does not exist.
    NotFound,
    /// The field has to be present.
    Required,
    /// The value occurs more than once.
    Duplicate,
    /// The value is malformed or has the wrong type.
    Invalid,
    /// The value is none of the known ones.
    NotSupported,
    /// The value is not allowed in this state.
    Forbidden,
    /// The value is too long.
    TooLong,
    /// The list has too many items.
    TooMany,
}

impl FieldErrorReason {
    fn words(self) -> &'static str {
        match self {
            Self::NotFound => "Not found",
            Self::Required => "Required value",
            Self::Duplicate => "Duplicate value",
            Self::Invalid => "Invalid value",
            Self::NotSupported => "Unsupported value",
            Self::Forbidden => "Forbidden",
            Self::TooLong => "Too long",
            Self::TooMany => "Too many",
        }
    }

    /// The reason of a cause in a Kubernetes status.
    pub(crate) fn cause(self) -> &'static str {
        match self {
            Self::NotFound => "FieldValueNotFound",
            Self::Required => "FieldValueRequired",
            Self::Duplicate => "FieldValueDuplicate",
            Self::Invalid => "FieldValueInvalid",
            Self::NotSupported => "FieldValueNotSupported",
            Self::Forbidden => "FieldValueForbidden",
            Self::TooLong => "FieldValueTooLong",
            Self::TooMany => "FieldValueTooMany",
        }
    }
}

/// What `/version` says.
#[derive(Clone, Debug)]
pub struct BuildInfo {
    /// Version of the program.
    pub version: String,
    /// Commit that it was built from.
    pub git: String,
}
