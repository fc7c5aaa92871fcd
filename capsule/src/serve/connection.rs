//! One client's connection: frames in, frames out, and why it ends.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use jackin_api::wire::{DATA_CHUNK, Decoder, ErrorCode, Frame, FrameKind, ParseError, Reply, ReplyError};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use zeroize::Zeroizing;

use super::refuse;
use crate::turns::Turns;

/// How long a client may leave a reply unread once the socket is full.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why a connection ends before its work is done.
#[derive(Debug)]
pub(super) enum Closed {
    /// The client left, as clients do.
    Quietly,
    /// The client broke the rules; the reason is for the log.
    Badly(String),
}

impl From<io::Error> for Closed {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => Self::Quietly,
            _ => Self::Badly(error.to_string()),
        }
    }
}

/// Both halves.
pub(super) struct Connection {
    pub(super) incoming: Incoming,
    pub(super) outgoing: Outgoing,
}

impl Connection {
    pub(super) fn new(stream: UnixStream, turns: Rc<Turns>) -> Self {
        let (read, write) = stream.into_split();
        let buffer = Zeroizing::new(vec![0; DATA_CHUNK]);
        Self {
            incoming: Incoming { half: read, decoder: Decoder::default(), buffer },
            outgoing: Outgoing { half: write, turns },
        }
    }

    pub(super) async fn next_within(&mut self, silence: Duration) -> Result<Option<Result<Frame, ParseError>>, Closed> {
        tokio::time::timeout(silence, self.incoming.next()).await.map_err(|_| Closed::Quietly)?
    }

    /// Sends what is not data, to a client that should be waiting for it.
    pub(super) async fn send(&mut self, frame: &Frame) -> Result<(), Closed> {
        let late = |_| Closed::Badly("it does not read its replies".to_owned());
        tokio::time::timeout(PATIENCE, self.outgoing.send(frame)).await.map_err(late)?
    }

    pub(super) async fn reply(&mut self, reply: Result<Reply, ReplyError>) -> Result<(), Closed> {
        let frame = Frame::Reply(reply.unwrap_or_else(Reply::Error));
        if let Err(error @ ParseError::TooLong { .. }) = frame.encode() {
            return self.send(&Frame::Reply(Reply::Error(refuse(ErrorCode::Failed, &error.to_string())))).await;
        }
        self.send(&frame).await
    }
}

/// The reading half.
pub(super) struct Incoming {
    half: OwnedReadHalf,
    decoder: Decoder,
    buffer: Zeroizing<Vec<u8>>,
}

impl Incoming {
    /// The next frame, understood or not, or nothing when the client left. Safe to cancel.
    pub(super) async fn next(&mut self) -> Result<Option<Result<Frame, ParseError>>, Closed> {
        loop {
            match self.decoder.next_frame() {
                Ok(Some(raw)) => return Ok(Some(Frame::parse(raw))),
                Ok(None) => {}
                Err(error) => return Err(Closed::Badly(error.to_string())),
            }
            let count = self.half.read(&mut self.buffer).await?;
            if count == 0 {
                return Ok(None);
            }
            self.decoder.push(&self.buffer[..count]);
        }
    }

    /// Waits until the client left, and leaves what it said before to be read.
    pub(super) async fn gone(&self) {
        // These sockets carry nothing urgent: what comes is that the other end is closed, or that nothing can come any more.
        let _ = self.half.ready(Interest::PRIORITY).await;
    }

    /// Waits until the client left; what it still says is ignored.
    pub(super) async fn closed(&mut self) {
        while let Ok(Some(_)) = self.next().await {}
    }
}

/// The writing half. Only a client that reads gets more; nothing piles up here.
pub(super) struct Outgoing {
    half: OwnedWriteHalf,
    turns: Rc<Turns>,
}

impl Outgoing {
    pub(super) async fn send(&mut self, frame: &Frame) -> Result<(), Closed> {
        let bytes = frame.encode().map_err(|error| Closed::Badly(error.to_string()))?;
        Ok(self.half.write_all(&bytes).await?)
    }

    pub(super) async fn send_data(&mut self, kind: FrameKind, bytes: &[u8]) -> Result<(), Closed> {
        self.half.write_all(&Frame::data(kind, bytes)).await?;
        self.turns.after(bytes.len()).await;
        Ok(())
    }
}
