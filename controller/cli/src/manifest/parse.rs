//! YAML to trees with places. The only file that knows which library reads YAML.
//!
//! Strict where YAML is treacherous: keys that are there twice are problems, `yes` and `on` are text, numbers with leading zeros
//! are text, and what aliases may grow to is bounded.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use serde_saphyr::{DuplicateKeyPolicy, Error, Location, Spanned};

use super::node::{Content, Entry, Node, Position};
use super::problem::Problem;

/// The most that a file may hold, in values, keys and brackets.
const MOST_EVENTS: usize = 200_000;
/// The most that aliases may add to it.
const MOST_ALIASED_EVENTS: usize = 50_000;
/// The deepest nesting.
const DEEPEST: usize = 64;

/// The documents of a text, and all that is wrong with them as YAML.
pub(super) fn documents(text: &str) -> (Vec<Node>, Vec<Problem>) {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: MOST_EVENTS,
            max_depth: DEEPEST,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MOST_ALIASED_EVENTS,
        },
        // Found in the tree, where each of them has a place.
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        with_snippet: false,
    };
    match serde_saphyr::from_multiple_with_options::<Parsed>(text, options) {
        Ok(parsed) => {
            let mut problems = Vec::new();
            let nodes: Vec<_> = parsed.into_iter().map(|parsed| parsed.0).collect();
            for node in &nodes {
                find_duplicates(node, "", &mut problems);
            }
            let nodes = nodes.into_iter().flat_map(items_of_list).collect();
            // A tree with a key twice is not looked at further: which of the two is meant?
            if problems.is_empty() { (nodes, problems) } else { (Vec::new(), problems) }
        }
        Err(error) => (Vec::new(), vec![problem(&error)]),
    }
}

/// A value as YAML.
pub(super) fn to_yaml(value: &serde_json::Value) -> Result<String, serde_saphyr::ser::Error> {
    let mut text = serde_saphyr::to_string(value)?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

/// The objects of a `List`, as `get -o yaml` prints them; every other document is itself.
fn items_of_list(node: Node) -> Vec<Node> {
    if node.text("kind") != Some("List") {
        return vec![node];
    }
    match node.entry("items").map(|entry| &entry.value.content) {
        Some(Content::List(items)) => items.clone(),
        _ => vec![node],
    }
}

fn find_duplicates(node: &Node, field: &str, problems: &mut Vec<Problem>) {
    match &node.content {
        Content::List(items) => {
            for (index, item) in items.iter().enumerate() {
                find_duplicates(item, &format!("{field}[{index}]"), problems);
            }
        }
        Content::Map(entries) => {
            for (index, entry) in entries.iter().enumerate() {
                let field = if field.is_empty() { entry.key.clone() } else { format!("{field}.{}", entry.key) };
                if let Some(first) = entries[..index].iter().find(|earlier| earlier.key == entry.key) {
                    let message = format!("key is there twice: `{}`", entry.key);
                    let hint = format!("it was given first in line {}; keep one of the two", first.position.line);
                    problems.push(Problem::new(message, &field, entry.position).hint(hint));
                }
                find_duplicates(&entry.value, &field, problems);
            }
        }
        Content::Null | Content::Boolean(_) | Content::Number(_) | Content::Text(_) => {}
    }
}

fn problem(error: &Error) -> Problem {
    let error = error.without_snippet();
    let position = error.location().map(position).unwrap_or(Position { line: 1, column: 1 });
    let text = error.to_string();
    // The library ends its first line with the place, which stands on a line of its own here.
    let line = text.lines().next().unwrap_or_default();
    let line = line.split(" at line ").next().unwrap_or(line).trim_end_matches([':', ' ']);
    Problem::new(format!("not YAML that can be read: {line}"), "", position)
}

fn position(location: Location) -> Position {
    Position {
        line: usize::try_from(location.line()).unwrap_or_default(),
        column: usize::try_from(location.column()).unwrap_or_default(),
    }
}

/// A node as the library hands it over.
struct Parsed(Node);

impl<'de> Deserialize<'de> for Parsed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<ParsedContent>::deserialize(deserializer)?;
        Ok(Self(Node { position: position(spanned.referenced), content: spanned.value.0 }))
    }
}

struct ParsedContent(Content);

impl<'de> Deserialize<'de> for ParsedContent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor).map(Self)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Content::Null)
    }

    fn visit_none<E>(self) -> Result<Content, E> {
        Ok(Content::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Content, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, boolean: bool) -> Result<Content, E> {
        Ok(Content::Boolean(boolean))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Content, E> {
        Ok(Content::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Content, E> {
        Ok(Content::Number(number.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Content, E> {
        Number::from_f64(number).map(Content::Number).ok_or_else(|| E::custom("a number must be finite"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Content, E> {
        Ok(Content::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Content, E> {
        Ok(Content::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Content, A::Error> {
        let mut items = Vec::new();
        while let Some(Parsed(item)) = access.next_element()? {
            items.push(item);
        }
        Ok(Content::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Content, A::Error> {
        let mut entries = Vec::new();
        while let Some(Parsed(key)) = access.next_key()? {
            let text = match key.content {
                Content::Text(text) => text,
                Content::Number(number) => number.to_string(),
                Content::Boolean(boolean) => boolean.to_string(),
                Content::Null | Content::List(_) | Content::Map(_) => {
                    return Err(A::Error::custom("a key must be text"));
                }
            };
            let Parsed(value) = access.next_value()?;
            entries.push(Entry { key: text, position: key.position, value });
        }
        Ok(Content::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(text: &str, field: &str) -> (usize, usize) {
        let (nodes, problems) = documents(text);
        assert_eq!(problems, Vec::new());
        let position = nodes[0].locate(field);
        (position.line, position.column)
    }

    #[test]
    fn a_value_is_found_by_its_path_and_a_missing_one_by_what_is_around_it() {
        let text = "spec:\n  mounts:\n  - source: a\n    target: work\n  env: {A.B: {value: x}}\n";
        assert_eq!(places(text, "spec.mounts[0].target"), (4, 13));
        assert_eq!(places(text, "spec.env.A.B.value"), (5, 22));
        assert_eq!(places(text, "spec.env.A.B"), (5, 9));
        assert_eq!(places(text, "spec.workdir"), (1, 1));
    }

    #[test]
    fn every_key_that_is_there_twice_is_told_with_its_place() {
        let (_, problems) = documents("a: 1\nb: {c: 1, c: 2}\na: 2\n");
        let told: Vec<_> = problems.iter().map(|problem| (problem.field.as_str(), problem.position.line)).collect();
        assert_eq!(told, [("b.c", 2), ("a", 3)]);
    }

    #[test]
    fn treacherous_words_and_numbers_are_text() {
        let (nodes, _) = documents("[yes, on, 0755, 1_000, true, 12]\n");
        let json = nodes[0].to_json();
        assert_eq!(json, serde_json::json!(["yes", "on", "0755", "1_000", true, 12]));
    }

    #[test]
    fn aliases_that_grow_without_end_are_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..9 {
            let below = format!("*a{}", level - 1);
            text.push_str(&format!("a{level}: &a{level} [{}]\n", vec![below; 9].join(", ")));
        }
        let (nodes, problems) = documents(&text);
        assert!(nodes.is_empty());
        assert_eq!(problems.len(), 1);
    }

    #[test]
    fn documents_come_one_by_one_and_lists_by_their_items() {
        let text = "---\na: 1\n---\n---\nkind: List\nitems: [{b: 1}, {c: 1}]\n";
        assert_eq!(documents(text).0.len(), 3);
    }
}
