//! Archives as bodies of requests.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use http_body_util::{Either, Full, StreamBody};
use hyper::body::Frame;

use crate::docker::{Archive, EngineError, EngineErrorCause};

/// bollard's body type, which it does not name in public.
pub(super) type Body = Either<Full<Bytes>, StreamBody<BoxStream<'static, io::Result<Frame<Bytes>>>>>;

/// What reading an archive said, where it failed: to the engine's client it is a broken connection.
#[derive(Clone, Default)]
pub(super) struct ArchiveFault(Arc<Mutex<Option<io::Error>>>);

impl ArchiveFault {
    fn note(&self, error: io::Error) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    /// The error with its true cause, when the call failed for want of the archive.
    pub(super) fn explain(&self, mut error: EngineError) -> EngineError {
        if let Some(fault) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            error.cause = EngineErrorCause::BadArchive { source: Arc::new(fault) };
        }
        error
    }
}

/// The body that sends an archive, and the place to learn why it could not be read.
pub(super) fn upload(archive: Archive) -> (Body, ArchiveFault) {
    let fault = ArchiveFault::default();
    let noted = fault.clone();
    let body = bollard::body_try_stream(archive.into_stream().map(move |part| {
        part.map_err(|error| {
            let told = io::Error::new(error.kind(), error.to_string());
            noted.note(error);
            told
        })
    }));
    (body, fault)
}
