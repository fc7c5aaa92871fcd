//! What a write sees and stages: the committed objects, what earlier jobs of the batch staged, and its own changes.
//!
//! Nothing here touches the disk; the writer in [`super::writer`] commits a batch of kept jobs at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::object::{Key, Object};
use super::ring::Change;
use super::state::State;

/// How soon a change has to be on disk.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Urgency {
    /// Before the answer is sent.
    Durable,
    /// Soon after the answer: what a controller can observe again (statuses, events).
    Lazy,
}

#[derive(Debug, Default)]
pub(crate) struct Staged {
    pub(crate) objects: BTreeMap<Key, Option<Arc<Object>>>,
    pub(crate) changes: Vec<Arc<Change>>,
    pub(crate) durable: bool,
}

/// A batch of jobs before its commit.
pub(crate) struct Transaction<'a> {
    state: &'a State,
    batch: Staged,
    job: Staged,
    version: u64,
    version_before_job: u64,
}

impl<'a> Transaction<'a> {
    pub(crate) fn new(state: &'a State, version: u64) -> Self {
        Self { state, batch: Staged::default(), job: Staged::default(), version, version_before_job: version }
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Arc<Object>> {
        let staged = self.job.objects.get(key).or_else(|| self.batch.objects.get(key));
        match staged {
            Some(object) => object.clone(),
            None => self.state.objects.get(key).cloned(),
        }
    }

    /// Objects of one resource, in one namespace or all.
    pub(crate) fn list(&self, resource: &Arc<str>, namespace: Option<&str>) -> Vec<Arc<Object>> {
        let keep = |key: &Key| key.resource == *resource && namespace.is_none_or(|wanted| *key.namespace == *wanted);
        self.merge(self.state.list(resource, namespace), keep)
    }

    /// Objects of all resources in one namespace.
    pub(crate) fn in_namespace(&self, namespace: &str) -> Vec<Arc<Object>> {
        let keep = |key: &Key| *key.namespace == *namespace;
        let committed = self.state.objects.values().filter(|object| keep(&object.key)).cloned().collect();
        self.merge(committed, keep)
    }

    fn merge(&self, committed: Vec<Arc<Object>>, keep: impl Fn(&Key) -> bool) -> Vec<Arc<Object>> {
        if self.job.objects.is_empty() && self.batch.objects.is_empty() {
            return committed;
        }
        let mut merged: BTreeMap<Key, Arc<Object>> =
            committed.into_iter().map(|object| (object.key.clone(), object)).collect();
        for (key, object) in self.batch.objects.iter().chain(&self.job.objects).filter(|(key, _)| keep(key)) {
            match object {
                Some(object) => merged.insert(key.clone(), object.clone()),
                None => merged.remove(key),
            };
        }
        merged.into_values().collect()
    }

    /// Stores a value under the next resource version.
    pub(crate) fn put(&mut self, key: Key, value: Value, urgency: Urgency) -> Arc<Object> {
        self.version += 1;
        let previous = self.get(&key);
        let object = Arc::new(Object::new(key.clone(), value, self.version));
        self.job.changes.push(Arc::new(Change { object: object.clone(), previous, deleted: false }));
        self.job.objects.insert(key, Some(object.clone()));
        self.job.durable |= urgency == Urgency::Durable;
        object
    }

    /// Removes an object; its last state gets a fresh resource version for the watchers.
    pub(crate) fn delete(&mut self, key: &Key, last: Value, urgency: Urgency) -> Arc<Object> {
        self.version += 1;
        let previous = self.get(key);
        let object = Arc::new(Object::new(key.clone(), last, self.version));
        self.job.changes.push(Arc::new(Change { object: object.clone(), previous, deleted: true }));
        self.job.objects.insert(key.clone(), None);
        self.job.durable |= urgency == Urgency::Durable;
        object
    }

    /// The job succeeded: its changes join the batch.
    pub(crate) fn keep_job(&mut self) {
        let job = std::mem::take(&mut self.job);
        self.batch.objects.extend(job.objects);
        self.batch.changes.extend(job.changes);
        self.batch.durable |= job.durable;
        self.version_before_job = self.version;
    }

    /// The job failed or was a dry run: nothing of it remains.
    pub(crate) fn discard_job(&mut self) {
        self.job = Staged::default();
        self.version = self.version_before_job;
    }

    pub(crate) fn finish(self) -> (Staged, u64) {
        (self.batch, self.version_before_job)
    }
}
