//! Making the client, and agreeing with the engine on a version of its API.
//!
//! bollard 0.21 formats a versioned URL and then joins the version away, so an engine would answer in its own newest API whatever
//! was negotiated. We ask the engine which versions it has, and put ours before each path ourselves.

use std::collections::HashMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bollard::models::SystemVersion;
use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use hyper::Uri;
use hyper::http::uri::PathAndQuery;
use tokio::sync::{Mutex, OnceCell};

use super::context::client_folder;
use super::failure::{self, Failure};
use super::logins::Logins;
use super::{DockerEngine, EngineAddress, HostFacts, limit};
use crate::docker::{EngineError, EngineErrorCause, EngineInfo, Operation};
use crate::metrics;

/// The API that this module is written against. A later engine that has dropped it is spoken to in the oldest that it has.
const OUR_MINOR: usize = 41;

/// bollard's own limit on the head of an answer, which a build's may take longer to reach than any number we could name.
const BOLLARD_SECONDS: u64 = 30 * 24 * 3600;

impl DockerEngine {
    /// An engine at this address; nothing is sent before the first call.
    pub fn new(address: EngineAddress) -> Self {
        Self {
            address,
            client: OnceCell::new(),
            api_minor: Arc::new(AtomicUsize::new(0)),
            host: OnceCell::new(),
            logins: Logins { folder: client_folder() },
            buildkit: OnceCell::new(),
            accounts: Mutex::new(HashMap::new()),
            network_locks: Mutex::new(HashMap::new()),
        }
    }

    /// The engine that the docker client would use in the environment of this process.
    ///
    /// # Errors
    /// As [`EngineAddress::from_environment`].
    pub fn from_environment() -> Result<Self, EngineError> {
        Ok(Self::new(EngineAddress::from_environment()?))
    }

    /// The same with another folder of the docker client's configuration, which tells of logins to registries.
    #[must_use]
    pub fn with_client_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.logins = Logins { folder: Some(folder.into()) };
        self
    }

    /// Where it is.
    pub fn address(&self) -> &EngineAddress {
        &self.address
    }

    /// The client, with the version agreed on.
    pub(super) async fn client(&self, operation: Operation, object: &str) -> Result<&Docker, EngineError> {
        let made = self.client.get_or_try_init(|| async {
            let client = open(&self.address, &self.api_minor)?;
            let version = within(limit::READ, client.version()).await?;
            self.agree_on_version(&version);
            Ok::<_, Failure>(client)
        });
        made.await.map_err(|failure| failure.into_error(operation, object))
    }

    fn agree_on_version(&self, version: &SystemVersion) {
        let newest = version.api_version.as_deref().and_then(minor_of).unwrap_or(OUR_MINOR);
        let oldest = version.min_api_version.as_deref().and_then(minor_of).unwrap_or(0);
        self.api_minor.store(OUR_MINOR.min(newest).max(oldest), Ordering::Relaxed);
    }

    pub(super) async fn who_answers(&self) -> Result<EngineInfo, EngineError> {
        let object = self.address.to_string();
        let client = self.client(Operation::Ping, &object).await?;
        let version = bounded(Operation::Ping, &object, limit::READ, client.version()).await?;
        // An engine that was upgraded under us may have dropped the version agreed on before.
        self.agree_on_version(&version);
        let platform = version.platform.map(|platform| platform.name).filter(|name| !name.is_empty());
        let component = version.components.into_iter().flatten().next().map(|component| component.name);
        Ok(EngineInfo {
            name: platform.or(component).unwrap_or_else(|| "Docker".to_owned()),
            version: version.version.unwrap_or_default(),
            api_version: format!("1.{}", self.api_minor.load(Ordering::Relaxed)),
            os: version.os.unwrap_or_default(),
            arch: version.arch.unwrap_or_default(),
            host_reachable: matches!(self.address, EngineAddress::Unix(_)),
        })
    }

    pub(super) async fn host_facts(&self, operation: Operation, object: &str) -> Result<&HostFacts, EngineError> {
        let asked = self.host.get_or_try_init(|| async {
            let client = self.client(operation, object).await?;
            let info = bounded(operation, object, limit::READ, client.info()).await?;
            Ok::<_, EngineError>(HostFacts {
                logging_driver: info.logging_driver.unwrap_or_default(),
                processors: info.ncpu.unwrap_or(1),
            })
        });
        asked.await
    }
}

/// Waits for an answer, at most so long, and tells a failure in our words.
pub(super) async fn bounded<T>(
    operation: Operation,
    object: &str,
    after: Duration,
    answer: impl Future<Output = Result<T, bollard::errors::Error>> + Send,
) -> Result<T, EngineError> {
    within(after, answer).await.map_err(|failure| failure.into_error(operation, object))
}

/// Waits for an answer, at most so long, for callers that tell "already so" from "refused".
pub(super) async fn within<T>(
    after: Duration,
    answer: impl Future<Output = Result<T, bollard::errors::Error>> + Send,
) -> Result<T, Failure> {
    match tokio::time::timeout(after, answer).await {
        Ok(answer) => answer.map_err(failure::classify),
        Err(_) => Err(Failure::Other(EngineErrorCause::Timeout { after })),
    }
}

fn open(address: &EngineAddress, minor: &Arc<AtomicUsize>) -> Result<Docker, Failure> {
    let client = match address {
        EngineAddress::Unix(path) => {
            Docker::connect_with_unix(&path.to_string_lossy(), BOLLARD_SECONDS, API_DEFAULT_VERSION)
        }
        EngineAddress::Tcp(address) => Docker::connect_with_http(address, BOLLARD_SECONDS, API_DEFAULT_VERSION),
    };
    let minor = Arc::clone(minor);
    let pinned = client.map_err(failure::classify)?;
    Ok(pinned.with_request_modifier(move |request| {
        metrics::engine_request(request.method().as_str(), request.uri().path());
        versioned(with_readable_login(request), minor.load(Ordering::Relaxed))
    }))
}

/// bollard 0.21 writes a login in base64's other alphabet, in which the engine takes many a password for none at all.
fn with_readable_login(mut request: BollardRequest) -> BollardRequest {
    if let Some(login) = request.headers_mut().get_mut("X-Registry-Auth")
        && let Ok(text) = login.to_str()
        && let Ok(readable) = text.replace('+', "-").replace('/', "_").parse()
    {
        *login = readable;
    }
    request
}

/// Puts the version before the path; before it is known (0), asks without one.
fn versioned(request: BollardRequest, minor: usize) -> BollardRequest {
    if minor == 0 {
        return request;
    }
    let (mut head, body) = request.into_parts();
    let mut parts = head.uri.clone().into_parts();
    let path = parts.path_and_query.as_ref().map_or("/", PathAndQuery::as_str);
    if let Ok(path) = format!("/v1.{minor}{path}").parse() {
        parts.path_and_query = Some(path);
        if let Ok(uri) = Uri::from_parts(parts) {
            head.uri = uri;
        }
    }
    BollardRequest::from_parts(head, body)
}

fn minor_of(version: &str) -> Option<usize> {
    version.strip_prefix("1.")?.parse().ok()
}
