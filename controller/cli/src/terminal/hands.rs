//! What the operator does: keys, and windows that take another size.

use std::cell::Cell;
use std::io::{self, Write};
use std::time::Duration;

use jackin_daemon::capsule::StreamWriter;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::TerminalError;
use super::attach::{AttachEnd, Keyboard};
use super::keys::{DetachKeys, KeyWatch, Typed};
use super::raw;
use super::stdin::Stdin;

/// How long a key is held back that may begin a detach sequence: longer than between two keys that are meant together, short enough
/// for one that is meant for the program.
const HELD: Duration = Duration::from_millis(300);

/// What a terminal sends for Ctrl-C.
const INTERRUPT: u8 = 0x03;

/// The operator's side of a terminal that is lent.
#[derive(Debug)]
pub(super) struct Hands {
    stdin: Stdin,
    keys: KeyWatch,
    resized: Signal,
}

impl Hands {
    pub(super) fn new(detach_keys: DetachKeys) -> io::Result<Self> {
        let resized = signal(SignalKind::window_change())?;
        Ok(Self { stdin: Stdin::open()?, keys: KeyWatch::new(detach_keys), resized })
    }

    /// Sends keys and sizes until a detach key, or the end of input.
    pub(super) async fn obey(
        &mut self,
        writer: &mut StreamWriter,
        keyboard: &Cell<Keyboard>,
    ) -> Result<AttachEnd, TerminalError> {
        let Self { stdin, keys, resized } = self;
        // The size may have changed since it was sent with the request.
        if let Some(size) = raw::size() {
            writer.resize(size).await?;
        }
        loop {
            tokio::select! {
                typed = stdin.next() => {
                    let Some(typed) = typed else {
                        writer.input(&keys.release()).await?;
                        break;
                    };
                    let Typed { pass, detaches } = keys.take(&typed);
                    if !pass.is_empty() {
                        writer.input(&pass).await?;
                        // A terminal's own answers and reports begin with an escape; nobody waits for those.
                        if keyboard.get() != Keyboard::Ours && !pass.starts_with(b"\x1b") {
                            ring();
                        }
                    }
                    if detaches {
                        break;
                    }
                }
                () = tokio::time::sleep(HELD), if keys.is_holding() => writer.input(&keys.release()).await?,
                _ = resized.recv() => {
                    if let Some(size) = raw::size() {
                        writer.resize(size).await?;
                    }
                }
            }
        }
        writer.detach().await?;
        Ok(AttachEnd::Detached)
    }

    /// Waits until the operator leaves while nothing is connected: by detach keys or Ctrl-C. Other keys reach nobody.
    pub(super) async fn leave(&mut self) {
        while let Some(typed) = self.stdin.next().await {
            let Typed { pass, detaches } = self.keys.take(&typed);
            if detaches || pass.contains(&INTERRUPT) {
                return;
            }
            ring();
        }
    }
}

fn ring() {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(b"\x07").and_then(|()| stdout.flush());
}
