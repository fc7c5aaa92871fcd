//! A connection that broke, and the next one to the same session.

use std::io::{self, Write};
use std::time::Duration;

use jackin_api::wire::{ErrorCode, Millis};
use jackin_daemon::capsule::{CapsuleClient, CapsuleError, StreamReader, StreamWriter};
use tokio::time::Instant;

use super::TerminalError;
use super::attach::{Lent, say};
use super::hands::Hands;
use super::observed::Observed;

/// The first wait between two tries, and the longest: each is twice the one before.
const WAITS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// How long it is tried. Who wants to leave before can do so at any time.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum Back {
    /// It may be there later: the controller, the engine or the capsule does not answer.
    NotYet(String),
    /// The session is gone.
    Never {
        /// What became of it.
        message: String,
    },
}

/// What came of looking for the session.
pub(super) enum Found {
    Session(Box<(StreamReader, StreamWriter)>),
    /// The operator left.
    Left,
}

/// Connects again and again, with growing waits, and tells on one line what it waits for.
pub(super) async fn connect(
    lent: &mut Lent,
    mut hands: Option<&mut Hands>,
    back: &impl AsyncFn() -> Result<CapsuleClient, Back>,
    id: &str,
    created_at: Millis,
) -> Result<Found, TerminalError> {
    let is_interactive = hands.is_some();
    let begun = Instant::now();
    let mut wait = WAITS.0;
    let mut told = String::new();
    let mut why = "the connection broke".to_owned();
    loop {
        let line = format!("jackin: {why}; connecting to {} again", lent.label);
        if line != told {
            show(&line, is_interactive);
            told = line;
        }
        let trying = async {
            tokio::time::sleep(wait).await;
            back().await
        };
        let leaving = async {
            match hands.as_mut() {
                Some(hands) => hands.leave().await,
                None => std::future::pending().await,
            }
        };
        let tried = tokio::select! {
            tried = trying => tried,
            () = leaving => return Ok(Found::Left),
            () = lent.quits.next() => return Ok(Found::Left),
        };
        match tried {
            Ok(client) => {
                if is_interactive {
                    clean(&mut lent.observed);
                }
                match lent.resume(client, id, created_at).await {
                    Ok(Some(halves)) => return Ok(Found::Session(Box::new(halves))),
                    Ok(None) => return Err(gone("another session has its place: the instance was started again")),
                    Err(error) if error.code() == Some(ErrorCode::NoSession) => {
                        return Err(gone("the instance was started again, and the session ended with it"));
                    }
                    Err(error) => why = brief(&error),
                }
            }
            Err(Back::Never { message }) => return Err(gone(&message)),
            Err(Back::NotYet(reason)) => why = reason,
        }
        if begun.elapsed() > PATIENCE {
            return Err(TerminalError::Lost);
        }
        wait = (wait * 2).min(WAITS.1);
    }
}

fn gone(message: &str) -> TerminalError {
    TerminalError::Gone { message: message.to_owned() }
}

fn brief(error: &CapsuleError) -> String {
    format!("failed to {error}")
}

/// Gives the terminal the modes that the next paint counts on: those of one that nobody has used.
fn clean(observed: &mut Observed) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(&std::mem::take(observed).farewell_after_command()).and_then(|()| stdout.flush());
}

/// Shows a line on the last row, where the next paint replaces it; without a terminal it is said.
fn show(line: &str, is_interactive: bool) {
    if !is_interactive {
        return say(line);
    }
    let mut stdout = io::stdout().lock();
    // The scroll region and attributes are the session's: the cursor's save keeps the latter.
    let shown = format!("\x18\x1b7\x1b[999;1H\x1b[2K\x1b[0;7m{line}\x1b[0m\x1b8");
    let _ = stdout.write_all(shown.as_bytes()).and_then(|()| stdout.flush());
}
