//! Standard input as a stream that can be let go.
//!
//! A thread of its own reads it: whatever it is, terminal, pipe or file, its mode is shared with other programs and must stay as it
//! is. Dropping the stream ends the thread without taking a byte more.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::event::{EventfdFlags, PollFd, PollFlags};
use rustix::io::Errno;
use tokio::sync::mpsc;

/// How many chunks may wait.
const WAITING: usize = 4;

#[derive(Debug)]
pub(super) struct Stdin {
    chunks: mpsc::Receiver<Vec<u8>>,
    stop: Arc<OwnedFd>,
}

impl Stdin {
    pub(super) fn open() -> io::Result<Self> {
        let stop = Arc::new(rustix::event::eventfd(0, EventfdFlags::CLOEXEC)?);
        let (sender, chunks) = mpsc::channel(WAITING);
        let stopped = Arc::clone(&stop);
        std::thread::Builder::new().name("stdin".to_owned()).spawn(move || read(&sender, &stopped))?;
        Ok(Self { chunks, stop })
    }

    /// What was typed, or nothing at the end of input. Safe to cancel.
    pub(super) async fn next(&mut self) -> Option<Vec<u8>> {
        self.chunks.recv().await
    }
}

impl Drop for Stdin {
    fn drop(&mut self) {
        // An eventfd takes a number of eight bytes; it cannot be full of ones.
        let _ = rustix::io::write(&*self.stop, &1_u64.to_ne_bytes());
    }
}

fn read(sender: &mpsc::Sender<Vec<u8>>, stop: &OwnedFd) {
    let stdin = io::stdin();
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let mut polled = [PollFd::new(&stdin, PollFlags::IN), PollFd::new(stop, PollFlags::IN)];
        match rustix::event::poll(&mut polled, None) {
            Err(Errno::INTR) => continue,
            Err(_) => return,
            Ok(_) if !polled[1].revents().is_empty() => return,
            Ok(_) => {}
        }
        match rustix::io::read(&stdin, &mut buffer) {
            Err(Errno::INTR | Errno::AGAIN) => {}
            Ok(0) | Err(_) => return,
            Ok(count) => {
                if sender.blocking_send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        }
    }
}
