//! Tables as the server lays them out, and as the terminal shows them.

use serde::Deserialize;
use serde_json::Value;

use crate::resource::Resource;
use crate::text;

/// A table of `meta.k8s.io`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Table {
    #[serde(default)]
    metadata: Value,
    #[serde(default)]
    pub(super) column_definitions: Vec<Column>,
    #[serde(default)]
    pub(super) rows: Vec<Row>,
}

/// A column.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Column {
    name: String,
    #[serde(default)]
    format: String,
    /// Above zero only in wide tables.
    #[serde(default)]
    priority: i32,
}

/// A row.
#[derive(Debug, Deserialize)]
pub(super) struct Row {
    cells: Vec<Value>,
    #[serde(default)]
    object: Value,
}

/// What of a table is shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) is_wide: bool,
    pub(super) has_namespace: bool,
    pub(super) has_headers: bool,
}

impl Table {
    /// One table of several with the same columns.
    pub(super) fn merged(tables: Vec<Self>) -> Option<Self> {
        tables.into_iter().reduce(|mut whole, mut next| {
            whole.rows.append(&mut next.rows);
            if whole.column_definitions.is_empty() {
                whole.column_definitions = next.column_definitions;
            }
            whole
        })
    }

    /// The version that the table, or its only row, speaks of.
    pub(super) fn resource_version(&self) -> Option<String> {
        let of =
            |value: &Value| value["resourceVersion"].as_str().filter(|version| !version.is_empty()).map(str::to_owned);
        of(&self.metadata).or_else(|| of(&self.rows.first()?.object["metadata"]))
    }

    /// The widths of the columns that are shown.
    pub(super) fn widths(&self, layout: &Layout, prefix: Option<&Resource>) -> Vec<usize> {
        let mut widths = Vec::new();
        let with_headers = Layout { has_headers: true, ..*layout };
        for row in self.cells(&with_headers, prefix) {
            for (index, cell) in row.iter().enumerate() {
                let width = cell.chars().count();
                match widths.get_mut(index) {
                    Some(known) => *known = width.max(*known),
                    None => widths.push(width),
                }
            }
        }
        widths
    }

    pub(super) fn render(&self, layout: &Layout, prefix: Option<&Resource>) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        text::columns(&self.cells(layout, prefix))
    }

    pub(super) fn render_with(&self, layout: &Layout, prefix: Option<&Resource>, widths: &[usize]) -> String {
        text::lines(&self.cells(layout, prefix), widths)
    }

    fn cells(&self, layout: &Layout, prefix: Option<&Resource>) -> Vec<Vec<String>> {
        let is_shown = |column: &Column| layout.is_wide || column.priority == 0;
        let mut lines = Vec::new();
        if layout.has_headers {
            let names = self.column_definitions.iter().filter(|column| is_shown(column));
            let mut line: Vec<_> = names.map(|column| column.name.to_uppercase()).collect();
            if layout.has_namespace {
                line.insert(0, "NAMESPACE".to_owned());
            }
            lines.push(line);
        }
        for row in &self.rows {
            let cells = self.column_definitions.iter().zip(&row.cells).filter(|(column, _)| is_shown(column));
            let mut line: Vec<_> = cells
                .map(|(column, cell)| match prefix {
                    Some(resource) if column.format == "name" => resource.label(&cell_text(cell)),
                    _ => cell_text(cell),
                })
                .collect();
            if layout.has_namespace {
                line.insert(0, row.object["metadata"]["namespace"].as_str().unwrap_or_default().to_owned());
            }
            lines.push(line);
        }
        lines
    }
}

fn cell_text(cell: &Value) -> String {
    match cell {
        Value::String(text) => text.replace('\n', " "),
        Value::Null => "<none>".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let table = serde_json::json!({
            "metadata": {"resourceVersion": "7"},
            "columnDefinitions": [
                {"name": "Name", "type": "string", "format": "name", "priority": 0},
                {"name": "Phase", "type": "string", "priority": 0},
                {"name": "Container", "type": "string", "priority": 1},
            ],
            "rows": [
                {"cells": ["shop-main", "Running", "4f2a"], "object": {"metadata": {"namespace": "default"}}},
                {"cells": ["a", null, "77"], "object": {"metadata": {"namespace": "team"}}},
            ],
        });
        serde_json::from_value(table).expect("is a table")
    }

    #[test]
    fn only_a_wide_table_has_the_columns_of_low_priority() {
        let narrow = Layout { is_wide: false, has_namespace: false, has_headers: true };
        assert_eq!(table().render(&narrow, None), "NAME        PHASE\nshop-main   Running\na           <none>\n");
        let wide = Layout { is_wide: true, has_headers: false, ..narrow };
        assert_eq!(table().render(&wide, None), "shop-main   Running   4f2a\na           <none>    77\n");
    }

    #[test]
    fn names_say_their_kind_and_namespace_where_that_is_not_clear() {
        let layout = Layout { is_wide: false, has_namespace: true, has_headers: false };
        let text = table().render(&layout, Some(&crate::resource::INSTANCE));
        assert_eq!(
            text,
            "default   instance.jackin.dev/shop-main   Running\nteam      instance.jackin.dev/a           <none>\n"
        );
    }
}
