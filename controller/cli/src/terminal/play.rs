//! A recording on the operator's terminal.

use std::io::{self, Write};

use jackin_screen::ClipboardFilter;
use tokio::io::AsyncWriteExt;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::observed::Observed;
use super::raw::{self, RawMode};
use super::stdin::Stdin;
use crate::cast::{CastError, Moment};

/// How many moments may wait to be shown.
const AHEAD: usize = 16;

type Moments = mpsc::Receiver<Result<Moment, CastError>>;

/// Plays moments until they end or somebody ends it, and gives the terminal back as it was.
///
/// # Errors
/// When this terminal cannot be used; a recording that breaks off is an error of its own.
pub(crate) async fn play(
    moments: impl Iterator<Item = Result<Moment, CastError>> + Send + 'static,
) -> io::Result<Result<(), CastError>> {
    let moments = read_ahead(moments)?;
    let is_interactive = raw::is_interactive();
    // Also for what the terminal answers to questions in the recording: it must not end up in the shell.
    let raw_mode = is_interactive.then(RawMode::enter).transpose()?;
    let mut observed = Observed::default();
    let ended = tokio::select! {
        shown = show(moments, &mut observed) => shown,
        stopped = stopped(is_interactive) => stopped.map(Ok),
    };
    if is_interactive {
        let mut stdout = io::stdout().lock();
        let _ = stdout.write_all(&observed.farewell()).and_then(|()| stdout.flush());
    }
    drop(raw_mode);
    ended
}

/// Reads on a thread of its own: a recording that still grows, as a pipe does, must not keep anybody from ending it.
fn read_ahead(moments: impl Iterator<Item = Result<Moment, CastError>> + Send + 'static) -> io::Result<Moments> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let read = move || {
        for moment in moments {
            if sender.blocking_send(moment).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().name("recording".to_owned()).spawn(read)?;
    Ok(receiver)
}

async fn show(mut moments: Moments, observed: &mut Observed) -> io::Result<Result<(), CastError>> {
    let mut stdout = tokio::io::stdout();
    let mut filter = ClipboardFilter::default();
    let mut due = Instant::now();
    while let Some(moment) = moments.recv().await {
        let Moment { after, shown } = match moment {
            Ok(moment) => moment,
            Err(error) => return Ok(Err(error)),
        };
        // Counted from the beginning, so that the time that writing takes does not add up.
        due = due.checked_add(after).unwrap_or(due);
        tokio::time::sleep_until(due).await;
        if let Some(shown) = shown {
            // A recording may come from anywhere.
            let shown = filter.pass(shown.as_bytes());
            observed.note(&shown);
            stdout.write_all(&shown).await?;
            stdout.flush().await?;
        }
    }
    Ok(Ok(()))
}

/// Waits until somebody ends it.
async fn stopped(is_interactive: bool) -> io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut stdin = if is_interactive { Some(Stdin::open()?) } else { None };
    loop {
        let typed = async {
            match &mut stdin {
                Some(stdin) => stdin.next().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            typed = typed => match typed {
                Some(keys) if keys.contains(&0x03) || keys == b"q" => return Ok(()),
                Some(_) => {}
                None => return Ok(()),
            },
            _ = interrupt.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
            _ = hang_up.recv() => return Ok(()),
        }
    }
}
