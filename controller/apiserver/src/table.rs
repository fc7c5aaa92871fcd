//! The table view: columns, one row per object, ages in words.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::kind::Column;
use crate::options::IncludeObject;
use crate::registry::Served;
use crate::representation;

/// A table over objects in their served shape.
pub(crate) fn table(
    served: &Served,
    objects: &[Value],
    metadata: Value,
    version: &str,
    include: IncludeObject,
    with_columns: bool,
    now: Timestamp,
) -> Value {
    let columns = columns(served);
    let rows: Vec<Value> = objects
        .iter()
        .map(|object| {
            let cells: Vec<Value> = columns.iter().map(|column| (column.cell)(object, now)).collect();
            let mut row = json!({"cells": cells});
            match include {
                IncludeObject::None => {}
                IncludeObject::Metadata => row["object"] = representation::partial(object),
                IncludeObject::Object => row["object"] = object.clone(),
            }
            row
        })
        .collect();
    let definitions: Vec<Value> = if with_columns { columns.iter().map(definition).collect() } else { Vec::new() };
    json!({
        "kind": "Table",
        "apiVersion": format!("meta.k8s.io/{version}"),
        "metadata": metadata,
        "columnDefinitions": definitions,
        "rows": rows,
    })
}

fn definition(column: &Column) -> Value {
    json!({
        "name": column.name,
        "type": column.type_,
        "format": column.format,
        "description": column.description,
        "priority": column.priority,
    })
}

fn columns(served: &Served) -> Vec<Column> {
    let given = &served.definition.columns;
    let named = |column: &Column| column.format == "name" || column.name.eq_ignore_ascii_case("name");
    let mut columns = Vec::with_capacity(given.len() + 2);
    if !given.iter().any(named) {
        columns.push(name_column());
    }
    columns.extend(given.iter().cloned());
    if given.is_empty() {
        columns.push(age_column());
    }
    columns
}

fn name_column() -> Column {
    Column {
        name: "Name".to_owned(),
        type_: "string".to_owned(),
        format: "name".to_owned(),
        description: "Name of the object, unique within its namespace.".to_owned(),
        priority: 0,
        cell: |object, _| object["metadata"]["name"].clone(),
    }
}

pub(crate) fn age_column() -> Column {
    Column {
        name: "Age".to_owned(),
        type_: "string".to_owned(),
        format: String::new(),
        description: "Time since the object was created.".to_owned(),
        priority: 0,
        cell: |object, now| age(object["metadata"]["creationTimestamp"].as_str().unwrap_or_default(), now),
    }
}

/// The time since a timestamp in the words of kubectl: `12s`, `3m4s`, `5h`, `2d`.
pub(crate) fn age(timestamp: &str, now: Timestamp) -> Value {
    let Ok(then) = timestamp.parse::<Timestamp>() else {
        return Value::String("<unknown>".to_owned());
    };
    let seconds = now.duration_since(then).as_secs().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let pair = |large: i64, unit: &str, small: i64, small_unit: &str| {
        if small == 0 { format!("{large}{unit}") } else { format!("{large}{unit}{small}{small_unit}") }
    };
    let text = if seconds < 120 {
        format!("{seconds}s")
    } else if minutes < 10 {
        pair(minutes, "m", seconds % 60, "s")
    } else if hours < 3 {
        format!("{minutes}m")
    } else if hours < 8 {
        pair(hours, "h", minutes % 60, "m")
    } else if hours < 48 {
        format!("{hours}h")
    } else if days < 8 {
        pair(days, "d", hours % 24, "h")
    } else if days < 730 {
        format!("{days}d")
    } else {
        pair(days / 365, "y", days % 365, "d")
    };
    Value::String(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_read_as_in_kubectl() {
        let now: Timestamp = "2026-01-10T00:00:00Z".parse().unwrap();
        let cases = [
            ("2026-01-09T23:59:48Z", "12s"),
            ("2026-01-09T23:56:56Z", "3m4s"),
            ("2026-01-09T23:30:00Z", "30m"),
            ("2026-01-09T19:00:00Z", "5h"),
            ("2026-01-07T23:00:00Z", "2d1h"),
            ("2025-12-01T00:00:00Z", "40d"),
            ("2026-01-11T00:00:00Z", "0s"),
            ("", "<unknown>"),
        ];
        for (then, expected) in cases {
            assert_eq!(age(then, now), expected, "{then}");
        }
    }
}
