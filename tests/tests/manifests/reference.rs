//! The reference has every field of what people write, and an example's own agent has all of the built-in one that it takes the place of.

use std::fs;

use jackin_daemon::kinds::builtin_agents;
use kube::ResourceExt;
use serde_json::Value;

use super::documents::{documents, repository, yaml_files};
use super::served_schemas;

/// Calls `look` with each field of a schema, its path, and the values that it has in `seen`.
fn compare(path: &str, schema: &Value, seen: &[&Value], look: &mut impl FnMut(&str, &Value, &[&Value])) {
    look(path, schema, seen);
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let inside: Vec<_> = seen.iter().filter_map(|value| value.get(name)).collect();
        compare(&format!("{path}.{name}"), property, &inside, look);
    }
    if schema["items"].is_object() {
        let items: Vec<_> = seen.iter().filter_map(|value| value.as_array()).flatten().collect();
        compare(&format!("{path}[]"), &schema["items"], &items, look);
    }
    if schema["additionalProperties"].is_object() {
        let entries: Vec<_> = seen.iter().filter_map(|value| value.as_object()).flat_map(|map| map.values()).collect();
        compare(&format!("{path}.NAME"), &schema["additionalProperties"], &entries, look);
    }
}

#[test]
fn the_reference_has_every_field_and_names_every_value_of_a_choice() {
    let mut absent = Vec::new();
    for (kind, schema) in served_schemas() {
        if !["Role", "Agent", "Workspace"].contains(&kind.as_str()) {
            continue;
        }
        let file = repository().join(format!("examples/reference/{}.yaml", kind.to_lowercase()));
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file:?}: {error}"));
        let words: Vec<_> = text.split(|character: char| !character.is_alphanumeric()).collect();
        let documents = documents(&file);
        let specs: Vec<_> = documents.iter().map(|document| &document["spec"]).collect();
        compare(&format!("{kind}.spec"), &schema["properties"]["spec"], &specs, &mut |path, schema, seen| {
            if seen.is_empty() {
                absent.push(path.to_owned());
            }
            let choices = schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str);
            absent.extend(choices.filter(|choice| !words.contains(choice)).map(|choice| format!("{path}: {choice}")));
        });
    }
    assert!(absent.is_empty(), "the reference does not have {absent:#?}");
}

#[test]
fn an_agent_of_an_example_that_takes_the_place_of_a_built_in_one_differs_in_its_version_alone() {
    let without_version = |mut spec: Value| {
        spec["install"]["npm"]["version"] = Value::Null;
        spec
    };
    let built_in = builtin_agents().expect("they parse");
    let mut compared = 0;
    for file in yaml_files(&["examples"]) {
        for document in documents(&file).into_iter().filter(|document| document["kind"] == "Agent") {
            let Some(built_in) = built_in.iter().find(|agent| document["metadata"]["name"] == *agent.name_any()) else {
                continue;
            };
            let built_in = serde_json::to_value(&built_in.spec).expect("a spec is JSON");
            assert_eq!(without_version(document["spec"].clone()), without_version(built_in), "{file:?}");
            compared += 1;
        }
    }
    assert!(compared > 0, "no example has an agent of its own any more");
}
