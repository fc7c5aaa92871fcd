//! Packages that were asked for and downloaded: receipts of versions, and archives by integrity.

use std::io;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use camino::{Utf8Path, Utf8PathBuf};
use jackin_api::kinds::NpmInstall;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha512};

use crate::images::digest_of;

use super::InstallError;
use super::archive::find_program;
use super::npm::Npm;

/// A version of a package, and what it holds. As JSON it is the receipt of a question to the registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Package {
    pub(super) package: String,
    pub(super) version: String,
    /// `sha512-` and the hash in base64.
    pub(super) integrity: String,
}

impl Package {
    /// Package and version, as npm takes them.
    pub(super) fn name(&self) -> String {
        format!("{}@{}", self.package, self.version)
    }
}

/// Where the answer for this package and version or channel is kept.
pub(super) fn receipt_path(cache: &Utf8Path, npm: &NpmInstall) -> Utf8PathBuf {
    let (kind, text) = match (&npm.version, &npm.channel) {
        (Some(version), _) => ("version", version.as_str()),
        (None, channel) => ("channel", channel.as_deref().unwrap_or("latest")),
    };
    let key = digest_of(&[npm.package.as_bytes(), kind.as_bytes(), text.as_bytes()]);
    cache.join(format!("{}.json", short(&key.0)))
}

/// Where the package's archive is kept.
pub(super) fn archive_path(cache: &Utf8Path, package: &Package) -> Utf8PathBuf {
    let key = digest_of(&[package.integrity.as_bytes()]);
    cache.join(format!("{}.tgz", short(&key.0)))
}

fn short(digest: &str) -> &str {
    let hex = digest.trim_start_matches("sha256:");
    hex.get(..32).unwrap_or(hex)
}

/// The version that the receipt holds, else the one that the registry names now.
pub(super) async fn resolve(npm: &Npm, receipt: &Utf8Path, install: &NpmInstall) -> Result<Package, InstallError> {
    match tokio::fs::read(receipt).await {
        Ok(text) => {
            return serde_json::from_slice(&text).map_err(|error| InstallError::io(receipt.as_str(), error.into()));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(InstallError::io(receipt.as_str(), error)),
    }
    let folder = receipt.parent().unwrap_or(Utf8Path::new("."));
    tokio::fs::create_dir_all(folder).await.map_err(|error| InstallError::io(folder.as_str(), error))?;
    let wanted = install.version.as_ref().or(install.channel.as_ref()).map_or("latest", String::as_str);
    let package = npm.view(folder, &install.package, wanted).await?;
    let text = serde_json::to_vec_pretty(&package).map_err(|error| InstallError::io(receipt.as_str(), error.into()))?;
    let written = write(receipt, &text).await;
    written.map_err(|error| InstallError::io(receipt.as_str(), error))?;
    Ok(package)
}

/// Writes a file whole or not at all.
async fn write(path: &Utf8Path, content: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("new");
    tokio::fs::write(&temporary, content).await?;
    tokio::fs::File::open(&temporary).await?.sync_all().await?;
    tokio::fs::rename(&temporary, path).await
}

/// Downloads the package's archive unless it is there, and checks it before it counts as there.
pub(super) async fn ensure(
    npm: &Npm,
    cache: &Utf8Path,
    package: &Package,
    program: &Utf8Path,
) -> Result<(), InstallError> {
    let path = archive_path(cache, package);
    let failed = |error| InstallError::io(path.as_str(), error);
    if !tokio::fs::try_exists(&path).await.map_err(failed)? {
        tokio::fs::create_dir_all(cache).await.map_err(failed)?;
        let folder = Download::new(cache).map_err(failed)?;
        let downloaded = npm.pack(&folder.0, package).await?;
        let (checked, expected) = (downloaded.clone(), package.clone());
        blocking(&path, move || check(&checked, &expected)).await?;
        tokio::fs::rename(&downloaded, &path).await.map_err(failed)?;
    }
    // Also for one that is there: another Agent may name another program of it.
    let (archive, program, place) = (path.clone(), program.to_owned(), package.name());
    blocking(&path, move || find_program(&archive, &program, &place)).await
}

async fn blocking(
    path: &Utf8Path,
    work: impl FnOnce() -> Result<(), InstallError> + Send + 'static,
) -> Result<(), InstallError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(InstallError::io(path.as_str(), io::Error::other(error))))
}

/// Compares an archive with what was promised of it.
fn check(path: &Utf8Path, package: &Package) -> Result<(), InstallError> {
    let found = integrity(path).map_err(|error| InstallError::io(path.as_str(), error))?;
    if found == package.integrity {
        return Ok(());
    }
    let expected = package.integrity.clone();
    Err(InstallError::IntegrityMismatch { package: package.name(), expected, found })
}

pub(super) fn integrity(path: &Utf8Path) -> io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let mut hash = Sha512::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match io::Read::read(&mut file, &mut buffer)? {
            0 => break,
            count => hash.update(&buffer[..count]),
        }
    }
    // It must survive a crash once it has its name.
    file.sync_all()?;
    Ok(format!("sha512-{}", BASE64_STANDARD.encode(hash.finalize())))
}

/// A folder for one download, removed with what is left in it.
struct Download(Utf8PathBuf);

impl Download {
    fn new(cache: &Utf8Path) -> io::Result<Self> {
        let folder = cache.join(format!("download-{}", uuid::Uuid::new_v4().simple()));
        std::fs::create_dir(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        // What stays is only space; it has no name that anybody looks for.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
