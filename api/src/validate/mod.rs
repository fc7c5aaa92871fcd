//! Rules that a single object must obey, beyond its schema.
//!
//! Pure, and the same for the command line, which adds the position in the file, and for the server, which answers 422. Rules
//! that need other objects (does the role exist?) are not here: the command line asks before it sends, and a controller says it
//! in a condition.

mod agent;
mod build;
mod git;
mod mounts;
mod names;
mod network;
mod plugins;
mod recognition;
mod role;
mod workspace;

pub use git::{fetched_git_source, is_git_commit, is_git_reference, normal_git_url};
pub use mounts::{is_home, is_sensitive};
pub use names::{is_dns_label, is_variable_name};

use crate::kinds::{Agent, Role, Workspace};

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Path of the field, such as `spec.mounts[0].target`.
    pub field: String,
    /// What kind of rule.
    pub reason: FieldReason,
    /// What is wrong, with the value; fits after the field.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

/// Kinds of broken rules, as Kubernetes names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldReason {
    /// The field must be given.
    Required,
    /// The value does not do.
    Invalid,
    /// The value is there twice.
    Duplicate,
    /// The value is not one of those that are possible.
    NotSupported,
    /// The value is possible and not allowed.
    Forbidden,
}

/// The errors of one object, being collected.
#[derive(Default)]
struct Errors(Vec<FieldError>);

impl Errors {
    fn push(&mut self, reason: FieldReason, field: impl Into<String>, message: impl Into<String>, hint: &str) {
        let hint = (!hint.is_empty()).then(|| hint.to_owned());
        self.0.push(FieldError { field: field.into(), reason, message: message.into(), hint });
    }

    fn invalid(&mut self, field: impl Into<String>, message: impl Into<String>, hint: &str) {
        self.push(FieldReason::Invalid, field, message, hint);
    }

    /// Requires that exactly one of the named alternatives is given.
    fn exactly_one(&mut self, field: &str, alternatives: &[(&str, bool)]) {
        let names: Vec<_> = alternatives.iter().map(|(name, _)| format!("`{name}`")).collect();
        let names = names.join(", ");
        match alternatives.iter().filter(|(_, given)| *given).count() {
            1 => {}
            0 => self.push(FieldReason::Required, field, "nothing is given", &format!("write exactly one of {names}")),
            _ => self.invalid(field, "more than one alternative is given", &format!("keep exactly one of {names}")),
        }
    }
}

/// Objects with rules of their own.
pub trait Validate {
    /// Every rule that this object breaks, in the order of its fields.
    fn validate(&self) -> Vec<FieldError>;
}

impl Validate for Role {
    fn validate(&self) -> Vec<FieldError> {
        let mut errors = Errors::default();
        role::check(&self.spec, &mut errors);
        errors.0
    }
}

impl Validate for Agent {
    fn validate(&self) -> Vec<FieldError> {
        let mut errors = Errors::default();
        agent::check(&self.spec, &mut errors);
        errors.0
    }
}

impl Validate for Workspace {
    fn validate(&self) -> Vec<FieldError> {
        let mut errors = Errors::default();
        let name = self.metadata.name.as_deref().unwrap_or_default();
        workspace::check(name, &self.spec, &mut errors);
        errors.0
    }
}
