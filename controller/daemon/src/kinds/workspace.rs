//! Columns of Workspace.

use jackin_apiserver::Column;
use serde_json::Value;

use super::cells;

pub(super) fn columns() -> Vec<Column> {
    vec![
        cells::name(),
        cells::text("Ready", "How many instances are ready, of how many.", |object, _| {
            let count = |field: &str| object["status"][field].as_u64();
            match count("desired") {
                Some(desired) => format!("{}/{desired}", count("ready").unwrap_or(0)).into(),
                None => cells::shown(&Value::Null),
            }
        }),
        cells::text("Status", "Why it is ready or not.", |object, _| {
            cells::shown(cells::condition_part(object, "Ready", "reason").unwrap_or(&Value::Null))
        }),
        cells::age(),
        cells::wide(cells::text("Workdir", "Where sessions start.", |object, _| {
            cells::shown(&object["spec"]["workdir"])
        })),
        cells::wide(cells::text("Roles", "Roles that are allowed here.", |object, _| {
            cells::listed(object["spec"]["roles"].as_array().into_iter().flatten())
        })),
    ]
}
