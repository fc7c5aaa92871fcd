//! What happened, line by line, in virtual time.

use std::sync::{Arc, Mutex, PoisonError};

use super::time::VirtualTime;

/// A transcript; nothing is written where nobody wants to read it.
#[derive(Debug)]
pub(super) struct Transcript {
    time: Arc<VirtualTime>,
    lines: Option<Mutex<Vec<String>>>,
}

impl Transcript {
    pub(super) fn new(time: Arc<VirtualTime>, wanted: bool) -> Self {
        Self { time, lines: wanted.then(Mutex::default) }
    }

    /// Writes a line; `text` is only made when somebody wants it.
    pub(super) fn line(&self, text: impl FnOnce() -> String) {
        if let Some(lines) = &self.lines {
            let line = format!("{:>10.3}  {}", self.time.elapsed().as_secs_f64(), text());
            lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    }

    pub(super) fn lines(&self) -> Vec<String> {
        let lines = self.lines.as_ref();
        lines.map(|lines| lines.lock().unwrap_or_else(PoisonError::into_inner).clone()).unwrap_or_default()
    }
}
