//! Label selectors (equality and set based) and field selectors.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::events;
use crate::metadata;
use crate::registry::{Role, Served};
use crate::status_error::StatusError;
use crate::store::Object;

/// One condition on one key.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    DoesNotExist(String),
}

impl Requirement {
    fn holds(&self, values: &BTreeMap<String, String>) -> bool {
        match self {
            Self::In(key, wanted) => values.get(key).is_some_and(|value| wanted.contains(value)),
            Self::NotIn(key, unwanted) => values.get(key).is_none_or(|value| !unwanted.contains(value)),
            Self::Exists(key) => values.contains_key(key),
            Self::DoesNotExist(key) => !values.contains_key(key),
        }
    }
}

/// Which objects a list or a watch is about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selector {
    labels: Vec<Requirement>,
    /// Path, whether it has to be equal, value.
    fields: Vec<(String, bool, String)>,
}

impl Selector {
    pub(crate) fn parse(labels: &str, fields: &str, served: &Served) -> Result<Self, StatusError> {
        let labels = parse_labels(labels)
            .map_err(|why| StatusError::bad_request(format!("unable to parse requirement: {why}")))?;
        Ok(Self { labels, fields: parse_fields(fields, served)? })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    pub(crate) fn matches(&self, object: &Object) -> bool {
        self.labels.iter().all(|requirement| requirement.holds(&object.labels)) && self.fields_match(object)
    }

    fn fields_match(&self, object: &Object) -> bool {
        let mut parsed: Option<Value> = None;
        self.fields.iter().all(|(path, equal, wanted)| {
            let found = match path.as_str() {
                "metadata.name" => object.key.name.to_string(),
                "metadata.namespace" => object.key.namespace.to_string(),
                "status.phase" => parsed.get_or_insert_with(|| object.value())["status"]["phase"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned(),
                other => events::field(parsed.get_or_insert_with(|| object.value()), other),
            };
            (found == *wanted) == *equal
        })
    }
}

fn parse_fields(text: &str, served: &Served) -> Result<Vec<(String, bool, String)>, StatusError> {
    let mut terms = Vec::new();
    for term in text.split(',').map(str::trim).filter(|term| !term.is_empty()) {
        let (path, equal, value) = if let Some((path, value)) = term.split_once("!=") {
            (path, false, value)
        } else if let Some((path, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
            (path, true, value)
        } else {
            return Err(StatusError::bad_request(format!("invalid selector: '{term}'; can't understand '{term}'")));
        };
        let known = matches!(path, "metadata.name" | "metadata.namespace")
            || (served.role == Role::Event && events::selectable(path))
            || (served.role == Role::Namespace && path == "status.phase");
        if !known {
            return Err(StatusError::bad_request(format!("field label not supported: {path}")));
        }
        terms.push((path.to_owned(), equal, value.to_owned()));
    }
    Ok(terms)
}

fn parse_labels(text: &str) -> Result<Vec<Requirement>, String> {
    split_outside_parentheses(text)?
        .into_iter()
        .map(str::trim)
        .filter(|term| !term.is_empty())
        .map(parse_requirement)
        .collect()
}

fn split_outside_parentheses(text: &str) -> Result<Vec<&str>, String> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_i32, 0);
    for (index, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..index]);
                start = index + 1;
            }
            _ => {}
        }
        if !(0..=1).contains(&depth) {
            return Err(format!("unbalanced parentheses in {text:?}"));
        }
    }
    if depth != 0 {
        return Err(format!("unbalanced parentheses in {text:?}"));
    }
    parts.push(&text[start..]);
    Ok(parts)
}

fn parse_requirement(term: &str) -> Result<Requirement, String> {
    if let Some((head, list)) = term.split_once('(') {
        let values = list.strip_suffix(')').ok_or_else(|| format!("found {term:?}, expected ')' at its end"))?;
        let values = values.split(',').map(|value| checked_value(value.trim())).collect::<Result<Vec<_>, _>>()?;
        let mut words = head.split_whitespace();
        return match (words.next(), words.next(), words.next()) {
            (Some(key), Some("in"), None) => Ok(Requirement::In(checked_key(key)?, values)),
            (Some(key), Some("notin"), None) => Ok(Requirement::NotIn(checked_key(key)?, values)),
            _ => Err(format!("found {term:?}, expected: in, notin")),
        };
    }
    if let Some(key) = term.strip_prefix('!') {
        return Ok(Requirement::DoesNotExist(checked_key(key.trim())?));
    }
    if let Some((key, value)) = term.split_once("!=") {
        return Ok(Requirement::NotIn(checked_key(key.trim())?, vec![checked_value(value.trim())?]));
    }
    if let Some((key, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        return Ok(Requirement::In(checked_key(key.trim())?, vec![checked_value(value.trim())?]));
    }
    Ok(Requirement::Exists(checked_key(term)?))
}

fn checked_key(key: &str) -> Result<String, String> {
    if metadata::is_qualified_name(key) { Ok(key.to_owned()) } else { Err(format!("invalid label key {key:?}")) }
}

fn checked_value(value: &str) -> Result<String, String> {
    if value.is_empty() || metadata::is_name_part(value) {
        Ok(value.to_owned())
    } else {
        Err(format!("invalid label value {value:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(selector: &str, labels: &[(&str, &str)]) -> bool {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        parse_labels(selector).unwrap().iter().all(|requirement| requirement.holds(&labels))
    }

    #[test]
    fn a_full_selector_wants_all_its_terms() {
        let selector = "a=b,c!=d,e in (x, y),!f,g";
        assert!(holds(selector, &[("a", "b"), ("e", "y"), ("g", "")]));
        assert!(!holds(selector, &[("a", "b"), ("e", "z"), ("g", "")]));
        assert!(!holds(selector, &[("a", "b"), ("c", "d"), ("e", "x"), ("g", "")]));
        assert!(!holds(selector, &[("a", "b"), ("e", "x"), ("g", ""), ("f", "")]));
        assert!(!holds(selector, &[("a", "b"), ("e", "x")]));
    }

    #[test]
    fn absent_labels_satisfy_negative_terms() {
        assert!(holds("a!=b,c notin (d)", &[]));
        assert!(holds("", &[]));
    }

    #[test]
    fn malformed_selectors_are_refused() {
        for selector in ["a in (b", "a in b)", "a within (b)", "a b", "-a=b", "a=b c", "a=((b))"] {
            assert!(parse_labels(selector).is_err(), "{selector}");
        }
    }
}
