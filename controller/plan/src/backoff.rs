//! How long to wait after failures.

use jackin_api::kinds::Retry;
use jiff::{SignedDuration, Timestamp};

/// The longest wait, in seconds.
const LONGEST_SECONDS: i64 = 300;

/// Seconds that a container must run to count as started; one that ends sooner is a failure.
pub const STEADY_SECONDS: i64 = 30;

/// Ends in a row after which a container is said to be in a crash loop.
pub const CRASH_LOOP_FAILURES: u32 = 3;

/// The record after one more failure: waits of 1, 2, 4 … 300 seconds.
///
/// `generation` is the one that failed: a new one is tried at once. `jitter` is between 0 and 1 and lengthens the wait by up to
/// a tenth, so that what failed together does not retry together.
pub fn after_failure(previous: Option<&Retry>, generation: i64, now: Timestamp, jitter: f64) -> Retry {
    let failures = previous.filter(|retry| retry.generation == generation).map_or(0, |retry| retry.failures) + 1;
    let seconds = 1_i64.checked_shl(failures - 1).filter(|wait| *wait > 0).unwrap_or(LONGEST_SECONDS);
    #[allow(clippy::cast_precision_loss)]
    let wait = seconds.min(LONGEST_SECONDS) as f64 * (1.0 + jitter.clamp(0.0, 1.0) / 10.0);
    let wait = SignedDuration::try_from_secs_f64(wait).unwrap_or(SignedDuration::from_secs(LONGEST_SECONDS));
    Retry { failures, after: now.checked_add(wait).unwrap_or(Timestamp::MAX), generation }
}

/// Milliseconds until the next try; `None` when it is due, or when the record is of another generation.
pub fn remaining_ms(retry: Option<&Retry>, generation: i64, now: Timestamp) -> Option<u64> {
    let retry = retry.filter(|retry| retry.generation == generation)?;
    u64::try_from(retry.after.duration_since(now).as_millis()).ok().filter(|wait| *wait > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_a_new_generation_starts_over() {
        let now = Timestamp::UNIX_EPOCH;
        let mut retry = None;
        let mut waits = Vec::new();
        for _ in 0..12 {
            retry = Some(after_failure(retry.as_ref(), 1, now, 0.0));
            waits.push(remaining_ms(retry.as_ref(), 1, now).unwrap_or(0) / 1000);
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
        assert_eq!(remaining_ms(retry.as_ref(), 2, now), None);
        assert_eq!(after_failure(retry.as_ref(), 2, now, 0.0).failures, 1);
    }
}
