//! An engine in memory, with the behaviour of a real one, for tests.
//!
//! The conformance suite holds it against a real engine: a rule that is not in that suite is not a promise of the fake. Beside the
//! port it offers what tests need: the log of operations, failures on demand, and crashes.

mod archive;
mod build;
mod containers;
mod events;
mod images;
mod interference;
mod networks;
mod port;
mod process;
mod world;

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jackin_plan::world::{Container, ContainerId, ContainerSpec, ImageId, Labels};
use tokio::sync::broadcast;

use self::interference::Undisturbed;
pub use self::interference::{Delivery, Interference};
use self::world::World;

use super::{Archive, EngineError, EngineErrorCause, Operation};

/// When an injected failure strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureTime {
    /// Before the call had an effect.
    BeforeEffect,
    /// After it; the caller cannot know that.
    AfterEffect,
}

/// One call that reached the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedOperation {
    /// What was asked for.
    pub operation: Operation,
    /// What it was asked of, as the caller named it.
    pub object: String,
}

/// An engine in memory; clones are the same engine.
#[derive(Clone)]
pub struct FakeEngine {
    shared: Arc<Shared>,
    interference: Arc<dyn Interference>,
}

struct Shared {
    world: Mutex<World>,
    record: Mutex<Record>,
    reachable: AtomicBool,
    /// Tells event streams that the engine is taken away. Who follows is told in the order in which they began to: what a seed
    /// simulates hangs on it.
    taken_away: broadcast::Sender<()>,
}

#[derive(Default)]
struct Record {
    operations: Vec<RecordedOperation>,
    failures: VecDeque<(Operation, EngineErrorCause, FailureTime)>,
}

impl Default for FakeEngine {
    fn default() -> Self {
        Self::new()
    }
}

impl FakeEngine {
    /// An engine that holds nothing but its own three networks.
    pub fn new() -> Self {
        Self::interfered_with(Arc::new(Undisturbed))
    }

    /// An engine between whose calls and effects something comes.
    pub fn interfered_with(interference: Arc<dyn Interference>) -> Self {
        let world = Mutex::new(World::new(interference.clone()));
        let (reachable, taken_away) = (AtomicBool::new(true), broadcast::channel(1).0);
        let shared = Shared { world, record: Mutex::default(), reachable, taken_away };
        Self { shared: Arc::new(shared), interference }
    }

    /// The same engine as seen by somebody with whom nothing interferes, as an operator at its own terminal.
    #[must_use]
    pub fn undisturbed(&self) -> Self {
        Self { shared: self.shared.clone(), interference: Arc::new(Undisturbed) }
    }

    /// Calls that reached the engine, in their order, since the start or the last [`Self::clear_operations`].
    pub fn operations(&self) -> Vec<RecordedOperation> {
        self.record().operations.clone()
    }

    /// Those of them that ask for a change.
    pub fn writes(&self) -> Vec<RecordedOperation> {
        let mut operations = self.operations();
        operations.retain(|recorded| recorded.operation.is_write());
        operations
    }

    /// Forgets the calls so far.
    pub fn clear_operations(&self) {
        self.record().operations.clear();
    }

    /// Makes the next call of this kind fail, once.
    pub fn fail_next(&self, operation: Operation, cause: EngineErrorCause, time: FailureTime) {
        self.record().failures.push_back((operation, cause, time));
    }

    /// Ends PID 1 as if by itself, so that the restart policy acts.
    ///
    /// # Errors
    /// As a kill of that container.
    pub fn crash_container(&self, id: &ContainerId, code: i64) -> Result<(), EngineError> {
        let crashed = self.world().crash(id, code);
        crashed.map_err(|cause| EngineError::new(Operation::KillContainer, &id.0, cause))
    }

    /// Ends PID 1 as the kernel does for want of memory, so that the restart policy acts.
    ///
    /// # Errors
    /// As a kill of that container.
    pub fn starve_container(&self, id: &ContainerId) -> Result<(), EngineError> {
        let crashed = self.world().starve(id);
        crashed.map_err(|cause| EngineError::new(Operation::KillContainer, &id.0, cause))
    }

    /// Starts the engine anew: every container dies, and those come back whose restart policy says so.
    pub fn restart(&self) {
        self.world().restart();
    }

    /// Every container with what it was made from, sorted by id.
    pub fn containers(&self) -> Vec<(Container, ContainerSpec)> {
        self.world().containers_with_specs()
    }

    /// Takes the engine away, or brings it back with all that it held; event streams end.
    pub fn set_unreachable(&self, unreachable: bool) {
        self.shared.reachable.store(!unreachable, Ordering::Relaxed);
        if unreachable {
            // Nobody need listen.
            _ = self.shared.taken_away.send(());
        }
    }

    /// Puts an image into the registry that pulls look into.
    pub fn seed_registry(&self, reference: &str, labels: &Labels) {
        self.world().registry.insert(images::with_tag(reference), labels.clone());
    }

    /// Takes the registry away from the engine, or brings it back with all that it held.
    pub fn set_registry_unreachable(&self, unreachable: bool) {
        self.world().registry_unreachable = unreachable;
    }

    /// Puts an image into the engine itself.
    pub fn seed_image(&self, reference: &str, labels: &Labels) -> ImageId {
        self.world().import_image(reference.as_bytes(), reference, labels)
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.shared.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.shared.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a call in: notes it, and strikes it down where that was asked for before its effect.
    async fn enter(&self, operation: Operation, object: &str) -> Result<(), EngineError> {
        let told = |cause| EngineError::new(operation, object, cause);
        self.interference.before(operation, object).await.map_err(told)?;
        if !self.shared.reachable.load(Ordering::Relaxed) {
            return Err(told(unreachable()));
        }
        let mut record = self.record();
        if let Some(cause) = record.failure(operation, FailureTime::BeforeEffect) {
            return Err(told(cause));
        }
        record.operations.push(RecordedOperation { operation, object: object.to_owned() });
        Ok(())
    }

    /// Lets an answer out, or strikes it down where that was asked for after the effect.
    async fn leave<T: Send>(
        &self,
        operation: Operation,
        object: &str,
        answer: Result<T, EngineErrorCause>,
    ) -> Result<T, EngineError> {
        let hidden = self.interference.after(operation, object).await.err();
        let struck = hidden.or_else(|| self.record().failure(operation, FailureTime::AfterEffect));
        let answer = struck.map_or(answer, Err);
        answer.map_err(|cause| EngineError::new(operation, object, cause))
    }

    async fn call<T: Send>(
        &self,
        operation: Operation,
        object: &str,
        act: impl FnOnce(&mut World) -> Result<T, EngineErrorCause> + Send,
    ) -> Result<T, EngineError> {
        self.enter(operation, object).await?;
        let answer = act(&mut self.world());
        self.leave(operation, object, answer).await
    }

    /// Reads an archive to its end, as the engine does before it acts.
    async fn received(
        &self,
        operation: Operation,
        object: &str,
        archive: Archive,
    ) -> Result<bytes::Bytes, EngineError> {
        let unreadable =
            |error| EngineError::new(operation, object, EngineErrorCause::BadArchive { source: Arc::new(error) });
        archive.collect().await.map_err(unreadable)
    }
}

impl Record {
    fn failure(&mut self, operation: Operation, time: FailureTime) -> Option<EngineErrorCause> {
        let index = self.failures.iter().position(|(meant, _, when)| (*meant, *when) == (operation, time))?;
        self.failures.remove(index).map(|(_, cause, _)| cause)
    }
}

fn unreachable() -> EngineErrorCause {
    EngineErrorCause::Unreachable { source: Arc::new(io::Error::from(io::ErrorKind::ConnectionRefused)) }
}
