//! The loop of an attached terminal: keys and sizes one way, the picture the other.

use std::cell::Cell;
use std::io::{self, Write};
use std::time::Duration;

use jackin_api::kinds::ClipboardAccess;
use jackin_api::wire::{Attach, AttachMode, Exit};
use jackin_daemon::capsule::{CapsuleClient, StreamItem, StreamReader, StreamWriter};
use tokio::io::AsyncWriteExt;
use tokio::signal::unix::{SignalKind, signal};

use super::TerminalError;
use super::keys::{DetachKeys, KeyWatch, Typed};
use super::observed::Observed;
use super::raw::{self, RawMode};
use super::stdin::Stdin;

/// How long a key is held back that may begin a detach sequence: longer than between two keys that are meant together, short enough
/// for one that is meant for the program.
const HELD: Duration = Duration::from_millis(300);

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

/// Lends this terminal to a session until it ends or the operator leaves, then says in one line which of the two it was.
///
/// # Errors
/// When there is no such session, the connection breaks, or this terminal cannot be used.
pub(crate) async fn attach(client: CapsuleClient, options: AttachOptions) -> Result<AttachEnd, TerminalError> {
    let AttachOptions { label, session, watch, takeover, detach_keys, clipboard } = options;
    let is_interactive = raw::is_interactive();
    let mode = if watch || !is_interactive { AttachMode::Watch } else { AttachMode::Write };
    let request = Attach { session, size: raw::size(), mode, takeover, terminal: is_interactive };
    let (attached, reader, writer) = client.attach(request).await?;
    let reader = if clipboard == ClipboardAccess::Allow { reader.allow_clipboard() } else { reader };
    let was_given_less = attached.mode != mode;
    // Who may not type hears so at each key, unless looking is all that was asked for.
    let keyboard = Cell::new(if was_given_less { Keyboard::Anothers } else { Keyboard::Ours });
    let mut observed = Observed::default();
    let end = if is_interactive {
        let raw_mode = RawMode::enter()?;
        let end = lend(reader, writer, detach_keys, &mut observed, &keyboard).await;
        let mut stdout = io::stdout().lock();
        // When the terminal is gone there is nothing to give back.
        let _ = stdout.write_all(&observed.farewell()).and_then(|()| stdout.flush());
        drop(raw_mode);
        end?
    } else {
        // Without a writing half the capsule would take us for gone.
        let end = stream(reader, &mut observed, &keyboard).await;
        drop(writer);
        end?
    };
    match keyboard.get() {
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
    Ok(end)
}

/// Whose keys reach the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keyboard {
    /// Ours, or we asked for no more than to look.
    Ours,
    /// Another client had it when we came.
    Anothers,
    /// Another client took it from us.
    Taken,
}

fn say(line: &str) {
    // Nobody listens when standard error is closed.
    let _ = writeln!(io::stderr(), "{line}");
}

fn ring() {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(b"\x07").and_then(|()| stdout.flush());
}

/// Both directions, until one of them ends.
async fn lend(
    reader: StreamReader,
    writer: StreamWriter,
    detach_keys: DetachKeys,
    observed: &mut Observed,
    keyboard: &Cell<Keyboard>,
) -> Result<AttachEnd, TerminalError> {
    tokio::select! {
        shown = stream(reader, observed, keyboard) => shown,
        left = obey(writer, detach_keys, keyboard) => left,
    }
}

/// Shows what comes until the session ends, or a signal asks us to leave.
async fn stream(
    mut reader: StreamReader,
    observed: &mut Observed,
    keyboard: &Cell<Keyboard>,
) -> Result<AttachEnd, TerminalError> {
    let mut stdout = tokio::io::stdout();
    // The window's title is the session's from now on; terminals that can will keep the old one.
    if raw::is_interactive() {
        stdout.write_all(b"\x1b[22;2t").await?;
    }
    let mut signals =
        [signal(SignalKind::terminate())?, signal(SignalKind::hangup())?, signal(SignalKind::interrupt())?];
    let [terminate, hang_up, interrupt] = &mut signals;
    loop {
        let item = tokio::select! {
            item = reader.next() => item?,
            _ = terminate.recv() => return Ok(AttachEnd::Detached),
            _ = hang_up.recv() => return Ok(AttachEnd::Detached),
            _ = interrupt.recv() => return Ok(AttachEnd::Detached),
        };
        match item {
            Some(StreamItem::Paint(bytes) | StreamItem::Output(bytes) | StreamItem::ErrorOutput(bytes)) => {
                observed.note(&bytes);
                stdout.write_all(&bytes).await?;
                stdout.flush().await?;
            }
            Some(StreamItem::TakenOver) => keyboard.set(Keyboard::Taken),
            // Our own size is what the picture was made for.
            Some(StreamItem::Resized(_)) => {}
            Some(StreamItem::Ended(exit)) => {
                return Ok(AttachEnd::Ended(exit.unwrap_or(Exit { code: None, signal: None })));
            }
            None => return Err(TerminalError::Lost),
        }
    }
}

/// Sends keys and sizes until a detach key, or the end of input.
async fn obey(
    mut writer: StreamWriter,
    detach_keys: DetachKeys,
    keyboard: &Cell<Keyboard>,
) -> Result<AttachEnd, TerminalError> {
    let mut stdin = Stdin::open()?;
    let mut keys = KeyWatch::new(detach_keys);
    let mut resized = signal(SignalKind::window_change())?;
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
