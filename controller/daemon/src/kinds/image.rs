//! Columns of Image.

use jackin_apiserver::Column;
use serde_json::Value;

use super::cells;

/// Digits of a digest that a person compares.
const SHORT: usize = 12;

pub(super) fn columns() -> Vec<Column> {
    vec![
        cells::name(),
        cells::text("Role", "Role that it serves.", |object, _| cells::shown(&object["spec"]["role"])),
        cells::text("Decision", "What was decided about it.", |object, _| cells::shown(&object["status"]["decision"])),
        cells::text("Built", "Whether an image of the current recipe is there.", |object, _| {
            cells::condition_part(object, "Built", "status").map_or_else(|| "Unknown".into(), cells::shown)
        }),
        cells::text("Recipe", "First digits of the current recipe's digest.", |object, _| {
            let recipe = object["status"]["recipe"].as_str().unwrap_or_default();
            let digits: String = recipe.trim_start_matches("sha256:").chars().take(SHORT).collect();
            cells::shown(&Value::String(digits))
        }),
        cells::text(
            "Stale",
            "Whether another one is to take its place; unknown where a registry cannot be asked.",
            |object, _| cells::condition_part(object, "Stale", "status").map_or_else(|| "-".into(), cells::shown),
        ),
        cells::age(),
        cells::wide(cells::text("Image", "The image that serves.", |object, _| {
            cells::shown(&object["status"]["image"]["name"])
        })),
    ]
}
