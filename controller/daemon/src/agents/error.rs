//! How installing an agent's program fails.

use std::io;

use camino::Utf8PathBuf;

use crate::images::SourceError;

/// Why an agent's program cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// This build does not act on such an install.
    #[error("install the agent: `{install}` is not supported yet")]
    NotSupported {
        /// Its field in `spec.install`.
        install: &'static str,
    },
    /// The operator's npm is not there.
    #[error("install `{package}`: npm is not installed")]
    NpmMissing {
        /// The package.
        package: String,
    },
    /// The registry cannot be reached.
    #[error("install `{package}`: the registry cannot be reached ({code})")]
    Offline {
        /// The package and its version.
        package: String,
        /// npm's word for why.
        code: String,
    },
    /// npm did not end in time.
    #[error("install `{package}`: npm took longer than {seconds} s")]
    Timeout {
        /// The package and its version.
        package: String,
        /// How long it had.
        seconds: u64,
    },
    /// The registry has no such package or version.
    #[error("install `{package}`: the registry has no such version")]
    NoSuchVersion {
        /// The package and its version.
        package: String,
    },
    /// npm failed in another way.
    #[error("install `{package}`: npm failed ({code}): {summary}")]
    NpmFailed {
        /// The package and its version.
        package: String,
        /// npm's word for why.
        code: String,
        /// npm's sentence for why.
        summary: String,
    },
    /// The registry promises nothing about the archive's content.
    #[error("install `{package}`: the registry gives no sha512 integrity")]
    NoIntegrity {
        /// The package and its version.
        package: String,
    },
    /// The archive is not the one that was promised.
    #[error("install `{package}`: expected {expected}, found {found}")]
    IntegrityMismatch {
        /// The package and its version.
        package: String,
        /// The integrity that was promised.
        expected: String,
        /// The integrity that was found.
        found: String,
    },
    /// The program is not where the Agent says.
    #[error("install the agent: there is no program `{program}` in {place}")]
    ProgramMissing {
        /// Path of the program.
        program: String,
        /// The package or folder.
        place: String,
    },
    /// The Agent names a folder and not which of its files is the program.
    #[error("install the agent: `{path}` is a folder, and `program` does not say which file to run")]
    ProgramNotNamed {
        /// The folder.
        path: Utf8PathBuf,
    },
    /// The program may not be run.
    #[error("install the agent: `{path}` is not executable")]
    NotExecutable {
        /// The program.
        path: Utf8PathBuf,
    },
    /// An entry leads out of its package or folder.
    #[error("install the agent: `{entry}` leads out of {place}")]
    Unsafe {
        /// The entry.
        entry: String,
        /// The package or folder.
        place: String,
    },
    /// The path of the host cannot be used.
    #[error("install the agent from a path of the host")]
    Host(#[source] SourceError),
    /// A file of the cache or of the host could not be used.
    #[error("use `{path}`")]
    Io {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl InstallError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotSupported { .. } => Some("use `npm` or `hostPath`"),
            Self::NpmMissing { .. } => {
                Some("install Node.js with npm on this host and restart the controller, or use `hostPath`")
            }
            Self::Offline { .. } | Self::Timeout { .. } => {
                Some("check the network, and npm's own `registry` and `proxy` settings")
            }
            Self::NoSuchVersion { .. } => Some("`npm view PACKAGE versions` lists what there is"),
            Self::NoIntegrity { .. } => Some("use a registry that gives integrities"),
            Self::IntegrityMismatch { .. } => {
                Some("if the new content is meant, change `spec.install.npm.integrity` of the Agent")
            }
            Self::ProgramMissing { .. } | Self::ProgramNotNamed { .. } => {
                Some("write the program's path inside it in `program`")
            }
            Self::NotExecutable { .. } => Some("make it executable with `chmod +x`"),
            Self::NpmFailed { .. } | Self::Unsafe { .. } | Self::Host(_) | Self::Io { .. } => None,
        }
    }

    /// Whether trying again, with nothing changed, may help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Offline { .. } | Self::Timeout { .. } | Self::NpmFailed { .. } | Self::Io { .. } => true,
            Self::Host(error) => error.is_unknown(),
            _ => false,
        }
    }

    pub(super) fn io(path: impl Into<String>, source: io::Error) -> Self {
        Self::Io { path: path.into(), source }
    }
}
