//! Frames: a length, a kind, a payload; encoding and incremental decoding, both pure.
//!
//! The length is four bytes, big endian, and counts the payload alone; the kind is one byte.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Control, Event, Hello, Notice, Reply, Request};

/// The longest payload that either end accepts, in bytes.
pub const MAX_PAYLOAD: usize = 1024 * 1024;

/// The bytes before a payload: its length and its kind.
pub const HEADER_BYTES: usize = 5;

/// What a payload is, as the byte that stands for it on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum FrameKind {
    /// The first frame of each end, JSON.
    Hello = 1,
    /// A client's request, JSON.
    Request = 2,
    /// The capsule's answer to one request, JSON.
    Reply = 3,
    /// A client's word inside a stream, JSON.
    Control = 4,
    /// The capsule's word inside a stream, JSON.
    Event = 5,
    /// What happened in the capsule, for who subscribed, JSON.
    Notice = 6,
    /// Bytes for a terminal or for standard input.
    Input = 16,
    /// Bytes from a terminal or from standard output.
    Output = 17,
    /// Bytes from standard error.
    ErrorOutput = 18,
    /// Bytes that paint a whole screen, whatever was on it.
    Paint = 19,
}

impl FrameKind {
    /// The kind that a byte stands for, if this version knows it.
    #[must_use]
    pub fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Hello,
            2 => Self::Request,
            3 => Self::Reply,
            4 => Self::Control,
            5 => Self::Event,
            6 => Self::Notice,
            16 => Self::Input,
            17 => Self::Output,
            18 => Self::ErrorOutput,
            19 => Self::Paint,
            _ => return None,
        })
    }
}

/// A frame as it arrived: its payload is not yet looked at.
#[derive(Clone, PartialEq, Eq)]
pub struct RawFrame {
    /// The byte of its kind, known to this version or not.
    pub kind: u8,
    /// Its payload.
    pub payload: Vec<u8>,
}

impl std::fmt::Debug for RawFrame {
    // A payload may hold credentials or what somebody types.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "RawFrame {{ kind: {}, payload: {} bytes }}", self.kind, self.payload.len())
    }
}

/// A frame that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// See [`FrameKind::Hello`].
    Hello(Hello),
    /// See [`FrameKind::Request`].
    Request(Request),
    /// See [`FrameKind::Reply`].
    Reply(Reply),
    /// See [`FrameKind::Control`].
    Control(Control),
    /// See [`FrameKind::Event`].
    Event(Event),
    /// See [`FrameKind::Notice`].
    Notice(Notice),
    /// See [`FrameKind::Input`].
    Input(Vec<u8>),
    /// See [`FrameKind::Output`].
    Output(Vec<u8>),
    /// See [`FrameKind::ErrorOutput`].
    ErrorOutput(Vec<u8>),
    /// See [`FrameKind::Paint`].
    Paint(Vec<u8>),
    /// A kind that a later version may know; skip it.
    Unknown {
        /// Its byte.
        kind: u8,
    },
}

impl Frame {
    /// Reads a frame's payload by its kind.
    ///
    /// # Errors
    /// When a payload that should be JSON of its kind is not.
    pub fn parse(raw: RawFrame) -> Result<Self, ParseError> {
        let RawFrame { kind, payload } = raw;
        let Some(known) = FrameKind::from_byte(kind) else {
            return Ok(Self::Unknown { kind });
        };
        Ok(match known {
            FrameKind::Hello => Self::Hello(from_json(known, &payload)?),
            FrameKind::Request => Self::Request(from_json(known, &payload)?),
            FrameKind::Reply => Self::Reply(from_json(known, &payload)?),
            FrameKind::Control => Self::Control(from_json(known, &payload)?),
            FrameKind::Event => Self::Event(from_json(known, &payload)?),
            FrameKind::Notice => Self::Notice(from_json(known, &payload)?),
            FrameKind::Input => Self::Input(payload),
            FrameKind::Output => Self::Output(payload),
            FrameKind::ErrorOutput => Self::ErrorOutput(payload),
            FrameKind::Paint => Self::Paint(payload),
        })
    }

    /// The bytes of this frame, or of several where its data exceeds [`MAX_PAYLOAD`].
    ///
    /// # Errors
    /// When a JSON payload exceeds [`MAX_PAYLOAD`]: it cannot be cut.
    pub fn encode(&self) -> Result<Vec<u8>, ParseError> {
        match self {
            Self::Hello(hello) => json(FrameKind::Hello, hello),
            Self::Request(request) => json(FrameKind::Request, request),
            Self::Reply(reply) => json(FrameKind::Reply, reply),
            Self::Control(control) => json(FrameKind::Control, control),
            Self::Event(event) => json(FrameKind::Event, event),
            Self::Notice(notice) => json(FrameKind::Notice, notice),
            Self::Input(bytes) => Ok(Self::data(FrameKind::Input, bytes)),
            Self::Output(bytes) => Ok(Self::data(FrameKind::Output, bytes)),
            Self::ErrorOutput(bytes) => Ok(Self::data(FrameKind::ErrorOutput, bytes)),
            Self::Paint(bytes) => Ok(Self::data(FrameKind::Paint, bytes)),
            Self::Unknown { kind } => Ok(vec![0, 0, 0, 0, *kind]),
        }
    }

    /// Encodes data without owning it; more than [`MAX_PAYLOAD`] becomes several frames, nothing becomes one empty frame.
    #[must_use]
    pub fn data(kind: FrameKind, bytes: &[u8]) -> Vec<u8> {
        let mut encoded = Vec::with_capacity(bytes.len() + HEADER_BYTES);
        if bytes.is_empty() {
            push_frame(&mut encoded, kind, &[]);
        }
        for part in bytes.chunks(MAX_PAYLOAD) {
            push_frame(&mut encoded, kind, part);
        }
        encoded
    }
}

fn push_frame(encoded: &mut Vec<u8>, kind: FrameKind, payload: &[u8]) {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    encoded.extend_from_slice(&length.to_be_bytes());
    encoded.push(kind as u8);
    encoded.extend_from_slice(payload);
}

fn from_json<T: DeserializeOwned>(kind: FrameKind, payload: &[u8]) -> Result<T, ParseError> {
    serde_json::from_slice(payload).map_err(|error| ParseError::Json {
        kind,
        line: error.line(),
        column: error.column(),
    })
}

fn json<T: Serialize>(kind: FrameKind, value: &T) -> Result<Vec<u8>, ParseError> {
    let payload = serde_json::to_vec(value).map_err(|_| ParseError::Encode { kind })?;
    if payload.len() > MAX_PAYLOAD {
        return Err(ParseError::TooLong { kind, bytes: payload.len() });
    }
    let mut encoded = Vec::with_capacity(payload.len() + HEADER_BYTES);
    push_frame(&mut encoded, kind, &payload);
    Ok(encoded)
}

/// Why a payload could not be read or written; the stream itself is intact.
///
/// Messages name positions, never content: a payload may hold credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The payload is not JSON of its kind.
    #[error("malformed {kind:?} frame at line {line}, column {column} of its payload")]
    Json {
        /// What it should have been.
        kind: FrameKind,
        /// Line in the payload, from 1.
        line: usize,
        /// Column in that line.
        column: usize,
    },
    /// The value has no JSON form.
    #[error("{kind:?} frame has no JSON form")]
    Encode {
        /// What it is.
        kind: FrameKind,
    },
    /// The value's JSON is longer than a frame.
    #[error("{kind:?} frame of {bytes} bytes exceeds {MAX_PAYLOAD} bytes")]
    TooLong {
        /// What it is.
        kind: FrameKind,
        /// How long it would be.
        bytes: usize,
    },
}

/// Why a byte stream cannot be decoded any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A header announced more than [`MAX_PAYLOAD`].
    #[error("frame of {bytes} bytes exceeds {MAX_PAYLOAD} bytes")]
    Oversize {
        /// What the header announced.
        bytes: u32,
    },
}

/// Cuts a byte stream into frames, however the stream was cut before.
///
/// Give it what arrived with [`push`](Self::push), then call [`next_frame`](Self::next_frame) until it has no more.
/// An error is final: where the next frame begins is not known any more.
///
/// ```
/// use jackin_api::wire::{Decoder, Frame};
/// let bytes = Frame::Input(b"ls\r".to_vec()).encode()?;
/// let mut decoder = Decoder::default();
/// decoder.push(&bytes[..4]);
/// assert_eq!(decoder.next_frame()?, None);
/// decoder.push(&bytes[4..]);
/// let raw = decoder.next_frame()?.ok_or("no frame")?;
/// assert_eq!(Frame::parse(raw)?, Frame::Input(b"ls\r".to_vec()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: Vec<u8>,
    /// Bytes of `buffer` that were already returned.
    consumed: usize,
    failed: Option<DecodeError>,
}

impl Decoder {
    /// Takes bytes as they arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.failed.is_none() {
            self.buffer.drain(..self.consumed);
            self.consumed = 0;
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The next whole frame, or nothing until more bytes are pushed.
    ///
    /// # Errors
    /// When a header announces more than [`MAX_PAYLOAD`]; from then on always.
    pub fn next_frame(&mut self) -> Result<Option<RawFrame>, DecodeError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let pending = &self.buffer[self.consumed..];
        let Some((&[a, b, c, d, kind], rest)) = pending.split_first_chunk::<HEADER_BYTES>() else {
            return Ok(None);
        };
        let announced = u32::from_be_bytes([a, b, c, d]);
        let length = announced as usize;
        if length > MAX_PAYLOAD {
            let error = DecodeError::Oversize { bytes: announced };
            self.failed = Some(error);
            self.buffer = Vec::new();
            self.consumed = 0;
            return Err(error);
        }
        let Some(payload) = rest.get(..length) else {
            return Ok(None);
        };
        let frame = RawFrame { kind, payload: payload.to_vec() };
        self.consumed += HEADER_BYTES + length;
        if self.consumed == self.buffer.len() {
            self.buffer.clear();
            self.consumed = 0;
        }
        Ok(Some(frame))
    }

    /// How many bytes wait for the rest of their frame.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.buffer.len() - self.consumed
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.buffer.capacity()
    }
}
