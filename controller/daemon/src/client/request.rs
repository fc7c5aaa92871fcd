//! Requests to the local routes beside the Kubernetes API.

use futures::{Stream, TryStreamExt};
use http_body_util::{BodyDataStream, BodyExt};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, UPGRADE};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use kube::core::Status;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};

use super::transport::Body;
use super::{Connection, RequestError};

impl Connection {
    /// Asks for the JSON at `path`.
    ///
    /// # Errors
    /// When the connection breaks, the daemon refuses, or the answer is something else.
    pub async fn get_json<T: DeserializeOwned>(&self, path: &str) -> Result<T, RequestError> {
        let text = self.get_text(path).await?;
        read(path, text.as_bytes())
    }

    /// Asks for the text at `path`.
    ///
    /// # Errors
    /// When the connection breaks or the daemon refuses.
    pub async fn get_text(&self, path: &str) -> Result<String, RequestError> {
        let bytes = self.send(Method::GET, path, Vec::new()).await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Sends `value` to `path` and reads the JSON that comes back.
    ///
    /// # Errors
    /// When the connection breaks, the daemon refuses, or the answer is something else.
    pub async fn post_json<T: DeserializeOwned>(&self, path: &str, value: &impl Serialize) -> Result<T, RequestError> {
        let body =
            serde_json::to_vec(value).map_err(|source| RequestError::Malformed { path: path.to_owned(), source })?;
        let bytes = self.send(Method::POST, path, body).await?;
        read(path, if bytes.is_empty() { b"null" } else { &bytes })
    }

    /// Asks for the text at `path` as it is written, until the daemon ends it.
    ///
    /// # Errors
    /// When the connection breaks or the daemon refuses.
    pub async fn get_stream(
        &self,
        path: &str,
    ) -> Result<impl Stream<Item = Result<bytes::Bytes, RequestError>> + use<>, RequestError> {
        let answer = self.request(Method::GET, path, Vec::new()).await?;
        let path = path.to_owned();
        let broken = move |error: hyper::Error| RequestError::Transport { path: path.clone(), source: error.into() };
        Ok(BodyDataStream::new(answer).map_err(broken))
    }

    /// Asks for the connection at `path` itself, as one of `protocol`.
    ///
    /// # Errors
    /// When the connection breaks or the daemon refuses.
    pub async fn turn_into(
        &self,
        protocol: &str,
        path: &str,
    ) -> Result<impl AsyncRead + AsyncWrite + Send + Unpin + use<>, RequestError> {
        let broken = |source| RequestError::Transport { path: path.to_owned(), source };
        let request = Request::builder()
            .uri(path)
            .header(CONNECTION, "upgrade")
            .header(UPGRADE, protocol)
            .body(Body::from(Vec::new()))
            .map_err(|error| broken(error.into()))?;
        let answer = self.transport.open(request).await.map_err(|error| broken(error.into()))?;
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            let upgraded = hyper::upgrade::on(answer).await.map_err(|error| broken(error.into()))?;
            return Ok(TokioIo::new(upgraded));
        }
        let status = answer.status();
        let bytes = collect(path, answer.into_body()).await?;
        Err(RequestError::Refused { status: Box::new(refusal(status, &bytes)) })
    }

    async fn send(&self, method: Method, path: &str, body: Vec<u8>) -> Result<bytes::Bytes, RequestError> {
        let answer = self.request(method, path, body).await?;
        collect(path, answer).await
    }

    /// Sends a request; the body of an answer that is no refusal.
    async fn request(&self, method: Method, path: &str, body: Vec<u8>) -> Result<Incoming, RequestError> {
        let broken = |source| RequestError::Transport { path: path.to_owned(), source };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .body(Body::from(body))
            .map_err(|error| broken(error.into()))?;
        let answer = self.transport.open(request).await.map_err(|error| broken(error.into()))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer.into_body());
        }
        let bytes = collect(path, answer.into_body()).await?;
        Err(RequestError::Refused { status: Box::new(refusal(status, &bytes)) })
    }
}

async fn collect(path: &str, body: Incoming) -> Result<bytes::Bytes, RequestError> {
    let collected = body.collect().await;
    let collected =
        collected.map_err(|error| RequestError::Transport { path: path.to_owned(), source: error.into() })?;
    Ok(collected.to_bytes())
}

fn read<T: DeserializeOwned>(path: &str, bytes: &[u8]) -> Result<T, RequestError> {
    serde_json::from_slice(bytes).map_err(|source| RequestError::Malformed { path: path.to_owned(), source })
}

/// The Status of a refusal, made up from the code where the body is none.
fn refusal(code: StatusCode, body: &[u8]) -> Status {
    let mut status: Status =
        serde_json::from_slice(body).unwrap_or_else(|_| Status::failure(&String::from_utf8_lossy(body), ""));
    status.code = code.as_u16();
    if status.message.trim().is_empty() {
        status.message = format!("the controller answered {code}");
    }
    status
}
