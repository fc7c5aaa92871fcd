//! Columns of Role.

use jackin_apiserver::Column;
use serde_json::Value;

use super::cells;

pub(super) fn columns() -> Vec<Column> {
    vec![
        cells::name(),
        cells::text("Source", "Where the image comes from.", |object, _| source(&object["spec"]["source"])),
        cells::text("Agents", "Agents that may run in the role.", |object, _| {
            cells::listed(object["spec"]["agents"].as_array().into_iter().flatten())
        }),
        cells::ready(),
        cells::age(),
    ]
}

fn source(source: &Value) -> Value {
    let kinds = ["path", "git", "image", "inline"];
    let Some(kind) = kinds.into_iter().find(|kind| !source[*kind].is_null()) else {
        return cells::shown(&Value::Null);
    };
    let detail = match kind {
        "git" => &source["git"]["url"],
        "inline" => &Value::Null,
        _ => &source[kind],
    };
    match detail.as_str() {
        Some(detail) => cells::shown(&format!("{kind}:{detail}").into()),
        None => kind.into(),
    }
}
