//! Values that are given, and references to values that are secret.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A value, or a reference to one. Exactly one field is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ValueSource {
    /// The value itself. Not for secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Where the value is read from when a session needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Reference>,
}

/// Where a secret is read from: `env://NAME`, `file:///path`, `op://vault/item/field` or `cmd://…`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Reference(pub String);

/// The parts of a [`Reference`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReferenceTarget {
    /// A variable of the controller's environment.
    Environment(String),
    /// A file of the host, by absolute path.
    File(String),
    /// An item of 1Password, as its program takes it (`op://vault/item/field`).
    OnePassword(String),
    /// A command line of the host.
    Command(String),
}

/// Why a text is no reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// The scheme is none of the four.
    #[error("`{0}` does not start with env://, file:///, op:// or cmd://")]
    UnknownScheme(String),
    /// Nothing, or something malformed, follows the scheme.
    #[error("`{0}` names nothing after its scheme")]
    Empty(String),
    /// A file is not named by an absolute path.
    #[error("`{0}` is not an absolute path: file references are file:///path")]
    RelativeFile(String),
}

impl Reference {
    /// The parts of this reference.
    ///
    /// # Errors
    /// When the text is no reference.
    ///
    /// ```
    /// use jackin_api::kinds::{Reference, ReferenceTarget};
    /// let target = Reference("env://TOKEN".into()).target();
    /// assert_eq!(target, Ok(ReferenceTarget::Environment("TOKEN".into())));
    /// ```
    pub fn target(&self) -> Result<ReferenceTarget, ReferenceError> {
        ReferenceTarget::from_str(&self.0)
    }
}

impl FromStr for ReferenceTarget {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(ReferenceError::UnknownScheme(text.to_owned()));
        };
        if rest.is_empty() {
            return Err(ReferenceError::Empty(text.to_owned()));
        }
        match scheme {
            "env" => Ok(Self::Environment(rest.to_owned())),
            "file" if rest.starts_with('/') => Ok(Self::File(rest.to_owned())),
            "file" => Err(ReferenceError::RelativeFile(text.to_owned())),
            "op" => Ok(Self::OnePassword(text.to_owned())),
            "cmd" => Ok(Self::Command(rest.to_owned())),
            _ => Err(ReferenceError::UnknownScheme(text.to_owned())),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
