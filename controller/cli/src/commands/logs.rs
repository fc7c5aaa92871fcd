//! `jackin logs`: what a session or the container printed.

use std::io::Write;
use std::path::Path;

use jackin_api::wire::Output;
use jackin_daemon::capsule::{CapsuleClient, StreamItem};

use super::{Ended, instances};
use crate::context::Context;
use crate::resource;

/// Print the output of an instance's session or container.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Instance
    instance: String,
    /// Go on until the session ends
    #[arg(short, long, conflicts_with = "capsule")]
    follow: bool,
    /// Session, by name or id; the oldest one that lives when absent
    #[arg(long, conflicts_with = "capsule")]
    session: Option<String>,
    /// Only this many of the last lines
    #[arg(long, value_name = "N")]
    tail: Option<u32>,
    /// The container's own output, which is what jackin's PID 1 says
    #[arg(long)]
    capsule: bool,
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Ended {
    let name = resource::instance_name(&arguments.instance)?;
    let namespace = context.namespace();
    let connection = context.connect().await?;
    if arguments.capsule {
        let tail = arguments.tail.map_or_else(String::new, |tail| format!("?tail={tail}"));
        let path = format!("/jackin/v1/namespaces/{namespace}/instances/{name}/log{tail}");
        context.console.write(&connection.get_text(&path).await?)?;
        return Ok(0);
    }
    let reach = instances::reach(&connection, namespace, name).await?;
    let capsule = CapsuleClient::connect(Path::new(&reach.directory), &reach.socket, reach.pid).await?;
    let output = Output { session: arguments.session.clone(), follow: arguments.follow, tail: arguments.tail };
    let mut items = capsule.output(output).await?;
    while let Some(item) = items.next().await? {
        match item {
            StreamItem::Paint(bytes) | StreamItem::Output(bytes) | StreamItem::ErrorOutput(bytes) => {
                let mut output = std::io::stdout().lock();
                output.write_all(&bytes)?;
                output.flush()?;
            }
            StreamItem::TakenOver => {}
            StreamItem::Ended(_) => break,
        }
    }
    Ok(0)
}
