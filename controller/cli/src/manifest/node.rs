//! A document as a tree in which every key and value knows its place.

use serde_json::{Map, Number, Value};

/// A place in a text: line and column in characters, both from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// A value with its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) position: Position,
    pub(super) content: Content,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Content {
    Null,
    Boolean(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One entry of a map.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    /// Place of the key.
    pub(super) position: Position,
    pub(super) value: Node,
}

impl Node {
    /// The entries, when it is a map.
    pub(super) fn entries(&self) -> Option<&[Entry]> {
        match &self.content {
            Content::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The entry of a key.
    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries()?.iter().find(|entry| entry.key == key)
    }

    /// The text of a key's value.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        match &self.entry(key)?.value.content {
            Content::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The tree without places.
    pub(super) fn to_json(&self) -> Value {
        match &self.content {
            Content::Null => Value::Null,
            Content::Boolean(boolean) => Value::Bool(*boolean),
            Content::Number(number) => Value::Number(number.clone()),
            Content::Text(text) => Value::String(text.clone()),
            Content::List(items) => items.iter().map(Self::to_json).collect(),
            Content::Map(entries) => {
                let pairs = entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json()));
                Value::Object(pairs.collect::<Map<_, _>>())
            }
        }
    }

    /// The place of a field such as `spec.mounts[0].target`: of its value where that is plain, else of its key; of the nearest
    /// field around it where the document does not have it.
    pub(super) fn locate(&self, field: &str) -> Position {
        self.walk(field, self.position, false)
    }

    /// The place of a field's key.
    pub(super) fn locate_key(&self, field: &str) -> Position {
        self.walk(field, self.position, true)
    }

    fn walk(&self, field: &str, around: Position, of_key: bool) -> Position {
        let field = field.strip_prefix('.').unwrap_or(field);
        if field.is_empty() {
            let is_plain = !matches!(self.content, Content::List(_) | Content::Map(_) | Content::Null);
            return if is_plain && !of_key { self.position } else { around };
        }
        match &self.content {
            Content::List(items) => {
                let index = field.strip_prefix('[').and_then(|rest| rest.split_once(']'));
                let found = index.and_then(|(index, rest)| Some((items.get(index.parse::<usize>().ok()?)?, rest)));
                found.map_or(around, |(item, rest)| item.walk(rest, item.position, of_key))
            }
            Content::Map(entries) => {
                // Keys may have dots of their own, so that the longest one that fits is meant.
                let fits = |entry: &&Entry| {
                    let rest = field.strip_prefix(entry.key.as_str());
                    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
                };
                let found = entries.iter().filter(fits).max_by_key(|entry| entry.key.len());
                found.map_or(around, |entry| entry.value.walk(&field[entry.key.len()..], entry.position, of_key))
            }
            _ => around,
        }
    }
}
