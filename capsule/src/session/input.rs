//! What was typed and not yet read by the program.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::convert::Infallible;

use tokio::sync::Notify;

use crate::terminal::Terminal;

/// How much may wait, in bytes. Beyond it the writer's own connection waits.
const WAITING: usize = 256 * 1024;

#[derive(Debug, Default)]
pub(super) struct InputQueue {
    bytes: RefCell<VecDeque<u8>>,
    /// Nobody will read any more: what is typed is dropped.
    is_closed: Cell<bool>,
    filled: Notify,
    drained: Notify,
}

impl InputQueue {
    /// Takes what a viewer typed, as soon as there is room.
    pub(super) async fn push(&self, bytes: &[u8]) {
        while self.bytes.borrow().len() > WAITING {
            self.drained.notified().await;
        }
        self.push_now(bytes);
    }

    /// Takes all of it at once, or says that there is no room.
    pub(super) fn push_whole(&self, bytes: &[u8]) -> bool {
        let has_room = !self.is_closed.get() && self.bytes.borrow().len() + bytes.len() <= WAITING;
        if has_room {
            self.push_now(bytes);
        }
        has_room
    }

    /// Takes the screen's own answers, unless the program asks far more than it reads.
    pub(super) fn push_now(&self, bytes: &[u8]) {
        let mut waiting = self.bytes.borrow_mut();
        if waiting.len() <= WAITING && !self.is_closed.get() {
            waiting.extend(bytes);
            self.filled.notify_one();
        }
    }

    /// Lets go whoever waits for a program that ended.
    pub(super) fn close(&self) {
        self.is_closed.set(true);
        self.bytes.borrow_mut().clear();
        self.drained.notify_waiters();
    }

    /// Types for ever what arrives.
    pub(super) async fn run(&self, terminal: &Terminal) -> Infallible {
        loop {
            let next: Vec<u8> = {
                let waiting = self.bytes.borrow();
                waiting.as_slices().0.to_vec()
            };
            if next.is_empty() {
                self.filled.notified().await;
                continue;
            }
            let Ok(written) = terminal.write(&next).await else {
                // No program has the terminal open: nobody is there to read. The session's exit comes by another way.
                self.close();
                return std::future::pending().await;
            };
            self.bytes.borrow_mut().drain(..written);
            self.drained.notify_one();
        }
    }
}
