//! Whoever moves much takes turns, so that a flood delays nobody's key.
//!
//! All work is done by one thread. What became ready meanwhile, a key or its echo, is looked at between two turns, so it waits for one
//! chunk of one flood and not for a chunk of each.

use tokio::sync::Mutex;

/// What may be moved without waiting for a turn, in bytes: more than a key's echo or a line.
const LITTLE: usize = 2 * 1024;

/// The turns of everything that floods.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    next: Mutex<()>,
}

impl Turns {
    /// Lets others go first, after that many bytes were moved. Safe to cancel.
    pub(crate) async fn after(&self, moved: usize) {
        let _turn = if moved > LITTLE { Some(self.next.lock().await) } else { None };
        tokio::task::yield_now().await;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixStream;
    use tokio::task::{LocalSet, spawn_local};

    use super::Turns;

    /// How many chunks ten floods move from when a key was typed until it was read.
    async fn moved_until_a_key_is_read(chunk: usize) -> u32 {
        let turns = Rc::new(Turns::default());
        let moved = Rc::new(Cell::new(0));
        for _ in 0..10 {
            let (turns, moved) = (Rc::clone(&turns), Rc::clone(&moved));
            spawn_local(async move {
                loop {
                    moved.set(moved.get() + 1);
                    turns.after(chunk).await;
                }
            });
        }
        let (mut keyboard, mut program) = UnixStream::pair().expect("a pair of sockets");
        let reader = spawn_local(async move { program.read_u8().await.expect("a key") });
        while moved.get() < 100 {
            tokio::task::yield_now().await;
        }
        let before = moved.get();
        keyboard.write_u8(b'k').await.expect("typed");
        reader.await.expect("a reader");
        moved.get() - before
    }

    #[tokio::test]
    async fn a_key_waits_for_a_chunk_of_one_flood_and_not_of_each() {
        LocalSet::new()
            .run_until(async {
                assert!(moved_until_a_key_is_read(4095).await <= 3, "floods did not wait for each other");
                // Who moves little does not wait, so all of them go on meanwhile.
                assert!(moved_until_a_key_is_read(1).await >= 10, "what is little waits for a turn");
            })
            .await;
    }
}
