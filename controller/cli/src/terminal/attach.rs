//! The loop of an attached terminal: keys and sizes one way, the picture the other, and a new connection when one breaks.

use std::cell::Cell;
use std::io::{self, Write};

use jackin_api::kinds::ClipboardAccess;
use jackin_api::wire::{Attach, AttachMode, Attached, Exit, Millis};
use jackin_daemon::capsule::{CapsuleClient, CapsuleError, StreamItem, StreamReader, StreamWriter};
use tokio::io::AsyncWriteExt;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::TerminalError;
use super::again::{self, Back};
use super::hands::Hands;
use super::keys::DetachKeys;
use super::observed::Observed;
use super::raw::{self, RawMode};

/// How to attach.
#[derive(Debug, Clone)]
pub(crate) struct AttachOptions {
    /// What the operator calls it, for the words at the end.
    pub(crate) label: String,
    /// Session name or id; the oldest live one when absent.
    pub(crate) session: Option<String>,
    /// Look only. Without a terminal on both sides that is all there is.
    pub(crate) watch: bool,
    /// Takes the writer's place from who has it.
    pub(crate) takeover: bool,
    /// Which keys leave the session.
    pub(crate) detach_keys: DetachKeys,
    /// What programs may do with the clipboard of this terminal.
    pub(crate) clipboard: ClipboardAccess,
}

/// How an attached terminal came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AttachEnd {
    /// The operator left, by keys or by a signal; the session goes on.
    Detached,
    /// The session ended.
    Ended(Exit),
}

/// One connection's end: the terminal's, or only its own.
pub(super) enum Turn {
    End(AttachEnd),
    Broke,
}

/// Lends this terminal to a session until it ends or the operator leaves, then says in one line which of the two it was. When the
/// connection breaks meanwhile, `back` is asked for another one.
///
/// # Errors
/// When there is no such session, there is no way back to it, or this terminal cannot be used.
pub(crate) async fn attach(
    client: CapsuleClient,
    options: AttachOptions,
    back: impl AsyncFn() -> Result<CapsuleClient, Back>,
) -> Result<AttachEnd, TerminalError> {
    let AttachOptions { label, session, watch, takeover, detach_keys, clipboard } = options;
    let is_interactive = raw::is_interactive();
    let mode = if watch || !is_interactive { AttachMode::Watch } else { AttachMode::Write };
    let request = Attach { session, size: raw::size(), mode, takeover, terminal: is_interactive };
    let (attached, reader, writer) = client.attach(request).await?;
    let reader = allowed(reader, clipboard);
    // Who may not type hears so at each key, unless looking is all that was asked for.
    let keyboard = Cell::new(if attached.mode != mode { Keyboard::Anothers } else { Keyboard::Ours });
    let mut lent =
        Lent { label: label.clone(), mode, clipboard, keyboard, observed: Observed::default(), quits: Quits::new()? };
    let end = if is_interactive {
        let raw_mode = RawMode::enter()?;
        let mut hands = Some(Hands::new(detach_keys)?);
        let end = lent.lend(attached, (reader, writer), &mut hands, back).await;
        let mut stdout = io::stdout().lock();
        // When the terminal is gone there is nothing to give back.
        let _ = stdout.write_all(&lent.observed.farewell()).and_then(|()| stdout.flush());
        drop(raw_mode);
        end?
    } else {
        lent.lend(attached, (reader, writer), &mut None, back).await?
    };
    tell(&label, lent.keyboard.get(), end);
    Ok(end)
}

/// Says how it ended, and what was different from what was asked for.
fn tell(label: &str, keyboard: Keyboard, end: AttachEnd) {
    match keyboard {
        Keyboard::Anothers => {
            say(&format!("another client writes to {label}; you were watching (take over with --take-over)"))
        }
        Keyboard::Taken => {
            say(&format!("another client took {label} over; you were watching since (take it back with --take-over)"))
        }
        Keyboard::Ours => {}
    }
    match end {
        AttachEnd::Detached => say(&format!("detached from {label}; the session goes on")),
        AttachEnd::Ended(Exit { signal: Some(number), .. }) => say(&format!("session ended by signal {number}")),
        AttachEnd::Ended(exit) => say(&format!("session ended with exit code {}", exit.shell_code())),
    }
}

/// Whose keys reach the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keyboard {
    /// Ours, or we asked for no more than to look.
    Ours,
    /// Another client had it when we came.
    Anothers,
    /// Another client took it from us.
    Taken,
}

pub(super) fn say(line: &str) {
    // Nobody listens when standard error is closed.
    let _ = writeln!(io::stderr(), "{line}");
}

/// What a session writes to the clipboard passes where that is allowed.
fn allowed(reader: StreamReader, clipboard: ClipboardAccess) -> StreamReader {
    if clipboard == ClipboardAccess::Allow { reader.allow_clipboard() } else { reader }
}

/// What stays while connections come and go.
pub(super) struct Lent {
    pub(super) label: String,
    mode: AttachMode,
    clipboard: ClipboardAccess,
    keyboard: Cell<Keyboard>,
    pub(super) observed: Observed,
    pub(super) quits: Quits,
}

impl Lent {
    /// Connection after connection, until one of them brings the end.
    async fn lend(
        &mut self,
        attached: Attached,
        mut halves: (StreamReader, StreamWriter),
        hands: &mut Option<Hands>,
        back: impl AsyncFn() -> Result<CapsuleClient, Back>,
    ) -> Result<AttachEnd, TerminalError> {
        let (id, created_at) = (attached.session.id, attached.session.created_at);
        // The window's title is the session's from now on; terminals that can will keep the old one.
        if hands.is_some() {
            let mut stdout = tokio::io::stdout();
            stdout.write_all(b"\x1b[22;2t").await?;
            stdout.flush().await?;
        }
        loop {
            let (reader, writer) = halves;
            if let Turn::End(end) = self.turn(reader, writer, hands.as_mut()).await? {
                return Ok(end);
            }
            halves = match again::connect(self, hands.as_mut(), &back, &id, created_at).await? {
                again::Found::Session(halves) => *halves,
                again::Found::Left => return Ok(AttachEnd::Detached),
            };
        }
    }

    /// Both directions of one connection, until one of them ends.
    async fn turn(
        &mut self,
        mut reader: StreamReader,
        mut writer: StreamWriter,
        hands: Option<&mut Hands>,
    ) -> Result<Turn, TerminalError> {
        let Self { keyboard, observed, quits, .. } = self;
        let obeyed = async {
            match hands {
                Some(hands) => hands.obey(&mut writer, keyboard).await,
                None => std::future::pending().await,
            }
        };
        let left = tokio::select! {
            shown = stream(&mut reader, observed, keyboard, quits) => return shown,
            left = obeyed => left,
        };
        match left {
            // What it said before the connection broke still counts: it may have been its end.
            Err(TerminalError::Capsule(CapsuleError::Io(_))) => stream(&mut reader, observed, keyboard, quits).await,
            left => left.map(Turn::End),
        }
    }

    /// Looks at the same session over another connection, as it was looked at before.
    pub(super) async fn resume(
        &mut self,
        client: CapsuleClient,
        id: &str,
        created_at: Millis,
    ) -> Result<Option<(StreamReader, StreamWriter)>, CapsuleError> {
        let mode = if self.keyboard.get() == Keyboard::Taken { AttachMode::Watch } else { self.mode };
        let terminal = raw::is_interactive();
        let request = Attach { session: Some(id.to_owned()), size: raw::size(), mode, takeover: false, terminal };
        let (attached, reader, writer) = client.attach(request).await?;
        if attached.session.created_at != created_at {
            return Ok(None);
        }
        if self.keyboard.get() != Keyboard::Taken {
            self.keyboard.set(if attached.mode != mode { Keyboard::Anothers } else { Keyboard::Ours });
        }
        Ok(Some((allowed(reader, self.clipboard), writer)))
    }
}

/// The signals that ask us to leave.
pub(super) struct Quits([Signal; 3]);

impl Quits {
    fn new() -> io::Result<Self> {
        Ok(Self([signal(SignalKind::terminate())?, signal(SignalKind::hangup())?, signal(SignalKind::interrupt())?]))
    }

    /// Waits for one. Safe to cancel.
    pub(super) async fn next(&mut self) {
        let [terminate, hang_up, interrupt] = &mut self.0;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
}

/// Shows what comes until the session ends, a signal asks us to leave, or the connection breaks.
async fn stream(
    reader: &mut StreamReader,
    observed: &mut Observed,
    keyboard: &Cell<Keyboard>,
    quits: &mut Quits,
) -> Result<Turn, TerminalError> {
    let mut stdout = tokio::io::stdout();
    loop {
        let item = tokio::select! {
            item = reader.next() => item,
            () = quits.next() => return Ok(Turn::End(AttachEnd::Detached)),
        };
        match item {
            Ok(Some(StreamItem::Paint(bytes) | StreamItem::Output(bytes) | StreamItem::ErrorOutput(bytes))) => {
                observed.note(&bytes);
                stdout.write_all(&bytes).await?;
                stdout.flush().await?;
            }
            Ok(Some(StreamItem::TakenOver)) => keyboard.set(Keyboard::Taken),
            // Our own size is what the picture was made for.
            Ok(Some(StreamItem::Resized(_))) => {}
            Ok(Some(StreamItem::Ended(exit))) => {
                return Ok(Turn::End(AttachEnd::Ended(exit.unwrap_or(Exit { code: None, signal: None }))));
            }
            Ok(None) | Err(CapsuleError::Io(_)) => return Ok(Turn::Broke),
            Err(error) => return Err(error.into()),
        }
    }
}
