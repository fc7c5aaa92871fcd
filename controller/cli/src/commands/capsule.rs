//! The way into an instance's capsule, for every command that speaks with one.

use std::path::Path;

use jackin_api::wire::{Session, Spawn};
use jackin_daemon::capsule::{CapsuleClient, STREAM_PROTOCOL};
use jackin_daemon::client::Connection;

use super::instances::{self, Reach};
use crate::capsule_error::{Of, fares};
use crate::command_error::{CommandError, ErrorKind};
use crate::context::Context;

/// Which way to take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Via {
    /// Straight to the socket where this host can use it, otherwise through the engine
    #[default]
    Auto,
    /// Straight to the socket
    Socket,
    /// Through the controller and the engine, which runs a program in the container
    Exec,
}

/// The flag that names the way.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(crate) struct Way {
    /// Way to the instance
    #[arg(long, value_enum, value_name = "WAY", default_value_t, hide_default_value = true)]
    pub(crate) via: Via,
}

/// Asks the controller how an instance's capsule is reached, and connects.
///
/// # Errors
/// When there is no such instance, it does not run, or its capsule does not answer.
pub(crate) async fn open(
    connection: &Connection,
    context: &Context,
    name: &str,
    way: Way,
) -> Result<(CapsuleClient, Reach), CommandError> {
    let reach = instances::reach(connection, context.namespace(), name).await?;
    let capsule = enter(connection, context.namespace(), name, &reach, way).await?;
    Ok((capsule, reach))
}

/// Connects to a capsule that the controller told the way to.
///
/// # Errors
/// When it does not answer.
pub(crate) async fn enter(
    connection: &Connection,
    namespace: &str,
    name: &str,
    reach: &Reach,
    way: Way,
) -> Result<CapsuleClient, CommandError> {
    let straight = async || CapsuleClient::connect(Path::new(&reach.directory), &reach.socket, reach.pid).await;
    match way.via {
        Via::Socket => straight().await.of(name),
        Via::Exec => through(connection, namespace, name).await,
        Via::Auto => match straight().await {
            Err(error) if error.is_absent() || error.is_out_of_reach() => {
                tracing::info!(instance = name, %error, "going through the engine, as the socket is out of reach");
                through(connection, namespace, name).await.map_err(|failed| failed.caused_by(&error))
            }
            reached => reached.of(name),
        },
    }
}

/// Connects through the controller and the engine.
async fn through(connection: &Connection, namespace: &str, name: &str) -> Result<CapsuleClient, CommandError> {
    let path = format!("/jackin/v1/namespaces/{namespace}/instances/{name}/stream");
    let stream = connection.turn_into(STREAM_PROTOCOL, &path).await?;
    CapsuleClient::over(stream).await.of(name)
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
        return Err(CommandError::bad_input(format!("not a name of an agent: `{agent}`"))
            .hint("`jackin get agents -A` lists those that are there"));
    }
    let path = format!("/jackin/v1/namespaces/{namespace}/instances/{instance}/agents/{agent}/session");
    connection.get_json(&path).await.map_err(|error| CommandError::from(error).hint(fares(instance)))
}

/// The session of an id, or of a name, the live one first: as the capsule looks for it.
///
/// # Errors
/// When there is none; those that there are, are named.
pub(crate) fn find<'a>(instance: &str, sessions: &'a [Session], wanted: &str) -> Result<&'a Session, CommandError> {
    let by_id = sessions.iter().find(|session| session.id == wanted);
    let is_named = |session: &&Session| session.name == wanted;
    let live = || sessions.iter().filter(|session| session.is_live()).find(is_named);
    by_id.or_else(live).or_else(|| sessions.iter().rev().find(is_named)).ok_or_else(|| {
        let error = CommandError::new(ErrorKind::Failed, format!("there is no session `{wanted}`"));
        let known: Vec<_> = sessions.iter().map(|session| session.name.as_str()).collect();
        if known.is_empty() {
            error.hint(format!("`jackin sessions new {instance}` starts one"))
        } else {
            error.hint(format!("known are {}", known.join(", ")))
        }
    })
}

#[cfg(test)]
mod tests {
    use jackin_api::wire::Session;

    use super::find;

    fn session(id: &str, name: &str, exit: Option<i32>) -> Session {
        let exit = exit.map(|code| serde_json::json!({ "code": code }));
        serde_json::from_value(serde_json::json!({ "id": id, "name": name, "pid": 1, "exit": exit }))
            .expect("a session")
    }

    #[test]
    fn an_id_is_looked_for_before_a_name_and_a_live_session_before_an_ended_one() {
        let sessions = [
            session("s-1", "main", Some(0)),
            session("s-2", "main", None),
            // Of a capsule that allowed such a name.
            session("s-3", "s-1", None),
            session("s-4", "gone", Some(1)),
            session("s-5", "gone", Some(2)),
        ];
        let found = |wanted| find("desk-one", &sessions, wanted).ok().map(|session| session.id.as_str());
        assert_eq!(found("s-1"), Some("s-1"));
        assert_eq!(found("main"), Some("s-2"));
        assert_eq!(found("gone"), Some("s-5"));
        assert_eq!(found("nobody"), None);
    }
}
