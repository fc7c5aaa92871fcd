//! The YAML files that we ship, as documents.

use std::fs;
use std::path::{Path, PathBuf};

use jackin_api::kinds::{Agent, Image, Instance, Role, Workspace};
use jackin_api::validate::Validate;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The root of the repository.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a parent").to_owned()
}

/// Every YAML file below these folders of the repository, without checkouts that examples work on.
pub(crate) fn yaml_files(folders: &[&str]) -> Vec<PathBuf> {
    folders.iter().flat_map(|folder| yaml_files_in(&repository().join(folder))).collect()
}

/// Every YAML file below a folder, in the order of their paths.
pub(crate) fn yaml_files_in(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut entries: Vec<_> = match fs::read_dir(folder) {
        Ok(entries) => entries.filter_map(Result::ok).map(|entry| entry.path()).collect(),
        Err(_) => return files,
    };
    entries.sort();
    for path in entries {
        if path.is_dir() && !path.join(".git").exists() {
            files.extend(yaml_files_in(&path));
        } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            files.push(path);
        }
    }
    files
}

/// The documents of a file.
pub(crate) fn documents(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{file:?}: {error}"));
    serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{file:?}: {error}"))
}

/// What is wrong with a document as an object of its kind.
pub(crate) fn admit(document: &Value) -> Result<(), Vec<String>> {
    match document["kind"].as_str().unwrap_or_default() {
        "Role" => check::<Role>(document, Validate::validate),
        "Agent" => check::<Agent>(document, Validate::validate),
        "Workspace" => check::<Workspace>(document, Validate::validate),
        "Instance" => check::<Instance>(document, |_| Vec::new()),
        "Image" => check::<Image>(document, |_| Vec::new()),
        other => Err(vec![format!("not a kind: `{other}`")]),
    }
}

fn check<K: DeserializeOwned>(
    document: &Value,
    rules: fn(&K) -> Vec<jackin_api::validate::FieldError>,
) -> Result<(), Vec<String>> {
    if document["apiVersion"] != "jackin.dev/v1alpha1" {
        return Err(vec![format!("not our version: {}", document["apiVersion"])]);
    }
    let object: K = serde_json::from_value(document.clone()).map_err(|error| vec![error.to_string()])?;
    let errors: Vec<_> =
        rules(&object).into_iter().map(|error| format!("{}: {}", error.field, error.message)).collect();
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}
