//! What the operator does: keys, and windows that take another size.

use std::cell::Cell;
use std::io::{self, Write};
use std::pin::pin;
use std::time::Duration;

use jackin_api::wire::Size;
use jackin_daemon::capsule::{CapsuleError, StreamWriter};
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

/// How long what was typed before the operator leaves may take to get through.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How much may be typed ahead of a session that does not read, in bytes, until keys are not looked at any more.
const LATER: usize = 8 * 1024 * 1024;

/// What the operator does.
enum Act {
    Type(Vec<u8>),
    Resize(Size),
    /// Leaves, after these keys.
    Leave(Vec<u8>),
}

impl Act {
    async fn send(self, writer: &mut StreamWriter) -> Result<(), CapsuleError> {
        match self {
            Self::Type(keys) => writer.input(&keys).await,
            Self::Resize(size) => writer.resize(size).await,
            Self::Leave(keys) => {
                writer.input(&keys).await?;
                writer.detach().await
            }
        }
    }
}

/// How sending went.
enum Sent {
    /// It was the last, or is not waited for any more.
    Last,
    /// Everything; and what was done meanwhile.
    Whole(Option<Act>),
}

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
        // The size may have changed since it was sent with the request.
        let mut next = raw::size().map(Act::Resize);
        loop {
            let act = match next.take() {
                Some(act) => act,
                None => self.next().await,
            };
            // A terminal's own answers and reports begin with an escape; nobody waits for those.
            let is_heard = keyboard.get() == Keyboard::Ours;
            if let Act::Type(keys) | Act::Leave(keys) = &act
                && !(is_heard || keys.is_empty() || keys.starts_with(b"\x1b"))
            {
                ring();
            }
            match self.send(writer, act).await? {
                Sent::Last => return Ok(AttachEnd::Detached),
                Sent::Whole(later) => next = later,
            }
        }
    }

    /// The next thing that the operator does.
    async fn next(&mut self) -> Act {
        let Self { stdin, keys, resized } = self;
        loop {
            tokio::select! {
                typed = stdin.next() => return match typed.map(|typed| keys.take(&typed)) {
                    Some(Typed { pass, detaches: false }) => Act::Type(pass),
                    Some(Typed { pass, detaches: true }) => Act::Leave(pass),
                    None => Act::Leave(keys.release()),
                },
                () = tokio::time::sleep(HELD), if keys.is_holding() => return Act::Type(keys.release()),
                _ = resized.recv() => {
                    if let Some(size) = raw::size() {
                        return Act::Resize(size);
                    }
                }
            }
        }
    }

    /// Sends what the operator did. The session may read nothing for ever: keys are looked at meanwhile, and who leaves is not held.
    async fn send(&mut self, writer: &mut StreamWriter, act: Act) -> Result<Sent, CapsuleError> {
        let is_last = matches!(act, Act::Leave(_));
        let (mut later, mut leaves) = (Vec::new(), false);
        let mut sending = pin!(act.send(writer));
        loop {
            tokio::select! {
                biased;
                sent = &mut sending => {
                    sent?;
                    break;
                }
                Some(typed) = self.stdin.next(), if !is_last && !leaves && later.len() < LATER => {
                    let Typed { pass, detaches } = self.keys.take(&typed);
                    later.extend(pass);
                    leaves = detaches;
                }
                () = tokio::time::sleep(LAST_WORDS), if is_last || leaves => return Ok(Sent::Last),
            }
        }
        Ok(match (is_last, leaves) {
            (true, _) => Sent::Last,
            (false, true) => Sent::Whole(Some(Act::Leave(later))),
            (false, false) if later.is_empty() => Sent::Whole(None),
            (false, false) => Sent::Whole(Some(Act::Type(later))),
        })
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
