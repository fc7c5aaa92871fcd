//! What can be typed: the global flags and one variant for each command.

use camino::Utf8PathBuf;
use clap::{Args, Parser, Subcommand};

use crate::commands;

/// Runs AI coding agents in containers, as their YAML says.
#[derive(Debug, Parser)]
#[command(name = "jackin", version, arg_required_else_help = true, disable_help_subcommand = true)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed, 2 bad input, 3 not ready in time, 4 controller or engine unreachable, \
                        5 conflict or consent needed."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Namespace of the objects; when absent JACKIN_NAMESPACE, else `default`
    #[arg(short, long, global = true, value_name = "NAMESPACE", help_heading = "Global options")]
    pub(crate) namespace: Option<String>,
    /// State directory, instead of JACKIN_HOME or ~/.jackin
    #[arg(long, global = true, value_name = "DIRECTORY", help_heading = "Global options")]
    pub(crate) home: Option<Utf8PathBuf>,
    /// Say what is done; twice for more
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Global options")]
    pub(crate) verbose: u8,
    /// No colours, also on a terminal
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) no_color: bool,
}

/// The commands. What each is for is said beside its own arguments.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Apply(commands::apply::Arguments),
    Get(commands::get::Arguments),
    Describe(commands::describe::Arguments),
    Diff(commands::diff::Arguments),
    Delete(commands::delete::Arguments),
    Wait(commands::wait::Arguments),
    #[command(visible_alias = "hardline")]
    Attach(commands::attach::Arguments),
    Notify(commands::notify::Arguments),
    Exec(commands::exec::Arguments),
    Sessions(commands::sessions::Arguments),
    Send(commands::send::Arguments),
    Capture(commands::capture::Arguments),
    Logs(commands::logs::Arguments),
    Record(commands::record::Arguments),
    Replay(commands::replay::Arguments),
    Events(commands::events::Arguments),
    Restart(commands::restart::Arguments),
    Approve(commands::approve::Arguments),
    Stop(commands::stop::Arguments),
    Start(commands::start::Arguments),
    Prune(commands::prune::Arguments),
    Doctor(commands::doctor::Arguments),
    #[command(subcommand)]
    Import(commands::import::Arguments),
    #[command(subcommand)]
    Trust(commands::trust::Arguments),
    #[command(subcommand)]
    Controller(commands::controller::Arguments),
    Version(commands::version::Arguments),
    Completion(commands::completion::Arguments),
}
