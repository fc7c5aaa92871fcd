//! The `jackin` program: asking the controller for what should be.
//!
//! One command one file in [`commands`], files of objects in [`manifest`], what a person reads and the exit codes in
//! [`command_error`] and [`console`]. The controller itself is `jackin-daemon`; nothing here talks to the engine.

mod args;
mod capsule_error;
mod cast;
mod command_error;
mod commands;
mod console;
mod context;
mod import;
mod live;
mod manifest;
mod namespace;
mod resource;
mod terminal;
mod text;

use std::process::ExitCode;

use clap::Parser;

use args::Arguments;
use command_error::CommandError;
use console::Console;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let console = Console::new(arguments.global.no_color);
    match run(&arguments, &console) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            console.report(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(arguments: &Arguments, console: &Console) -> Result<u8, CommandError> {
    if arguments.global.verbose > 0 {
        console::trace(arguments.global.verbose);
    }
    commands::run(arguments, console)
}
