//! `jackin completion`: the completion script of a shell.

use clap::CommandFactory;

use super::Ended;
use crate::console::Console;

/// Print the completion script of a shell.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Shell to print it for
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

pub(crate) fn run(arguments: &Arguments, console: &Console) -> Ended {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut crate::args::Arguments::command(), "jackin", &mut script);
    console.write(&String::from_utf8_lossy(&script))?;
    Ok(0)
}
