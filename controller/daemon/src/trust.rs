//! Which repositories the operator trusts: addresses in a file of the state directory, by hand readable.
//!
//! What is not named there, exactly, is not fetched from. A file that cannot be read trusts nobody.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Mutex, PoisonError};

use camino::Utf8PathBuf;
use fs_err as fs;
use jackin_api::kinds::GitSource;
use jackin_api::validate::normal_git_url;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::home::Home;

/// The file's content.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Trusted {
    /// Addresses of repositories, in their normal form.
    git: BTreeSet<String>,
}

/// Why trust cannot be told or changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrustError {
    /// It is no address of a repository.
    #[error("trust `{url}`: it is not the address of a repository")]
    BadAddress {
        /// What it is.
        url: String,
    },
    /// The file cannot be read or written.
    #[error("use `{path}`")]
    Io {
        /// The file.
        path: Utf8PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Whom the operator trusts.
pub(crate) struct Trust {
    path: Utf8PathBuf,
    writer: Mutex<()>,
    changed: Notify,
}

impl Trust {
    /// Trust as this home's file tells it.
    pub(crate) fn new(home: &Home) -> Self {
        Self { path: home.trust_file(), writer: Mutex::default(), changed: Notify::new() }
    }

    /// Every trusted address.
    pub(crate) fn list(&self) -> Result<BTreeSet<String>, TrustError> {
        let trusted = match fs::read(&self.path) {
            Ok(text) => serde_json::from_slice::<Trusted>(&text).map_err(|error| self.failed(error.into()))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Trusted::default(),
            Err(error) => return Err(self.failed(error)),
        };
        Ok(trusted.git)
    }

    /// Whether a source may be fetched and built: its address is in the file, or its manifest says so of this very address.
    pub(crate) fn covers(&self, source: &GitSource) -> Result<bool, TrustError> {
        let Some(url) = normal_git_url(&source.url) else { return Ok(false) };
        let by_manifest = source.trusted_url.as_deref().and_then(normal_git_url).is_some_and(|trusted| trusted == url);
        Ok(by_manifest || self.list()?.contains(&url))
    }

    /// Gives trust to an address or takes it back; the address as it is kept, and whether that changed anything.
    pub(crate) fn change(&self, url: &str, trusted: bool) -> Result<(String, bool), TrustError> {
        let url = normal_git_url(url).ok_or_else(|| TrustError::BadAddress { url: url.to_owned() })?;
        let _alone = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut git = self.list()?;
        let changed = if trusted { git.insert(url.clone()) } else { git.remove(&url) };
        if changed {
            self.write(&Trusted { git }).map_err(|error| self.failed(error))?;
            self.changed.notify_one();
        }
        Ok((url, changed))
    }

    /// Waits until it is another than it was.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Writes the file whole or not at all.
    fn write(&self, trusted: &Trusted) -> io::Result<()> {
        let temporary = self.path.with_extension("new");
        fs::write(&temporary, format!("{}\n", serde_json::to_string_pretty(trusted)?))?;
        fs::File::open(&temporary)?.sync_all()?;
        fs::rename(&temporary, &self.path)
    }

    fn failed(&self, source: io::Error) -> TrustError {
        TrustError::Io { path: self.path.clone(), source }
    }
}

#[cfg(test)]
mod tests {
    use camino::Utf8Path;

    use super::*;

    fn source(url: &str, trusted_url: Option<&str>) -> GitSource {
        GitSource { url: url.to_owned(), trusted_url: trusted_url.map(str::to_owned), ..GitSource::default() }
    }

    #[test]
    fn trust_is_of_one_address_and_survives_and_ends() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(Utf8Path::from_path(folder.path()).unwrap());
        let url = "https://example.com/role";
        let trust = Trust::new(&home);
        assert!(!trust.covers(&source(url, None)).unwrap());
        assert_eq!(trust.change("HTTPS://Example.com/role/", true).unwrap(), (url.to_owned(), true));
        assert_eq!(trust.change(url, true).unwrap(), (url.to_owned(), false));
        let trust = Trust::new(&home);
        assert!(trust.covers(&source(url, None)).unwrap());
        assert!(!trust.covers(&source("https://example.com/role2", None)).unwrap());
        assert!(trust.change(url, false).unwrap().1);
        assert!(!trust.covers(&source(url, None)).unwrap());
    }

    #[test]
    fn a_manifest_trusts_the_address_that_it_repeats_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let trust = Trust::new(&Home::at(Utf8Path::from_path(folder.path()).unwrap()));
        assert!(trust.covers(&source("https://a.test/x", Some("https://a.test/x/"))).unwrap());
        assert!(!trust.covers(&source("https://a.test/moved", Some("https://a.test/x"))).unwrap());
    }

    #[test]
    fn a_file_that_is_none_of_ours_trusts_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(Utf8Path::from_path(folder.path()).unwrap());
        std::fs::write(home.trust_file(), "{\"git\": \"https://a.test/x\"}").unwrap();
        assert!(Trust::new(&home).covers(&source("https://a.test/x", None)).is_err());
    }
}
