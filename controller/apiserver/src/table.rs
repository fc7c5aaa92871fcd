//! The table view: columns, one row per object, ages in words.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::age::age_of;
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
        cell: age_of,
    }
}
