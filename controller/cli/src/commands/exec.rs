//! `jackin exec`: a command in an instance. Its exit code is ours.

use std::io::IsTerminal;

use super::capsule::Way;
use super::{Ended, capsule};
use crate::capsule_error::Of;
use crate::context::Context;
use crate::resource;
use crate::terminal::{self, ExecOptions};

/// Run a command in an instance, in the environment of a session.
#[derive(Debug, clap::Args)]
#[command(after_help = "The exit code is the command's own; 126 when it cannot be run and 127 when it is not there.")]
pub(crate) struct Arguments {
    /// Instance
    instance: String,
    /// Pass standard input on; always so with a terminal
    #[arg(short = 'i', long)]
    stdin: bool,
    /// Give it a terminal; without this flag it gets one where this program has one
    #[arg(short = 't', long, value_name = "BOOL", default_missing_value = "true", num_args = 0..=1, require_equals = true)]
    tty: Option<bool>,
    /// Where it starts, instead of the instance's working directory
    #[arg(short = 'w', long, value_name = "DIRECTORY")]
    workdir: Option<String>,
    #[command(flatten)]
    way: Way,
    /// Command with its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Ended {
    let name = resource::instance_name(&arguments.instance)?;
    let connection = context.connect().await?;
    let (client, reach) = capsule::open(&connection, context, name, arguments.way).await?;
    let has_terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let tty = arguments.tty.unwrap_or(has_terminal);
    let options = ExecOptions {
        argv: arguments.command.clone(),
        cwd: arguments.workdir.clone().or(reach.session.cwd),
        stdin: arguments.stdin || tty,
        tty,
        ..ExecOptions::default()
    };
    let code = terminal::exec(client, options).await.of(name)?;
    Ok(u8::try_from(code).unwrap_or(1))
}
