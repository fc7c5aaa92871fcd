//! Events: `events.k8s.io/v1` as stored, core `v1` as a second view of the same objects, bounded in number and age.
//!
//! Recorders write the first shape, `kubectl describe` reads the second. Events are telemetry: they are committed
//! lazily (see [`crate::store`]).

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use crate::age;
use crate::kind::{Column, KindDefinition};
use crate::registry::{Role, Served, View};
use crate::store::{Transaction, Urgency};

pub(crate) const STORAGE: &str = "events.k8s.io/events";
/// How many events are kept.
const MAX_EVENTS: usize = 1000;
/// How long an event is kept after its last change.
const MAX_AGE: SignedDuration = SignedDuration::from_hours(1);

/// Fields with different names in the two shapes: stored, core.
const RENAMED: [(&str, &str); 7] = [
    ("regarding", "involvedObject"),
    ("note", "message"),
    ("reportingController", "reportingComponent"),
    ("deprecatedSource", "source"),
    ("deprecatedFirstTimestamp", "firstTimestamp"),
    ("deprecatedLastTimestamp", "lastTimestamp"),
    ("deprecatedCount", "count"),
];

pub(crate) fn events_k8s_io() -> Served {
    served("events.k8s.io", None)
}

pub(crate) fn core() -> Served {
    served("", Some(View { read: to_core, write: from_core }))
}

fn served(group: &str, view: Option<View>) -> Served {
    let definition = KindDefinition {
        group: group.to_owned(),
        version: "v1".to_owned(),
        kind: "Event".to_owned(),
        plural: "events".to_owned(),
        singular: "event".to_owned(),
        short_names: vec!["ev".to_owned()],
        categories: Vec::new(),
        namespaced: true,
        schema: json!({
            "type": "object",
            "description": "Event is a report of something that happened to an object.",
            "x-kubernetes-preserve-unknown-fields": true,
        }),
        columns: columns(),
        admit: |_| Ok(()),
    };
    Served { definition, storage: STORAGE.into(), role: Role::Event, view, has_status: false }
}

fn to_core(event: &mut Value) {
    let last_seen = last_seen(event);
    let Some(fields) = event.as_object_mut() else { return };
    fields.insert("apiVersion".to_owned(), "v1".into());
    for (stored, core) in RENAMED {
        rename(fields, stored, core);
    }
    // Readers of the core shape show these; a series counts on after the first event.
    let series = fields.get("series").map(|series| series["count"].clone());
    if let Some(count) = series {
        fields.insert("count".to_owned(), count);
        fields.insert("lastTimestamp".to_owned(), last_seen.clone());
    }
    let event_time = fields.get("eventTime").cloned().unwrap_or_default();
    let component = fields.get("reportingComponent").cloned().unwrap_or_default();
    let host = fields.get("reportingInstance").cloned().unwrap_or_default();
    let filled = [
        ("firstTimestamp", event_time),
        ("lastTimestamp", last_seen),
        ("count", 1.into()),
        ("source", json!({"component": component, "host": host})),
    ];
    for (field, value) in filled {
        if fields.get(field).is_none_or(Value::is_null) {
            fields.insert(field.to_owned(), value);
        }
    }
}

fn from_core(event: &mut Value) {
    let Some(fields) = event.as_object_mut() else { return };
    fields.insert("apiVersion".to_owned(), "events.k8s.io/v1".into());
    for (stored, core) in RENAMED {
        rename(fields, core, stored);
    }
}

fn rename(fields: &mut Map<String, Value>, from: &str, to: &str) {
    if let Some(value) = fields.remove(from) {
        fields.insert(to.to_owned(), value);
    }
}

/// The last time that an event in either shape was seen; null when it does not say.
fn last_seen(event: &Value) -> Value {
    [
        &event["series"]["lastObservedTime"],
        &event["lastTimestamp"],
        &event["deprecatedLastTimestamp"],
        &event["eventTime"],
        &event["metadata"]["creationTimestamp"],
    ]
    .into_iter()
    .find(|time| time.is_string())
    .cloned()
    .unwrap_or_default()
}

/// Drops the events that are too old or too many.
pub(crate) fn prune(transaction: &mut Transaction<'_>, now: Timestamp) {
    let mut events = transaction.list(&Arc::from(STORAGE), None);
    events.sort_by_key(|event| event.resource_version);
    let surplus = events.len().saturating_sub(MAX_EVENTS);
    for (index, event) in events.iter().enumerate() {
        // The oldest change comes first: the first young event ends the search.
        let value = event.value();
        let old = last_seen(&value)
            .as_str()
            .and_then(|time| time.parse::<Timestamp>().ok())
            .is_some_and(|time| now.duration_since(time) > MAX_AGE);
        if index >= surplus && !old {
            break;
        }
        transaction.delete(&event.key, value, Urgency::Lazy);
    }
}

/// Paths that events can be selected by, beside name and namespace.
pub(crate) fn selectable(field: &str) -> bool {
    let object_field = |field: &str| {
        matches!(field, "kind" | "namespace" | "name" | "uid" | "apiVersion" | "resourceVersion" | "fieldPath")
    };
    match field.split_once('.') {
        Some(("involvedObject" | "regarding", rest)) => object_field(rest),
        _ => matches!(field, "reason" | "type" | "source" | "reportingController" | "reportingComponent"),
    }
}

/// The value of a selectable path in an event of either shape.
pub(crate) fn field(event: &Value, field: &str) -> String {
    let value = match field.split_once('.') {
        Some((_, rest)) => {
            let object = if event["regarding"].is_object() { &event["regarding"] } else { &event["involvedObject"] };
            &object[rest]
        }
        None if field == "source" && event["source"].is_object() => &event["source"]["component"],
        None if field.starts_with("reporting") || field == "source" => {
            let component = &event["reportingComponent"];
            if component.is_string() { component } else { &event["reportingController"] }
        }
        None => &event[field],
    };
    value.as_str().unwrap_or_default().to_owned()
}

fn columns() -> Vec<Column> {
    let column = |name: &str, description: &str, cell: fn(&Value, Timestamp) -> Value| Column {
        name: name.to_owned(),
        type_: "string".to_owned(),
        format: String::new(),
        description: description.to_owned(),
        priority: 0,
        cell,
    };
    vec![
        column("Last Seen", "Time since the event was last seen.", |event, now| {
            age::since(last_seen(event).as_str().unwrap_or_default(), now)
        }),
        column("Type", "Normal or Warning.", |event, _| event["type"].clone()),
        column("Reason", "Why, in one word.", |event, _| event["reason"].clone()),
        column("Object", "What it is about.", |event, _| {
            let kind = field(event, "involvedObject.kind").to_lowercase();
            format!("{kind}/{}", field(event, "involvedObject.name")).into()
        }),
        column("Message", "What happened.", |event, _| {
            let note = &event["note"];
            if note.is_string() { note.clone() } else { event["message"].clone() }
        }),
        Column {
            name: "Name".to_owned(),
            type_: "string".to_owned(),
            format: "name".to_owned(),
            description: "Name of the event.".to_owned(),
            priority: 1,
            cell: |event, _| event["metadata"]["name"].clone(),
        },
    ]
}
