//! What time it is.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

/// The clock that all of a daemon goes by; clones are the same clock.
///
/// Durations are not its business: those are measured with [`tokio::time::Instant`], which no correction of the clock touches.
#[derive(Clone)]
pub(crate) struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The machine's own clock.
    pub(crate) fn system() -> Self {
        Self::reading(Timestamp::now)
    }

    /// A clock that is read in this way.
    pub(crate) fn reading(read: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// The time by this clock.
    pub(crate) fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Clock(..)")
    }
}
