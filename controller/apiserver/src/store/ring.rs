//! The recent changes that watches read from, bounded in number and in bytes.

use std::collections::VecDeque;
use std::sync::Arc;

use super::object::Object;

/// One committed change.
#[derive(Debug)]
pub(crate) struct Change {
    /// The new version; for a deletion the last state under a fresh resource version.
    pub(crate) object: Arc<Object>,
    /// The version before; absent when the object is new.
    pub(crate) previous: Option<Arc<Object>>,
    pub(crate) deleted: bool,
}

impl Change {
    pub(crate) fn resource_version(&self) -> u64 {
        self.object.resource_version
    }
}

/// The version asked for is older than the oldest change kept, or was never given out here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Gone;

/// Changes in the order of their resource versions.
#[derive(Debug)]
pub(crate) struct Ring {
    changes: VecDeque<Arc<Change>>,
    /// Everything after this version is here.
    floor: u64,
    capacity: usize,
    bytes: usize,
}

/// Objects can be large: the ring lets go of old changes when it holds more than this.
const MAX_BYTES: usize = 16 << 20;

impl Ring {
    pub(crate) fn new(floor: u64, capacity: usize) -> Self {
        Self { changes: VecDeque::new(), floor, capacity, bytes: 0 }
    }

    pub(crate) fn push(&mut self, change: Arc<Change>) {
        self.bytes += change.object.bytes.len();
        self.changes.push_back(change);
        while self.changes.len() > self.capacity || self.bytes > MAX_BYTES {
            let Some(dropped) = self.changes.pop_front() else { break };
            self.bytes -= dropped.object.bytes.len();
            self.floor = dropped.resource_version();
        }
    }

    /// At most `limit` changes after a version.
    pub(crate) fn after(&self, version: u64, limit: usize) -> Result<Vec<Arc<Change>>, Gone> {
        if version < self.floor {
            return Err(Gone);
        }
        let start = self.changes.partition_point(|change| change.resource_version() <= version);
        Ok(self.changes.iter().skip(start).take(limit).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::store::object::Key;

    fn change(version: u64) -> Arc<Change> {
        let key = Key::new(&"toys".into(), "default", "a");
        let object = Arc::new(Object::new(key, json!({"metadata": {}}), version));
        Arc::new(Change { object, previous: None, deleted: false })
    }

    #[test]
    fn a_cursor_that_left_the_ring_is_gone() {
        let mut ring = Ring::new(10, 3);
        for version in 11..=15 {
            ring.push(change(version));
        }
        assert_eq!(ring.after(11, 10).map(|changes| changes.len()), Err(Gone));
        let versions: Vec<u64> = ring.after(12, 10).unwrap().iter().map(|change| change.resource_version()).collect();
        assert_eq!(versions, [13, 14, 15]);
    }

    #[test]
    fn a_ring_without_changes_knows_only_its_floor() {
        let ring = Ring::new(10, 3);
        assert_eq!(ring.after(9, 10).map(|changes| changes.len()), Err(Gone));
        assert_eq!(ring.after(10, 10).map(|changes| changes.len()), Ok(0));
    }
}
