//! The way into an instance's capsule, for every command that speaks with one.

use std::path::Path;

use jackin_api::wire::{Session, Spawn};
use jackin_daemon::capsule::CapsuleClient;
use jackin_daemon::client::Connection;

use super::instances::{self, Reach};
use crate::command_error::{CommandError, ErrorKind};
use crate::context::Context;

/// Asks the controller how an instance's capsule is reached, and connects.
///
/// # Errors
/// When there is no such instance, it does not run, or its capsule does not answer.
pub(crate) async fn open(
    connection: &Connection,
    context: &Context,
    name: &str,
) -> Result<(CapsuleClient, Reach), CommandError> {
    let reach = instances::reach(connection, context.namespace(), name).await?;
    let capsule = enter(&reach).await?;
    Ok((capsule, reach))
}

/// Connects to a capsule that the controller told the way to.
///
/// # Errors
/// When it does not answer.
pub(crate) async fn enter(reach: &Reach) -> Result<CapsuleClient, CommandError> {
    Ok(CapsuleClient::connect(Path::new(&reach.directory), &reach.socket, reach.pid).await?)
}

/// The session that an agent has in an instance, as its role says.
///
/// # Errors
/// When the role does not support the agent, or the instance should not run.
pub(crate) async fn session_of(
    connection: &Connection,
    namespace: &str,
    instance: &str,
    agent: &str,
) -> Result<Spawn, CommandError> {
    if !jackin_api::validate::is_dns_label(agent) {
        return Err(CommandError::bad_input(format!("not a name of an agent: `{agent}`")));
    }
    let path = format!("/jackin/v1/namespaces/{namespace}/instances/{instance}/agents/{agent}/session");
    Ok(connection.get_json(&path).await?)
}

/// The session of a name or an id, the live one first.
///
/// # Errors
/// When there is none; those that there are, are named.
pub(crate) fn find<'a>(sessions: &'a [Session], wanted: &str) -> Result<&'a Session, CommandError> {
    let matches = |session: &&Session| session.name == wanted || session.id == wanted;
    let live = sessions.iter().filter(|session| session.is_live()).find(matches);
    live.or_else(|| sessions.iter().rev().find(matches)).ok_or_else(|| {
        let error = CommandError::new(ErrorKind::Failed, format!("there is no session `{wanted}`"));
        let known: Vec<_> = sessions.iter().map(|session| session.name.as_str()).collect();
        if known.is_empty() {
            error.hint("`jackin sessions new INSTANCE` starts one")
        } else {
            error.hint(format!("known are {}", known.join(", ")))
        }
    })
}
