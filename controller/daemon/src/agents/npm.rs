//! The operator's own npm, with its registry, proxy and certificates: asking for a version, downloading an archive.

use std::io;
use std::process::{Output, Stdio};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Deserialize;
use tokio::process::Command;

use crate::metrics::{self, Beyond};

use super::InstallError;
use super::cache::Package;

/// npm's words for a registry that cannot be reached.
const OFFLINE: [&str; 11] = [
    "EAI_AGAIN",
    "EAI_FAIL",
    "ECONNREFUSED",
    "ECONNRESET",
    "EHOSTUNREACH",
    "ENETUNREACH",
    "ENOTCACHED",
    "ENOTFOUND",
    "ERR_SOCKET_TIMEOUT",
    "ETIMEDOUT",
    "FETCH_ERROR",
];

/// How npm is run.
#[derive(Clone, Debug)]
pub(super) struct Npm {
    pub(super) program: String,
    pub(super) view_timeout: Duration,
    pub(super) pack_timeout: Duration,
}

impl Default for Npm {
    fn default() -> Self {
        Self {
            program: "npm".to_owned(),
            view_timeout: Duration::from_secs(60),
            pack_timeout: Duration::from_secs(15 * 60),
        }
    }
}

#[derive(Deserialize)]
struct View {
    version: String,
    dist: Dist,
}

#[derive(Deserialize)]
struct Dist {
    integrity: Option<String>,
}

#[derive(Deserialize)]
struct Complaint {
    error: Told,
}

#[derive(Deserialize)]
struct Told {
    #[serde(default)]
    code: String,
    #[serde(default)]
    summary: String,
}

impl Npm {
    /// The version that a version or channel names, and its integrity.
    pub(super) async fn view(&self, folder: &Utf8Path, package: &str, wanted: &str) -> Result<Package, InstallError> {
        let name = format!("{package}@{wanted}");
        let output = self.run(folder, &name, self.view_timeout, &["view", &name, "version", "dist", "--json"]).await?;
        let text = json(&output.stdout);
        if text.is_empty() {
            return Err(InstallError::NoSuchVersion { package: name });
        }
        let view: View = serde_json::from_slice(text).map_err(|error| InstallError::NpmFailed {
            package: name.clone(),
            code: "its answer cannot be read".to_owned(),
            summary: error.to_string(),
        })?;
        let integrities = view.dist.integrity.unwrap_or_default();
        let integrity = integrities.split_whitespace().find(|integrity| integrity.starts_with("sha512-"));
        let integrity = integrity.ok_or(InstallError::NoIntegrity { package: name })?;
        Ok(Package { package: package.to_owned(), version: view.version, integrity: integrity.to_owned() })
    }

    /// Downloads an archive into an empty folder, without running anything of it.
    pub(super) async fn pack(&self, folder: &Utf8Path, package: &Package) -> Result<Utf8PathBuf, InstallError> {
        let name = package.name();
        let arguments = ["pack", &name, "--json", "--ignore-scripts", "--pack-destination", folder.as_str()];
        self.run(folder, &name, self.pack_timeout, &arguments).await?;
        let failed = |error| InstallError::io(folder.as_str(), error);
        // npm forms the file's name; it is the only one there.
        let mut found = tokio::fs::read_dir(folder).await.map_err(failed)?;
        while let Some(entry) = found.next_entry().await.map_err(failed)? {
            let path = Utf8PathBuf::try_from(entry.path()).map_err(|error| failed(error.into_io_error()))?;
            if path.extension() == Some("tgz") {
                return Ok(path);
            }
        }
        Err(failed(io::Error::new(io::ErrorKind::NotFound, "npm left no archive")))
    }

    async fn run(
        &self,
        folder: &Utf8Path,
        name: &str,
        timeout: Duration,
        arguments: &[&str],
    ) -> Result<Output, InstallError> {
        metrics::network_call(Beyond::Npm);
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
        for setting in ["update_notifier", "fund", "audit", "progress"] {
            command.env(format!("npm_config_{setting}"), "false");
        }
        let package = || name.to_owned();
        let output = match tokio::time::timeout(timeout, command.output()).await {
            Err(_) => {
                return Err(InstallError::Timeout { package: package(), seconds: timeout.as_secs() });
            }
            Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => {
                return Err(InstallError::NpmMissing { package: package() });
            }
            Ok(Err(error)) => return Err(InstallError::io(self.program.as_str(), error)),
            Ok(Ok(output)) => output,
        };
        if output.status.success() { Ok(output) } else { Err(complaint(&output, package())) }
    }
}

/// What npm prints for programs, from where it starts: warnings may come before.
fn json(output: &[u8]) -> &[u8] {
    let start = output.iter().position(|byte| matches!(byte, b'{' | b'['));
    start.map_or(&[], |start| &output[start..])
}

fn complaint(output: &Output, package: String) -> InstallError {
    let told = serde_json::from_slice::<Complaint>(json(&output.stdout)).map(|complaint| complaint.error);
    let Told { code, summary } = told.unwrap_or_else(|_| {
        let errors = String::from_utf8_lossy(&output.stderr);
        let code = errors.lines().find_map(|line| line.split_once(" code ").map(|(_, code)| code.trim().to_owned()));
        let last = errors.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
        Told { code: code.unwrap_or_else(|| output.status.to_string()), summary: last.trim().to_owned() }
    });
    match code.as_str() {
        "E404" | "ETARGET" => InstallError::NoSuchVersion { package },
        offline if OFFLINE.contains(&offline) => InstallError::Offline { package, code },
        _ => InstallError::NpmFailed { package, code, summary },
    }
}
