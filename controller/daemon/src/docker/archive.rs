//! Tar archives on their way to the engine.

use std::fmt;
use std::io;

use bytes::{Bytes, BytesMut};
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use tokio::io::AsyncRead;
use tokio_util::io::ReaderStream;

/// The bytes of a tar archive, plain or compressed with gzip, read once.
pub struct Archive(BoxStream<'static, io::Result<Bytes>>);

impl Archive {
    /// An archive that is read while it is sent; an error of the stream fails the call.
    pub fn from_stream(stream: impl futures::Stream<Item = io::Result<Bytes>> + Send + 'static) -> Self {
        Self(stream.boxed())
    }

    /// An archive that is read while it is sent.
    pub fn from_reader(reader: impl AsyncRead + Send + 'static) -> Self {
        Self::from_stream(ReaderStream::with_capacity(reader, 64 * 1024))
    }

    /// The stream itself.
    pub fn into_stream(self) -> BoxStream<'static, io::Result<Bytes>> {
        self.0
    }

    /// All of it in memory.
    ///
    /// # Errors
    /// The first error of the stream.
    pub async fn collect(self) -> io::Result<Bytes> {
        let all = self.0.try_fold(BytesMut::new(), |mut all, part| async move {
            all.extend_from_slice(&part);
            Ok(all)
        });
        Ok(all.await?.freeze())
    }
}

impl From<Bytes> for Archive {
    fn from(bytes: Bytes) -> Self {
        Self::from_stream(futures::stream::once(async move { Ok(bytes) }))
    }
}

impl From<Vec<u8>> for Archive {
    fn from(bytes: Vec<u8>) -> Self {
        Self::from(Bytes::from(bytes))
    }
}

impl fmt::Debug for Archive {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Archive(..)")
    }
}
