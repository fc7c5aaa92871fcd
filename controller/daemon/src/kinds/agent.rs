//! Columns of Agent.

use jackin_apiserver::Column;
use serde_json::Value;

use super::cells;

pub(super) fn columns() -> Vec<Column> {
    vec![
        cells::name(),
        cells::text("Install", "Where the program comes from.", |object, _| {
            let kinds = ["npm", "url", "hostPath", "image"];
            let kind = kinds.into_iter().find(|kind| !object["spec"]["install"][*kind].is_null());
            kind.map_or_else(|| cells::shown(&Value::Null), Value::from)
        }),
        cells::text("Version", "Version of the program, or the channel that it follows.", |object, _| {
            let npm = &object["spec"]["install"]["npm"];
            cells::shown(if npm["version"].is_null() { &npm["channel"] } else { &npm["version"] })
        }),
        cells::ready(),
        cells::age(),
    ]
}
