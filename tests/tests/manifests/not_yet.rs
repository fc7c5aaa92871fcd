//! What is accepted and not acted on is told where people read: in the README and in the reference, whose objects have all of it.

use std::collections::BTreeSet;
use std::fs;

use jackin_plan::acted::{not_acted_on_agent, not_acted_on_role, not_acted_on_workspace};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::documents::{documents, repository, yaml_files};

fn spec<Spec: DeserializeOwned>(document: &Value) -> Spec {
    serde_json::from_value(document["spec"].clone()).expect("a spec")
}

/// The fields that the objects of the reference have and nobody acts on, as in `Workspace mounts[].isolation`.
fn of_the_reference() -> BTreeSet<String> {
    let mut fields = BTreeSet::new();
    for document in yaml_files(&["examples/reference"]).iter().flat_map(|file| documents(file)) {
        let kind = document["kind"].as_str().expect("a kind");
        let paths = match kind {
            "Role" => not_acted_on_role(&spec(&document)),
            "Agent" => not_acted_on_agent(&spec(&document)),
            "Workspace" => not_acted_on_workspace(&spec(&document)),
            other => panic!("a `{other}` in the reference"),
        };
        fields.extend(paths.iter().map(|path| format!("{kind} {}", general(path))));
    }
    fields
}

/// A path without what is of one object: no index, and NAME for the name of an entry.
fn general(path: &str) -> String {
    let plain: String = path.chars().filter(|character| !character.is_ascii_digit()).collect();
    match plain.split('.').collect::<Vec<_>>().as_slice() {
        ["spec", map, _, field] => format!("{map}.NAME.{field}"),
        ["spec", inside @ ..] => inside.join("."),
        _ => panic!("not a path of a spec: {path}"),
    }
}

#[test]
fn the_readme_lists_each_field_that_is_not_acted_on_and_no_other() {
    let readme = fs::read_to_string(repository().join("README.md")).expect("a README");
    let (_, section) = readme.split_once("\n## Not yet\n").expect("the section");
    let rows = section.split("\n## ").next().into_iter().flat_map(str::lines);
    let mut listed = BTreeSet::new();
    for cell in rows.filter_map(|row| row.strip_prefix("| ")?.split(" | ").next()) {
        let kind = cell.split(' ').next().unwrap_or_default();
        listed.extend(cell.split('`').skip(1).step_by(2).map(|field| format!("{kind} {field}")));
    }
    assert_eq!(listed, of_the_reference());
}
