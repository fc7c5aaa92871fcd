//! What a store in memory would find again: the durable objects, kept beside the store as a disk is.
//!
//! It promises what [`super::disk`] promises, to the letter: a durable commit is kept when it returns, a lazy one with the next
//! durable one or a flush, and a version that was given out in a lost commit is not given out again. So a test can lose a process
//! and look at what the next one makes of what is left.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::disk::{LAZY_LIMIT, RESERVATION};
use super::object::{Key, Object};

/// What outlives a store in memory; clones are the same medium.
#[derive(Clone, Debug, Default)]
pub struct Medium(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    objects: BTreeMap<Key, Arc<Object>>,
    reserved: u64,
}

/// A store's side of its medium: what was committed lazily and is not kept yet.
#[derive(Debug)]
pub(super) struct Sheet {
    medium: Medium,
    lazy: BTreeMap<Key, Option<Arc<Object>>>,
    pending: u32,
}

impl Medium {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets everything, as when a disk is lost.
    pub fn clear(&self, first_version: u64) {
        *self.kept() = Kept { objects: BTreeMap::new(), reserved: first_version };
    }

    /// What is kept, with the highest version that may have been given out.
    pub(super) fn load(&self) -> (Sheet, BTreeMap<Key, Arc<Object>>, u64) {
        let kept = self.kept();
        let sheet = Sheet { medium: self.clone(), lazy: BTreeMap::new(), pending: 0 };
        (sheet, kept.objects.clone(), kept.reserved.max(1))
    }
}

impl Sheet {
    pub(super) fn commit(&mut self, staged: &BTreeMap<Key, Option<Arc<Object>>>, version: u64, durable: bool) {
        self.lazy.extend(staged.iter().map(|(key, object)| (key.clone(), object.clone())));
        self.pending += 1;
        let reserve = version > self.medium.kept().reserved;
        if durable || reserve || self.pending > LAZY_LIMIT {
            self.flush();
        }
        if reserve {
            self.medium.kept().reserved = version + RESERVATION;
        }
    }

    pub(super) fn flush(&mut self) {
        let mut kept = self.medium.kept();
        for (key, object) in std::mem::take(&mut self.lazy) {
            match object {
                Some(object) => kept.objects.insert(key, object),
                None => kept.objects.remove(&key),
            };
        }
        self.pending = 0;
    }
}
