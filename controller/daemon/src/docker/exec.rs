//! A program beside PID 1, as a stream.

use std::pin::Pin;

use bytes::Bytes;
use futures::stream::BoxStream;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::io::StreamReader;

/// The standard streams of a program that the engine started in a container. Dropping it closes them.
pub struct ExecStream {
    /// What it reads.
    pub input: Pin<Box<dyn AsyncWrite + Send>>,
    /// What it prints to standard output; what it prints to standard error is an error with these words.
    pub output: BoxStream<'static, std::io::Result<Bytes>>,
}

impl ExecStream {
    /// Both directions as one.
    pub fn into_duplex(self) -> impl AsyncRead + AsyncWrite + Send + Unpin + 'static {
        tokio::io::join(StreamReader::new(self.output), self.input)
    }
}
