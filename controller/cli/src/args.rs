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
    /// Namespace of the objects
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

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make objects as the files say
    Apply(commands::apply::Arguments),
    /// List objects
    Get(commands::get::Arguments),
    /// Tell everything about objects: conditions, pending repairs, timings, events
    Describe(commands::describe::Arguments),
    /// Show what applying the files would change, which repair it needs and why
    Diff(commands::diff::Arguments),
    /// Delete objects
    Delete(commands::delete::Arguments),
    /// Wait until a condition holds or objects are gone
    Wait(commands::wait::Arguments),
    /// Take an instance's terminal
    #[command(visible_alias = "hardline")]
    Attach(commands::attach::Arguments),
    /// Tell when a session changes what it does, such as to wait for you
    Notify(commands::notify::Arguments),
    /// Run a command in an instance, in the environment of a session
    Exec(commands::exec::Arguments),
    /// List, start, rename and end sessions
    Sessions(commands::sessions::Arguments),
    /// Type text and keys into a session without attaching to it
    Send(commands::send::Arguments),
    /// Print what is on a session's screen, also as a picture
    Capture(commands::capture::Arguments),
    /// Print the output of an instance's session or container
    Logs(commands::logs::Arguments),
    /// Record what a session shows, as an asciicast
    Record(commands::record::Arguments),
    /// Play a recording on this terminal
    Replay(commands::replay::Arguments),
    /// List events
    Events(commands::events::Arguments),
    /// Restart instances, also when that ends sessions
    Restart(commands::restart::Arguments),
    /// Let volumes with data be replaced, where instances wait for that
    Approve(commands::approve::Arguments),
    /// Stop instances and keep their state
    Stop(commands::stop::Arguments),
    /// Start instances that were stopped
    Start(commands::start::Arguments),
    /// Remove what is ours and nothing refers to any more
    Prune(commands::prune::Arguments),
    /// Tell whether the controller finds all that it needs
    Doctor(commands::doctor::Arguments),
    /// Print an object that is made of a file of another tool
    #[command(subcommand)]
    Import(commands::import::Arguments),
    /// Say whose repositories may be fetched and built on this machine
    #[command(subcommand)]
    Trust(commands::trust::Arguments),
    /// Run, stop and look at the controller
    #[command(subcommand)]
    Controller(commands::controller::Arguments),
    /// Print the versions of program, controller and engine
    Version(commands::version::Arguments),
    /// Print the completion script of a shell
    Completion(commands::completion::Arguments),
}
