//! Virtual time: the paused clock of the runtime, carried over crashes, with jumps of the wall clock on top.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// When every simulation begins, in seconds since the epoch. Long ago, so that nothing is older than the machine's own clock.
const BEGINNING: i64 = 1_577_836_800;

/// The time of one simulation.
#[derive(Debug, Default)]
pub(super) struct VirtualTime(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// When the runtime of now began.
    begun: Option<Instant>,
    /// What passed in earlier ones.
    carried: Duration,
    /// How wrong the wall clock is.
    jumped: SignedDuration,
}

impl VirtualTime {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A runtime begins, in which this is called.
    pub(super) fn begin(&self) {
        self.state().begun = Some(Instant::now());
    }

    /// It ends; still inside of it.
    pub(super) fn end(&self) {
        let elapsed = self.elapsed();
        let mut state = self.state();
        state.carried = elapsed;
        state.begun = None;
    }

    /// How long the simulation runs.
    pub(super) fn elapsed(&self) -> Duration {
        let state = self.state();
        state.carried + state.begun.map_or(Duration::ZERO, |begun| begun.elapsed())
    }

    /// What the wall clock shows.
    pub(super) fn now(&self) -> Timestamp {
        let beginning = Timestamp::from_second(BEGINNING).unwrap_or_default();
        let jumped = self.state().jumped;
        beginning.saturating_add(self.elapsed()).and_then(|now| now.saturating_add(jumped)).unwrap_or(beginning)
    }

    /// Sets the wall clock forward, or back.
    pub(super) fn jump(&self, by: SignedDuration) {
        let mut state = self.state();
        state.jumped = state.jumped.saturating_add(by);
    }
}
