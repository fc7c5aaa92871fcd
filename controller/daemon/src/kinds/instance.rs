//! Columns of Instance.

use jackin_apiserver::Column;
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
        cells::text("State", "State of its primary session.", |object, _| {
            cells::shown(primary_session(object).map_or(&Value::Null, |session| &session["state"]))
        }),
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

/// The first session of the instance's own agent, else the first of any.
fn primary_session(object: &Value) -> Option<&Value> {
    let sessions = sessions(object);
    let own = |session: &&Value| session["agent"] == object["spec"]["agent"];
    sessions.iter().find(own).or_else(|| sessions.first())
}
