//! Objects as the server has them: fetching, listing, and watching until something holds.
//!
//! What is waited for, and what is said meanwhile, is the commands' business.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::time::Duration;

use futures::stream::{SelectAll, Stream};
use futures::{StreamExt, TryStreamExt};
use jackin_api::words::{Condition, ConditionStatus};
use kube::ResourceExt;
use kube::api::{DynamicObject, ListParams};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::command_error::{CommandError, ErrorKind, OF_ONE_VERSION};
use crate::resource::Resource;

/// How long a server may be away while it is watched, and how long its first lists may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// What to do about one that went away.
const AGAIN: &str = "any other command starts it again; what it was at, it goes on with";

/// Objects to watch: all of a kind in a namespace, or one.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) resource: &'static Resource,
    pub(crate) namespace: String,
    pub(crate) name: Option<String>,
}

/// What is known of an object: kind, namespace, name.
pub(crate) type Key = (&'static str, String, String);

/// The watched objects as they are now.
#[derive(Debug, Default)]
pub(crate) struct Live {
    objects: BTreeMap<Key, DynamicObject>,
}

impl Live {
    /// The object of this name.
    pub(crate) fn get(&self, resource: &Resource, namespace: &str, name: &str) -> Option<&DynamicObject> {
        self.objects.get(&(resource.kind, namespace.to_owned(), name.to_owned()))
    }

    /// All objects of a kind.
    pub(crate) fn of<'a>(&'a self, resource: &Resource) -> impl Iterator<Item = &'a DynamicObject> {
        let kind = resource.kind;
        self.objects.iter().filter(move |((of, _, _), _)| *of == kind).map(|(_, object)| object)
    }
}

/// How waiting ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Waited<T> {
    /// What was waited for is there.
    Done(T),
    /// Time ran out.
    TimedOut,
}

/// What happens to the objects of one target.
type Events = Pin<Box<dyn Stream<Item = (Target, watcher::Result<Event<DynamicObject>>)> + Send>>;

/// Watches until `judge` gives something. It is asked once all targets were listed, and then at each change.
///
/// A server that goes away meanwhile is waited for as well, though not for long. However short the time, what is there at first is
/// judged once, as far as the server tells it at all.
///
/// # Errors
/// When the server refuses to be watched, or `judge` fails.
pub(crate) async fn until<T>(
    client: &kube::Client,
    targets: &[Target],
    timeout: Option<Duration>,
    mut judge: impl FnMut(&Live) -> Result<Option<T>, CommandError>,
) -> Result<Waited<T>, CommandError> {
    let begun = Instant::now();
    let deadline = timeout.map(|timeout| begun + timeout);
    let first_deadline = timeout.map(|timeout| begun + timeout.max(PATIENCE));
    let mut events: SelectAll<Events> = SelectAll::new();
    for target in targets {
        events.push(watch(client, target));
    }
    let mut live = Live::default();
    let mut unlisted = targets.len();
    let mut broken_since: Option<Instant> = None;
    loop {
        let next = match if unlisted == 0 { deadline } else { first_deadline } {
            None => events.next().await,
            Some(deadline) => match tokio::time::timeout_at(deadline, events.next()).await {
                Ok(next) => next,
                Err(_) => return Ok(Waited::TimedOut),
            },
        };
        let Some((target, event)) = next else {
            return Err(CommandError::new(ErrorKind::Unreachable, "the controller ended the watch").hint(AGAIN));
        };
        let key =
            |object: &DynamicObject| (target.resource.kind, object.namespace().unwrap_or_default(), object.name_any());
        if event.is_ok() {
            broken_since = None;
        }
        match event {
            Ok(Event::Init) => {
                let Target { resource, namespace, name } = &target;
                let is_covered = |(kind, of, named): &Key| {
                    *kind == resource.kind && of == namespace && name.as_ref().is_none_or(|name| name == named)
                };
                live.objects.retain(|key, _| !is_covered(key));
                continue;
            }
            Ok(Event::InitApply(object)) => {
                live.objects.insert(key(&object), object);
                continue;
            }
            Ok(Event::InitDone) => unlisted = unlisted.saturating_sub(1),
            Ok(Event::Apply(object)) => {
                live.objects.insert(key(&object), object);
            }
            Ok(Event::Delete(object)) => {
                live.objects.remove(&key(&object));
            }
            Err(watcher::Error::InitialListFailed(kube::Error::Api(status)))
                if status.code < 500 && status.code != 410 =>
            {
                return Err(kube::Error::Api(status).into());
            }
            Err(error) => {
                if broken_since.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
                    return Err(CommandError::new(ErrorKind::Unreachable, "the controller went away")
                        .caused_by(&error)
                        .hint(AGAIN));
                }
                continue;
            }
        }
        if unlisted == 0
            && let Some(done) = judge(&live)?
        {
            return Ok(Waited::Done(done));
        }
    }
}

fn watch(client: &kube::Client, target: &Target) -> Events {
    let api = target.resource.api(client.clone(), &target.namespace);
    let config = match &target.name {
        Some(name) => watcher::Config::default().fields(&format!("metadata.name={name}")),
        None => watcher::Config::default(),
    };
    let target = target.clone();
    let events = watcher::watcher(api, config).default_backoff();
    Box::pin(events.map(move |event| (target.clone(), event)))
}

/// The objects of the names, or all that the selector takes where none is named.
///
/// # Errors
/// When the server cannot be asked, or a named one is not there.
pub(crate) async fn list(
    client: &kube::Client,
    resource: &'static Resource,
    namespace: &str,
    names: &[String],
    selector: Option<&str>,
) -> Result<Vec<DynamicObject>, CommandError> {
    let api = resource.api(client.clone(), namespace);
    if names.is_empty() {
        let parameters = selector.map_or_else(ListParams::default, |selector| ListParams::default().labels(selector));
        return Ok(api.list(&parameters).await?.items);
    }
    let found = names.iter().map(|name| api.get(name));
    Ok(futures::stream::iter(found).buffered(16).try_collect().await?)
}

/// Reads an object of unknown type as one of ours.
///
/// # Errors
/// When it is of another shape.
pub(crate) fn typed<T: DeserializeOwned>(object: &DynamicObject) -> Result<T, CommandError> {
    let value = serde_json::to_value(object).and_then(serde_json::from_value);
    value.map_err(|error| {
        CommandError::failed(format!("`{}` is of a shape that this version does not know", object.name_any()))
            .caused_by(&error)
            .hint(OF_ONE_VERSION)
    })
}

/// The conditions of an object.
pub(crate) fn conditions(object: &DynamicObject) -> Vec<Condition> {
    let conditions = object.data.get("status").and_then(|status| status.get("conditions"));
    conditions.and_then(|conditions| serde_json::from_value(conditions.clone()).ok()).unwrap_or_default()
}

/// The generation that the status of an object speaks of.
pub(crate) fn observed_generation(object: &DynamicObject) -> i64 {
    let status = object.data.get("status").and_then(|status| status.get("observedGeneration"));
    status.and_then(serde_json::Value::as_i64).unwrap_or_default()
}

/// The condition of this type (in any case of letters), when it speaks of the current generation.
pub(crate) fn current_condition(object: &DynamicObject, type_: &str) -> Option<Condition> {
    let generation = object.metadata.generation.unwrap_or_default();
    let found = conditions(object).into_iter().find(|condition| condition.type_.eq_ignore_ascii_case(type_))?;
    let observed = found.observed_generation.max(observed_generation(object));
    (observed >= generation).then_some(found)
}

/// Whether the condition is there for the current generation and True.
pub(crate) fn holds(object: &DynamicObject, type_: &str) -> bool {
    current_condition(object, type_).is_some_and(|condition| condition.status == ConditionStatus::True)
}
