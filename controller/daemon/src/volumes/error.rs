//! How filling a volume fails.

use jackin_api::words::Reason;

use crate::docker::EngineError;

/// Why a volume is not ready.
#[derive(Debug, thiserror::Error)]
pub enum VolumeError {
    /// The name belongs to something that is not ours, which is left alone.
    #[error(
        "fill the volume: {kind} `{name}` is there, does not belong to this installation and is not touched; `docker {kind} rm {name}` \
         when nobody needs it"
    )]
    Foreign {
        /// `volume` or `container`.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// Another daemon is filling it; it will be ready, or a leftover, soon.
    #[error("fill the volume `{volume}`: somebody else is filling it")]
    InProgress {
        /// The volume.
        volume: String,
    },
    /// What should go in cannot be had.
    #[error("fill the volume `{volume}`")]
    Content {
        /// The volume.
        volume: String,
        /// Why: the error that the content's own source gave.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl VolumeError {
    /// The cause in the word of a condition.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Foreign { .. } => Reason::NameConflict,
            Self::InProgress { .. } => Reason::StepFailed,
            Self::Content { .. } => Reason::AgentInstallFailed,
            Self::Engine(error) => error.reason(),
        }
    }

    /// Whether nothing can be concluded about the volume.
    pub fn is_unknown(&self) -> bool {
        match self {
            Self::Engine(error) => error.is_unknown(),
            Self::Foreign { .. } | Self::InProgress { .. } | Self::Content { .. } => false,
        }
    }
}
