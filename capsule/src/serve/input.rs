//! What a client types into a command, and what else it asks meanwhile.

use std::collections::VecDeque;
use std::io;

use jackin_api::wire::{Control, Frame};
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe;

use super::connection::{Closed, Incoming};
use crate::process;
use crate::terminal::Terminal;

/// How much may wait for a command to read it, in bytes. Beyond it the client's own connection waits.
const WAITING: usize = 256 * 1024;

/// What a terminal's line discipline takes for the end of input.
const END_OF_TRANSMISSION: u8 = 4;

/// Where a command's input goes.
pub(super) enum Input<'a> {
    Terminal(&'a Terminal),
    /// Gone once it was closed, by the client or by the command.
    Pipe(Option<pipe::Sender>),
}

impl Input<'_> {
    /// Hands on as much as the command takes now. Safe to cancel.
    async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Terminal(terminal) => terminal.write(bytes).await,
            Self::Pipe(Some(pipe)) => pipe.write(bytes).await,
            Self::Pipe(None) => Ok(bytes.len()),
        }
    }

    /// A command that reads no more is no reason to stop listening to it.
    fn broke(&mut self) {
        match self {
            // Its end is on its way.
            Self::Terminal(_) => {}
            Self::Pipe(pipe) => *pipe = None,
        }
    }
}

/// Does what the client asks until it left, which is seen also while the command reads nothing.
pub(super) async fn obey(incoming: &mut Incoming, mut input: Input<'_>, pid: u32) -> Result<(), Closed> {
    let mut waiting = VecDeque::new();
    let mut is_over = false;
    loop {
        if let (Input::Pipe(pipe), true, true) = (&mut input, is_over, waiting.is_empty()) {
            *pipe = None;
        }
        let frame = tokio::select! {
            biased;
            written = input.write(waiting.as_slices().0), if !waiting.is_empty() => {
                match written {
                    Ok(count) => drop(waiting.drain(..count)),
                    Err(_) => {
                        input.broke();
                        waiting.clear();
                    }
                }
                continue;
            }
            frame = next(incoming, waiting.len() < WAITING) => frame?,
        };
        match (frame, &input) {
            (None, _) => return Ok(()),
            (Some(Frame::Input(bytes)), _) if !is_over => waiting.extend(bytes),
            (Some(Frame::Control(Control::Eof)), Input::Terminal(_)) => waiting.push_back(END_OF_TRANSMISSION),
            (Some(Frame::Control(Control::Eof)), Input::Pipe(_)) => is_over = true,
            // A terminal that nobody has open has no size.
            (Some(Frame::Control(Control::Resize { size })), Input::Terminal(terminal)) => {
                drop(terminal.resize(size.clamped()));
            }
            (Some(Frame::Control(Control::Signal { signal })), _) => {
                process::signal_group(pid, process::system_signal(signal));
            }
            // What a later client may say, or means for a session.
            (Some(_), _) => {}
        }
    }
}

/// The next frame where there is room for one; nothing when the client left.
async fn next(incoming: &mut Incoming, has_room: bool) -> Result<Option<Frame>, Closed> {
    if !has_room {
        incoming.gone().await;
        return Ok(None);
    }
    incoming.next().await?.transpose().map_err(|error| Closed::Badly(error.to_string()))
}
