//! The committed objects in memory, and the changes that led to them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::object::{Key, Object};
use super::ring::Ring;
use super::transaction::Staged;

/// What readers see: always a committed state.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) objects: BTreeMap<Key, Arc<Object>>,
    pub(crate) ring: Ring,
    /// Version of the last committed change.
    pub(crate) resource_version: u64,
}

impl State {
    pub(crate) fn list(&self, resource: &Arc<str>, namespace: Option<&str>) -> Vec<Arc<Object>> {
        let start = Key::new(resource, namespace.unwrap_or_default(), "");
        self.objects
            .range(start..)
            .take_while(|(key, _)| {
                key.resource == *resource && namespace.is_none_or(|wanted| *key.namespace == *wanted)
            })
            .map(|(_, object)| object.clone())
            .collect()
    }

    pub(crate) fn apply(&mut self, staged: Staged) {
        for (key, object) in staged.objects {
            match object {
                Some(object) => self.objects.insert(key, object),
                None => self.objects.remove(&key),
            };
        }
        for change in staged.changes {
            self.resource_version = change.resource_version();
            self.ring.push(change);
        }
    }
}
