//! What may come between a caller and the engine in memory, and what that engine stands on.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::docker::{EngineErrorCause, EngineEvent, Operation};

/// What becomes of an event on its way to who follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It comes so many times, as a rule once.
    Times(usize),
    /// The stream ends instead.
    StreamEnds,
}

/// What comes between a caller and the engine in memory, and what that engine stands on. By itself: nothing, and this machine.
#[async_trait]
pub trait Interference: Send + Sync {
    /// Comes before the effect of a call; an error strikes the call down.
    ///
    /// # Errors
    /// What the caller is told.
    async fn before(&self, operation: Operation, object: &str) -> Result<(), EngineErrorCause> {
        _ = (operation, object);
        tokio::task::yield_now().await;
        Ok(())
    }

    /// Comes after the effect of a call, before its answer; an error hides the effect from the caller.
    ///
    /// # Errors
    /// What the caller is told.
    async fn after(&self, operation: Operation, object: &str) -> Result<(), EngineErrorCause> {
        _ = (operation, object);
        Ok(())
    }

    /// Holds an event back, and says what becomes of it.
    async fn deliver(&self, event: &EngineEvent) -> Delivery {
        _ = event;
        Delivery::Times(1)
    }

    /// The time by the engine's clock.
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    /// Whether the host has something at a path.
    fn path_exists(&self, path: &str) -> bool {
        std::path::Path::new(path).exists()
    }

    /// A number that makes the ids of this engine its own.
    fn identity(&self) -> u128 {
        uuid::Uuid::new_v4().as_u128()
    }
}

/// Nothing comes between.
pub(super) struct Undisturbed;

impl Interference for Undisturbed {}
