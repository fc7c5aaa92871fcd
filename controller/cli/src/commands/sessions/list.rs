//! The list of sessions, as a table or as data.

use futures::{StreamExt, stream};
use jackin_api::kinds::Instance;
use jackin_api::wire::{Session, Size};
use jackin_daemon::client::Connection;
use jiff::Timestamp;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use serde::Serialize;
use serde_json::{Value, json};

use super::super::capsule::Way;
use super::super::instances::{self, Reach};
use super::super::output::ListFormat;
use super::super::{Ended, capsule};
use super::kill::exit_words;
use crate::capsule_error::Of;
use crate::command_error::CommandError;
use crate::context::Context;
use crate::{manifest, resource, text};

/// How many capsules are asked at once.
const AT_ONCE: usize = 8;

#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Instance; all that run in the namespace when absent
    instance: Option<String>,
    /// Output format
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<ListFormat>,
    /// No line of headers
    #[arg(long)]
    no_headers: bool,
}

/// A session as it is printed for programs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    instance: String,
    name: String,
    id: String,
    agent: String,
    state: String,
    evidence: String,
    attached: u32,
    writer: bool,
    created_at: Option<Timestamp>,
    last_output_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit: Option<Value>,
    size: Size,
    title: String,
    pid: u32,
    argv: Vec<String>,
}

pub(super) async fn run(options: &Options, context: &Context) -> Ended {
    let connection = context.connect().await?;
    let (sessions, errors) = match &options.instance {
        Some(instance) => {
            let instance = resource::instance_name(instance)?;
            let reach = instances::reach(&connection, context.namespace(), instance).await?;
            (of(&connection, context.namespace(), instance, &reach).await?, Vec::new())
        }
        None => of_all(&connection, context).await?,
    };
    match options.output {
        None | Some(ListFormat::Wide) if sessions.is_empty() => context.console.say("No sessions found"),
        None | Some(ListFormat::Wide) => context.console.write(&table(options, &sessions))?,
        Some(ListFormat::Name) => {
            let lines = sessions.iter().map(|one| format!("{}/{}\n", one.instance, one.name));
            context.console.write(&lines.collect::<String>())?;
        }
        Some(ListFormat::Json) => context.console.line(&format!("{:#}", json!({ "items": sessions })))?,
        Some(ListFormat::Yaml) => context.console.write(&manifest::to_yaml(&json!({ "items": sessions }))?)?,
    }
    CommandError::together(errors).map_or(Ok(0), Err)
}

async fn of(
    connection: &Connection,
    namespace: &str,
    instance: &str,
    reach: &Reach,
) -> Result<Vec<Listed>, CommandError> {
    let mut client = capsule::enter(connection, namespace, instance, reach, Way::default()).await?;
    let sessions = client.status().await.of(instance)?.sessions;
    Ok(sessions.into_iter().map(|session| listed(instance, session)).collect())
}

/// Those of all instances that have a container which runs, and why some could not be asked.
async fn of_all(connection: &Connection, context: &Context) -> Result<(Vec<Listed>, Vec<CommandError>), CommandError> {
    let api: Api<Instance> = Api::namespaced(connection.kube(), context.namespace());
    let mut names: Vec<_> = api.list(&ListParams::default()).await?.items.iter().map(ResourceExt::name_any).collect();
    names.sort();
    let asking = stream::iter(&names).map(|name| of_one(connection, context.namespace(), name));
    let asked: Vec<_> = asking.buffered(AT_ONCE).collect().await;
    let (mut sessions, mut errors) = (Vec::new(), Vec::new());
    for answer in asked {
        match answer {
            Ok(found) => sessions.extend(found),
            Err(error) => errors.push(error),
        }
    }
    Ok((sessions, errors))
}

/// Those of an instance; one that does not run has none, which is an answer.
async fn of_one(connection: &Connection, namespace: &str, instance: &str) -> Result<Vec<Listed>, CommandError> {
    match instances::reach_if_running(connection, namespace, instance).await? {
        Some(reach) => of(connection, namespace, instance, &reach).await,
        None => Ok(Vec::new()),
    }
}

fn listed(instance: &str, session: Session) -> Listed {
    let at = |millis: jackin_api::wire::Millis| {
        i64::try_from(millis.0).ok().and_then(|millis| Timestamp::from_millisecond(millis).ok())
    };
    let state = serde_json::to_value(session.state).ok();
    Listed {
        instance: instance.to_owned(),
        name: session.name,
        id: session.id,
        agent: session.agent,
        state: state.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned(),
        evidence: session.evidence,
        attached: session.attached,
        writer: session.writer,
        created_at: at(session.created_at),
        last_output_at: session.last_output_at.and_then(at),
        exit: session.exit.map(|exit| json!(exit)),
        size: session.size,
        title: session.title,
        pid: session.pid,
        argv: session.argv,
    }
}

fn table(options: &Options, sessions: &[Listed]) -> String {
    let is_wide = options.output == Some(ListFormat::Wide);
    let has_instance = options.instance.is_none();
    let now = Timestamp::now();
    let header = std::iter::once(columns(is_wide, has_instance, "INSTANCE", &HEADER.map(str::to_owned)));
    let rows = sessions.iter().map(|one| columns(is_wide, has_instance, &one.instance, &cells(one, now)));
    let rows: Vec<_> = header.skip(usize::from(options.no_headers)).chain(rows).collect();
    text::columns(&rows)
}

const HEADER: [&str; 12] =
    ["NAME", "AGENT", "STATE", "EVIDENCE", "ATTACHED", "WRITER", "AGE", "EXIT", "ID", "PID", "SIZE", "TITLE"];

/// The columns that only wide tables have.
const WIDE: [usize; 4] = [3, 8, 9, 10];

fn columns(is_wide: bool, has_instance: bool, instance: &str, cells: &[String]) -> Vec<String> {
    let shown = cells.iter().enumerate().filter(|(index, _)| is_wide || !WIDE.contains(index));
    let instance = has_instance.then(|| instance.to_owned());
    instance.into_iter().chain(shown.map(|(_, cell)| cell.clone())).collect()
}

fn cells(session: &Listed, now: Timestamp) -> [String; 12] {
    let or_none = |text: &str| if text.is_empty() { "<none>".to_owned() } else { text.to_owned() };
    let exit: Option<jackin_api::wire::Exit> =
        session.exit.as_ref().and_then(|exit| serde_json::from_value(exit.clone()).ok());
    [
        session.name.clone(),
        or_none(&session.agent),
        session.state.clone(),
        or_none(&session.evidence),
        session.attached.to_string(),
        if session.writer { "yes" } else { "no" }.to_owned(),
        session.created_at.map_or_else(|| "<unknown>".to_owned(), |at| text::age(at, now)),
        exit.map_or_else(String::new, |exit| exit.code.map_or_else(|| exit_words(exit), |code| code.to_string())),
        session.id.clone(),
        session.pid.to_string(),
        format!("{}x{}", session.size.cols, session.size.rows),
        session.title.clone(),
    ]
}
