//! Trees to objects: the kind, the metadata, the spec, each field known and of its type.

use jackin_api::kinds::{Agent, AgentSpec, Role, RoleSpec, Workspace, WorkspaceSpec};
use jackin_api::{GROUP, VERSION};
use kube::core::ObjectMeta;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use serde_path_to_error::{Path, Segment};
use std::collections::BTreeMap;

use super::Object;
use super::node::{Content, Node};
use super::problem::Problem;
use crate::text::nearest;

const KINDS: [&str; 3] = ["Role", "Agent", "Workspace"];
const TOP: [&str; 5] = ["apiVersion", "kind", "metadata", "spec", "status"];
/// What of the metadata a file is meant to say.
const METADATA: [&str; 4] = ["name", "namespace", "labels", "annotations"];
/// The most problems that are told of one document.
const MOST_PROBLEMS: usize = 50;

/// The object that a document is, with every field of it that is unknown, missing or of another type. There is an object as soon as
/// its spec is sound, so that rules can be told together with problems elsewhere.
pub(super) fn object(node: &Node) -> (Option<Object>, Vec<Problem>) {
    let Some(entries) = node.entries() else {
        let problem = Problem::new("not an object", "", node.position);
        let problem = problem.hint("an object has `apiVersion`, `kind`, `metadata` and `spec`");
        return (None, vec![problem]);
    };
    let mut problems = Vec::new();
    check_version(node, &mut problems);
    let kind = check_kind(node, &mut problems);
    for entry in entries.iter().filter(|entry| !TOP.contains(&entry.key.as_str())) {
        let problem = Problem::new(format!("unknown field: `{}`", entry.key), &entry.key, entry.position);
        problems.push(problem.hint(known_hint(&entry.key, &TOP[..4])));
    }
    // Fields of a kind that is not known cannot be judged.
    let Some(kind) = kind else { return (None, problems) };
    let metadata = metadata(node, &mut problems);
    let object = match kind {
        "Role" => spec::<RoleSpec>(node, &mut problems)
            .map(|spec| Object::Role(Box::new(Role { metadata, spec, status: None }))),
        "Agent" => spec::<AgentSpec>(node, &mut problems)
            .map(|spec| Object::Agent(Box::new(Agent { metadata, spec, status: None }))),
        _ => spec::<WorkspaceSpec>(node, &mut problems)
            .map(|spec| Object::Workspace(Box::new(Workspace { metadata, spec, status: None }))),
    };
    (object, problems)
}

/// The kind, namespace and name that a document says.
///
/// # Errors
/// When it does not say them, or is none of ours.
pub(super) fn identity(node: &Node) -> Result<(&'static str, Option<String>, String), Vec<Problem>> {
    if node.entries().is_none() {
        return Err(vec![Problem::new("not an object", "", node.position)]);
    }
    let mut problems = Vec::new();
    check_version(node, &mut problems);
    let kind = check_kind(node, &mut problems);
    let metadata = metadata(node, &mut problems);
    match (kind, metadata.name) {
        (Some(kind), Some(name)) if problems.is_empty() => Ok((kind, metadata.namespace, name)),
        _ => Err(problems),
    }
}

fn check_version(node: &Node, problems: &mut Vec<Problem>) {
    let expected = format!("{GROUP}/{VERSION}");
    let hint = format!("write `apiVersion: {expected}`");
    match node.text("apiVersion") {
        Some(version) if version == expected => {}
        Some(version) => {
            let problem =
                Problem::new(format!("unknown apiVersion: `{version}`"), "apiVersion", node.locate("apiVersion"));
            problems.push(problem.hint(hint));
        }
        None => {
            problems.push(Problem::new("apiVersion is missing", "apiVersion", node.locate("apiVersion")).hint(hint))
        }
    }
}

fn check_kind(node: &Node, problems: &mut Vec<Problem>) -> Option<&'static str> {
    let position = node.locate("kind");
    let known = format!("write one of {}", KINDS.map(|kind| format!("`{kind}`")).join(", "));
    let Some(kind) = node.text("kind") else {
        problems.push(Problem::new("kind is missing", "kind", position).hint(known));
        return None;
    };
    if let Some(known) = KINDS.into_iter().find(|known| *known == kind) {
        return Some(known);
    }
    let problem = Problem::new(format!("unknown kind: `{kind}`"), "kind", position);
    problems.push(match kind {
        "Instance" => Problem::new("an Instance is not written by hand", "kind", position)
            .hint("a Workspace makes its instances: write it into `spec.instances` of one"),
        "Image" => Problem::new("an Image is not written by hand", "kind", position)
            .hint("it is made for a Role: write what it is built from into `spec.source` of one"),
        _ => match nearest(kind, &KINDS) {
            Some(near) => problem.hint(format!("did you mean `{near}`?")),
            None => problem.hint(known),
        },
    });
    None
}

/// Metadata that a file may say. What only the server writes is accepted, so that what was printed can be applied, and left out.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "the fields that the server writes are named to be accepted, and not read")]
struct Metadata {
    name: String,
    #[serde(default)]
    namespace: Option<String>,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
    #[serde(default)]
    uid: Option<IgnoredAny>,
    #[serde(default)]
    resource_version: Option<IgnoredAny>,
    #[serde(default)]
    generation: Option<IgnoredAny>,
    #[serde(default)]
    creation_timestamp: Option<IgnoredAny>,
    #[serde(default)]
    deletion_timestamp: Option<IgnoredAny>,
    #[serde(default)]
    managed_fields: Option<IgnoredAny>,
    #[serde(default)]
    finalizers: Option<IgnoredAny>,
    #[serde(default)]
    owner_references: Option<IgnoredAny>,
}

fn metadata(node: &Node, problems: &mut Vec<Problem>) -> ObjectMeta {
    let Some(entry) = node.entry("metadata") else {
        let problem = Problem::new("metadata is missing", "metadata", node.locate("metadata"));
        problems.push(problem.hint("write `metadata: {name: NAME}`"));
        return ObjectMeta::default();
    };
    let Some(metadata) = deserialize::<Metadata>(node, "metadata", entry.value.to_json(), problems) else {
        return ObjectMeta::default();
    };
    for (field, name) in [("metadata.name", Some(&metadata.name)), ("metadata.namespace", metadata.namespace.as_ref())]
    {
        if let Some(name) = name
            && !jackin_api::validate::is_dns_label(name)
        {
            let hint =
                "names have at most 63 lowercase letters, digits and `-`, and start and end with a letter or digit";
            problems.push(Problem::new(format!("not a name: `{name}`"), field, node.locate(field)).hint(hint));
        }
    }
    let mut annotations = metadata.annotations.unwrap_or_default();
    annotations.remove(jackin_api::LAST_APPLIED_ANNOTATION);
    ObjectMeta {
        name: Some(metadata.name),
        namespace: metadata.namespace,
        labels: metadata.labels.filter(|labels| !labels.is_empty()),
        annotations: Some(annotations).filter(|annotations| !annotations.is_empty()),
        ..ObjectMeta::default()
    }
}

fn spec<T: DeserializeOwned>(node: &Node, problems: &mut Vec<Problem>) -> Option<T> {
    let Some(entry) = node.entry("spec") else {
        problems.push(Problem::new("spec is missing", "spec", node.locate("spec")));
        return None;
    };
    deserialize(node, "spec", entry.value.to_json(), problems)
}

/// Reads `value`, which stands at `prefix` of the document. After each problem the field is taken out, or a missing one put in,
/// so that the next one shows.
fn deserialize<T: DeserializeOwned>(
    node: &Node,
    prefix: &str,
    mut value: Value,
    problems: &mut Vec<Problem>,
) -> Option<T> {
    let known = problems.len();
    let mut invented: Vec<String> = Vec::new();
    while problems.len() < known + MOST_PROBLEMS {
        let error = match serde_path_to_error::deserialize::<_, T>(&value) {
            Ok(typed) => return Some(typed).filter(|_| problems.len() == known && invented.is_empty()),
            Err(error) => error,
        };
        let field = format!("{prefix}{}", text_of(error.path()));
        let message = error.inner().to_string();
        if let Some(missing) = quoted(&message, "missing field ") {
            let missing_field = format!("{field}.{missing}");
            // A field that was taken out before is not missing in the file.
            let is_there = node.locate_exact(&missing_field);
            if !is_there {
                let problem = Problem::new(
                    format!("required field is missing: `{missing}`"),
                    &missing_field,
                    node.locate(&field),
                );
                problems.push(problem);
            }
            if !insert(&mut value, error.path(), missing, Value::String("x".to_owned())) {
                return None;
            }
            invented.push(missing_field);
            continue;
        }
        if invented.contains(&field) {
            // The placeholder is of another type: try an empty map, then an empty list, then give up.
            let next = match find(&mut value, error.path()) {
                Some(slot) if slot.is_string() => Some((slot, serde_json::json!({}))),
                Some(slot) if slot.is_object() => Some((slot, serde_json::json!([]))),
                _ => None,
            };
            let (slot, placeholder) = next?;
            *slot = placeholder;
            continue;
        }
        problems.push(problem(node, &field, &message));
        if !remove(&mut value, error.path()) {
            return None;
        }
    }
    None
}

fn problem(node: &Node, field: &str, message: &str) -> Problem {
    if let Some(name) = quoted(message, "unknown field ") {
        let known = match field.starts_with("metadata.") {
            true => METADATA.to_vec(),
            false => alternatives(message),
        };
        let problem = Problem::new(format!("unknown field: `{name}`"), field, node.locate_key(field));
        return problem.hint(known_hint(name, &known));
    }
    let position = node.locate(field);
    if let Some(name) = quoted(message, "unknown variant ") {
        let known = alternatives(message);
        let hint = match nearest(name, &known) {
            Some(near) if known.len() > 1 => format!("did you mean `{near}`? possible are {}", listed(&known)),
            _ => format!("possible are {}", listed(&known)),
        };
        return Problem::new(format!("not a possible value: `{name}`"), field, position).hint(hint);
    }
    if let Some((found, expected)) =
        message.strip_prefix("invalid type: ").and_then(|rest| rest.split_once(", expected "))
    {
        let expected = type_name(expected);
        let found = found_name(found);
        let problem = Problem::new(format!("wrong type: {found} where {expected} is expected"), field, position);
        return match (found.as_str(), expected.as_str()) {
            ("nothing", _) => problem.hint("give it a value, or leave the field out"),
            (found, "text") if !found.starts_with("a ") => problem.hint("put it into quotes"),
            (_, "a list") => problem.hint("write a list: `[…]`, or one item a line after `- `"),
            (_, "a map") => problem.hint("write `key: value` pairs below it"),
            _ => problem,
        };
    }
    if let Some((found, expected)) =
        message.strip_prefix("invalid value: ").and_then(|rest| rest.split_once(", expected "))
    {
        let message = format!("wrong value: {} where {} is expected", found_name(found), type_name(expected));
        return Problem::new(message, field, position);
    }
    Problem::new(message, field, position)
}

fn known_hint(name: &str, known: &[&str]) -> String {
    match nearest(name, known) {
        Some(near) => format!("did you mean `{near}`? known here are {}", listed(known)),
        None => format!("known here are {}", listed(known)),
    }
}

fn listed(words: &[&str]) -> String {
    let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    words.join(", ")
}

/// What a type is called for people who write YAML.
fn type_name(expected: &str) -> String {
    match expected {
        "a string" => "text".to_owned(),
        "a boolean" => "`true` or `false`".to_owned(),
        "a sequence" => "a list".to_owned(),
        "u32" | "u64" => "a whole number".to_owned(),
        "i32" | "i64" => "a number".to_owned(),
        other if other.starts_with("struct ") || other == "a map" => "a map".to_owned(),
        other if other.starts_with("enum ") || other.contains("enum") => "one word".to_owned(),
        other => other.to_owned(),
    }
}

/// What was found instead, as `serde` says it, in the same words.
fn found_name(found: &str) -> String {
    let value = |prefix: &str| found.strip_prefix(prefix).map(|rest| rest.trim_matches('`'));
    if found == "null" || found == "unit value" {
        "nothing".to_owned()
    } else if found == "map" {
        "a map".to_owned()
    } else if found == "sequence" {
        "a list".to_owned()
    } else if let Some(text) = found.strip_prefix("string ") {
        format!("the text {text}")
    } else if let Some(number) = value("integer ").or_else(|| value("floating point ")) {
        format!("the number `{number}`")
    } else if let Some(boolean) = value("boolean ") {
        format!("the word `{boolean}`")
    } else {
        found.to_owned()
    }
}

/// The word in backquotes after `start`.
fn quoted<'a>(message: &'a str, start: &str) -> Option<&'a str> {
    message.strip_prefix(start)?.strip_prefix('`')?.split('`').next()
}

/// The words in backquotes after `expected`.
fn alternatives(message: &str) -> Vec<&str> {
    let list = message.split_once("expected ").map_or("", |(_, list)| list);
    list.split('`').skip(1).step_by(2).collect()
}

fn text_of(path: &Path) -> String {
    let mut text = String::new();
    for segment in path.iter() {
        match segment {
            Segment::Seq { index } => text.push_str(&format!("[{index}]")),
            Segment::Map { key } => text.push_str(&format!(".{key}")),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    text
}

fn find<'a>(value: &'a mut Value, path: &Path) -> Option<&'a mut Value> {
    let mut current = value;
    for segment in path.iter() {
        current = match segment {
            Segment::Seq { index } => current.get_mut(*index)?,
            Segment::Map { key } => current.get_mut(key)?,
            Segment::Enum { .. } | Segment::Unknown => return None,
        };
    }
    Some(current)
}

fn insert(value: &mut Value, path: &Path, key: &str, placeholder: Value) -> bool {
    match find(value, path) {
        Some(Value::Object(object)) => object.insert(key.to_owned(), placeholder).is_none(),
        _ => false,
    }
}

/// Takes the value at `path` out, or makes it empty where it is an item of a list.
fn remove(value: &mut Value, path: &Path) -> bool {
    let segments: Vec<_> = path.iter().collect();
    let Some((last, parents)) = segments.split_last() else {
        return false;
    };
    let mut current = value;
    for segment in parents {
        let next = match segment {
            Segment::Seq { index } => current.get_mut(*index),
            Segment::Map { key } => current.get_mut(key),
            Segment::Enum { .. } | Segment::Unknown => None,
        };
        match next {
            Some(next) => current = next,
            None => return false,
        }
    }
    match (last, current) {
        (Segment::Map { key }, Value::Object(object)) => object.remove(key).is_some(),
        (Segment::Seq { index }, Value::Array(items)) if *index < items.len() => {
            items.remove(*index);
            // The items after it would be told with another index.
            items.truncate(*index);
            true
        }
        _ => false,
    }
}

impl Node {
    /// Whether the document has exactly this field.
    fn locate_exact(&self, field: &str) -> bool {
        let Some((parent, key)) = field.rsplit_once('.') else {
            return self.entry(field).is_some();
        };
        self.at(parent).is_some_and(|node| node.entry(key).is_some())
    }

    fn at(&self, field: &str) -> Option<&Self> {
        let mut current = self;
        for part in field.split('.') {
            let (key, indices) = part.split_once('[').map_or((part, ""), |(key, indices)| (key, indices));
            current = &current.entry(key)?.value;
            for index in indices.split('[').filter(|index| !index.is_empty()) {
                let Content::List(items) = &current.content else {
                    return None;
                };
                current = items.get(index.trim_end_matches(']').parse::<usize>().ok()?)?;
            }
        }
        Some(current)
    }
}
