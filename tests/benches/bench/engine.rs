//! The Engine API on its socket, without any client library.

use std::path::PathBuf;

use anyhow::{Context, bail};
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::UnixStream;
use tokio::sync::Mutex;

/// The engine, with one connection that stays open.
pub(crate) struct Engine {
    socket: PathBuf,
    connection: Mutex<Option<SendRequest<Full<Bytes>>>>,
}

impl Engine {
    /// The engine of `DOCKER_HOST`, or the one of this machine.
    pub(crate) fn from_environment() -> anyhow::Result<Self> {
        let socket = match std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty()) {
            None => "/var/run/docker.sock".into(),
            Some(host) => match host.strip_prefix("unix://") {
                Some(path) => path.into(),
                None => bail!("DOCKER_HOST is `{host}`; bare calls are made on a Unix socket only"),
            },
        };
        Ok(Self { socket, connection: Mutex::new(None) })
    }

    /// Sends a request and gives its answer, whatever it is.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        let mut connection = self.connection.lock().await;
        if connection.as_ref().is_none_or(SendRequest::is_closed) {
            *connection = Some(self.connect().await?);
        }
        let sender = connection.as_mut().context("connect")?;
        sender.ready().await?;
        let response = sender.send_request(request(method, path, body)?).await?;
        let status = response.status();
        Ok((status, response.into_body().collect().await?.to_bytes()))
    }

    /// Sends a request that must succeed, and reads its answer.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let what = format!("{method} {path}");
        let (status, answer) = self.send(method, path, body).await.with_context(|| what.clone())?;
        // 304: already so.
        if !status.is_success() && status != StatusCode::NOT_MODIFIED {
            bail!("{what}: {status}: {}", String::from_utf8_lossy(&answer).trim());
        }
        if answer.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&answer).with_context(|| what)
    }

    /// The object at `path`.
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.ask(Method::GET, path, None).await
    }

    /// Sends `body` to `path`.
    pub(crate) async fn post(&self, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        self.ask(Method::POST, path, body).await
    }

    /// Removes the object at `path`. None there is as good.
    pub(crate) async fn delete(&self, path: &str) -> anyhow::Result<()> {
        let (status, answer) = self.send(Method::DELETE, path, None).await?;
        if status.is_success() || status == StatusCode::NOT_FOUND {
            return Ok(());
        }
        bail!("DELETE {path}: {status}: {}", String::from_utf8_lossy(&answer).trim())
    }

    /// Follows events that `query` selects, from the moment at which this gives back.
    pub(crate) async fn events(&self, query: &str) -> anyhow::Result<Events> {
        let mut sender = self.connect().await?;
        let response = sender.send_request(request(Method::GET, &format!("/events?{query}"), None)?).await?;
        if !response.status().is_success() {
            bail!("GET /events?{query}: {}", response.status());
        }
        Ok(Events { body: response.into_body(), buffer: Vec::new(), _sender: sender })
    }

    async fn connect(&self) -> anyhow::Result<SendRequest<Full<Bytes>>> {
        let stream = UnixStream::connect(&self.socket).await;
        let stream = stream.with_context(|| format!("connect to the engine at {}", self.socket.display()))?;
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(async move {
            // How a connection ended is told to who waits for an answer on it.
            _ = connection.await;
        });
        Ok(sender)
    }
}

/// The engine's events, as they come.
pub(crate) struct Events {
    body: Incoming,
    buffer: Vec<u8>,
    /// The connection ends with it.
    _sender: SendRequest<Full<Bytes>>,
}

impl Events {
    /// The next event; `None` when the engine ended the stream.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Option<Value>> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return Ok(Some(serde_json::from_slice(&line)?));
            }
            let Some(frame) = self.body.frame().await else {
                return Ok(None);
            };
            if let Ok(data) = frame?.into_data() {
                self.buffer.extend_from_slice(&data);
            }
        }
    }
}

fn request(method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Request<Full<Bytes>>> {
    let body = body.map(serde_json::to_vec).transpose()?.unwrap_or_default();
    let request =
        Request::builder().method(method).uri(path).header("host", "docker").header("content-type", "application/json");
    Ok(request.body(Full::new(Bytes::from(body)))?)
}

/// Filters by label, as the engine takes them in a query.
pub(crate) fn label_filter(label: &str, value: &str) -> String {
    // `{"label":["KEY=VALUE"]}`, with what a query cannot hold spelled out.
    format!("filters=%7B%22label%22%3A%5B%22{label}%3D{value}%22%5D%7D")
}
