//! Agents' programs: which version, from where, and what their volumes hold.
//!
//! Here lives the store of downloaded programs. The volumes that they go into are [`crate::volumes`]; whether an instance needs
//! one is the planner's decision; an agent's flags and files are data of its Agent object.
//!
//! # Flow
//!
//! [`ProgramStore::resolve`] says what an agent's program is, which costs one question to the registry the first time and nothing
//! later. [`ProgramStore::archive`] gives the content, which costs a download the first time; it is asked for only when no volume
//! of that content is ready.
//!
//! # Guarantees
//!
//! - A version that was resolved once stays, also that of a channel: nothing here moves it.
//! - What is unpacked has the integrity that the registry, and the Agent where it says one, promised.
//! - No entry of an archive leads out of its volume.
//!
//! # Layout of a volume
//!
//! `pkg/` is the package or folder as it is; `bin/NAME` is a link to its program, named after the first word of the agent's
//! command.

mod archive;
mod cache;
mod error;
mod host;
mod npm;

pub use error::InstallError;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use jackin_api::kinds::{Agent, HostPathInstall, Install, NpmInstall};
use jackin_api::words::Digest;

use crate::docker::Archive;
use crate::images::digest_of;

use cache::Package;
use host::HostProgram;
use npm::Npm;

/// Version of the layout of a volume; part of its content's digest.
const LAYOUT: &[u8] = b"1";

/// An agent's program, known well enough to say whether its volume is there.
#[derive(Clone, Debug, PartialEq)]
pub struct ResolvedProgram {
    /// Digest of what its volume holds.
    pub content: Digest,
    /// Its version, for people.
    pub version: String,
    /// Names of programs in the volume's `bin/`.
    pub bin: Vec<String>,
    program: Utf8PathBuf,
    source: Source,
}

#[derive(Clone, Debug, PartialEq)]
enum Source {
    Npm(Package),
    Host(HostProgram),
}

/// The store of programs.
pub struct ProgramStore {
    cache: Utf8PathBuf,
    npm: Npm,
    busy: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl ProgramStore {
    /// The store in a directory, which is made when it is needed.
    pub fn new(cache: impl Into<Utf8PathBuf>) -> Self {
        Self { cache: cache.into(), npm: Npm::default(), busy: Mutex::default() }
    }

    /// What an agent's program is; `None` when the image has it.
    ///
    /// # Errors
    /// When the program is not there, or nobody can be asked.
    pub async fn resolve(&self, agent: &Agent) -> Result<Option<ResolvedProgram>, InstallError> {
        let Some(Install { npm, url, host_path, image }) = &agent.spec.install else {
            return Ok(None);
        };
        let bin = bin_name(agent);
        if let Some(npm) = npm {
            return self.resolve_npm(npm, bin).await.map(Some);
        }
        if let Some(host) = host_path {
            return resolve_host(host.clone(), bin).await.map(Some);
        }
        let install = [("url", url.is_some()), ("image", image.is_some())];
        match install.into_iter().find(|(_, given)| *given) {
            Some((install, _)) => Err(InstallError::NotSupported { install }),
            None => Ok(None),
        }
    }

    /// The content of a program's volume, downloaded where it is not in the cache. Cancelled by dropping the future.
    ///
    /// The archive is made while it is read, and fails when it cannot be what was resolved.
    ///
    /// # Errors
    /// When it cannot be downloaded, or is not what was resolved.
    pub async fn archive(&self, program: &ResolvedProgram) -> Result<Archive, InstallError> {
        let links = archive::Links { bin: program.bin.clone(), program: program.program.clone() };
        match &program.source {
            Source::Npm(package) => {
                let file = cache::archive_path(&self.cache, package);
                let lock = self.lock(file.as_str());
                let _alone = lock.lock().await;
                cache::ensure(&self.npm, &self.cache, package, &program.program).await?;
                Ok(archive::of_package(file, links))
            }
            Source::Host(host) => Ok(archive::of_host(host.clone(), links)),
        }
    }

    /// Whether [`ProgramStore::resolve`] answers without asking a registry.
    pub async fn is_known(&self, agent: &Agent) -> bool {
        let npm = agent.spec.install.as_ref().and_then(|install| install.npm.as_ref());
        match npm {
            Some(npm) if npm.version.is_some() && npm.integrity.is_some() => true,
            Some(npm) => tokio::fs::try_exists(cache::receipt_path(&self.cache, npm)).await.unwrap_or(false),
            None => true,
        }
    }

    async fn resolve_npm(&self, npm: &NpmInstall, bin: String) -> Result<ResolvedProgram, InstallError> {
        let package = if let (Some(version), Some(integrity)) = (&npm.version, &npm.integrity) {
            // All is said already, so nobody need be asked.
            Package { package: npm.package.clone(), version: version.clone(), integrity: integrity.clone() }
        } else {
            let receipt = cache::receipt_path(&self.cache, npm);
            let lock = self.lock(receipt.as_str());
            let _alone = lock.lock().await;
            cache::resolve(&self.npm, &receipt, npm).await?
        };
        if let Some(expected) = &npm.integrity
            && *expected != package.integrity
        {
            return Err(InstallError::IntegrityMismatch {
                package: package.name(),
                expected: expected.clone(),
                found: package.integrity,
            });
        }
        let program = archive::inner(Utf8Path::new(&npm.program))
            .ok_or_else(|| InstallError::ProgramMissing { program: npm.program.clone(), place: package.name() })?;
        let parts = [LAYOUT, b"npm", package.integrity.as_bytes(), program.as_str().as_bytes(), bin.as_bytes()];
        let (content, version) = (digest_of(&parts), package.version.clone());
        Ok(ResolvedProgram { content, version, bin: vec![bin], program, source: Source::Npm(package) })
    }

    fn lock(&self, name: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        busy.retain(|_, lock| Arc::strong_count(lock) > 1);
        busy.entry(name.to_owned()).or_default().clone()
    }
}

async fn resolve_host(install: HostPathInstall, bin: String) -> Result<ResolvedProgram, InstallError> {
    let path = install.path.clone();
    let found = tokio::task::spawn_blocking(move || host::observe(&install)).await;
    let (host, program) = found.unwrap_or_else(|error| Err(InstallError::io(path, std::io::Error::other(error))))?;
    let content = host.digest();
    let parts = [LAYOUT, b"host", content.0.as_bytes(), program.as_str().as_bytes(), bin.as_bytes()];
    let digest = digest_of(&parts);
    Ok(ResolvedProgram {
        version: digest.short().to_owned(),
        content: digest,
        bin: vec![bin],
        program,
        source: Source::Host(host),
    })
}

/// The name by which a session calls the program: the first word of its command, without folders.
fn bin_name(agent: &Agent) -> String {
    let word = agent.spec.command.first().map_or("", String::as_str);
    let name = Utf8Path::new(word).file_name().filter(|name| !name.starts_with('@'));
    name.or(agent.metadata.name.as_deref()).unwrap_or("agent").to_owned()
}

#[cfg(test)]
mod tests;
