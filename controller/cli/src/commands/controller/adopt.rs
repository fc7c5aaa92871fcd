//! `jackin controller adopt`: another owner id, whose objects of the engine are then ours.

use jackin_daemon::client::{ConnectError, Connection, Start};

use crate::command_error::{CommandError, ErrorKind};
use crate::commands::Ended;
use crate::context::Context;

/// Take over the engine's objects of another owner id.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Owner id, 12 hexadecimal digits, as the label `jackin.owner` of the objects has it
    owner: String,
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Ended {
    match Connection::open(&context.home, Start::Never).await {
        Err(ConnectError::NotRunning { .. }) => {}
        Ok(_) => {
            return Err(CommandError::new(ErrorKind::Conflict, "the controller is running with its own owner id")
                .hint("stop it first: `jackin controller stop`"));
        }
        Err(error) => return Err(error.into()),
    }
    let is_id =
        arguments.owner.len() == 12 && arguments.owner.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if !is_id {
        return Err(CommandError::bad_input(format!("not an owner id: `{}`", arguments.owner))
            .hint("it has 12 hexadecimal digits; `docker ps -a --format '{{.Label \"jackin.owner\"}}'` prints those of containers"));
    }
    context.home.adopt(&arguments.owner)?;
    context.console.say(&format!("adopted the objects of {}", arguments.owner));
    Ok(0)
}
