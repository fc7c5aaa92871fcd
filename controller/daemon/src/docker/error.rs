//! How a call to the engine fails.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jackin_api::words::Reason;

/// The cause beneath a cause, kept whole; shared, so that one failure can be told to several who waited for it.
pub(super) type Source = Arc<dyn std::error::Error + Send + Sync>;

/// A call to the engine that failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{operation}{}{object}", if .object.is_empty() { "" } else { " " })]
pub struct EngineError {
    /// What was asked for.
    pub operation: Operation,
    /// What it was asked of: a name, an id or a reference; the address, for the engine itself.
    pub object: String,
    /// Why it failed.
    #[source]
    pub cause: EngineErrorCause,
}

/// Why a call to the engine failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EngineErrorCause {
    /// No engine answers; whether the call had an effect is not known.
    #[error("the engine cannot be reached")]
    Unreachable {
        /// What the connection said.
        #[source]
        source: Source,
    },
    /// The engine did not answer in time; whether the call had an effect is not known.
    #[error("the engine did not answer within {}", seconds(.after))]
    Timeout {
        /// How long we waited.
        after: Duration,
    },
    /// The engine speaks in a way that this build does not support; asking again will not help.
    #[error("{address} is not supported: {hint}")]
    NotSupported {
        /// The address, or the part of it that is the trouble.
        address: String,
        /// What to do instead.
        hint: String,
    },
    /// The object does not exist.
    #[error("the engine does not know it")]
    NotFound,
    /// Another object has the name.
    #[error("the name is taken by {}", .holder.as_deref().unwrap_or("another object"))]
    NameConflict {
        /// Id of the object that has it, when the engine said so.
        holder: Option<String>,
    },
    /// The object is in use and cannot be removed.
    #[error("it is in use: {message}")]
    InUse {
        /// The engine's own words.
        message: String,
    },
    /// Several objects have the name.
    #[error("{count} objects have that name")]
    Ambiguous {
        /// How many.
        count: usize,
    },
    /// The engine answered no.
    #[error("the engine refused ({status}): {message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The engine's own words.
        message: String,
    },
    /// An instruction of the Dockerfile failed.
    #[error("{}", build_failure(.instruction.as_deref(), *.exit_code, .message))]
    BuildFailed {
        /// The instruction, as written; `None` when the build failed before the first.
        instruction: Option<String>,
        /// Exit code of its command, when it was a command that failed.
        exit_code: Option<i64>,
        /// The engine's own words.
        message: String,
        /// The last lines of output, at most twenty.
        tail: Vec<String>,
    },
    /// The build needs BuildKit and the engine has none.
    #[error("the engine has no BuildKit")]
    NoBuildKit,
    /// It was cancelled on our side.
    #[error("it was cancelled")]
    Cancelled,
    /// The engine's disk is full.
    #[error("the engine has no space left: {message}")]
    NoSpace {
        /// The engine's own words.
        message: String,
    },
    /// What the engine writes to is read-only.
    #[error("the engine cannot write: {message}")]
    ReadOnly {
        /// The engine's own words.
        message: String,
    },
    /// The image that the call needs does not exist.
    #[error("the image {image} does not exist")]
    ImageMissing {
        /// The image.
        image: String,
    },
    /// The registry lets nobody in who is not logged in, or not whoever is.
    #[error(
        "the registry refused it to this login, or has none of that name ({message}); `docker login {registry}` logs in"
    )]
    LoginNeeded {
        /// The registry, as the docker client is told of it.
        registry: String,
        /// The registry's words, as the engine tells them.
        message: String,
    },
    /// The login for a registry, of which the docker client's configuration tells, cannot be read; the registry was not asked.
    #[error(
        "the login for the registry {registry} cannot be read: {message}; `docker login {registry}` stores a new one"
    )]
    LoginUnreadable {
        /// The registry, as the docker client keeps it.
        registry: String,
        /// What reading it said.
        message: String,
    },
    /// An archive that was to be sent cannot be read.
    #[error("the archive cannot be read")]
    BadArchive {
        /// What reading it said.
        #[source]
        source: Source,
    },
    /// The engine answered something that we do not understand; whether the call had an effect is not known.
    #[error("the engine's answer cannot be understood")]
    BadAnswer {
        /// What is wrong with it.
        #[source]
        source: Source,
    },
}

impl EngineError {
    /// Joins the three.
    pub fn new(operation: Operation, object: impl Into<String>, cause: EngineErrorCause) -> Self {
        Self { operation, object: object.into(), cause }
    }

    /// Whether nothing can be concluded about the world: neither that the object is missing, nor that the call had no effect.
    pub fn is_unknown(&self) -> bool {
        match &self.cause {
            EngineErrorCause::Unreachable { .. }
            | EngineErrorCause::Timeout { .. }
            | EngineErrorCause::NotSupported { .. }
            | EngineErrorCause::BadAnswer { .. } => true,
            EngineErrorCause::Refused { status, .. } => *status >= 500,
            EngineErrorCause::NotFound
            | EngineErrorCause::NameConflict { .. }
            | EngineErrorCause::InUse { .. }
            | EngineErrorCause::Ambiguous { .. }
            | EngineErrorCause::BuildFailed { .. }
            | EngineErrorCause::NoBuildKit
            | EngineErrorCause::Cancelled
            | EngineErrorCause::NoSpace { .. }
            | EngineErrorCause::ReadOnly { .. }
            | EngineErrorCause::ImageMissing { .. }
            | EngineErrorCause::LoginNeeded { .. }
            | EngineErrorCause::LoginUnreadable { .. }
            | EngineErrorCause::BadArchive { .. } => false,
        }
    }

    /// The cause in the word of a condition.
    pub fn reason(&self) -> Reason {
        match &self.cause {
            EngineErrorCause::Unreachable { .. } | EngineErrorCause::NotSupported { .. } => Reason::EngineUnreachable,
            EngineErrorCause::Timeout { .. } => Reason::EngineTimeout,
            EngineErrorCause::BadAnswer { .. } => Reason::EngineAnswerUnclear,
            EngineErrorCause::Refused { .. } | EngineErrorCause::Ambiguous { .. } => Reason::EngineRefused,
            EngineErrorCause::NoSpace { .. } => Reason::EngineNoSpace,
            EngineErrorCause::ReadOnly { .. } => Reason::EngineReadOnly,
            EngineErrorCause::NameConflict { .. } => Reason::NameConflict,
            EngineErrorCause::BuildFailed { .. } => Reason::BuildFailed,
            EngineErrorCause::NoBuildKit => Reason::BuilderMissing,
            EngineErrorCause::NotFound
            | EngineErrorCause::InUse { .. }
            | EngineErrorCause::Cancelled
            | EngineErrorCause::ImageMissing { .. }
            | EngineErrorCause::LoginNeeded { .. }
            | EngineErrorCause::LoginUnreadable { .. }
            | EngineErrorCause::BadArchive { .. } => Reason::StepFailed,
        }
    }

    /// Whether the object does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self.cause, EngineErrorCause::NotFound)
    }

    /// The error and its causes in one line, for a condition's message.
    pub fn full_message(&self) -> String {
        let causes: Vec<_> = std::iter::successors(std::error::Error::source(self), |error| error.source()).collect();
        // Between "cannot be reached" and the system's own word for it, clients only tell of their layers.
        let told = match (&self.cause, causes.as_slice()) {
            (EngineErrorCause::Unreachable { .. }, [first, .., last]) => vec![*first, *last],
            (_, all) => all.to_vec(),
        };
        let mut text = format!("failed to {self}");
        for error in told {
            text.push_str(": ");
            text.push_str(&error.to_string());
        }
        text
    }
}

/// What can be asked of the engine, one word per method of the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each is the method of the same name")]
pub enum Operation {
    Connect,
    Ping,
    ListContainers,
    InspectContainer,
    CreateContainer,
    StartContainer,
    PauseContainer,
    UnpauseContainer,
    StopContainer,
    KillContainer,
    RemoveContainer,
    RenameContainer,
    UpdateContainer,
    PutArchive,
    ContainerLogs,
    Exec,
    ListImages,
    InspectImage,
    ImageHistory,
    BuildImage,
    PullImage,
    RegistryDigest,
    ImportImage,
    TagImage,
    RemoveImage,
    ListNetworks,
    InspectNetwork,
    CreateNetwork,
    RemoveNetwork,
    ConnectNetwork,
    DisconnectNetwork,
    ListVolumes,
    InspectVolume,
    CreateVolume,
    RemoveVolume,
    Events,
}

impl Operation {
    /// Whether it changes something on the engine when it succeeds.
    pub fn is_write(self) -> bool {
        !matches!(
            self,
            Self::Connect
                | Self::Ping
                | Self::ListContainers
                | Self::InspectContainer
                | Self::ContainerLogs
                | Self::ListImages
                | Self::InspectImage
                | Self::ImageHistory
                | Self::RegistryDigest
                | Self::ListNetworks
                | Self::InspectNetwork
                | Self::ListVolumes
                | Self::InspectVolume
                | Self::Events
        )
    }

    /// Fits after "failed to", before the object.
    fn words(self) -> &'static str {
        match self {
            Self::Connect => "connect to engine",
            Self::Ping => "ping engine",
            Self::ListContainers => "list containers",
            Self::InspectContainer => "inspect container",
            Self::CreateContainer => "create container",
            Self::StartContainer => "start container",
            Self::PauseContainer => "pause container",
            Self::UnpauseContainer => "unpause container",
            Self::StopContainer => "stop container",
            Self::KillContainer => "send a signal to container",
            Self::RemoveContainer => "remove container",
            Self::RenameContainer => "rename container",
            Self::UpdateContainer => "update container",
            Self::PutArchive => "copy files into container",
            Self::ContainerLogs => "read logs of container",
            Self::Exec => "run a program in container",
            Self::ListImages => "list images",
            Self::InspectImage => "inspect image",
            Self::ImageHistory => "read the history of image",
            Self::BuildImage => "build image",
            Self::PullImage => "pull image",
            Self::RegistryDigest => "ask the registry for image",
            Self::ImportImage => "import image",
            Self::TagImage => "tag image",
            Self::RemoveImage => "remove image",
            Self::ListNetworks => "list networks",
            Self::InspectNetwork => "inspect network",
            Self::CreateNetwork => "create network",
            Self::RemoveNetwork => "remove network",
            Self::ConnectNetwork => "connect to network",
            Self::DisconnectNetwork => "disconnect from network",
            Self::ListVolumes => "list volumes",
            Self::InspectVolume => "inspect volume",
            Self::CreateVolume => "create volume",
            Self::RemoveVolume => "remove volume",
            Self::Events => "follow events",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.words())
    }
}

fn seconds(duration: &Duration) -> String {
    format!("{} s", duration.as_secs_f32())
}

fn build_failure(instruction: Option<&str>, exit_code: Option<i64>, message: &str) -> String {
    match (instruction, exit_code) {
        (Some(instruction), Some(code)) => format!("`{instruction}` exited with {code}"),
        (Some(instruction), None) => format!("`{instruction}`: {message}"),
        (None, _) => message.to_owned(),
    }
}
