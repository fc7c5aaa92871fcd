//! The lines that left the screen at its top, as the text that shows them.

use std::collections::VecDeque;

/// How many lines are kept.
const LINES: usize = 1000;

/// How many bytes of them.
const BYTES: usize = 512 * 1024;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct History {
    lines: VecDeque<Box<str>>,
    bytes: usize,
}

impl History {
    pub(crate) fn push(&mut self, line: String) {
        self.bytes += line.len();
        self.lines.push_back(line.into_boxed_str());
        while self.lines.len() > LINES || self.bytes > BYTES {
            self.bytes -= self.lines.pop_front().map_or(self.bytes, |line| line.len());
        }
    }

    /// The latest line, which goes back to the screen.
    pub(crate) fn pop(&mut self) -> Option<Box<str>> {
        let line = self.lines.pop_back()?;
        self.bytes -= line.len();
        Some(line)
    }

    /// The last lines, oldest first.
    pub(crate) fn last(&self, count: usize) -> impl Iterator<Item = &str> {
        self.lines.range(self.lines.len().saturating_sub(count)..).map(AsRef::as_ref)
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}
