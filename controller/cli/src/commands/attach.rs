//! `jackin attach`: an instance's terminal, with a session started when none lives.

use std::time::Duration;

use jackin_api::kinds::Instance;
use jackin_api::wire::Session;
use jackin_daemon::capsule::CapsuleClient;
use jackin_daemon::client::Connection;
use kube::Api;

use super::capsule::Way;
use super::instances::{self, Reach};
use super::{Ended, capsule, start, waiting};
use crate::capsule_error::Of;
use crate::command_error::CommandError;
use crate::context::Context;
use crate::resource;
use crate::terminal::{self, AttachEnd, AttachOptions, Back, DetachKeys};

/// How long to wait for an instance that is started first.
const START_PATIENCE: Duration = Duration::from_secs(300);

/// Take an instance's terminal.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Without options the oldest session that lives is taken; when none does, the instance's agent is started.\n\
        With `--waiting` it is the session that waits longest for a person, of the instance or of all in the namespace; exit code 1 when none does.\n\
        An instance that was stopped because nobody worked in it is started first. A connection that breaks is made again, and the\n\
        session goes on meanwhile."
)]
pub(crate) struct Arguments {
    /// Instance
    #[arg(required_unless_present = "waiting")]
    instance: Option<String>,
    /// Session, by name or id
    #[arg(long, conflicts_with = "agent")]
    session: Option<String>,
    /// Open a session of this agent beside the others
    #[arg(long)]
    agent: Option<String>,
    /// Take the session that waits longest for a person
    #[arg(long, conflicts_with_all = ["session", "agent"])]
    waiting: bool,
    /// When none waits, wait until one does
    #[arg(long, requires = "waiting")]
    wait: bool,
    /// Look, and do not type
    #[arg(long)]
    watch: bool,
    /// Take the keyboard from who has it
    #[arg(long, visible_alias = "takeover", conflicts_with = "watch")]
    take_over: bool,
    /// Keys that leave the session, such as `ctrl-p,ctrl-q`; several apart by spaces; `none` for none
    #[arg(long, value_name = "KEYS", default_value = "ctrl-\\ ctrl-p,ctrl-q", env = "JACKIN_DETACH_KEYS")]
    detach_keys: DetachKeys,
    #[command(flatten)]
    way: Way,
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Ended {
    let given = arguments.instance.as_deref().map(resource::instance_name).transpose()?;
    let namespace = context.namespace();
    let connection = context.connect().await?;
    let (name, wanted) = if arguments.waiting {
        let waiting = waiting::longest(&connection.kube(), context, given, arguments.wait).await?;
        (waiting.instance, Some(waiting.session.id))
    } else {
        (given.unwrap_or_default().to_owned(), arguments.session.clone())
    };
    let name = name.as_str();
    let reach = reach(&connection, context, name).await?;
    let mut client = capsule::enter(&connection, namespace, name, &reach, arguments.way).await?;
    let clipboard = reach.clipboard;
    let session = match (wanted, &arguments.agent) {
        (Some(session), _) => Some(session),
        (None, Some(agent)) => {
            let session = capsule::session_of(&connection, namespace, name, agent).await?;
            Some(client.spawn(session).await.of(name)?.id)
        }
        (None, None) => {
            let status = client.status().await.of(name)?;
            let has_live = status.sessions.iter().any(Session::is_live);
            if has_live { None } else { Some(client.spawn(reach.session).await.of(name)?.id) }
        }
    };
    let options = AttachOptions {
        label: name.to_owned(),
        session,
        watch: arguments.watch,
        takeover: arguments.take_over,
        detach_keys: arguments.detach_keys.clone(),
        clipboard,
    };
    let back = async || again(context, name, arguments.way).await;
    match terminal::attach(client, options, back).await.of(name)? {
        AttachEnd::Detached => Ok(0),
        AttachEnd::Ended(exit) => Ok(u8::try_from(exit.shell_code()).unwrap_or(1)),
    }
}

/// Another connection to the capsule, after one broke. The controller is asked anew: it may have been started again, too.
async fn again(context: &Context, name: &str, way: Way) -> Result<CapsuleClient, Back> {
    let not_yet = |error: CommandError| Back::NotYet(error.brief());
    let connection = context.connect().await.map_err(not_yet)?;
    let reach = instances::reach_if_running(&connection, context.namespace(), name).await.map_err(not_yet)?;
    let Some(reach) = reach else {
        return Err(Back::Never { message: "its container does not run any more".to_owned() });
    };
    capsule::enter(&connection, context.namespace(), name, &reach, way).await.map_err(not_yet)
}

/// Asks how the capsule is reached; what was stopped because nobody worked in it is started first.
async fn reach(connection: &Connection, context: &Context, name: &str) -> Result<Reach, CommandError> {
    let namespace = context.namespace();
    let refused = match instances::reach(connection, namespace, name).await {
        Ok(reach) => return Ok(reach),
        Err(refused) => refused,
    };
    let client = connection.kube();
    let api: Api<Instance> = Api::namespaced(client.clone(), namespace);
    let Some(instance) = api.get_opt(name).await?.filter(Instance::rests) else { return Err(refused) };
    context.console.say(&format!("{name} was stopped because nobody worked in it; it is being started"));
    start::wake(&client, &instance).await?;
    start::wait(&client, context, &[instance], START_PATIENCE, start::is_ready).await?;
    instances::reach(connection, namespace, name).await
}
