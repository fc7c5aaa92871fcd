//! Environments that others describe in their own words, as a Role of ours.
//!
//! Pure: a text goes in, a Role and what could not be said in one come out. Nothing is looked up and nothing is written: which files
//! there are is the command's, and a script that a Role has as a file is for a person to write.

mod devcontainer;
mod fields;
mod plugins;
mod role_toml;

use jackin_api::kinds::{Capabilities, Role, RoleSecurity};

/// What a file is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// `jackin.role.toml`.
    RoleToml,
    /// `devcontainer.json`: JSON with comments.
    Devcontainer,
}

/// A file to convert.
pub(crate) struct Input<'a> {
    /// Its text.
    pub(crate) text: &'a str,
    /// What it is written in.
    pub(crate) format: Format,
    /// The folder that was named, as somebody typed it.
    pub(crate) folder: &'a str,
    /// The folder of the file, inside that one; empty when it is the same.
    pub(crate) inside: &'a str,
}

/// What became of a file.
#[derive(Debug)]
pub(crate) struct Imported {
    /// The role.
    pub(crate) role: Role,
    /// What is not in it, or not as it was.
    pub(crate) told: Vec<Told>,
}

/// A field of the file that did not come over as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// Its path in the file.
    pub(crate) field: String,
    /// Why, and what to do instead.
    pub(crate) message: String,
}

/// Why a file cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    /// What is wrong.
    pub(crate) message: String,
    /// Where: bytes before it.
    pub(crate) offset: usize,
}

/// Converts a file.
///
/// # Errors
/// When it is not in its format.
pub(crate) fn convert(input: &Input<'_>) -> Result<Imported, Malformed> {
    match input.format {
        Format::RoleToml => role_toml::convert(input),
        Format::Devcontainer => devcontainer::convert(input),
    }
}

/// A name that an object can have, made of whatever words there are.
fn name_of(words: &str) -> String {
    let plain: String = words
        .to_lowercase()
        .chars()
        .map(|character| if character.is_ascii_alphanumeric() { character } else { '-' })
        .collect();
    let parts: Vec<_> = plain.split('-').filter(|part| !part.is_empty()).collect();
    let name: String = parts.join("-").chars().take(40).collect();
    let name = name.trim_matches('-');
    if name.is_empty() || name.starts_with(|character: char| character.is_ascii_digit()) {
        return format!("role-{name}").trim_end_matches('-').to_owned();
    }
    name.to_owned()
}

/// What a role has of these capabilities.
fn security(add: Vec<String>) -> Option<RoleSecurity> {
    let add: Vec<_> = add.iter().map(|name| name.trim_start_matches("CAP_").to_owned()).collect();
    let capabilities = Some(Capabilities { add }).filter(|capabilities| !capabilities.add.is_empty())?;
    Some(RoleSecurity { capabilities: Some(capabilities), ..RoleSecurity::default() })
}

/// The last part of the folder's name.
fn folder_name(folder: &str) -> &str {
    folder.trim_end_matches('/').rsplit('/').next().filter(|name| !matches!(*name, "." | "..")).unwrap_or("")
}

/// A path inside a folder, with `.` and `..` gone; `None` when it leads out.
fn inside(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    if path.starts_with('/') {
        return None;
    }
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// A path in the folder that was named, as it stands in a manifest.
fn written(folder: &str, path: &str) -> String {
    let folder = folder.trim_end_matches('/');
    let folder = if folder.is_empty() { "/" } else { folder };
    let marked = if folder.starts_with(['/', '.', '~']) { folder.to_owned() } else { format!("./{folder}") };
    if path.is_empty() { marked } else { format!("{marked}/{path}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_of_what_there_is() {
        assert_eq!(name_of("Node.js & TypeScript"), "node-js-typescript");
        assert_eq!(name_of("3 things"), "role-3-things");
        assert_eq!(name_of("…"), "role");
        assert_eq!((folder_name("./roles/dev/"), folder_name(".")), ("dev", ""));
    }

    #[test]
    fn paths_stay_inside_and_are_written_as_relative_ones() {
        assert_eq!(inside(".devcontainer", "../docker"), Some("docker".to_owned()));
        assert_eq!((inside("", "../x"), inside("", "/x")), (None, None));
        assert_eq!(
            (written("role", ""), written("./a/", "b"), written(".", "")),
            ("./role".into(), "./a/b".into(), ".".into())
        );
    }
}
