//! How reading a repository fails.

use std::io;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

/// Why a repository cannot be read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum GitError {
    /// It is no address.
    #[error("fetch the role's source: `{url}` is not the address of a repository")]
    BadAddress {
        /// What it is.
        url: String,
    },
    /// It is no name of a branch or tag.
    #[error("fetch the role's source: `{reference}` is not the name of a branch or tag")]
    BadReference {
        /// What it is.
        reference: String,
    },
    /// It is no id of a commit.
    #[error("fetch the role's source: `{commit}` is not the id of a commit, which has 40 digits")]
    BadCommit {
        /// What it is.
        commit: String,
    },
    /// It could not be fetched from.
    #[error("fetch from `{url}`: {said}")]
    Fetch {
        /// The address.
        url: String,
        /// What git said.
        said: String,
    },
    /// The repository was fetched from and does not have the commit.
    #[error("fetch from `{url}`: it has no commit `{commit}`")]
    NoCommit {
        /// The address.
        url: String,
        /// The commit.
        commit: String,
    },
    /// A command of git failed on what is here already.
    #[error("read the role's repository: {said}")]
    Command {
        /// What git said.
        said: String,
    },
    /// A link of the commit leads out of it.
    #[error("read commit `{commit}`: the link `{path}` leads out of the role's source")]
    LinkOutside {
        /// The commit.
        commit: String,
        /// The link.
        path: String,
    },
    /// A name of the commit is no path inside a folder.
    #[error("read commit `{commit}`: `{path}` is not a path inside a folder")]
    BadPath {
        /// The commit.
        commit: String,
        /// The name, as far as it can be shown.
        path: String,
    },
    /// A path of the commit is there twice, or is a file or link and a folder at once.
    #[error("read commit `{commit}`: it has `{path}` twice, or as a folder as well")]
    PathTwice {
        /// The commit.
        commit: String,
        /// The path.
        path: String,
    },
    /// There are more files than a source should have.
    #[error("read commit `{commit}`: it has more than {limit} files")]
    TooManyFiles {
        /// The commit.
        commit: String,
        /// How many are allowed.
        limit: usize,
    },
    /// A file of the cache could not be made.
    #[error("write `{path}`")]
    Io {
        /// The file.
        path: Utf8PathBuf,
        /// Why.
        #[source]
        source: Arc<io::Error>,
    },
}

impl GitError {
    /// Whether it says nothing about the repository: it may have all that is wanted.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Fetch { .. } | Self::Command { .. } | Self::Io { .. })
    }

    pub(super) fn io(path: &Utf8Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source: Arc::new(source) }
    }
}
