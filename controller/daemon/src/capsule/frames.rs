//! Frames over a connection: one half reads, the other writes.

use bytes::BytesMut;
use jackin_api::wire::{DATA_CHUNK, Decoder, Frame, FrameKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use super::CapsuleError;

#[derive(Debug)]
pub(super) struct FrameReader {
    half: OwnedReadHalf,
    decoder: Decoder,
    arrived: BytesMut,
}

impl FrameReader {
    pub(super) fn new(half: OwnedReadHalf) -> Self {
        Self { half, decoder: Decoder::default(), arrived: BytesMut::with_capacity(DATA_CHUNK) }
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

#[derive(Debug)]
pub(super) struct FrameWriter {
    half: OwnedWriteHalf,
}

impl FrameWriter {
    pub(super) fn new(half: OwnedWriteHalf) -> Self {
        Self { half }
    }

    pub(super) async fn send(&mut self, frame: &Frame) -> Result<(), CapsuleError> {
        Ok(self.half.write_all(&frame.encode()?).await?)
    }

    pub(super) async fn send_data(&mut self, kind: FrameKind, bytes: &[u8]) -> Result<(), CapsuleError> {
        for chunk in bytes.chunks(DATA_CHUNK) {
            self.half.write_all(&Frame::data(kind, chunk)).await?;
        }
        Ok(())
    }
}
