//! `jackin get`: lists of objects, as tables that the server lays out, or as the objects themselves.

mod table;

use futures::{StreamExt, TryStreamExt};
use http::Request;
use jackin_api::SYSTEM_NAMESPACE;
use kube::core::{DynamicObject, WatchEvent};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Ended;
use super::output::ListFormat;
use crate::command_error::{CommandError, ErrorKind};
use crate::context::Context;
use crate::manifest;
use crate::resource::{self, AGENT, Resource, Selected};

use table::{Layout, Table};

/// The media types of a table, and of plain JSON from who has none.
const AS_TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

/// List objects.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Kinds: workspaces (ws), instances (in), images (img), roles, agents, events (ev), namespaces (ns), all."
)]
pub(crate) struct Arguments {
    /// Objects, as `KIND[,KIND] [NAME..]` or `KIND/NAME..`
    #[arg(required = true, value_name = "KIND")]
    objects: Vec<String>,
    /// Output format
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<ListFormat>,
    /// Go on and print what changes
    #[arg(short, long)]
    watch: bool,
    /// Objects with these labels
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    selector: Option<String>,
    /// Objects of all namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// No line of headers
    #[arg(long)]
    no_headers: bool,
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Ended {
    let selected = resource::select(&arguments.objects)?;
    if arguments.all_namespaces && selected.iter().any(|one| !one.names.is_empty()) {
        return Err(CommandError::bad_input("an object is named, and all namespaces are asked for")
            .hint("name its namespace with `-n`"));
    }
    let asking = Asking { arguments, context, client: context.client().await? };
    if arguments.watch {
        let [one] = selected.as_slice() else {
            return Err(CommandError::bad_input("only one kind can be watched at a time")
                .hint("name one, as in `jackin get instances --watch`"));
        };
        return asking.watch(one).await;
    }
    match arguments.output {
        None | Some(ListFormat::Wide) => asking.tables(&selected).await,
        Some(format) => asking.objects(&selected, format).await,
    }
}

/// One run of the command.
struct Asking<'a> {
    arguments: &'a Arguments,
    context: &'a Context,
    client: kube::Client,
}

/// What came of asking for the objects of one kind: answers, and errors of those that were not there.
struct Found<T> {
    answers: Vec<T>,
    errors: Vec<CommandError>,
}

impl Asking<'_> {
    async fn tables(&self, selected: &[Selected]) -> Ended {
        let found = futures::stream::iter(selected).map(|one| self.ask::<Table>(one, AS_TABLE));
        let found: Vec<_> = found.buffered(8).try_collect().await?;
        let layout = Layout {
            is_wide: self.arguments.output == Some(ListFormat::Wide),
            has_namespace: self.arguments.all_namespaces,
            has_headers: !self.arguments.no_headers,
        };
        let mut text = String::new();
        let mut errors = Vec::new();
        for (one, found) in selected.iter().zip(found) {
            errors.extend(found.errors);
            let Some(table) = Table::merged(found.answers).filter(|table| !table.rows.is_empty()) else {
                continue;
            };
            if !text.is_empty() {
                text.push('\n');
            }
            let prefix = (selected.len() > 1).then_some(one.resource);
            text.push_str(&table.render(&layout, prefix));
        }
        if text.is_empty() && errors.is_empty() {
            self.say_none(selected);
        }
        self.context.console.write(&text)?;
        self.end(errors)
    }

    async fn objects(&self, selected: &[Selected], format: ListFormat) -> Ended {
        let found = futures::stream::iter(selected).map(|one| self.ask::<Value>(one, "application/json"));
        let found: Vec<_> = found.buffered(8).try_collect().await?;
        let mut errors = Vec::new();
        let mut objects: Vec<(&Resource, Value)> = Vec::new();
        for (one, found) in selected.iter().zip(found) {
            errors.extend(found.errors);
            for mut answer in found.answers {
                match answer.get_mut("items").map(Value::take) {
                    Some(Value::Array(items)) => {
                        objects.extend(items.into_iter().map(|item| (one.resource, complete(item, one.resource))))
                    }
                    _ => objects.push((one.resource, answer)),
                }
            }
        }
        if format == ListFormat::Name {
            let name = |value: &Value| value["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            let lines: Vec<_> = objects.iter().map(|(resource, value)| resource.label(&name(value)) + "\n").collect();
            self.context.console.write(&lines.concat())?;
            return self.end(errors);
        }
        let is_single = selected.len() == 1 && selected[0].names.len() == 1;
        let mut values: Vec<_> = objects.into_iter().map(|(_, value)| value).collect();
        let value = match values.pop() {
            Some(value) if is_single => value,
            None if is_single => return self.end(errors),
            last => {
                values.extend(last);
                json!({ "apiVersion": "v1", "kind": "List", "metadata": { "resourceVersion": "" }, "items": values })
            }
        };
        self.print(&value, format)?;
        self.end(errors)
    }

    fn print(&self, value: &Value, format: ListFormat) -> Result<(), CommandError> {
        match format {
            ListFormat::Yaml => self.context.console.write(&manifest::to_yaml(value)?),
            _ => self.context.console.line(&format!("{value:#}")),
        }
    }

    /// Prints what is there, then each change.
    async fn watch(&self, one: &Selected) -> Ended {
        let as_table = matches!(self.arguments.output, None | Some(ListFormat::Wide));
        let accept = if as_table { AS_TABLE } else { "application/json" };
        let field = match one.names.as_slice() {
            [] => None,
            [name] => Some(format!("metadata.name={name}")),
            _ => {
                return Err(CommandError::bad_input("only one object can be watched at a time")
                    .hint("name one, or none for all of the kind"));
            }
        };
        let mut layout = Layout {
            is_wide: self.arguments.output == Some(ListFormat::Wide),
            has_namespace: self.arguments.all_namespaces,
            has_headers: !self.arguments.no_headers,
        };
        let list: Value = self.get(one.resource, "", field.as_deref(), None, accept).await?;
        let mut version = list["metadata"]["resourceVersion"].as_str().unwrap_or("0").to_owned();
        let mut widths = Vec::new();
        let mut columns = Vec::new();
        if as_table {
            let mut table: Table = read(list)?;
            widths = table.widths(&layout, None);
            self.context.console.write(&table.render(&layout, None))?;
            layout.has_headers = layout.has_headers && table.rows.is_empty();
            columns = std::mem::take(&mut table.column_definitions);
        } else if let Some(items) = list["items"].as_array() {
            for item in items {
                self.print_change(one.resource, &complete(item.clone(), one.resource))?;
            }
        }
        loop {
            let path = self.path(one.resource, "", field.as_deref(), Some(&version));
            let request =
                Request::get(path).header("accept", accept).body(Vec::new()).map_err(kube::Error::HttpError)?;
            let mut events = std::pin::pin!(self.client.request_events::<Value>(request).await?);
            while let Some(event) = events.try_next().await? {
                let object = match event {
                    WatchEvent::Added(object) | WatchEvent::Modified(object) | WatchEvent::Deleted(object) => object,
                    WatchEvent::Bookmark(bookmark) => {
                        version = bookmark.metadata.resource_version;
                        continue;
                    }
                    WatchEvent::Error(status) => return Err(kube::Error::Api(status).into()),
                };
                if as_table {
                    let mut table: Table = read(object)?;
                    if table.column_definitions.is_empty() {
                        table.column_definitions.clone_from(&columns);
                    }
                    if let Some(seen) = table.resource_version() {
                        version = seen;
                    }
                    let own = table.widths(&layout, None);
                    // Columns only ever grow, so that the lines stay below each other.
                    widths.resize(own.len().max(widths.len()), 0);
                    widths.iter_mut().zip(own).for_each(|(known, own)| *known = own.max(*known));
                    self.context.console.write(&table.render_with(&layout, None, &widths))?;
                    layout.has_headers = false;
                } else {
                    if let Some(seen) = object["metadata"]["resourceVersion"].as_str() {
                        version = seen.to_owned();
                    }
                    self.print_change(one.resource, &object)?;
                }
            }
            // The server ends a watch after some minutes; it goes on where it was. A pause, should it end at once again and again.
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }

    fn print_change(&self, resource: &Resource, object: &Value) -> Result<(), CommandError> {
        match self.arguments.output {
            Some(ListFormat::Name) => {
                let name = object["metadata"]["name"].as_str().unwrap_or_default();
                self.context.console.line(&resource.label(name))
            }
            Some(ListFormat::Yaml) => self.context.console.write(&format!("---\n{}", manifest::to_yaml(object)?)),
            _ => self.context.console.line(&format!("{object:#}")),
        }
    }

    /// Asks for the objects of one kind: each named one, or the list.
    async fn ask<T: DeserializeOwned>(&self, one: &Selected, accept: &str) -> Result<Found<T>, CommandError> {
        let mut found = Found { answers: Vec::new(), errors: Vec::new() };
        if one.names.is_empty() {
            found.answers.push(self.get(one.resource, "", None, None, accept).await?);
            return Ok(found);
        }
        for name in &one.names {
            match self.get(one.resource, name, None, None, accept).await {
                Ok(answer) => found.answers.push(answer),
                Err(error) if error.kind() == ErrorKind::Failed => found.errors.push(error),
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    async fn get<T: DeserializeOwned>(
        &self,
        resource: &Resource,
        name: &str,
        field: Option<&str>,
        watch_from: Option<&str>,
        accept: &str,
    ) -> Result<T, CommandError> {
        let path = self.path(resource, name, field, watch_from);
        let request = Request::get(path).header("accept", accept).body(Vec::new()).map_err(kube::Error::HttpError)?;
        Ok(self.client.request(request).await?)
    }

    fn path(&self, resource: &Resource, name: &str, field: Option<&str>, watch_from: Option<&str>) -> String {
        let namespace = (!self.arguments.all_namespaces).then(|| self.context.namespace());
        let mut path = resource.path(namespace);
        if !name.is_empty() {
            path = format!("{path}/{}", encoded(name));
        }
        let mut query = Vec::new();
        if let Some(selector) = &self.arguments.selector {
            query.push(format!("labelSelector={}", encoded(selector)));
        }
        if let Some(field) = field {
            query.push(format!("fieldSelector={}", encoded(field)));
        }
        if let Some(version) = watch_from {
            query.push(format!("watch=true&allowWatchBookmarks=true&resourceVersion={}", encoded(version)));
        }
        if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) }
    }

    fn say_none(&self, selected: &[Selected]) {
        if self.arguments.all_namespaces {
            return self.context.console.say("No resources found");
        }
        let namespace = self.context.namespace();
        self.context.console.say(&format!("No resources found in {namespace} namespace."));
        if selected.iter().any(|one| one.resource == &AGENT) && namespace != SYSTEM_NAMESPACE {
            self.context.console.say(&format!("Built-in agents: `jackin get agents -n {SYSTEM_NAMESPACE}`"));
        }
    }

    fn end(&self, errors: Vec<CommandError>) -> Ended {
        CommandError::together(errors).map_or(Ok(0), Err)
    }
}

/// Items of a list come without their kind, which the reader of one object needs.
fn complete(item: Value, resource: &Resource) -> Value {
    let Ok(mut object) = serde_json::from_value::<DynamicObject>(item.clone()) else {
        return item;
    };
    let api = resource.api_resource();
    object.types.get_or_insert(kube::core::TypeMeta { api_version: api.api_version, kind: api.kind });
    serde_json::to_value(object).unwrap_or(item)
}

fn read<T: DeserializeOwned>(value: Value) -> Result<T, CommandError> {
    Ok(serde_json::from_value(value).map_err(kube::Error::SerdeError)?)
}

/// A text as it may stand in an address.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_passes_through_an_address_unharmed() {
        assert_eq!(encoded("app in (a,b)&x"), "app%20in%20%28a%2Cb%29%26x");
    }
}
