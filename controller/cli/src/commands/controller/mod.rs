//! `jackin controller`: run it, start it, stop it, look at it.

mod adopt;
mod dump;
mod metrics;
mod run;
mod start;
mod status;
mod stop;

pub(crate) use run::converge_once;
pub(crate) use status::Status;

use clap::Subcommand;

use super::{Ended, serial};
use crate::context::Context;

/// Run, stop and look at the controller.
#[derive(Debug, Subcommand)]
pub(crate) enum Arguments {
    Run(run::Arguments),
    /// Start the controller in the background
    Start,
    /// Stop the controller; instances go on running
    Stop,
    Status(status::Arguments),
    /// Print all that is stored, as JSON
    Dump,
    /// Print what the controller counts of its own work, in the text format of Prometheus
    Metrics,
    Adopt(adopt::Arguments),
}

pub(crate) fn run(arguments: &Arguments, context: &Context) -> Ended {
    match arguments {
        Arguments::Run(arguments) => run::run(arguments, context),
        Arguments::Start => serial(start::run(context)),
        Arguments::Stop => serial(stop::run(context)),
        Arguments::Status(arguments) => serial(status::run(arguments, context)),
        Arguments::Dump => serial(dump::run(context)),
        Arguments::Metrics => serial(metrics::run(context)),
        Arguments::Adopt(arguments) => serial(adopt::run(arguments, context)),
    }
}
