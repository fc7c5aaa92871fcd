//! `jackin sessions`: what runs on terminals in instances; starting, renaming and ending it.

mod kill;
mod list;
mod new;
mod rename;

use clap::Subcommand;

use super::Ended;
use crate::context::Context;

/// List the sessions of an instance, or of all of the namespace; start, rename and end them.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    after_help = "A session that ended is listed with its exit status until another one takes its name."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    list: list::Options,
}

#[derive(Debug, Subcommand)]
enum Command {
    New(new::Arguments),
    Rename(rename::Arguments),
    Kill(kill::Arguments),
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Ended {
    match &arguments.command {
        None => list::run(&arguments.list, context).await,
        Some(Command::New(new)) => new::run(new, context).await,
        Some(Command::Rename(rename)) => rename::run(rename, context).await,
        Some(Command::Kill(kill)) => kill::run(kill, context).await,
    }
}
