//! What travels to the engine for a build, beside the request that may be written down.

use std::collections::BTreeMap;

use secrecy::SecretString;

use super::Archive;

/// What a build is made from: its context, and the secrets that its steps read.
#[derive(Debug)]
pub struct BuildMaterial {
    /// The files.
    pub context: Archive,
    /// Values by id. They are handed to the builder when a step asks for them, and overwritten when they are dropped.
    pub secrets: BTreeMap<String, SecretString>,
}

impl BuildMaterial {
    /// The same with one more secret.
    #[must_use]
    pub fn with_secret(mut self, id: &str, value: &str) -> Self {
        self.secrets.insert(id.to_owned(), SecretString::from(value));
        self
    }
}

impl From<Archive> for BuildMaterial {
    fn from(context: Archive) -> Self {
        Self { context, secrets: BTreeMap::new() }
    }
}
