//! One thing that is wrong in a file.

use std::sync::Arc;

use super::Source;
use super::node::Position;
use crate::command_error::{Diagnostic, Place};

/// One thing that is wrong in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) message: String,
    /// Path of the field; empty for the document itself.
    pub(super) field: String,
    pub(super) position: Position,
    pub(super) hint: Option<String>,
}

impl Problem {
    pub(super) fn new(message: impl Into<String>, field: impl Into<String>, position: Position) -> Self {
        Self { message: message.into(), field: field.into(), position, hint: None }
    }

    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The problem with the file that it is in.
    pub(super) fn at(self, source: &Arc<Source>) -> Diagnostic {
        Diagnostic {
            message: self.message,
            place: Some(Place {
                source: Arc::clone(source),
                line: self.position.line,
                column: self.position.column,
                field: self.field,
            }),
            causes: Vec::new(),
            hints: self.hint.into_iter().collect(),
        }
    }
}
