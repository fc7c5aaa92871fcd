//! Cells of the table view that several kinds share.
//!
//! Whatever comes from inside an instance is bounded and loses its control characters before a terminal sees it.

use jackin_apiserver::{Column, age_of};
use jiff::Timestamp;
use serde_json::Value;

/// The most characters that a cell shows of a text.
const LONGEST: usize = 60;

type Cell = fn(&Value, Timestamp) -> Value;

/// A column of texts.
pub(super) fn text(name: &str, description: &str, cell: Cell) -> Column {
    Column {
        name: name.to_owned(),
        type_: "string".to_owned(),
        format: String::new(),
        description: description.to_owned(),
        priority: 0,
        cell,
    }
}

/// The same column, in wide output only.
pub(super) fn wide(column: Column) -> Column {
    Column { priority: 1, ..column }
}

/// The column with the object's name.
pub(super) fn name() -> Column {
    Column {
        format: "name".to_owned(),
        ..text("Name", "Name of the object, unique within its namespace.", |object, _| {
            shown(&object["metadata"]["name"])
        })
    }
}

/// The column with the status of the condition `Ready`.
pub(super) fn ready() -> Column {
    text("Ready", "Whether the object is as its spec wants it.", |object, _| {
        condition_part(object, "Ready", "status").map_or_else(|| "Unknown".into(), shown)
    })
}

/// The column with the object's age.
pub(super) fn age() -> Column {
    text("Age", "Time since the object was created.", age_of)
}

/// A part of a condition, when it was stated.
pub(super) fn condition_part<'a>(object: &'a Value, type_: &str, part: &str) -> Option<&'a Value> {
    let conditions = object["status"]["conditions"].as_array()?;
    conditions.iter().find(|condition| condition["type"] == type_).map(|condition| &condition[part])
}

/// A text as a terminal may see it, or `-` where there is none.
pub(super) fn shown(value: &Value) -> Value {
    Value::String(match value {
        Value::String(text) if !text.is_empty() => printable(text),
        Value::Number(number) => number.to_string(),
        Value::Bool(claim) => claim.to_string(),
        _ => "-".to_owned(),
    })
}

/// Texts as a terminal may see them, with commas, or `-` where there are none.
pub(super) fn listed<'a>(values: impl Iterator<Item = &'a Value>) -> Value {
    let texts: Vec<_> = values.filter_map(Value::as_str).collect();
    shown(&Value::String(texts.join(",")))
}

fn printable(text: &str) -> String {
    let clean = |character: &char| !character.is_control() && !reorders(*character);
    let mut characters = text.chars().filter(clean);
    let mut kept: String = characters.by_ref().take(LONGEST).collect();
    if characters.next().is_some() {
        kept.pop();
        kept.push('…');
    }
    if kept.trim().is_empty() { "-".to_owned() } else { kept }
}

/// Whether a character changes the direction of others or is not seen at all.
fn reorders(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_of_a_terminal_do_not_reach_it() {
        assert_eq!(shown(&"a\u{1b}[2J\u{7}\u{9b}b\u{202e}c\n".into()), "a[2Jbc");
        assert_eq!(shown(&"\u{1b}\n".into()), "-");
    }

    #[test]
    fn a_long_text_is_cut_and_says_so() {
        let Value::String(cut) = shown(&"ä".repeat(500).into()) else { panic!("no text") };
        assert_eq!((cut.chars().count(), cut.ends_with('…')), (LONGEST, true));
    }
}
