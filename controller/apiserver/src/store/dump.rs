//! Everything that the store holds, as one JSON document for people and for support.

use serde_json::{Value, json};

use super::Store;
use super::disk::FORMAT;

impl Store {
    /// All objects with the format and the version of the store.
    #[must_use]
    pub fn dump(&self) -> Value {
        let state = self.shared.read();
        let objects: Vec<Value> = state.objects.values().map(|object| object.value()).collect();
        json!({"format": FORMAT, "resourceVersion": state.resource_version.to_string(), "objects": objects})
    }
}
