//! Columns of Instance.

use jackin_api::kinds::SessionStatus;
use jackin_apiserver::Column;
use jiff::Timestamp;
use serde_json::Value;

use super::cells;

pub(super) fn columns() -> Vec<Column> {
    vec![
        cells::name(),
        cells::text("Phase", "One word for where it is.", |object, _| match &object["status"]["phase"] {
            Value::Null => "Pending".into(),
            phase => cells::shown(phase),
        }),
        cells::ready(),
        cells::text("Plan", "The plan that brought it where it is.", |object, _| {
            cells::shown(&object["status"]["plan"])
        }),
        cells::text("Agent", "Agent of its first session.", |object, _| cells::shown(&object["spec"]["agent"])),
        cells::text(
            "State",
            "State of the session that waits longest for a person, else of its primary one.",
            |object, _| {
                let shown = waiting_session(object).or_else(|| primary_session(object));
                cells::shown(shown.map_or(&Value::Null, |session| &session["state"]))
            },
        ),
        Column {
            type_: "integer".to_owned(),
            ..cells::text("Sessions", "How many sessions it has.", |object, _| sessions(object).len().into())
        },
        cells::age(),
        cells::wide(cells::text("Workspace", "Workspace that it belongs to.", |object, _| {
            cells::shown(&object["spec"]["workspace"])
        })),
        cells::wide(cells::text("Role", "Role that it runs.", |object, _| cells::shown(&object["spec"]["role"]))),
        cells::wide(cells::text("Container", "Its container.", |object, _| {
            let container = &object["status"]["container"];
            match container["id"].as_str() {
                Some(id) => cells::shown(&id.get(..12).unwrap_or(id).into()),
                None => cells::shown(&container["name"]),
            }
        })),
        cells::wide(cells::text("Image", "Its image.", |object, _| cells::shown(&object["status"]["image"]["name"]))),
        cells::wide(cells::text("Reason", "Why it is ready or not.", |object, _| {
            cells::shown(cells::condition_part(object, "Ready", "reason").unwrap_or(&Value::Null))
        })),
    ]
}

fn sessions(object: &Value) -> &[Value] {
    object["status"]["sessions"].as_array().map_or(&[], Vec::as_slice)
}

/// The session that waits longest for a person.
fn waiting_session(object: &Value) -> Option<&Value> {
    let waits = |session: &&Value| session["state"].as_str().is_some_and(SessionStatus::waits_in);
    let since = |session: &&Value| session["since"].as_str().and_then(|since| since.parse::<Timestamp>().ok());
    sessions(object).iter().filter(waits).min_by_key(since)
}

/// The first session of the instance's own agent, else the first of any.
fn primary_session(object: &Value) -> Option<&Value> {
    let sessions = sessions(object);
    let own = |session: &&Value| session["agent"] == object["spec"]["agent"];
    sessions.iter().find(own).or_else(|| sessions.first())
}
