//! `jackin controller run`: the controller in this process.

use crate::command_error::CommandError;
use crate::commands::Ended;
use crate::context::Context;

/// Run the controller here until it is stopped.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Leave the terminal's session first; for who starts it on demand
    #[arg(long, hide = true)]
    detach: bool,
}

pub(crate) fn run(arguments: &Arguments, context: &Context) -> Ended {
    if arguments.detach {
        // Who leads a group already leads a session of its own kind; there is nothing to leave.
        let _ = rustix::process::setsid();
    }
    serve(context)?;
    Ok(0)
}

/// Why a part of the controller cannot be used from here.
#[derive(Debug, thiserror::Error)]
#[error("this build of the program has no {0}")]
struct NotAvailable(&'static str);

fn serve(_context: &Context) -> Result<(), CommandError> {
    Err(not_available("controller"))
}

/// Runs a controller in this process beside `command`, which gets a client for it, and stops it afterwards.
pub(crate) async fn converge_once<F>(_context: &Context, _command: impl FnOnce(kube::Client) -> F) -> Ended
where
    F: Future<Output = Ended>,
{
    Err(not_available("controller to run once"))
}

fn not_available(what: &'static str) -> CommandError {
    CommandError::failed("failed to run the controller").caused_by(&NotAvailable(what))
}
