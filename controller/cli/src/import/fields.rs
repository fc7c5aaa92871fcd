//! Taking fields out of a table, one after the other; what is left was not known.

use serde_json::{Map, Value};

use super::Told;

/// A table from which fields are taken.
pub(super) struct Fields {
    path: String,
    left: Map<String, Value>,
}

impl Fields {
    pub(super) fn of(path: &str, value: Value, told: &mut Vec<Told>) -> Self {
        let left = match value {
            Value::Object(left) => left,
            other => {
                tell(told, path, format!("{} stands where a table is expected", kind(&other)));
                Map::new()
            }
        };
        Self { path: path.to_owned(), left }
    }

    /// The path of a field in it.
    pub(super) fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.left.remove(name)
    }

    pub(super) fn text(&mut self, name: &str, told: &mut Vec<Told>) -> Option<String> {
        match self.take(name)? {
            Value::String(text) => Some(text),
            other => {
                tell(told, &self.path(name), format!("{} stands where a text is expected", kind(&other)));
                None
            }
        }
    }

    pub(super) fn truth(&mut self, name: &str, told: &mut Vec<Told>) -> Option<bool> {
        match self.take(name)? {
            Value::Bool(truth) => Some(truth),
            other => {
                tell(told, &self.path(name), format!("{} stands where `true` or `false` is expected", kind(&other)));
                None
            }
        }
    }

    pub(super) fn texts(&mut self, name: &str, told: &mut Vec<Told>) -> Vec<String> {
        let path = self.path(name);
        let items = match self.take(name) {
            None => return Vec::new(),
            Some(Value::Array(items)) => items,
            Some(one) => vec![one],
        };
        let mut texts = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            match item {
                Value::String(text) => texts.push(text),
                other => {
                    tell(told, &format!("{path}[{index}]"), format!("{} stands where a text is expected", kind(&other)))
                }
            }
        }
        texts
    }

    pub(super) fn table(&mut self, name: &str, told: &mut Vec<Told>) -> Option<Self> {
        let path = self.path(name);
        Some(Self::of(&path, self.take(name)?, told))
    }

    /// The tables of a list.
    pub(super) fn tables(&mut self, name: &str, told: &mut Vec<Told>) -> Vec<Self> {
        let path = self.path(name);
        let items = match self.take(name) {
            None => return Vec::new(),
            Some(Value::Array(items)) => items,
            Some(one) => vec![one],
        };
        let of = |(index, item)| Self::of(&format!("{path}[{index}]"), item, told);
        items.into_iter().enumerate().map(of).collect()
    }

    /// All fields that are left.
    pub(super) fn rest(&mut self) -> Vec<(String, Value)> {
        std::mem::take(&mut self.left).into_iter().collect()
    }

    /// Tells of a field that has no counterpart, when it is there.
    pub(super) fn without_counterpart(&mut self, name: &str, instead: &str, told: &mut Vec<Told>) {
        if self.take(name).is_some() {
            tell(told, &self.path(name), instead);
        }
    }

    /// Tells of what nobody took.
    pub(super) fn finish(mut self, told: &mut Vec<Told>) {
        for (name, _) in self.rest() {
            tell(told, &self.path(&name), "nothing is known of this field; look whether the role needs it");
        }
    }
}

pub(super) fn tell(told: &mut Vec<Told>, field: &str, message: impl Into<String>) {
    told.push(Told { field: field.to_owned(), message: message.into() });
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}
