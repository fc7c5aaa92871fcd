//! What goes wrong between here and an instance's capsule, with the instance's name in the next command.

use jackin_api::wire::{ErrorCode, ReplyError};
use jackin_daemon::capsule::CapsuleError;

use crate::command_error::{CommandError, ErrorKind};
use crate::terminal::TerminalError;

/// What came of asking a capsule.
pub(crate) trait Of<T> {
    /// It, where an error names the capsule's instance.
    fn of(self, instance: &str) -> Result<T, CommandError>;
}

impl<T> Of<T> for Result<T, CapsuleError> {
    fn of(self, instance: &str) -> Result<T, CommandError> {
        self.map_err(|error| failed(error, instance))
    }
}

impl<T> Of<T> for Result<T, TerminalError> {
    fn of(self, instance: &str) -> Result<T, CommandError> {
        self.map_err(|error| match error {
            TerminalError::Capsule(error) => failed(error, instance),
            TerminalError::Terminal(error) => error.into(),
            TerminalError::Gone { message } => CommandError::failed(format!(
                "the session of {instance} is gone: {message}"
            ))
            .hint(format!(
                "`jackin attach {instance}` opens one again; `jackin describe instance {instance}` tells what happened"
            )),
            TerminalError::Lost => {
                let message = "the instance went away before the session or command told how it ended";
                CommandError::failed(message).hint(fares(instance))
            }
        })
    }
}

fn failed(error: CapsuleError, instance: &str) -> CommandError {
    match error {
        CapsuleError::Refused(refusal) => refused(refusal, instance),
        error => CommandError::failed("the instance's capsule did not do it").caused_by(&error).hint(fares(instance)),
    }
}

fn refused(refusal: ReplyError, instance: &str) -> CommandError {
    let ReplyError { code, message } = refusal;
    let recreate = || {
        format!(
            "`jackin restart --recreate {instance}` gives the instance the capsule of this one; it ends its sessions"
        )
    };
    match code {
        ErrorCode::NameTaken => CommandError::new(ErrorKind::Conflict, message)
            .hint(format!("`jackin sessions {instance}` lists the names")),
        ErrorCode::BadRequest => CommandError::bad_input(message),
        ErrorCode::UnknownRequest => {
            CommandError::failed("the instance's capsule is of an older jackin, which cannot do this yet")
                .hint(recreate())
        }
        ErrorCode::UnsupportedProtocol => CommandError::failed(message).hint(recreate()),
        ErrorCode::NoSession | ErrorCode::SessionEnded => {
            CommandError::failed(message).hint(format!("`jackin sessions {instance}` lists those that are there"))
        }
        ErrorCode::ProgramNotFound | ErrorCode::NotExecutable => CommandError::failed(message)
            .hint(format!("programs are those of the role's image; `jackin describe instance {instance}` names both")),
        ErrorCode::TooMany | ErrorCode::Stopping | ErrorCode::Failed | ErrorCode::Unknown => {
            CommandError::failed(message).hint(fares(instance))
        }
    }
}

/// Where an instance's state is told.
pub(crate) fn fares(instance: &str) -> String {
    format!("`jackin describe instance {instance}` tells how it fares")
}
