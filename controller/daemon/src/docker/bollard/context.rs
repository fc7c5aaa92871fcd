//! Where the engine is: `DOCKER_HOST`, the docker client's contexts, or the usual socket.
//!
//! The order is the docker client's own: `DOCKER_HOST`, `DOCKER_CONTEXT`, `currentContext` of its configuration, the default. So
//! whoever types `docker ps` beside us looks at the same engine.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::super::{EngineError, EngineErrorCause, Operation};

const DEFAULT_SOCKET: &str = "/var/run/docker.sock";

/// Where an engine listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EngineAddress {
    /// A Unix socket of this machine.
    Unix(PathBuf),
    /// Host and port, spoken to in the clear.
    Tcp(String),
}

impl EngineAddress {
    /// The address that the docker client would use in the environment of this process.
    ///
    /// # Errors
    /// `NotSupported` for transports that we do not speak (ssh, TLS), `NotFound` for a context that does not exist, `BadAnswer` for
    /// a configuration that cannot be read.
    pub fn from_environment() -> Result<Self, EngineError> {
        Self::resolve(variable, client_folder().as_deref())
    }

    /// The address for these environment variables and this folder of the docker client's configuration.
    ///
    /// # Errors
    /// As [`EngineAddress::from_environment`].
    pub fn resolve(
        variable: impl Fn(&str) -> Option<String>,
        configuration: Option<&Path>,
    ) -> Result<Self, EngineError> {
        if let Some(host) = variable("DOCKER_HOST") {
            let encrypted = variable("DOCKER_TLS_VERIFY").is_some();
            return Self::parse(&host, encrypted);
        }
        let Some(folder) = configuration else {
            return Ok(Self::default());
        };
        let context = match variable("DOCKER_CONTEXT") {
            Some(name) => Some(name),
            None => read::<ClientConfiguration>(&folder.join("config.json"))?.and_then(|found| found.current_context),
        };
        match context.filter(|name| !name.is_empty() && name != "default") {
            Some(name) => Self::of_context(&name, folder),
            None => Ok(Self::default()),
        }
    }

    /// The address that a `DOCKER_HOST` means.
    ///
    /// # Errors
    /// `NotSupported` for transports that we do not speak.
    pub fn parse(host: &str, encrypted: bool) -> Result<Self, EngineError> {
        let unsupported = |hint: &str| {
            let cause = EngineErrorCause::NotSupported { address: host.to_owned(), hint: hint.to_owned() };
            EngineError::new(Operation::Connect, host, cause)
        };
        match host.split_once("://") {
            Some(("unix", path)) if path.starts_with('/') => Ok(Self::Unix(PathBuf::from(path))),
            Some(("tcp" | "http", _)) if encrypted => {
                Err(unsupported("TLS is not spoken; forward the engine's socket with `ssh -L` and use `unix://`"))
            }
            Some(("tcp" | "http", address)) if !address.is_empty() => {
                Ok(Self::Tcp(address.trim_end_matches('/').to_owned()))
            }
            Some(("ssh", target)) => Err(unsupported(&format!(
                "forward its socket with `ssh -nNT -L /tmp/docker.sock:{DEFAULT_SOCKET} {target}` and set \
                 DOCKER_HOST=unix:///tmp/docker.sock"
            ))),
            _ => Err(unsupported("use `unix:///path/of/docker.sock` or `tcp://host:port`")),
        }
    }

    fn of_context(name: &str, folder: &Path) -> Result<Self, EngineError> {
        let directory: String = Sha256::digest(name.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        let found = read::<ContextMeta>(&folder.join("contexts/meta").join(&directory).join("meta.json"))?;
        let Some(meta) = found else {
            return Err(EngineError::new(Operation::Connect, format!("context {name}"), EngineErrorCause::NotFound));
        };
        let encrypted = folder.join("contexts/tls").join(&directory).join("docker").exists();
        match meta.endpoints.docker.host {
            Some(host) => Self::parse(&host, encrypted),
            None => Ok(Self::default()),
        }
    }
}

/// The folder of the docker client's configuration: `DOCKER_CONFIG`, or `.docker` of the home.
pub(super) fn client_folder() -> Option<PathBuf> {
    variable("DOCKER_CONFIG")
        .map(PathBuf::from)
        .or_else(|| variable("HOME").map(|home| Path::new(&home).join(".docker")))
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl Default for EngineAddress {
    fn default() -> Self {
        Self::Unix(PathBuf::from(DEFAULT_SOCKET))
    }
}

impl fmt::Display for EngineAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(formatter, "unix://{}", path.display()),
            Self::Tcp(address) => write!(formatter, "tcp://{address}"),
        }
    }
}

#[derive(Deserialize)]
struct ClientConfiguration {
    #[serde(rename = "currentContext")]
    current_context: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ContextMeta {
    endpoints: ContextEndpoints,
}

#[derive(Deserialize)]
struct ContextEndpoints {
    docker: ContextEndpoint,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ContextEndpoint {
    host: Option<String>,
}

/// The parsed file; `None` when there is none.
fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>, EngineError> {
    let unreadable = |source: super::super::error::Source| {
        let object = format!("with {}", path.display());
        EngineError::new(Operation::Connect, object, EngineErrorCause::BadAnswer { source })
    };
    match fs_err::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| unreadable(Arc::new(error))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(Arc::new(error))),
    }
}
