//! The store: all objects in memory, mirrored in one redb file, with one writer and one sequence of versions.
//!
//! Flow: a write runs on the writer thread over a [`Transaction`], is committed, becomes visible to readers, and wakes
//! the watchers, in the order of resource versions. Reads never wait for a write.
//!
//! Guarantees: see [`disk`] for durability (specs are on disk before the answer; statuses and events with the next durable
//! commit, after a second without writes, or at shutdown) and for versions across restarts; see [`ring`] for what a watcher can still ask for.
//!
//! Not here: what a write may do (the handlers), kinds, HTTP.

mod disk;
mod dump;
mod medium;
mod object;
mod ring;
mod state;
mod transaction;
mod writer;

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use tokio::sync::{broadcast, oneshot};

pub use disk::StoreError;
pub use medium::Medium;
pub(crate) use object::{Key, Object};
pub(crate) use ring::{Change, Gone};
use state::State;
pub(crate) use transaction::{Transaction, Urgency};
use writer::{Command, Completion, Writer};

use crate::status_error::StatusError;

/// How many changes a watcher may fall behind.
const RING_CAPACITY: usize = 4096;

/// The objects of one API server; clones share them.
///
/// The file is free again when the last clone is dropped; everything is durable then. A process that exits in another
/// way calls [`Store::flush`] first, or may lose the statuses and events of its last second.
#[derive(Clone, Debug)]
pub struct Store {
    shared: Arc<Shared>,
    writer: Arc<Writer>,
}

/// What readers and watchers share with the writer; it does not keep the file open.
#[derive(Debug)]
pub(crate) struct Shared {
    state: RwLock<State>,
    /// Tells of every commit. Who waits is woken in the order in which they began to wait.
    commits: broadcast::Receiver<()>,
}

impl Shared {
    fn read(&self) -> RwLockReadGuard<'_, State> {
        // A panic cannot leave the state half written: `apply` is the only writer.
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes with each published version; ends when the store closes.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<()> {
        self.commits.resubscribe()
    }

    pub(crate) fn resource_version(&self) -> u64 {
        self.read().resource_version
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Arc<Object>> {
        self.read().objects.get(key).cloned()
    }

    /// Objects of one resource, and the version at which they were so.
    pub(crate) fn list(&self, resource: &Arc<str>, namespace: Option<&str>) -> (Vec<Arc<Object>>, u64) {
        let state = self.read();
        (state.list(resource, namespace), state.resource_version)
    }

    /// Changes after a version; [`Gone`] when they are not all kept, or the version was never given out.
    pub(crate) fn changes_after(&self, version: u64, limit: usize) -> Result<Vec<Arc<Change>>, Gone> {
        let state = self.read();
        if version > state.resource_version { Err(Gone) } else { state.ring.after(version, limit) }
    }
}

impl Store {
    /// Opens a store file, or creates it.
    ///
    /// A new file starts at a version taken from the clock, so that a client with a version from a lost store is told
    /// to list again instead of silently missing changes.
    ///
    /// # Errors
    /// When the file is in use, was written by a newer program, is damaged, or cannot be read.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let first = u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(1);
        Self::start(disk::Disk::open(path, first)?, path, RING_CAPACITY)
    }

    /// A store that ends with the process; for tests and for one-shot runs.
    ///
    /// # Panics
    /// When the process cannot start a thread.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::in_memory_with_ring(RING_CAPACITY)
    }

    /// A store in memory that keeps only so many changes for watchers.
    ///
    /// # Panics
    /// When the process cannot start a thread.
    #[must_use]
    pub fn in_memory_with_ring(capacity: usize) -> Self {
        disk::Disk::in_memory()
            .and_then(|loaded| Self::start(loaded, Path::new(":memory:"), capacity))
            .unwrap_or_else(|error| panic!("a store in memory could not be made: {error}"))
    }

    /// A store in memory that finds what another one left on the medium.
    ///
    /// It writes in its caller's thread, so that no time passes meanwhile, and keeps nothing by itself when it is dropped: what was
    /// lazy and not flushed is lost, as it is when a process is killed.
    #[must_use]
    pub fn on(medium: &Medium) -> Self {
        let (sheet, objects, version) = medium.load();
        let (sender, commits) = broadcast::channel(1);
        let state =
            RwLock::new(State { objects, ring: ring::Ring::new(version, RING_CAPACITY), resource_version: version });
        let shared = Arc::new(Shared { state, commits });
        let writer = Writer::in_place(shared.clone(), sheet, sender);
        Self { shared, writer: Arc::new(writer) }
    }

    fn start(loaded: disk::Loaded, path: &Path, capacity: usize) -> Result<Self, StoreError> {
        let disk::Loaded { disk, objects, resource_version } = loaded;
        let (sender, commits) = broadcast::channel(1);
        let ring = ring::Ring::new(resource_version, capacity);
        let state = RwLock::new(State { objects, ring, resource_version });
        let shared = Arc::new(Shared { state, commits });
        let writer = Writer::start(shared.clone(), disk, sender).map_err(|source| StoreError::Database {
            path: path.to_owned(),
            source: Box::new(redb::Error::Io(source)),
        })?;
        Ok(Self { shared, writer: Arc::new(writer) })
    }

    /// Version of the last committed change.
    #[must_use]
    pub fn resource_version(&self) -> u64 {
        self.shared.resource_version()
    }

    /// Makes all lazy commits durable.
    ///
    /// # Errors
    /// When the disk refuses, or the store has closed.
    pub async fn flush(&self) -> Result<(), StatusError> {
        let (sender, receiver) = oneshot::channel();
        let completion: Completion = Box::new(move |outcome| drop(sender.send(outcome)));
        if !self.writer.send(Command::Flush(completion)) {
            return Err(closed());
        }
        receiver.await.unwrap_or_else(|_| Err(closed()))
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Runs a job on the writer thread; the answer comes after the commit. A dry run keeps nothing.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        dry_run: bool,
        job: impl FnOnce(&mut Transaction<'_>) -> Result<T, StatusError> + Send + 'static,
    ) -> Result<T, StatusError> {
        self.submit(dry_run, job)?.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Like [`Store::write`], for callers outside an asynchronous function.
    pub(crate) fn write_blocking<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Transaction<'_>) -> Result<T, StatusError> + Send + 'static,
    ) -> Result<T, StatusError> {
        // A oneshot's own blocking receive refuses to run inside a runtime; this wait is one commit long.
        let (sender, receiver) = std::sync::mpsc::channel();
        self.submit_to(false, job, move |result| drop(sender.send(result)))?;
        receiver.recv().unwrap_or_else(|_| Err(closed()))
    }

    fn submit<T: Send + 'static>(
        &self,
        dry_run: bool,
        job: impl FnOnce(&mut Transaction<'_>) -> Result<T, StatusError> + Send + 'static,
    ) -> Result<oneshot::Receiver<Result<T, StatusError>>, StatusError> {
        let (sender, receiver) = oneshot::channel();
        self.submit_to(dry_run, job, move |result| drop(sender.send(result)))?;
        Ok(receiver)
    }

    fn submit_to<T: Send + 'static>(
        &self,
        dry_run: bool,
        job: impl FnOnce(&mut Transaction<'_>) -> Result<T, StatusError> + Send + 'static,
        answer: impl FnOnce(Result<T, StatusError>) + Send + 'static,
    ) -> Result<(), StatusError> {
        let command = Command::Run(Box::new(move |transaction| {
            let result = writer::run_job(transaction, !dry_run, job);
            let completion: Completion = Box::new(move |outcome| answer(outcome.and(result)));
            completion
        }));
        if self.writer.send(command) { Ok(()) } else { Err(closed()) }
    }
}

fn closed() -> StatusError {
    StatusError::unavailable("the store is closed")
}
