//! Limits of a control group: set at creation, changed under running processes, read back.
//!
//! An engine's update takes 0 for "leave as it is" and refuses negative values for memory and processors, so a limit, once set, cannot
//! be taken away by it. We raise it out of reach instead, to values that no manifest asks for, and read those back as "no limit".

use bollard::models::{ContainerUpdateBody, HostConfig};
use jackin_plan::world::{Limits, RestartPolicy};

use super::translate::restart_policy_name;

const BILLION: i64 = 1_000_000_000;

/// An exbibyte: more memory than any machine has.
const MEMORY_OUT_OF_REACH: i64 = 1 << 60;

/// All processors but one billionth of one.
fn processors_out_of_reach(processors: i64) -> i64 {
    processors * BILLION - 1
}

/// Sets limits for a container to be made.
pub(super) fn at_creation(limits: &Limits, host: &mut HostConfig) {
    let Limits { nano_cpus, memory_bytes, pids } = *limits;
    host.nano_cpus = nano_cpus;
    host.memory = memory_bytes;
    // Equal to memory means no swap; left out, the engine would allow as much again.
    host.memory_swap = memory_bytes;
    host.pids_limit = pids;
}

/// What to send so that exactly these limits are in force, given those that are.
pub(super) fn to_update(
    wanted: &Limits,
    found: &Limits,
    restart: RestartPolicy,
    processors: i64,
) -> ContainerUpdateBody {
    let Limits { nano_cpus, memory_bytes, pids } = *wanted;
    let memory = memory_bytes.or(found.memory_bytes.map(|_| MEMORY_OUT_OF_REACH));
    ContainerUpdateBody {
        nano_cpus: nano_cpus.or(found.nano_cpus.map(|_| processors_out_of_reach(processors))),
        memory,
        // Not -1 for "any": Docker 20.10 drops it on the way, and the kernel then refuses memory above the old sum.
        memory_swap: memory,
        pids_limit: Some(pids.unwrap_or(-1)),
        restart_policy: Some(restart_policy_name(restart)),
        ..ContainerUpdateBody::default()
    }
}

/// The limits that an inspection shows.
pub(super) fn in_force(host: &HostConfig) -> Limits {
    Limits {
        nano_cpus: host.nano_cpus.filter(|nano| *nano > 0 && nano % BILLION != BILLION - 1),
        memory_bytes: host.memory.filter(|bytes| *bytes > 0 && *bytes < MEMORY_OUT_OF_REACH),
        pids: host.pids_limit.filter(|pids| *pids > 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_taken_away_reads_back_as_none() {
        let found = Limits { nano_cpus: Some(BILLION), memory_bytes: Some(1 << 26), pids: Some(10) };
        let sent = to_update(&Limits::default(), &found, RestartPolicy::No, 4);
        let host = HostConfig {
            nano_cpus: sent.nano_cpus,
            memory: sent.memory,
            pids_limit: sent.pids_limit,
            ..HostConfig::default()
        };
        assert_eq!(in_force(&host), Limits::default());
        assert_eq!((sent.memory_swap, sent.nano_cpus), (sent.memory, Some(3_999_999_999)));
    }

    #[test]
    fn a_limit_that_never_was_is_not_sent() {
        let sent = to_update(&Limits::default(), &Limits::default(), RestartPolicy::No, 4);
        assert_eq!((sent.nano_cpus, sent.memory, sent.memory_swap), (None, None, None));
    }
}
