//! Repairs that do not last are slowed down: somebody removes a container in a loop, the engine keeps another limit than it was given,
//! or a spec goes back and forth.
//!
//! # Which count
//! Passes whose steps were all done, while each comes within a minute after the one before. A few are free, as a launch may take some.
//! After these the next one waits for 1, 2, 4 … 300 seconds. What fails, and a container that ends by itself, is counted elsewhere
//! ([`crate::backoff`]).
//!
//! # When the row ends
//! When what was repaired has lasted for a minute, or somebody asks for a restart. Another generation of the spec begins a new row,
//! unless it has the container replaced once more: then it waits as well, though not for long, since somebody may have meant it.

use jackin_api::kinds::Repeated;
use jiff::{SignedDuration, Timestamp};

use crate::backoff::{LONGEST_SECONDS, due, until, wait_seconds};
use crate::step::{Plan, Step};

/// Repairs in a row that are taken for progress.
const FREE: u32 = 4;

/// Seconds after which a repair has lasted.
const LASTING_SECONDS: i64 = 60;

/// The longest wait of a replacement that another generation of the spec asks for, in seconds.
const LONGEST_EDITED_SECONDS: i64 = 16;

/// The record after the steps of a plan were done; `jitter` is between 0 and 1.
pub fn after_repair(
    previous: Option<&Repeated>,
    plan: &Plan,
    generation: i64,
    now: Timestamp,
    jitter: f64,
) -> Repeated {
    // Whoever had to wait did not see it last meanwhile.
    let soon = |record: &Repeated| now.duration_since(record.after).as_secs() < LASTING_SECONDS && record.last <= now;
    let counts = |record: &&Repeated| belongs(record, plan, generation) && soon(record);
    let repairs = previous.filter(counts).map_or(0, |record| record.repairs).saturating_add(1);
    let wait = repairs.checked_sub(FREE + 1).map(|extra| wait_seconds(extra + 1, LONGEST_SECONDS));
    Repeated { repairs, last: now, after: wait.map_or(now, |wait| due(now, wait, jitter)), generation }
}

/// When a plan may be carried out, unless it may be now.
pub fn held_until(record: Option<&Repeated>, plan: &Plan, generation: i64, now: Timestamp) -> Option<Timestamp> {
    let record = record.filter(|record| belongs(record, plan, generation))?;
    let edited = record.last.checked_add(SignedDuration::from_secs(LONGEST_EDITED_SECONDS)).unwrap_or(Timestamp::MAX);
    let after = if record.generation == generation { record.after } else { record.after.min(edited) };
    until(Some(record.last), after, now, LONGEST_SECONDS).map(|_| after)
}

/// Milliseconds until a moment.
pub fn until_ms(moment: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(moment.duration_since(now).as_millis()).unwrap_or(0)
}

/// Milliseconds until the last repair has lasted; `None` when it has.
pub fn lasting_ms(record: &Repeated, now: Timestamp) -> Option<u64> {
    let lasting = record.last.checked_add(SignedDuration::from_secs(LASTING_SECONDS)).unwrap_or(Timestamp::MAX);
    until(Some(record.last), lasting, now, LASTING_SECONDS)
}

/// Whether somebody has been made to wait, so that it matters when the row ends.
pub fn is_slowed(record: &Repeated) -> bool {
    record.repairs > FREE
}

fn belongs(record: &Repeated, plan: &Plan, generation: i64) -> bool {
    let has = |like: fn(&Step) -> bool| plan.steps.iter().any(|planned| like(&planned.step));
    let replaces = has(|step| matches!(step, Step::CreateContainer(_))) && has(Step::is_destructive);
    record.generation == generation || replaces
}
