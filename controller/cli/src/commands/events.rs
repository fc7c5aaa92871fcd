//! `jackin events`: what happened, oldest first.

use futures::TryStreamExt;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event;
use kube::api::{Api, ListParams, WatchEvent, WatchParams};

use super::Ended;
use crate::command_error::CommandError;
use crate::context::Context;
use crate::resource::{self, Selected};
use crate::text;

/// List events, oldest first.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Only those about this object, as `KIND/NAME`
    #[arg(value_name = "KIND/NAME")]
    object: Option<String>,
    /// Go on and print what happens
    #[arg(short, long)]
    watch: bool,
    /// Events of all namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// Output format
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<Format>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// One JSON object a line
    Json,
}

/// The widths of the columns while the lines that come are not known.
const WIDTHS: [usize; 4] = [9, 7, 20, 28];

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Ended {
    let selector = match &arguments.object {
        None => None,
        Some(word) if !word.contains('/') => {
            return Err(CommandError::bad_input(format!("`{word}` is not `KIND/NAME`"))
                .hint("write it as in `instance/shop-main`"));
        }
        Some(word) => resource::select(std::slice::from_ref(word))?.first().map(selector),
    };
    let client = context.client().await?;
    let api: Api<Event> =
        if arguments.all_namespaces { Api::all(client) } else { Api::namespaced(client, context.namespace()) };
    let parameters =
        selector.as_deref().map_or_else(ListParams::default, |selector| ListParams::default().fields(selector));
    let list = api.list(&parameters).await?;
    let mut version = list.metadata.resource_version.unwrap_or_else(|| "0".to_owned());
    let events = sorted(list.items);
    if events.is_empty() && !arguments.watch {
        context.console.say("No events found");
        return Ok(0);
    }
    print(arguments, context, &events, true)?;
    if !arguments.watch {
        return Ok(0);
    }
    let parameters =
        selector.as_deref().map_or_else(WatchParams::default, |selector| WatchParams::default().fields(selector));
    loop {
        let mut changes = std::pin::pin!(api.watch(&parameters, &version).await?);
        while let Some(change) = changes.try_next().await? {
            match change {
                WatchEvent::Added(event) | WatchEvent::Modified(event) => {
                    version = event.metadata.resource_version.clone().unwrap_or(version);
                    print(arguments, context, &[event], false)?;
                }
                WatchEvent::Deleted(event) => version = event.metadata.resource_version.unwrap_or(version),
                WatchEvent::Bookmark(bookmark) => version = bookmark.metadata.resource_version,
                WatchEvent::Error(status) => return Err(kube::Error::Api(status).into()),
            }
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

/// The field selector of the events about one object.
pub(super) fn selector(one: &Selected) -> String {
    let kind = format!("involvedObject.kind={}", one.resource.kind);
    one.names.first().map_or_else(|| kind.clone(), |name| format!("{kind},involvedObject.name={name}"))
}

/// Events by when they were last seen.
pub(super) fn sorted(mut events: Vec<Event>) -> Vec<Event> {
    events.sort_by_key(last_seen);
    events
}

fn last_seen(event: &Event) -> Option<Timestamp> {
    let last = event.last_timestamp.as_ref().map(|time| time.0);
    let last = last.or_else(|| event.event_time.as_ref().map(|time| time.0));
    last.or_else(|| event.metadata.creation_timestamp.as_ref().map(|time| time.0))
}

/// The columns of one event, without the object that it is about.
pub(super) fn columns(event: &Event, now: Timestamp) -> [String; 4] {
    let times = event.count.filter(|count| *count > 1).map_or_else(String::new, |count| format!(" (x{count})"));
    [
        last_seen(event).map_or_else(|| "<unknown>".to_owned(), |seen| text::age(seen, now) + &times),
        event.type_.clone().unwrap_or_default(),
        event.reason.clone().unwrap_or_default(),
        event.message.clone().unwrap_or_default().replace('\n', " "),
    ]
}

fn print(arguments: &Arguments, context: &Context, events: &[Event], is_first: bool) -> Result<(), CommandError> {
    if arguments.output == Some(Format::Json) {
        for event in events {
            context.console.line(&serde_json::to_string(event).map_err(kube::Error::SerdeError)?)?;
        }
        return Ok(());
    }
    let now = Timestamp::now();
    let mut rows = Vec::new();
    if is_first {
        let headers = ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"].map(str::to_owned).to_vec();
        rows.push(if arguments.all_namespaces { with_namespace("NAMESPACE", headers) } else { headers });
    }
    for event in events {
        let [seen, type_, reason, message] = columns(event, now);
        let kind = event.involved_object.kind.as_deref().unwrap_or_default().to_lowercase();
        let object = format!("{kind}/{}", event.involved_object.name.as_deref().unwrap_or_default());
        let row = vec![seen, type_, reason, object, message];
        let namespace = event.metadata.namespace.as_deref().unwrap_or_default();
        rows.push(if arguments.all_namespaces { with_namespace(namespace, row) } else { row });
    }
    context.console.write(&if arguments.watch { text::lines(&rows, &WIDTHS) } else { text::columns(&rows) })
}

fn with_namespace(namespace: &str, mut row: Vec<String>) -> Vec<String> {
    row.insert(0, namespace.to_owned());
    row
}
