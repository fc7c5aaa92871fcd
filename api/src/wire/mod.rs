//! What a client and a capsule say to each other over the capsule's socket.
//!
//! Here live the types and the framing, and nothing that does input or output: the capsule's end is the crate
//! `jackin-capsule`, the host's end is `jackin_daemon::capsule`. Both see the same bytes through [`Decoder`] and [`Frame`].
//!
//! # Flow
//!
//! Each end sends a [`Hello`] first, without waiting for the other's. Then the client sends [`Request`]s, one at a time, and gets
//! one [`Reply`] to each. Four requests turn the connection into a stream once they were granted, and the connection ends with
//! the stream:
//!
//! | Request | Client sends | Capsule sends |
//! |---|---|---|
//! | [`Request::Attach`] | [`Frame::Input`], [`Control::Resize`], [`Control::Detach`] | [`Frame::Paint`], [`Frame::Output`], [`Event`]s |
//! | [`Request::Exec`] | [`Frame::Input`], [`Control::Eof`], [`Control::Signal`], [`Control::Resize`] | [`Frame::Output`], [`Frame::ErrorOutput`], [`Event::Ended`] |
//! | [`Request::Output`] | nothing | [`Frame::Output`], [`Event::Ended`] |
//! | [`Request::Subscribe`] | nothing | [`Notice`]s |
//!
//! # Guarantees
//!
//! - A payload never exceeds [`MAX_PAYLOAD`]; a longer one is refused by its header, before a byte of it is kept.
//! - The decoder's memory grows by what arrived, never by what a header promises.
//! - An unknown request, control, event, notice or frame is a value (`Unknown`), not an error of the stream, and an unknown
//!   request is answered with [`ErrorCode::UnknownRequest`]: an old capsule and a new client work together.
//!
//! # Caveats
//!
//! Neither end may trust the other's strings: they are bounded by the frame, and may hold any character.

mod frame;
mod hook;
mod message;
mod recognition;
mod session;
#[cfg(test)]
mod tests;
mod typing;

pub use frame::{DecodeError, Decoder, Frame, FrameKind, HEADER_BYTES, MAX_PAYLOAD, ParseError, RawFrame};
pub use hook::{Hook, HookRun};
pub use message::{
    Attach, AttachMode, Attached, Capture, CaptureFormat, Captured, Control, ErrorCode, Event, Exec, Hello, Kill,
    Notice, Output, Personalise, Rename, Reply, ReplyError, Request, Spawn, Spawned,
};
pub use recognition::{HomeFile, Place, Recognition, Report, Rule};
pub use session::{Environment, Exit, Millis, Session, SessionState, Signal, Size, StateRule, Status};
pub use typing::{Stroke, Typing};

/// The version of the protocol that this code speaks; the two ends use the lower of theirs.
pub const PROTOCOL: u32 = 1;

/// The argument that stands for the image's own shell when it is the first of an argv.
pub const SHELL: &str = "@shell";

/// How many bytes of data a sender puts into one frame: small enough that no frame delays a key by much.
pub const DATA_CHUNK: usize = 32 * 1024;
