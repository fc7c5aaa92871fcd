//! One JSON line per notable event on standard error, which is the container's log.
//!
//! Names, ids, sizes and errors; never a variable's value, never what a session shows or is told.

use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// A pipe that polls as writable takes this much without blocking.
const LONGEST: usize = 4096;

/// Writes one event, or drops it when the log's reader is stuck: the engine's death must not stop the sessions.
pub(crate) fn event(name: &str, mut fields: serde_json::Value) {
    if let Some(fields) = fields.as_object_mut() {
        fields.insert("event".to_owned(), name.into());
    }
    let mut line = fields.to_string();
    line.push('\n');
    let stderr = std::io::stderr();
    let mut polled = [PollFd::new(&stderr, PollFlags::OUT)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    let is_ready = poll(&mut polled, Some(&now)).is_ok_and(|ready| ready == 1);
    if is_ready && line.len() <= LONGEST {
        // There is nowhere else to say that the log cannot be written.
        let _ = rustix::io::write(stderr.as_fd(), line.as_bytes());
    }
}

/// `log!("event-name", "field" => value, ...)`: writes one event.
macro_rules! log {
    ($name:expr $(, $key:literal => $value:expr)* $(,)?) => {
        $crate::log::event($name, serde_json::json!({ $($key: $value),* }))
    };
}
pub(crate) use log;
