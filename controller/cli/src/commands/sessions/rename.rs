//! `jackin sessions rename`: another name for a session.

use super::super::capsule::Way;
use super::super::{Ended, capsule};
use crate::capsule_error::Of;
use crate::context::Context;
use crate::resource;

/// Give a session another name.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Instance
    instance: String,
    /// Session, by name or id
    session: String,
    /// Its name from now on: 1 to 63 of letters, digits, `.`, `_` and `-`
    name: String,
}

pub(super) async fn run(arguments: &Arguments, context: &Context) -> Ended {
    let Arguments { instance, session, name } = arguments;
    let instance = resource::instance_name(instance)?;
    let (mut client, _) = capsule::open(&context.connect().await?, context, instance, Way::default()).await?;
    client.rename(session, name).await.of(instance)?;
    context.console.line(&format!("session/{session} renamed to {name}"))?;
    Ok(0)
}
