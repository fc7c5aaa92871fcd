//! The loop of an attached terminal: keys and sizes one way, the picture the other.

use std::io::{self, Write};

use jackin_api::wire::{Attach, AttachMode, Exit};
use jackin_daemon::capsule::{CapsuleClient, StreamItem, StreamReader, StreamWriter};
use tokio::io::AsyncWriteExt;
use tokio::signal::unix::{SignalKind, signal};

use super::TerminalError;
use super::keys::{DetachKeys, KeyWatch};
use super::observed::Observed;
use super::raw::{self, RawMode};
use super::stdin::Stdin;

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
    let AttachOptions {
        label,
        session,
        watch,
        takeover,
        detach_keys,
    } = options;
    let is_interactive = raw::is_interactive();
    let mode = if watch || !is_interactive {
        AttachMode::Watch
    } else {
        AttachMode::Write
    };
    let request = Attach {
        session,
        size: raw::size(),
        mode,
        takeover,
        terminal: is_interactive,
    };
    let (attached, reader, writer) = client.attach(request).await?;
    let was_given_less = attached.mode != mode;
    let mut observed = Observed::default();
    let end = if is_interactive {
        let raw_mode = RawMode::enter()?;
        let end = lend(reader, writer, detach_keys, &mut observed).await;
        let mut stdout = io::stdout().lock();
        // When the terminal is gone there is nothing to give back.
        let _ = stdout.write_all(&observed.farewell()).and_then(|()| stdout.flush());
        drop(raw_mode);
        end?
    } else {
        // Without a writing half the capsule would take us for gone.
        let end = stream(reader, &mut observed).await;
        drop(writer);
        end?
    };
    if was_given_less {
        say(&format!(
            "another client writes to {label}; you were watching (take over with --takeover)"
        ));
    }
    match end {
        AttachEnd::Detached => say(&format!("detached from {label}; the session goes on")),
        AttachEnd::Ended(Exit {
            signal: Some(number), ..
        }) => say(&format!("session ended by signal {number}")),
        AttachEnd::Ended(exit) => say(&format!("session ended with exit code {}", exit.shell_code())),
    }
    Ok(end)
}

fn say(line: &str) {
    // Nobody listens when standard error is closed.
    let _ = writeln!(io::stderr(), "{line}");
}

/// Both directions, until one of them ends.
async fn lend(
    reader: StreamReader,
    writer: StreamWriter,
    detach_keys: DetachKeys,
    observed: &mut Observed,
) -> Result<AttachEnd, TerminalError> {
    tokio::select! {
        shown = stream(reader, observed) => shown,
        left = obey(writer, detach_keys) => left,
    }
}

/// Shows what comes until the session ends, or a signal asks us to leave.
async fn stream(mut reader: StreamReader, observed: &mut Observed) -> Result<AttachEnd, TerminalError> {
    let mut stdout = tokio::io::stdout();
    // The window's title is the session's from now on; terminals that can will keep the old one.
    if raw::is_interactive() {
        stdout.write_all(b"\x1b[22;2t").await?;
    }
    let mut signals = [
        signal(SignalKind::terminate())?,
        signal(SignalKind::hangup())?,
        signal(SignalKind::interrupt())?,
    ];
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
            Some(StreamItem::TakenOver) => {}
            Some(StreamItem::Ended(exit)) => {
                return Ok(AttachEnd::Ended(exit.unwrap_or(Exit {
                    code: None,
                    signal: None,
                })));
            }
            None => return Err(TerminalError::Lost),
        }
    }
}

/// Sends keys and sizes until a detach key, or the end of input.
async fn obey(mut writer: StreamWriter, detach_keys: DetachKeys) -> Result<AttachEnd, TerminalError> {
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
                let Some(typed) = typed else { break };
                if let Some(before) = keys.find(&typed) {
                    writer.input(&typed[..before]).await?;
                    break;
                }
                writer.input(&typed).await?;
            }
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
