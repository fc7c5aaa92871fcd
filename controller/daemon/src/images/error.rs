//! How reading a role's source fails.

use std::io;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use jackin_api::kinds::PluginId;

use crate::git::GitError;

/// Why a role's source cannot be read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SourceError {
    /// It is in a repository, which nobody fetched from for this.
    #[error("read the role's source: its repository was not fetched from")]
    NotFetched,
    /// It is in a repository that the operator does not trust.
    #[error(
        "use `{url}`: nothing is fetched from it or built of it before it is trusted; `jackin trust add {url}` trusts it"
    )]
    Untrusted {
        /// The address.
        url: String,
    },
    /// Whether its repository is trusted cannot be told.
    #[error("tell whether `{url}` is trusted: {why}")]
    TrustUnreadable {
        /// The address.
        url: String,
        /// Why, with its causes.
        why: String,
    },
    /// Its repository could not be fetched from or read.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The role has no source.
    #[error("read the role's source: none is given")]
    NoSource,
    /// The path does not say from where it counts.
    #[error("read the role's source: `{path}` is not an absolute path")]
    Relative {
        /// The path.
        path: String,
    },
    /// There is nothing at the path.
    #[error("read the role's source: `{path}` does not exist")]
    Missing {
        /// The path.
        path: Utf8PathBuf,
    },
    /// The folder has no Dockerfile.
    #[error("read the role's source: `{path}` does not exist")]
    NoDockerfile {
        /// Where it should be.
        path: Utf8PathBuf,
    },
    /// A hook's file does not exist.
    #[error("read the hook `{hook}`: the role's source has no such file")]
    HookMissing {
        /// Path of the hook, inside the source.
        hook: String,
    },
    /// A hook leads out of the source.
    #[error("read the hook `{hook}`: it leads out of the role's source")]
    HookOutside {
        /// Path of the hook, inside the source.
        hook: String,
    },
    /// A marketplace of the role's plugins is not there, or not readable.
    #[error("read the marketplace `{marketplace}`: {why}")]
    Marketplace {
        /// What the role calls it.
        marketplace: String,
        /// What is wrong with it.
        why: String,
    },
    /// A plugin of the role is not there, or not usable.
    #[error("read the plugin `{plugin}`: {why}")]
    Plugin {
        /// Which.
        plugin: PluginId,
        /// What is wrong with it.
        why: String,
    },
    /// The Dockerfile has no stage of this name.
    #[error("build the stage `{stage}`: the Dockerfile has no stage of that name")]
    NoSuchStage {
        /// The name.
        stage: String,
    },
    /// The Dockerfile requires a secret that the role does not give.
    #[error(
        "build with the secret `{id}`: the Dockerfile requires it and the role gives none; write where it is read from, \
         `build: {{secrets: {{{id}: {{from: \"env://NAME\"}}}}}}`, and run `jackin apply`"
    )]
    SecretUndeclared {
        /// Its id.
        id: String,
    },
    /// A line of the ignore file is no pattern.
    #[error("read `{path}`: line {line} is not a pattern: `{pattern}`")]
    BadPattern {
        /// The ignore file.
        path: Utf8PathBuf,
        /// Its line, from 1.
        line: usize,
        /// What it says.
        pattern: String,
    },
    /// A name is not in UTF-8.
    #[error("read the folder `{path}`: the name `{name}` is not in UTF-8")]
    NameNotUtf8 {
        /// The folder.
        path: Utf8PathBuf,
        /// The name, as far as it can be shown.
        name: String,
    },
    /// There are more files than a context should have.
    #[error("read the folder `{path}`: it has more than {limit} files")]
    TooManyFiles {
        /// The folder.
        path: Utf8PathBuf,
        /// How many are allowed.
        limit: usize,
    },
    /// Something could not be read, so nothing is known of it.
    #[error("read `{path}`")]
    Unreadable {
        /// The path.
        path: Utf8PathBuf,
        /// Why.
        #[source]
        source: Arc<io::Error>,
    },
}

impl SourceError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Untrusted { .. } => Some("`jackin trust add` trusts a repository"),
            Self::NoSource => Some("write exactly one of `path`, `git`, `image`, `inline` in `spec.source`"),
            Self::Relative { .. } => Some("apply the file with `jackin apply`, which writes absolute paths"),
            Self::Missing { .. } => Some("write the path of a folder with a Dockerfile in `spec.source.path`"),
            Self::NoDockerfile { .. } => Some("put a file with the name `Dockerfile` there"),
            Self::HookMissing { .. } | Self::HookOutside { .. } => {
                Some("hooks are files inside the role's folder; write their path relative to it")
            }
            Self::Marketplace { .. } => Some("a marketplace is a folder with `.claude-plugin/marketplace.json`"),
            Self::Plugin { .. } => Some("write it in `spec.plugins` as its marketplace has it, `PLUGIN@MARKETPLACE`"),
            Self::NoSuchStage { .. } => Some("write the name that stands after `AS` in `spec.build.target`"),
            Self::SecretUndeclared { .. } => Some("give it in `spec.build.secrets`"),
            Self::BadPattern { .. } => Some("close every `[`, and write a pattern after `!`"),
            Self::NameNotUtf8 { .. } => Some("rename it, or name its folder in `.dockerignore`"),
            Self::TooManyFiles { .. } => Some("name what the build does not copy in `.dockerignore`"),
            Self::NotFetched | Self::TrustUnreadable { .. } | Self::Git(_) | Self::Unreadable { .. } => None,
        }
    }

    /// Whether nothing can be concluded about the source: it may be there unchanged.
    pub fn is_unknown(&self) -> bool {
        match self {
            Self::Git(error) => error.is_unknown(),
            Self::Unreadable { .. } | Self::NotFetched | Self::TrustUnreadable { .. } => true,
            _ => false,
        }
    }

    pub(super) fn plugin(plugin: &PluginId, why: String) -> Self {
        Self::Plugin { plugin: plugin.clone(), why }
    }

    pub(crate) fn unreadable(path: &Utf8Path, source: io::Error) -> Self {
        Self::Unreadable { path: path.to_owned(), source: Arc::new(source) }
    }
}

/// Whether the error says that there is nothing at the path, rather than that we cannot look.
pub(crate) fn says_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
