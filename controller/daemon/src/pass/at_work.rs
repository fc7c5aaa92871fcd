//! Who is at work on instances: one pass at a time for each identity, and none while strays are removed.
//!
//! The queue gives each object one slot. An instance that is renamed is two objects for a moment, of one container: a pass over the
//! old one that goes on while the new one is deleted would make a container that belongs to nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedMutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// How often is looked whether nobody is at work.
const POLL: Duration = Duration::from_millis(20);

/// An identity, with its namespace.
type Identity = (String, String);

/// Who is at work on instances.
#[derive(Default)]
pub(crate) struct AtWork {
    all: RwLock<()>,
    identities: Mutex<HashMap<Identity, Weak<tokio::sync::Mutex<()>>>>,
}

/// Held by a pass over an instance until it is done.
pub(crate) struct Turn<'a> {
    _one: OwnedMutexGuard<()>,
    /// What a pass has seen or made is not yet used by a container, and must not be taken for a stray meanwhile.
    _all: RwLockReadGuard<'a, ()>,
}

impl AtWork {
    /// Waits until no other pass is at work on what is this identity's.
    pub(crate) async fn turn(&self, namespace: &str, identity: &str) -> Turn<'_> {
        let one = self.identity((namespace.to_owned(), identity.to_owned())).lock_owned().await;
        Turn { _one: one, _all: self.all.read().await }
    }

    /// Waits until no pass is at work, and lets none begin from then on. Who waits keeps nobody from beginning: a pass may take long,
    /// and all others would wait for it.
    pub(crate) async fn alone(&self) -> RwLockWriteGuard<'_, ()> {
        loop {
            match self.all.try_write() {
                Ok(alone) => return alone,
                Err(_) => tokio::time::sleep(POLL).await,
            }
        }
    }

    fn identity(&self, identity: Identity) -> Arc<tokio::sync::Mutex<()>> {
        let mut identities = self.identities.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = identities.get(&identity).and_then(Weak::upgrade) {
            return known;
        }
        identities.retain(|_, one| one.strong_count() > 0);
        let one = Arc::default();
        identities.insert(identity, Arc::downgrade(&one));
        one
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn one_pass_at_a_time_for_each_identity_and_none_beside_who_is_alone() {
        let at_work = AtWork::default();
        let turn = |namespace: &'static str, identity: &'static str| at_work.turn(namespace, identity).now_or_never();
        let first = turn("default", "shop-main").expect("nobody is at work");
        assert!(turn("default", "shop-main").is_none());
        let others = [turn("default", "shop-review"), turn("other", "shop-main")];
        assert!(others.iter().all(Option::is_some));
        assert!(at_work.alone().now_or_never().is_none());
        drop((first, others));
        let alone = at_work.alone().now_or_never().expect("nobody is at work any more");
        assert!(turn("default", "shop-main").is_none());
        drop(alone);
        assert!(turn("default", "shop-main").is_some());
    }

    #[tokio::test]
    async fn who_waits_to_be_alone_keeps_nobody_from_beginning() {
        let at_work = AtWork::default();
        let hangs = at_work.turn("default", "hangs").await;
        let mut waits = Box::pin(at_work.alone());
        assert!(futures::poll!(&mut waits).is_pending());
        let other = at_work.turn("default", "other").now_or_never();
        assert!(other.is_some());
        drop((hangs, other));
        let alone = waits.await;
        assert!(at_work.turn("default", "other").now_or_never().is_none());
        drop(alone);
    }
}
