//! Repositories that roles come from: fetched into a cache by the `git` program, and read from there.
//!
//! Here lives the cache; whether an address may be fetched from at all is [`crate::trust`]'s, and what a folder holds is
//! [`crate::images`]'s. Nobody else runs `git`.
//!
//! # Flow
//!
//! [`GitSources::checkout`] finds the commit that a role means, fetching where that must be, and gives the folder with its files.
//!
//! # Guarantees
//!
//! - A commit that is in the cache costs no network, and one whose files are there not even a process.
//! - A branch or tag is asked for once in [`WINDOW`], however many want it, or when somebody asks for a new look.
//! - Nothing of a repository runs: no hooks, no filters, no submodules, no helpers of git's. Files are as they are in the commit.
//! - No link of a commit leads out of its folder, and nothing is written through one.
//!
//! # Layout
//!
//! `cache/git/DIGEST/` is the bare repository of one address, `cache/sources/COMMIT/` has the files of a commit. Both appear whole.

mod error;
mod files;
mod links;
mod program;
mod repository;

pub use error::GitError;
pub(crate) use links::stays;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use camino::Utf8PathBuf;
use jackin_api::kinds::GitSource;
use jackin_api::validate::{is_git_commit, is_git_reference, normal_git_url};
use jiff::Timestamp;

use crate::home::Home;
use crate::surroundings::Clock;
use crate::text::with_causes;

use repository::Repository;

/// How long what a branch or tag was found to be counts.
const WINDOW: Duration = Duration::from_mins(10);

/// How long a try that failed counts.
const FAILED_WINDOW: Duration = Duration::from_mins(1);

/// The files of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checkout {
    /// Where they are.
    pub(crate) folder: Utf8PathBuf,
    /// The commit.
    pub(crate) commit: String,
    /// Why nobody could be asked whether it is still the one that is meant.
    pub(crate) unfetched: Option<String>,
    /// When to ask again; never for a commit that was named.
    pub(crate) again: Option<Duration>,
}

/// What a branch or tag was found to be.
#[derive(Clone)]
struct Look {
    at: Timestamp,
    asked: Option<String>,
    found: Result<String, GitError>,
}

/// What is known of one address: who looks holds it, so that all who want to know at once ask once.
type Known = Arc<tokio::sync::Mutex<BTreeMap<String, Look>>>;

/// The cache of repositories.
pub(crate) struct GitSources {
    repositories: Utf8PathBuf,
    files: Utf8PathBuf,
    clock: Clock,
    known: Mutex<BTreeMap<String, Known>>,
}

impl GitSources {
    /// The cache of this home.
    pub(crate) fn new(home: &Home, clock: Clock) -> Self {
        let known = Mutex::default();
        Self { repositories: home.git_cache(), files: home.source_cache(), clock, known }
    }

    /// The files of the commit that a source means. `asked` is a new value when somebody asks for a new look at a branch or tag.
    pub(crate) async fn checkout(&self, source: &GitSource, asked: Option<&str>) -> Result<Checkout, GitError> {
        let GitSource { url, reference, commit, trusted_url: _ } = source;
        let url = normal_git_url(url).ok_or_else(|| GitError::BadAddress { url: url.clone() })?;
        let repository = Repository::of(&self.repositories, &url);
        let known = self.known(&url);
        if let Some(commit) = commit {
            if !is_git_commit(commit) {
                return Err(GitError::BadCommit { commit: commit.clone() });
            }
            let commit = commit.to_ascii_lowercase();
            let folder = self.files.join(&commit);
            if !folder.is_dir() {
                let _alone = known.lock().await;
                repository.have_commit(&commit).await?;
                files::write(&repository, &commit, &folder).await?;
            }
            return Ok(Checkout { folder, commit, unfetched: None, again: None });
        }
        if let Some(reference) = reference.as_ref().filter(|reference| !is_git_reference(reference)) {
            return Err(GitError::BadReference { reference: reference.clone() });
        }
        let reference = reference.as_deref().unwrap_or("HEAD");
        let mut known = known.lock().await;
        let look = match known.get(reference).filter(|look| self.left(look) > Duration::ZERO && look.served(asked)) {
            Some(look) => look.clone(),
            None => {
                let found = repository.fetch(reference).await;
                let look = Look { at: self.clock.now(), asked: asked.map(str::to_owned), found };
                known.insert(reference.to_owned(), look.clone());
                look
            }
        };
        let again = Some(self.left(&look));
        let (commit, unfetched) = match look.found {
            Ok(commit) => (commit, None),
            Err(error) => match repository.commit_of(reference).await? {
                Some(commit) => (commit, Some(with_causes(&error))),
                None => return Err(error),
            },
        };
        let folder = self.files.join(&commit);
        if !folder.is_dir() {
            files::write(&repository, &commit, &folder).await?;
        }
        Ok(Checkout { folder, commit, unfetched, again })
    }

    /// How long a look still counts. One from later than now is of a clock that was set back, and does not.
    fn left(&self, look: &Look) -> Duration {
        let window = if look.found.is_ok() { WINDOW } else { FAILED_WINDOW };
        let passed = Duration::try_from(self.clock.now().duration_since(look.at)).unwrap_or(window);
        window.saturating_sub(passed)
    }

    fn known(&self, url: &str) -> Known {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).entry(url.to_owned()).or_default().clone()
    }
}

impl Look {
    /// Whether it answers whoever asks for a new look with this value.
    fn served(&self, asked: Option<&str>) -> bool {
        asked.is_none() || self.asked.as_deref() == asked
    }
}

#[cfg(test)]
mod tests;
