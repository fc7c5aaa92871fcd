//! How long to wait after failures.
//!
//! A wait is measured against the clock of the host, which may be set back: a wait that is longer than any that we begin is over,
//! and so is one that began later than now.

use jackin_api::kinds::{Retry, Unread};
use jiff::{SignedDuration, Timestamp};

/// The longest wait after failures, in seconds.
pub(crate) const LONGEST_SECONDS: i64 = 300;

/// The longest wait after reads that failed, in seconds: an engine that comes back is noticed soon.
const LONGEST_UNREAD_SECONDS: i64 = 30;

/// The part of a wait that it is lengthened by at most, so that what failed together does not retry together.
const JITTER: f64 = 0.1;

/// Seconds after which failures do not count any more for those that come later.
const WINDOW_SECONDS: i64 = 600;

/// Seconds that a container must run to count as started; one that ends sooner is a failure.
pub const STEADY_SECONDS: i64 = 30;

/// Ends in a row after which a container is said to be in a crash loop.
pub const CRASH_LOOP_FAILURES: u32 = 3;

/// The record after one more failure: waits of 1, 2, 4 … 300 seconds, and up to a tenth more by `jitter` between 0 and 1.
///
/// `generation` is the one that failed: a new one is tried at once. Failures that lie ten minutes back do not count. Where the clock
/// was set back, the failures began now at the latest, or none of their waits would be believed until it shows that time again.
pub fn after_failure(previous: Option<&Retry>, generation: i64, now: Timestamp, jitter: f64) -> Retry {
    let counts =
        |retry: &&Retry| retry.generation == generation && now.duration_since(retry.after).as_secs() <= WINDOW_SECONDS;
    let previous = previous.filter(counts);
    let failures = previous.map_or(0, |retry| retry.failures).saturating_add(1);
    Retry {
        failures,
        after: due(now, wait_seconds(failures, LONGEST_SECONDS), jitter),
        generation,
        since: Some(previous.and_then(|retry| retry.since).map_or(now, |since| since.min(now))),
        ends: previous.map_or(0, |retry| retry.ends),
        last_exit: previous.and_then(|retry| retry.last_exit.clone()),
    }
}

/// The record after one more read that failed: waits of 1, 2, 4 … 30 seconds, and up to a tenth more by `jitter` between 0 and 1.
///
/// A read before the next one is due is none that counts: somebody was woken meanwhile.
pub fn after_unread(previous: Option<&Unread>, now: Timestamp, jitter: f64) -> Unread {
    if let Some(waiting) = previous.filter(|unread| unread_ms(Some(unread), now).is_some()) {
        return waiting.clone();
    }
    let tries = previous.map_or(0, |unread| unread.tries).saturating_add(1);
    let after = due(now, wait_seconds(tries, LONGEST_UNREAD_SECONDS), jitter);
    Unread { tries, since: previous.map_or(now, |unread| unread.since.min(now)), after }
}

/// Milliseconds until the next try; `None` when it is due, or when the record is of another generation.
pub fn remaining_ms(retry: Option<&Retry>, generation: i64, now: Timestamp) -> Option<u64> {
    let retry = retry.filter(|retry| retry.generation == generation)?;
    until(retry.since, retry.after, now, LONGEST_SECONDS)
}

/// Milliseconds until the engine is read again; `None` when that is due.
pub fn unread_ms(unread: Option<&Unread>, now: Timestamp) -> Option<u64> {
    let unread = unread?;
    until(Some(unread.since), unread.after, now, LONGEST_UNREAD_SECONDS)
}

/// When the last of the failures was, at the latest: its wait may have been lengthened.
pub fn last_failure(retry: &Retry) -> Timestamp {
    let wait = SignedDuration::from_secs(wait_seconds(retry.failures, LONGEST_SECONDS));
    retry.after.checked_sub(wait).unwrap_or(Timestamp::MIN)
}

pub(crate) fn wait_seconds(failures: u32, longest: i64) -> i64 {
    1_i64.checked_shl(failures.saturating_sub(1)).filter(|wait| *wait > 0).map_or(longest, |wait| wait.min(longest))
}

pub(crate) fn due(now: Timestamp, seconds: i64, jitter: f64) -> Timestamp {
    // Waits have at most three digits.
    #[allow(clippy::cast_precision_loss)]
    let wait = SignedDuration::try_from_secs_f64(seconds as f64 * (1.0 + jitter.clamp(0.0, 1.0) * JITTER));
    now.checked_add(wait.unwrap_or(SignedDuration::from_secs(seconds))).unwrap_or(Timestamp::MAX)
}

/// Milliseconds that are left of a wait of at most so many seconds; `None` when it is over.
pub(crate) fn until(since: Option<Timestamp>, after: Timestamp, now: Timestamp, longest: i64) -> Option<u64> {
    let left = after.duration_since(now);
    if after > due(now, longest, 1.0) || since.is_some_and(|since| since > now) {
        return None;
    }
    u64::try_from(left.as_millis()).ok().filter(|wait| *wait > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(milliseconds: Option<u64>) -> u64 {
        milliseconds.unwrap_or(0) / 1000
    }

    #[test]
    fn waits_double_up_to_the_longest_and_a_new_generation_starts_over() {
        let now = Timestamp::UNIX_EPOCH;
        let mut retry = None;
        let mut waits = Vec::new();
        for _ in 0..12 {
            retry = Some(after_failure(retry.as_ref(), 1, now, 0.0));
            waits.push(seconds(remaining_ms(retry.as_ref(), 1, now)));
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
        assert_eq!(remaining_ms(retry.as_ref(), 2, now), None);
        assert_eq!(after_failure(retry.as_ref(), 2, now, 0.0).failures, 1);
    }

    #[test]
    fn reads_that_fail_wait_longer_each_time_and_those_in_between_do_not_count() {
        let mut now = Timestamp::UNIX_EPOCH;
        let mut unread: Option<Unread> = None;
        let mut waits = Vec::new();
        for _ in 0..7 {
            let next = after_unread(unread.as_ref(), now, 1.0);
            assert_eq!(after_unread(Some(&next), now, 0.3), next);
            waits.push(unread_ms(Some(&next), now).unwrap_or(0));
            now = next.after;
            unread = Some(next);
        }
        assert_eq!(waits, [1_100, 2_200, 4_400, 8_800, 17_600, 33_000, 33_000]);
        assert_eq!(unread.map(|unread| unread.since), Some(Timestamp::UNIX_EPOCH));
    }

    #[test]
    fn a_clock_that_is_set_back_holds_no_try_up() {
        let now = Timestamp::UNIX_EPOCH;
        let retry = after_failure(None, 1, now, 1.0);
        let of_an_earlier_version = Retry { since: None, ..retry.clone() };
        assert_eq!(remaining_ms(Some(&retry), 1, now), Some(1_100));
        let back = |time: SignedDuration| now - time;
        assert_eq!(remaining_ms(Some(&retry), 1, back(SignedDuration::from_secs(1))), None);
        assert_eq!(remaining_ms(Some(&of_an_earlier_version), 1, back(SignedDuration::from_hours(1))), None);
        assert_eq!(unread_ms(Some(&after_unread(None, now, 0.0)), back(SignedDuration::from_secs(1))), None);
    }

    #[test]
    fn what_fails_again_after_the_clock_was_set_back_waits_again() {
        let now = Timestamp::UNIX_EPOCH;
        let first = after_failure(None, 1, now, 0.0);
        let back = now - SignedDuration::from_hours(2);
        let second = after_failure(Some(&first), 1, back, 0.0);
        assert_eq!((second.failures, second.since), (2, Some(back)));
        assert_eq!(remaining_ms(Some(&second), 1, back), Some(2_000));
    }

    #[test]
    fn failures_of_long_ago_do_not_count() {
        let retry = (0..5).fold(None, |retry, _| Some(after_failure(retry.as_ref(), 1, Timestamp::UNIX_EPOCH, 0.0)));
        let later = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(WINDOW_SECONDS + 17);
        let again = after_failure(retry.as_ref(), 1, later, 0.0);
        assert_eq!((again.failures, again.since), (1, Some(later)));
    }
}
