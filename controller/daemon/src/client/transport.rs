//! HTTP over the daemon's socket.

use std::fs::OpenOptions;
use std::future::Future;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::pin::Pin;
use std::task::{Context, Poll};

use camino::Utf8PathBuf;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::http::uri::{Authority, PathAndQuery, Scheme};
use hyper::{Request, Response, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::UnixStream;
use tower::Service;

use crate::home::Home;

/// A body of a request, as `kube` makes them.
pub(super) type Body = kube::client::Body;

/// A tower service that sends each request to the daemon's socket.
#[derive(Clone, Debug)]
pub(super) struct Transport {
    connector: Connector,
    client: Client<Connector, Body>,
}

impl Transport {
    pub(super) fn new(home: &Home) -> Self {
        let connector = Connector { directory: home.run() };
        let client = Client::builder(TokioExecutor::new()).build(connector.clone());
        Self { connector, client }
    }

    /// Whether somebody listens.
    pub(super) async fn probe(&self) -> std::io::Result<()> {
        self.connector.connect().await.map(drop)
    }

    /// Sends one request and collects its whole answer.
    pub(super) async fn ask(
        &self,
        request: Request<Body>,
    ) -> Result<(hyper::StatusCode, bytes::Bytes), Box<dyn std::error::Error + Send + Sync>> {
        let answer = self.open(request).await?;
        let status = answer.status();
        Ok((status, answer.into_body().collect().await?.to_bytes()))
    }

    /// Sends one request, and gives back the answer as it comes.
    pub(super) async fn open(
        &self,
        mut request: Request<Body>,
    ) -> Result<Response<Incoming>, hyper_util::client::legacy::Error> {
        with_authority(request.uri_mut());
        self.client.request(request).await
    }
}

impl Service<Request<Body>> for Transport {
    type Response = Response<Incoming>;
    type Error = hyper_util::client::legacy::Error;
    type Future = hyper_util::client::legacy::ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        with_authority(request.uri_mut());
        self.client.request(request)
    }
}

/// Gives the address a host, which HTTP demands and a socket does not need.
fn with_authority(uri: &mut Uri) {
    let path = uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
    let mut parts = hyper::http::uri::Parts::default();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(Authority::from_static("jackin"));
    parts.path_and_query = Some(path);
    if let Ok(complete) = Uri::from_parts(parts) {
        *uri = complete;
    }
}

/// Whether an error of connecting means that nobody listens.
pub(super) fn is_nobody_there(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionRefused, NotFound};
    matches!(error.kind(), ConnectionRefused | NotFound)
}

/// Opens the socket in a folder.
#[derive(Clone, Debug)]
struct Connector {
    directory: Utf8PathBuf,
}

impl Connector {
    async fn connect(&self) -> std::io::Result<UnixStream> {
        // An address holds 107 bytes; the way through the folder's descriptor is short whatever the folder's path is.
        let flags = rustix::fs::OFlags::DIRECTORY | rustix::fs::OFlags::PATH;
        let directory = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(&self.directory)?;
        let path = format!("/proc/self/fd/{}/{}", directory.as_raw_fd(), Home::API_SOCKET);
        UnixStream::connect(path).await
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<UnixStream>;
    type Error = std::io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move { Ok(TokioIo::new(connector.connect().await?)) })
    }
}
