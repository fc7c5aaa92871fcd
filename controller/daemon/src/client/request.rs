//! Requests to the local routes beside the Kubernetes API.

use hyper::{Method, Request, StatusCode};
use kube::core::Status;
use serde::Serialize;
use serde::de::DeserializeOwned;

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

    async fn send(&self, method: Method, path: &str, body: Vec<u8>) -> Result<bytes::Bytes, RequestError> {
        let broken = |source| RequestError::Transport { path: path.to_owned(), source };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .body(Body::from(body))
            .map_err(|error| broken(error.into()))?;
        let (status, bytes) = self.transport.ask(request).await.map_err(broken)?;
        if status.is_success() {
            return Ok(bytes);
        }
        Err(RequestError::Refused { status: Box::new(refusal(status, &bytes)) })
    }
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
