//! What is left to chance: the jitter of waits, and the ids of launches.

use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

/// Where random bits come from; clones are the same source.
#[derive(Clone)]
pub(crate) struct Chance(Arc<dyn Fn() -> u128 + Send + Sync>);

impl Chance {
    /// The machine's own randomness.
    pub(crate) fn system() -> Self {
        Self::drawing(|| Uuid::new_v4().as_u128())
    }

    /// Randomness that is drawn in this way.
    pub(crate) fn drawing(draw: impl Fn() -> u128 + Send + Sync + 'static) -> Self {
        Self(Arc::new(draw))
    }

    /// Between 0 and 1, different each time.
    pub(crate) fn jitter(&self) -> f64 {
        let [high, low, ..] = (self.0)().to_be_bytes();
        f64::from(u16::from_be_bytes([high, low])) / f64::from(u16::MAX)
    }

    /// An id that no other launch has; later ones sort behind earlier ones.
    pub(crate) fn launch_id(&self, now: Timestamp) -> String {
        let mut bits = [0; 10];
        bits.copy_from_slice(&(self.0)().to_be_bytes()[..10]);
        let millis = u64::try_from(now.as_millisecond()).unwrap_or_default();
        format!("launch-{}", uuid::Builder::from_unix_timestamp_millis(millis, &bits).into_uuid().simple())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_launch_sorts_behind_an_earlier_one() {
        let chance = Chance::system();
        let at = |second| chance.launch_id(Timestamp::from_second(second).unwrap());
        assert!(at(1_700_000_000) < at(1_700_000_001));
    }

    #[test]
    fn jitter_stays_between_nothing_and_one() {
        assert_eq!(Chance::drawing(|| 0).jitter(), 0.0);
        assert_eq!(Chance::drawing(|| u128::MAX).jitter(), 1.0);
    }
}
