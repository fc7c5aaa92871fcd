//! `jackin describe`: everything about objects, for people.

mod image;
mod instance;
mod spec;

use std::fmt::Write as _;

use jackin_api::kinds::{Instance, StepTiming};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event;
use kube::api::{Api, DynamicObject, ListParams};
use kube::{Client, ResourceExt};

use super::{Ended, events};
use crate::command_error::CommandError;
use crate::console::{Console, Paint};
use crate::context::Context;
use crate::live;
use crate::resource::{self, IMAGE, INSTANCE, Resource, Selected, WORKSPACE};
use crate::text;

/// Tell everything about objects: conditions, pending repairs, timings, events.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Objects, as `KIND [NAME..]` or `KIND/NAME..`
    #[arg(required = true, value_name = "KIND")]
    objects: Vec<String>,
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Ended {
    let selected = resource::select(&arguments.objects)?;
    let client = context.client().await?;
    let mut texts = Vec::new();
    for one in &selected {
        let instances = users(&client, one.resource, context.namespace()).await?;
        for object in live::list(&client, one.resource, context.namespace(), &one.names, None).await? {
            let about = Selected { resource: one.resource, names: vec![object.name_any()] };
            let api: Api<Event> = Api::namespaced(client.clone(), context.namespace());
            let found = api.list(&ListParams::default().fields(&events::selector(&about))).await?;
            let events = events::sorted(found.items);
            texts.push(describe(one.resource, &object, &instances, &events, &context.console)?);
        }
    }
    if texts.is_empty() {
        context.console.say(&format!("No resources found in {} namespace.", context.namespace()));
        return Ok(0);
    }
    context.console.write(&texts.join("\n\n"))?;
    Ok(0)
}

/// The instances that images are told with.
async fn users(client: &Client, resource: &Resource, namespace: &str) -> Result<Vec<Instance>, CommandError> {
    if resource != &IMAGE {
        return Ok(Vec::new());
    }
    let instances: Api<Instance> = Api::namespaced(client.clone(), namespace);
    Ok(instances.list(&ListParams::default()).await?.items)
}

fn describe(
    resource: &Resource,
    object: &DynamicObject,
    instances: &[Instance],
    events: &[Event],
    console: &Console,
) -> Result<String, CommandError> {
    let now = Timestamp::now();
    let mut text = String::new();
    let created = object.creation_timestamp().map(|time| time.0);
    field(&mut text, "Name", &object.name_any());
    if let Some(namespace) = object.namespace() {
        field(&mut text, "Namespace", &namespace);
    }
    field(&mut text, "Kind", resource.kind);
    for (name, pairs) in [("Labels", object.labels()), ("Annotations", object.annotations())] {
        let shown = pairs.iter().filter(|(key, _)| *key != jackin_api::LAST_APPLIED_ANNOTATION);
        let lines: Vec<_> = shown.map(|(key, value)| format!("{key}={value}")).collect();
        if !lines.is_empty() {
            field(&mut text, name, &lines.join(&format!("\n{:14}", "")));
        }
    }
    if let Some(created) = created {
        field(&mut text, "Age", &format!("{} (since {created})", text::age(created, now)));
    }
    if object.metadata.deletion_timestamp.is_some() {
        field(&mut text, "Deleting", &format!("held by {}", object.finalizers().join(", ")));
    }
    if let Some(owner) = object.owner_references().first() {
        field(&mut text, "Owner", &format!("{}/{}", owner.kind.to_lowercase(), owner.name));
    }
    if resource == &INSTANCE {
        instance::describe(&mut text, &live::typed(object)?, console);
    } else if resource == &IMAGE {
        image::describe(&mut text, &live::typed(object)?, instances);
    } else if resource == &WORKSPACE {
        instance::describe_workspace(&mut text, &live::typed(object)?);
    }
    spec::describe(&mut text, &object.data["spec"]);
    conditions(&mut text, object, console, now);
    timeline(&mut text, events, now);
    Ok(text)
}

/// A line `Name:        value`.
fn field(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "{:14}{value}", format!("{name}:"));
}

/// A headline over something.
fn section(text: &mut String, name: &str) {
    let _ = writeln!(text, "{name}:");
}

/// Columns below a headline.
fn table(text: &mut String, rows: &[Vec<String>]) {
    for line in text::columns(rows).lines() {
        let _ = writeln!(text, "  {line}");
    }
}

fn timings(text: &mut String, steps: &[StepTiming]) {
    let rows: Vec<_> = steps.iter().map(|step| vec![step.step.clone(), format!("{} ms", step.duration_ms)]).collect();
    table(text, &rows);
}

/// An id of the engine as people read it.
fn short(id: &str) -> &str {
    let id = id.strip_prefix("sha256:").unwrap_or(id);
    id.get(..12).unwrap_or(id)
}

fn conditions(text: &mut String, object: &DynamicObject, console: &Console, now: Timestamp) {
    let conditions = live::conditions(object);
    if conditions.is_empty() {
        return;
    }
    section(text, "Conditions");
    let header = ["TYPE", "STATUS", "REASON", "AGE", "MESSAGE"].map(str::to_owned).to_vec();
    let mut rows = vec![header];
    for condition in &conditions {
        rows.push(vec![
            condition.type_.clone(),
            condition.status.to_string(),
            condition.reason.clone(),
            text::age(condition.last_transition_time, now),
            condition.message.replace('\n', " "),
        ]);
    }
    for (index, line) in text::columns(&rows).lines().enumerate() {
        let is_bad = index > 0 && {
            let condition = &conditions[index - 1];
            condition.type_ == "Stalled" || (condition.type_ == "Ready" && condition.status.to_string() != "True")
        };
        let line = if is_bad { console.paint(Paint::Bad, line) } else { line.to_owned() };
        let _ = writeln!(text, "  {line}");
    }
    let generation = object.metadata.generation.unwrap_or_default();
    let observed = live::observed_generation(object);
    if observed < generation {
        let _ = writeln!(text, "  (of generation {observed}; the spec is at {generation})");
    }
}

fn timeline(text: &mut String, events: &[Event], now: Timestamp) {
    if events.is_empty() {
        field(text, "Events", "<none>");
        return;
    }
    section(text, "Events");
    let mut rows = vec![["LAST SEEN", "TYPE", "REASON", "MESSAGE"].map(str::to_owned).to_vec()];
    rows.extend(events.iter().map(|event| events::columns(event, now).to_vec()));
    table(text, &rows);
}
