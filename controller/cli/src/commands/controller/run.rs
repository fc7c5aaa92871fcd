//! `jackin controller run`: the controller in this process. Also a controller for the time of one command.

use jackin_daemon::client::{ConnectError, Connection, Start};
use jackin_daemon::serve::{Embedded, LockError, Options, ServeError, serve};

use crate::command_error::{CommandError, ErrorKind};
use crate::commands::Ended;
use crate::console;
use crate::context::{Context, Controller};

/// Run the controller here until it is stopped.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Leave the terminal's session first, and leave quietly when another one runs; for who starts it on demand
    #[arg(long, hide = true)]
    detach: bool,
}

pub(crate) fn run(arguments: &Arguments, context: &Context) -> Ended {
    if arguments.detach {
        // It fails only for the leader of a group, who is nobody's child on a terminal.
        let _ = rustix::process::setsid();
    }
    console::trace(0);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    match runtime.block_on(serve(options(context))) {
        Ok(()) => Ok(0),
        // Who started it connects to the other one.
        Err(ServeError::Lock(LockError::Held { .. })) if arguments.detach => Ok(0),
        Err(error) => Err(error.into()),
    }
}

/// Runs `command` with a controller in this process, which is stopped afterwards. Where one runs already for the same home, that one
/// serves.
pub(crate) async fn converge_once(context: &Context, command: impl AsyncFnOnce(Controller<'_>) -> Ended) -> Ended {
    match Connection::open(&context.home, Start::Never).await {
        Ok(connection) => return command(Controller::Serving(&connection)).await,
        Err(ConnectError::NotRunning { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let embedded = Embedded::start(options(context)).await?;
    let ended = command(Controller::Embedded(&embedded)).await;
    embedded.stop().await?;
    ended
}

fn options(context: &Context) -> Options {
    Options { home: context.home.clone(), engine: None }
}

impl From<ServeError> for CommandError {
    fn from(error: ServeError) -> Self {
        let kind = match &error {
            ServeError::Lock(LockError::Held { .. }) => ErrorKind::Conflict,
            ServeError::Engine(_) => ErrorKind::Unreachable,
            _ => ErrorKind::Failed,
        };
        let hint = match &error {
            ServeError::Lock(LockError::Held { .. }) => {
                Some("`jackin controller status` tells about the one that runs")
            }
            ServeError::Engine(_) => Some("DOCKER_HOST or the Docker context names the engine"),
            _ => None,
        };
        let failed = Self::new(kind, "the controller does not run").caused_by(&error);
        match hint {
            Some(hint) => failed.hint(hint),
            None => failed,
        }
    }
}
