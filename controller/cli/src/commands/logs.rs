//! `jackin logs`: what a session, the container or a build printed.

use std::io::Write;

use futures::{TryStreamExt, pin_mut};
use jackin_api::wire::Output;
use jackin_daemon::capsule::StreamItem;

use super::capsule::Way;
use super::{Ended, capsule};
use crate::capsule_error::{Of, fares};
use crate::command_error::CommandError;
use crate::context::Context;
use crate::resource::{self, IMAGE};

/// Print the output of an instance's session or container, or of an image's last build.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Instance, or `image/NAME`
    #[arg(value_name = "INSTANCE")]
    object: String,
    /// Go on until the session or build ends
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
    #[command(flatten)]
    way: Way,
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Ended {
    if let Some(image) = image_name(&arguments.object) {
        return build(image, arguments, context).await;
    }
    let name = resource::instance_name(&arguments.object)?;
    let namespace = context.namespace();
    let connection = context.connect().await?;
    if arguments.capsule {
        let tail = arguments.tail.map_or_else(String::new, |tail| format!("?tail={tail}"));
        let path = format!("/jackin/v1/namespaces/{namespace}/instances/{name}/log{tail}");
        context.console.write(&connection.get_text(&path).await?)?;
        return Ok(0);
    }
    let (client, _) = capsule::open(&connection, context, name, arguments.way).await?;
    let output = Output { session: arguments.session.clone(), follow: arguments.follow, tail: arguments.tail };
    let mut items = client.output(output).await.of(name)?;
    while let Some(item) = items.next().await.of(name)? {
        match item {
            StreamItem::Paint(bytes) | StreamItem::Output(bytes) | StreamItem::ErrorOutput(bytes) => {
                let mut output = std::io::stdout().lock();
                output.write_all(&bytes)?;
                output.flush()?;
            }
            StreamItem::TakenOver | StreamItem::Resized(_) => {}
            StreamItem::Ended(_) => return Ok(0),
        }
    }
    Err(CommandError::failed("the connection to the instance broke before its output ended").hint(fares(name)))
}

/// The name in `image/NAME`.
fn image_name(word: &str) -> Option<&str> {
    let (kind, name) = word.split_once('/')?;
    (resource::find(kind) == Some(&IMAGE)).then_some(name)
}

/// What the last build of an image printed.
async fn build(image: &str, arguments: &Arguments, context: &Context) -> Ended {
    if arguments.capsule || arguments.session.is_some() {
        return Err(CommandError::bad_input("an image has no sessions and no capsule")
            .hint(format!("`jackin logs image/{image}` prints what its last build did")));
    }
    let connection = context.connect().await?;
    let tail = arguments.tail.map_or_else(String::new, |tail| format!("&tail={tail}"));
    let path =
        format!("/jackin/v1/namespaces/{}/images/{image}/log?follow={}{tail}", context.namespace(), arguments.follow);
    let printed = connection.get_stream(&path).await?;
    pin_mut!(printed);
    while let Some(text) = printed.try_next().await? {
        let mut output = std::io::stdout().lock();
        output.write_all(&text)?;
        output.flush()?;
    }
    Ok(0)
}
