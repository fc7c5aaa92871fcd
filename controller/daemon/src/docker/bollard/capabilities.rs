//! Which capabilities this machine can give away at all.
//!
//! A machine that is itself a container may lack some. What is not in its bounding set cannot be given to a container, and the
//! engine fails to start one that asks for it. That set is read from this process, which shares the machine with the engine.

use std::sync::LazyLock;

/// Numbers of the capabilities that a container may ask for, as the kernel has them.
const NUMBERS: [(&str, u32); 24] = [
    ("CHOWN", 0),
    ("DAC_OVERRIDE", 1),
    ("DAC_READ_SEARCH", 2),
    ("FOWNER", 3),
    ("FSETID", 4),
    ("KILL", 5),
    ("SETGID", 6),
    ("SETUID", 7),
    ("SETPCAP", 8),
    ("LINUX_IMMUTABLE", 9),
    ("NET_BIND_SERVICE", 10),
    ("NET_ADMIN", 12),
    ("NET_RAW", 13),
    ("IPC_LOCK", 14),
    ("SYS_CHROOT", 18),
    ("SYS_PTRACE", 19),
    ("SYS_ADMIN", 21),
    ("SYS_NICE", 23),
    ("SYS_RESOURCE", 24),
    ("MKNOD", 27),
    ("LEASE", 28),
    ("AUDIT_WRITE", 29),
    ("SETFCAP", 31),
    ("SYSLOG", 34),
];

/// Every bit set where the file cannot be read: then the engine says what it lacks.
static BOUNDING: LazyLock<u64> = LazyLock::new(|| {
    std::fs::read_to_string("/proc/self/status").ok().as_deref().and_then(bounding).unwrap_or(u64::MAX)
});

/// Whether this machine has a capability. One of a name that is not known here is left to the engine.
pub(super) fn host_has(name: &str) -> bool {
    has(*BOUNDING, name)
}

fn has(bounding: u64, name: &str) -> bool {
    NUMBERS.iter().find(|(known, _)| *known == name).is_none_or(|(_, number)| bounding & (1 << number) != 0)
}

fn bounding(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("CapBnd:"))?;
    u64::from_str_radix(line.trim(), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_bounding_set_lacks_is_not_asked_for() {
        let lacking = bounding("Name:\tx\nCapBnd:\t000001fffeffffff\nCapAmb:\t0\n").unwrap();
        assert!(!has(lacking, "SYS_RESOURCE"));
        assert!(has(lacking, "SYS_ADMIN") && has(lacking, "SYSLOG") && has(lacking, "A_NEW_ONE"));
        assert_eq!(bounding("Name:\tx\n"), None);
    }
}
