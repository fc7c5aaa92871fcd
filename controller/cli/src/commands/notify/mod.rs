//! `jackin notify`: a command, a webhook or a desktop notification when a session changes what it does.
//!
//! # Flow
//!
//! The instances are watched; [`changes`] compares what their statuses say with what was known; [`sinks`] tells of one change after the
//! other, in their order. A controller that is away is waited for and started again; what is known outlives it here, so that nothing
//! is told twice.

mod changes;
mod sinks;

use std::time::Duration;

use jackin_api::kinds::Instance;
use tokio::sync::mpsc;

use super::Ended;
use crate::command_error::{CommandError, ErrorKind};
use crate::context::Context;
use crate::live::{self, Target, Waited};
use crate::resource::{self, INSTANCE};
use changes::{Change, Memory, On};
use sinks::Sink;

/// How long to leave a controller alone that went away.
const PAUSE: Duration = Duration::from_secs(1);

/// Tell when a session changes what it does, such as to wait for you.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Without a command, a webhook or the desktop, changes are printed. A command is run once for each change, without a shell, with \
        JACKIN_NAMESPACE, JACKIN_INSTANCE, JACKIN_SESSION_NAME, JACKIN_AGENT, JACKIN_STATE, JACKIN_WAS, JACKIN_EVIDENCE and JACKIN_SINCE, and \
        the change as JSON on its standard input.\n\
        Sessions that wait already are told of at once. A controller that goes away is waited for, and nothing is told twice."
)]
pub(crate) struct Arguments {
    /// Which changes
    #[arg(long, value_enum, value_delimiter = ',', value_name = "STATE", default_value = "waiting")]
    on: Vec<On>,
    /// Only of these instances
    #[arg(long = "instance", value_name = "INSTANCE")]
    instances: Vec<String>,
    /// End after the first change
    #[arg(long)]
    once: bool,
    /// Send each change as JSON to this address, by POST
    #[arg(long, value_name = "URL", conflicts_with_all = ["desktop", "command"])]
    webhook: Option<String>,
    /// Show each change on the desktop
    #[arg(long, conflicts_with = "command")]
    desktop: bool,
    /// Print changes as JSON, one a line
    #[arg(short, long, value_enum, value_name = "FORMAT", conflicts_with_all = ["webhook", "desktop", "command"])]
    output: Option<Format>,
    /// Command to run, with its arguments
    #[arg(last = true)]
    command: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// One JSON object a line
    Json,
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Ended {
    let names = arguments.instances.iter().map(|word| resource::instance_name(word).map(str::to_owned));
    let names = names.collect::<Result<Vec<_>, _>>()?;
    let sink = Sink::of(arguments)?;
    let (sender, changes) = mpsc::unbounded_channel();
    tokio::select! {
        ended = watch(arguments, context, &names, sender) => ended,
        told = tell(arguments, context, &sink, changes) => told,
    }
}

/// Watches for ever, whatever becomes of the controller.
async fn watch(
    arguments: &Arguments,
    context: &Context,
    names: &[String],
    sender: mpsc::UnboundedSender<Change>,
) -> Ended {
    let mut memory = Memory::default();
    let mut is_first = true;
    loop {
        let watched = watch_once(arguments, context, names, &mut memory, &sender).await;
        match watched {
            Ok(()) => {}
            // What cannot be done at all is told at once, and what could be before is worth another try.
            Err(error) if is_first || error.kind() != ErrorKind::Unreachable => return Err(error),
            Err(_) => context.console.say("the controller went away; it is waited for"),
        }
        is_first = false;
        tokio::time::sleep(PAUSE).await;
    }
}

async fn watch_once(
    arguments: &Arguments,
    context: &Context,
    names: &[String],
    memory: &mut Memory,
    sender: &mpsc::UnboundedSender<Change>,
) -> Result<(), CommandError> {
    let client = context.client().await?;
    let targets = [Target { resource: &INSTANCE, namespace: context.namespace().to_owned(), name: None }];
    let watched = live::until(&client, &targets, None, |live| {
        let mut instances = Vec::new();
        for object in live.of(&INSTANCE) {
            instances.push(live::typed::<Instance>(object)?);
        }
        instances.retain(|instance| {
            names.is_empty() || names.iter().any(|name| instance.metadata.name.as_ref() == Some(name))
        });
        for change in memory.changes(&instances, &arguments.on) {
            // The other end is there as long as this is polled.
            let _ = sender.send(change);
        }
        Ok(None::<()>)
    });
    match watched.await? {
        Waited::Done(()) | Waited::TimedOut => Ok(()),
    }
}

/// Tells of one change after the other.
async fn tell(
    arguments: &Arguments,
    context: &Context,
    sink: &Sink,
    mut changes: mpsc::UnboundedReceiver<Change>,
) -> Ended {
    while let Some(change) = changes.recv().await {
        let told = sink.tell(&change, &context.console).await;
        if let Err(failed) = &told {
            context.console.say(&format!("{}: {failed}", change.headline()));
        }
        if arguments.once {
            return Ok(u8::from(told.is_err()));
        }
    }
    Ok(0)
}
