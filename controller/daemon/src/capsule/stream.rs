//! What a connection becomes once an attach, exec, output or subscribe was granted.

use jackin_api::wire::{Control, Event, Exit, Frame, FrameKind, Notice, Signal, Size};
use jackin_screen::ClipboardFilter;

use super::frames::{FrameReader, FrameWriter};
use super::{CapsuleError, sanitize};

/// One thing that a stream brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamItem {
    /// Bytes that paint the whole screen, whatever was on it.
    Paint(Vec<u8>),
    /// Bytes of the terminal or of standard output.
    Output(Vec<u8>),
    /// Bytes of standard error.
    ErrorOutput(Vec<u8>),
    /// Another viewer writes now; this one watches.
    TakenOver,
    /// What follows is of a terminal of this size.
    Resized(Size),
    /// The session or command ended, or the kept output has no more (then without an exit).
    Ended(Option<Exit>),
}

/// The reading half of an attached terminal, a command or a session's output.
///
/// What a terminal is to show does not reach the clipboard of who looks, unless that was [allowed](Self::allow_clipboard). Here it is
/// held back and not in the capsule, as the host trusts nothing that comes from inside.
#[derive(Debug)]
pub struct StreamReader {
    frames: FrameReader,
    /// Absent where bytes are data, or everything may pass.
    filter: Option<ClipboardFilter>,
    // Where nobody writes: closing our half would tell the capsule that nobody listens any more.
    _open: Option<FrameWriter>,
}

impl StreamReader {
    pub(super) fn of_terminal(frames: FrameReader) -> Self {
        Self { frames, filter: Some(ClipboardFilter::default()), _open: None }
    }

    /// Of a command between pipes, whose bytes may be anything.
    pub(super) fn of_pipes(frames: FrameReader) -> Self {
        Self { frames, filter: None, _open: None }
    }

    pub(super) fn listening(frames: FrameReader, open: FrameWriter) -> Self {
        Self { _open: Some(open), ..Self::of_terminal(frames) }
    }

    /// Lets programs write and read the clipboard of the terminal that shows this.
    #[must_use]
    pub fn allow_clipboard(mut self) -> Self {
        self.filter = None;
        self
    }

    /// The next item, or nothing when the capsule closed without an end. Safe to cancel.
    ///
    /// # Errors
    /// When the connection breaks or carries something malformed.
    pub async fn next(&mut self) -> Result<Option<StreamItem>, CapsuleError> {
        loop {
            return Ok(Some(match self.frames.next().await? {
                None => return Ok(None),
                Some(Frame::Paint(bytes)) => StreamItem::Paint(self.shown(bytes)),
                Some(Frame::Output(bytes)) => StreamItem::Output(self.shown(bytes)),
                Some(Frame::ErrorOutput(bytes)) => StreamItem::ErrorOutput(bytes),
                Some(Frame::Event(Event::TakenOver)) => StreamItem::TakenOver,
                Some(Frame::Event(Event::Resized { size })) => StreamItem::Resized(size.clamped()),
                Some(Frame::Event(Event::Ended { exit })) => StreamItem::Ended(exit),
                Some(_) => continue,
            }));
        }
    }

    fn shown(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        match &mut self.filter {
            Some(filter) => filter.pass(&bytes),
            None => bytes,
        }
    }
}

/// The writing half of an attached terminal or a command.
#[derive(Debug)]
pub struct StreamWriter {
    frames: FrameWriter,
}

impl StreamWriter {
    pub(super) fn new(frames: FrameWriter) -> Self {
        Self { frames }
    }

    /// Sends bytes to the terminal or to standard input.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn input(&mut self, bytes: &[u8]) -> Result<(), CapsuleError> {
        self.frames.send_data(FrameKind::Input, bytes).await
    }

    /// Says that the viewer's terminal has a new size.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn resize(&mut self, size: Size) -> Result<(), CapsuleError> {
        self.control(Control::Resize { size }).await
    }

    /// Leaves; the session goes on.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn detach(&mut self) -> Result<(), CapsuleError> {
        self.control(Control::Detach).await
    }

    /// Closes the command's standard input.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn end_of_input(&mut self) -> Result<(), CapsuleError> {
        self.control(Control::Eof).await
    }

    /// Sends a signal to the command.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn signal(&mut self, signal: Signal) -> Result<(), CapsuleError> {
        self.control(Control::Signal { signal }).await
    }

    async fn control(&mut self, control: Control) -> Result<(), CapsuleError> {
        self.frames.send(&Frame::Control(control)).await
    }
}

/// What happens in a capsule, as it happens.
#[derive(Debug)]
pub struct NoticeStream {
    frames: FrameReader,
    // As in a StreamReader.
    _open: FrameWriter,
}

impl NoticeStream {
    pub(super) fn new(frames: FrameReader, open: FrameWriter) -> Self {
        Self { frames, _open: open }
    }

    /// The next notice, or nothing when the capsule closed. Safe to cancel.
    ///
    /// # Errors
    /// When the connection breaks or carries something malformed.
    pub async fn next(&mut self) -> Result<Option<Notice>, CapsuleError> {
        loop {
            match self.frames.next().await? {
                None => return Ok(None),
                Some(Frame::Notice(notice)) => return Ok(Some(sanitize::notice(notice))),
                Some(_) => {}
            }
        }
    }
}
