//! Requests of our own, for what bollard does not do without a hundred more crates: a session, and a build that has one.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use futures::{Stream, TryStreamExt};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::http::request::Builder;
use hyper::rt::{Read, Write};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, UnixStream};
use tokio_util::codec::{FramedRead, LinesCodec, LinesCodecError};
use tokio_util::io::StreamReader;
use tokio_util::task::AbortOnDropHandle;

use super::failure::Failure;
use super::upload::Body;
use super::{DockerEngine, EngineAddress};
use crate::docker::EngineErrorCause;
use crate::metrics;

/// Bytes of an error that are read.
const ERROR_BYTES: usize = 64 * 1024;

/// Bytes that one line of a stream of news may have.
const LINE_BYTES: usize = 16 * 1024 * 1024;

/// A connection that takes one request; dropping it closes it, and the engine then gives up what it does for it.
pub(super) struct Connection {
    sender: SendRequest<Body>,
    driver: AbortOnDropHandle<()>,
}

/// An answer, with the connection that it comes over.
pub(super) struct Answer {
    pub(super) response: Response<Incoming>,
    driver: AbortOnDropHandle<()>,
}

impl DockerEngine {
    /// A new connection to the engine.
    pub(super) async fn connection(&self) -> Result<Connection, Failure> {
        match &self.address {
            EngineAddress::Unix(path) => open(UnixStream::connect(path).await.map_err(unreachable)?).await,
            EngineAddress::Tcp(address) => open(TcpStream::connect(address).await.map_err(unreachable)?).await,
        }
    }

    /// A POST to this path, in the version of the API that was agreed on.
    pub(super) fn post(&self, path_and_query: &str) -> Builder {
        metrics::engine_request("POST", path_and_query);
        let minor = self.api_minor.load(Ordering::Relaxed);
        Request::post(format!("/v1.{minor}{path_and_query}")).header(hyper::header::HOST, "docker")
    }
}

async fn open<T>(stream: T) -> Result<Connection, Failure>
where
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    TokioIo<T>: Read + Write,
{
    let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(unreachable)?;
    let driving = async move {
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!(%error, "a connection to the engine ended");
        }
    };
    Ok(Connection { sender, driver: AbortOnDropHandle::new(tokio::spawn(driving)) })
}

impl Connection {
    /// Sends the one request.
    pub(super) async fn send(mut self, request: Request<Body>) -> Result<Answer, Failure> {
        let response = self.sender.send_request(request).await.map_err(unreachable)?;
        Ok(Answer { response, driver: self.driver })
    }
}

impl Answer {
    /// The lines of an answer of success.
    pub(super) async fn lines(self) -> Result<impl Stream<Item = Result<String, Failure>> + Send + Unpin, Failure> {
        if self.response.status() != StatusCode::OK {
            return Err(self.refusal().await);
        }
        let Self { response, driver } = self;
        let bytes = response.into_body().into_data_stream().map_err(std::io::Error::other);
        let codec = LinesCodec::new_with_max_length(LINE_BYTES);
        let lines = FramedRead::new(StreamReader::new(Box::pin(bytes)), codec);
        Ok(lines.map_err(broken).inspect_ok(move |_| _ = &driver))
    }

    /// The engine's own words in an answer that is none of success.
    pub(super) async fn refusal(self) -> Failure {
        let status = self.response.status().as_u16();
        let body = Limited::new(self.response.into_body(), ERROR_BYTES).collect().await;
        let bytes = body.map(|body| body.to_bytes()).unwrap_or_default();
        let told = serde_json::from_slice::<serde_json::Value>(&bytes).ok();
        let message = told.as_ref().and_then(|told| told["message"].as_str());
        let message = message.map_or_else(|| String::from_utf8_lossy(&bytes).into_owned(), str::to_owned);
        Failure::Answer { status, message }
    }

    /// The connection itself, when the engine turned it round.
    pub(super) async fn upgraded(self) -> Result<(hyper::upgrade::Upgraded, AbortOnDropHandle<()>), Failure> {
        let upgraded = hyper::upgrade::on(self.response).await.map_err(unreachable)?;
        Ok((upgraded, self.driver))
    }
}

/// The body of a request that sends nothing.
pub(super) fn nothing() -> Body {
    bollard::body_full(Bytes::new())
}

fn unreachable(error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure::Other(EngineErrorCause::Unreachable { source: Arc::new(error) })
}

fn broken(error: LinesCodecError) -> Failure {
    match error {
        LinesCodecError::Io(error) => unreachable(error),
        LinesCodecError::MaxLineLengthExceeded => {
            Failure::Other(EngineErrorCause::BadAnswer { source: Arc::new(error) })
        }
    }
}
