//! The engine's errors in our words.

use std::sync::Arc;

use bollard::errors::Error;

use super::reference::registry_of;
use crate::docker::{EngineError, EngineErrorCause, Operation};

/// A failed call, before it is known what it means for the operation.
#[derive(Debug)]
pub(super) enum Failure {
    /// The engine answered with this status and these words.
    Answer { status: u16, message: String },
    /// Anything else.
    Other(EngineErrorCause),
}

impl Failure {
    /// Whether the engine answered that the object does not exist.
    pub(super) fn is_missing(&self) -> bool {
        matches!(self, Self::Answer { status: 404, message } if tells_of_object(message))
    }

    /// Whether the engine's words contain one of these.
    pub(super) fn says(&self, words: &[&str]) -> bool {
        matches!(self, Self::Answer { message, .. } if words.iter().any(|words| message.contains(words)))
    }

    /// What it means for an operation.
    pub(super) fn into_error(self, operation: Operation, object: &str) -> EngineError {
        let cause = match self {
            Self::Answer { status, message } => cause_of_answer(operation, object, status, message),
            Self::Other(cause) => cause,
        };
        EngineError::new(operation, object, cause)
    }
}

/// Sorts bollard's errors: what the engine answered, and everything that lets nothing be concluded.
pub(super) fn classify(error: Error) -> Failure {
    match error {
        Error::DockerResponseServerError { status_code, message } => Failure::Answer { status: status_code, message },
        // An error in the middle of a stream comes after a status of success.
        Error::DockerStreamError { error } => Failure::Answer { status: 500, message: error },
        error @ (Error::SocketNotFoundError(_)
        | Error::IOError { .. }
        | Error::HyperResponseError { .. }
        | Error::HyperLegacyError { .. }
        | Error::RequestTimeoutError) => Failure::Other(EngineErrorCause::Unreachable { source: Arc::new(error) }),
        other => Failure::Other(EngineErrorCause::BadAnswer { source: Arc::new(other) }),
    }
}

fn cause_of_answer(operation: Operation, object: &str, status: u16, message: String) -> EngineErrorCause {
    if let Some(cause) = cause_of_disk(&message) {
        return cause;
    }
    if matches!(operation, Operation::PullImage | Operation::RegistryDigest) && tells_of_login(&message) {
        return EngineErrorCause::LoginNeeded { registry: registry_of(object).to_owned(), message };
    }
    match (operation, status) {
        (Operation::CreateContainer, 404) if message.to_lowercase().contains("no such image") => {
            EngineErrorCause::ImageMissing { image: image_of(&message).unwrap_or(object).to_owned() }
        }
        (Operation::PullImage, 404) => EngineErrorCause::ImageMissing { image: object.to_owned() },
        // What a container needs may be missing while the container is there.
        (Operation::CreateContainer, 404) => EngineErrorCause::Refused { status, message },
        (Operation::StartContainer, 404) if !message.to_lowercase().contains("no such container") => {
            EngineErrorCause::Refused { status, message }
        }
        (_, 404) if tells_of_object(&message) => EngineErrorCause::NotFound,
        (Operation::CreateContainer | Operation::RenameContainer, 409) => {
            EngineErrorCause::NameConflict { holder: holder_of(&message).map(str::to_owned) }
        }
        (Operation::RemoveContainer | Operation::RemoveImage | Operation::RemoveVolume, 409) => {
            EngineErrorCause::InUse { message }
        }
        (Operation::RemoveNetwork, 403 | 409) => EngineErrorCause::InUse { message },
        _ => EngineErrorCause::Refused { status, message },
    }
}

/// Whether the words are a registry's that lets nobody in who is not logged in, or not this one.
fn tells_of_login(message: &str) -> bool {
    let message = message.to_lowercase();
    ["no basic auth credentials", "unauthorized", "authentication required", "access denied", "denied:"]
        .iter()
        .any(|words| message.contains(words))
}

/// Whether the words of a 404 are about an object. What is no engine, or not the part of it that we ask, answers 404 as well.
fn tells_of_object(message: &str) -> bool {
    let message = message.to_lowercase();
    ["no such ", "not found"].iter().any(|words| message.contains(words)) && !message.contains("page not found")
}

/// The cause, when the engine's words tell of its disk.
pub(super) fn cause_of_disk(message: &str) -> Option<EngineErrorCause> {
    let says = |words: &[&str]| words.iter().any(|words| message.contains(words));
    if says(&["no space left on device", "disk quota exceeded"]) {
        return Some(EngineErrorCause::NoSpace { message: message.to_owned() });
    }
    says(&["read-only file system"]).then(|| EngineErrorCause::ReadOnly { message: message.to_owned() })
}

/// The id in `… is already in use by container "ID". You have to …`.
fn holder_of(message: &str) -> Option<&str> {
    let (_, after) = message.split_once("by container ")?;
    after.trim_start_matches('"').split(['"', '.', ' ']).next().filter(|id| !id.is_empty())
}

/// The name in `No such image: NAME`.
fn image_of(message: &str) -> Option<&str> {
    message.rsplit_once(": ").map(|(_, image)| image.trim()).filter(|image| !image.is_empty())
}
