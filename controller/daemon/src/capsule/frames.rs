//! Frames over a connection: one half reads, the other writes.

use bytes::BytesMut;
use jackin_api::wire::{DATA_CHUNK, Decoder, Frame, FrameKind};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::CapsuleError;

pub(super) struct FrameReader {
    half: Box<dyn AsyncRead + Send + Unpin>,
    decoder: Decoder,
    arrived: BytesMut,
}

impl FrameReader {
    pub(super) fn new(half: impl AsyncRead + Send + Unpin + 'static) -> Self {
        Self { half: Box::new(half), decoder: Decoder::default(), arrived: BytesMut::with_capacity(DATA_CHUNK) }
    }

    /// The next frame of a known kind, or nothing when the capsule closed. Safe to cancel.
    pub(super) async fn next(&mut self) -> Result<Option<Frame>, CapsuleError> {
        loop {
            while let Some(raw) = self.decoder.next_frame()? {
                match Frame::parse(raw)? {
                    Frame::Unknown { .. } => {}
                    frame => return Ok(Some(frame)),
                }
            }
            self.arrived.clear();
            self.arrived.reserve(DATA_CHUNK);
            if self.half.read_buf(&mut self.arrived).await? == 0 {
                return Ok(None);
            }
            self.decoder.push(&self.arrived);
        }
    }
}

pub(super) struct FrameWriter {
    half: Box<dyn AsyncWrite + Send + Unpin>,
}

impl FrameWriter {
    pub(super) fn new(half: impl AsyncWrite + Send + Unpin + 'static) -> Self {
        Self { half: Box::new(half) }
    }

    pub(super) async fn send(&mut self, frame: &Frame) -> Result<(), CapsuleError> {
        self.half.write_all(&frame.encode()?).await?;
        Ok(self.half.flush().await?)
    }

    pub(super) async fn send_data(&mut self, kind: FrameKind, bytes: &[u8]) -> Result<(), CapsuleError> {
        for chunk in bytes.chunks(DATA_CHUNK) {
            self.half.write_all(&Frame::data(kind, chunk)).await?;
        }
        Ok(self.half.flush().await?)
    }
}

impl std::fmt::Debug for FrameReader {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("FrameReader").field("pending", &self.decoder.pending()).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for FrameWriter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("FrameWriter").finish_non_exhaustive()
    }
}
