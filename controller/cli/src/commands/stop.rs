//! `jackin stop`: instances stop and keep their state.

use std::time::Duration;

use jackin_api::kinds::RunState;

use super::Ended;
use crate::context::Context;
use crate::text;

/// Stop instances and keep their state.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Instances, as `NAME`, `instance/NAME` or `workspace/NAME` for all of a workspace
    #[arg(required = true, value_name = "INSTANCE")]
    instances: Vec<String>,
    /// Wait until they are stopped; `--wait=false` does not
    #[arg(long, value_name = "BOOL", default_value_t = true, hide_default_value = true, hide_possible_values = true, default_missing_value = "true", num_args = 0..=1, require_equals = true, action = clap::ArgAction::Set)]
    wait: bool,
    /// How long to wait
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = text::duration)]
    timeout: Duration,
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Ended {
    let Arguments { instances, wait, timeout } = arguments;
    super::start::set_run(context, instances, RunState::Stopped, wait.then_some(*timeout)).await
}
