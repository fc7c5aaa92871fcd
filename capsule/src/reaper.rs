//! The end of every child, taken once and given to whoever waits for it.
//!
//! As PID 1 the capsule inherits every orphan of the container. One loop waits for any child; those that the capsule started are
//! in the table and their exit goes to the receiver, all others are merely buried. Nothing else may wait for a child, which is why
//! programs are started with `std` and never with tokio's own process support.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use jackin_api::wire::Exit;
use rustix::process::{WaitOptions, WaitStatus};
use tokio::signal::unix::Signal;
use tokio::sync::oneshot;

#[derive(Debug, Default)]
pub(crate) struct Reaper {
    waiting: RefCell<HashMap<u32, oneshot::Sender<Exit>>>,
}

impl Reaper {
    /// Notes a child that was just started. Call it before the next await, or its exit may be lost.
    pub(crate) fn watch(&self, pid: u32) -> oneshot::Receiver<Exit> {
        let (sender, receiver) = oneshot::channel();
        self.waiting.borrow_mut().insert(pid, sender);
        receiver
    }

    /// Reaps for ever, whenever `child_ended` says so.
    pub(crate) async fn run(self: Rc<Self>, mut child_ended: Signal) {
        loop {
            self.reap();
            if child_ended.recv().await.is_none() {
                return;
            }
        }
    }

    /// Reaps all that ended: one signal may stand for many children.
    pub(crate) fn reap(&self) {
        while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
            let Some(exit) = exit(status) else { continue };
            let pid = pid.as_raw_nonzero().get().unsigned_abs();
            if let Some(sender) = self.waiting.borrow_mut().remove(&pid) {
                // Who waited may have gone; the child is buried all the same.
                let _ = sender.send(exit);
            }
        }
    }
}

fn exit(status: WaitStatus) -> Option<Exit> {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Some(Exit::with_code(code)),
        (None, Some(signal)) => Some(Exit::by_signal(signal)),
        (None, None) => None,
    }
}
