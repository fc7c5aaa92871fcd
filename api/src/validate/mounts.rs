//! Rules of mounts: where they may come from, where they may go.

use crate::kinds::Mount;

use super::{Errors, FieldReason};

/// Folders of credentials, wherever they lie.
const SENSITIVE: [&str; 6] = [".ssh", ".aws", ".gnupg", ".kube", ".docker", ".azure"];

/// The part of a path that holds credentials, when there is one.
pub fn is_sensitive(path: &str) -> Option<&'static str> {
    let engine_socket = path.ends_with("/docker.sock") || path == "/var/run" || path == "/run";
    if engine_socket {
        return Some("the engine's socket");
    }
    if path.contains("/.config/gh") || path.contains("/.config/gcloud") {
        return Some(".config");
    }
    path.split('/').find_map(|part| SENSITIVE.into_iter().find(|sensitive| *sensitive == part))
}

/// Whether a path is a home directory as a whole, or holds one.
pub fn is_home(path: &str) -> bool {
    let path = if path.len() > 1 { path.trim_end_matches('/') } else { path };
    let parts: Vec<_> = path.split('/').collect();
    matches!(path, "~" | "/" | "/root" | "/home" | "/Users") || matches!(parts.as_slice(), ["", "home" | "Users", _])
}

pub(super) fn check(mounts: &[Mount], errors: &mut Errors) {
    for (index, mount) in mounts.iter().enumerate() {
        check_source(&format!("spec.mounts[{index}].source"), &mount.source, errors);
        let field = format!("spec.mounts[{index}].target");
        check_target(&field, &mount.target, errors);
        for earlier in &mounts[..index] {
            let (this, other) = (normal(&mount.target), normal(&earlier.target));
            if this == other {
                errors.push(
                    FieldReason::Duplicate,
                    &field,
                    format!("two mounts have the target `{this}`"),
                    "give each mount a target of its own",
                );
            } else if is_inside(&this, &other) || is_inside(&other, &this) {
                errors.invalid(
                    &field,
                    format!("mount target `{this}` is nested with `{other}`"),
                    "mount them beside each other; one would hide part of the other",
                );
            }
        }
    }
}

fn check_source(field: &str, source: &str, errors: &mut Errors) {
    if source.is_empty() {
        errors.push(FieldReason::Required, field, "mount source is empty", "write a path of the host");
    } else if let Some(part) = is_sensitive(source) {
        errors.push(
            FieldReason::Forbidden,
            field,
            format!("mount source holds credentials ({part}): `{source}`"),
            "give credentials through `spec.credentials`; they then stay out of the container's file system",
        );
    } else if is_home(source) {
        errors.push(
            FieldReason::Forbidden,
            field,
            format!("mount source is a whole home directory: `{source}`"),
            "mount the folder that the agent works on, such as `~/src/shop`",
        );
    }
}

fn check_target(field: &str, target: &str, errors: &mut Errors) {
    if !target.starts_with('/') {
        let hint = format!("write `/{}`; targets are paths inside the container", target.trim_start_matches("./"));
        errors.invalid(field, format!("mount target is not absolute: `{target}`"), &hint);
    } else if target.split('/').any(|part| part == "..") {
        errors.invalid(field, format!("mount target has `..`: `{target}`"), "write the path that is meant");
    } else if normal(target) == "/" {
        errors.push(FieldReason::Forbidden, field, "mount target is `/`", "mount below the root");
    } else if is_inside(&normal(target), "/jackin") || normal(target) == "/jackin" {
        errors.push(
            FieldReason::Forbidden,
            field,
            format!("mount target is under `/jackin`: `{target}`"),
            "`/jackin` belongs to jackin; choose another target such as `/workspace`",
        );
    }
}

/// The path without doubled and trailing slashes.
fn normal(path: &str) -> String {
    let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    format!("/{}", parts.join("/"))
}

fn is_inside(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(mounts: &[(&str, &str)]) -> Vec<String> {
        let mount = |(source, target): &(&str, &str)| Mount {
            source: (*source).to_owned(),
            target: (*target).to_owned(),
            ..Mount::default()
        };
        let mut errors = Errors::default();
        check(&mounts.iter().map(mount).collect::<Vec<_>>(), &mut errors);
        errors.0.into_iter().map(|error| error.message).collect()
    }

    #[test]
    fn a_target_beside_another_is_no_nesting() {
        assert_eq!(messages(&[("/a", "/work"), ("/b", "/workshop")]), Vec::<String>::new());
    }

    #[test]
    fn nesting_shows_through_odd_slashes_in_either_order() {
        assert_eq!(messages(&[("/a", "/work//"), ("/b", "/work/./x")]).len(), 1);
        assert_eq!(messages(&[("/b", "/work/x"), ("/a", "/work/")]).len(), 1);
    }

    #[test]
    fn a_folder_in_a_home_is_allowed_and_the_home_is_not() {
        assert_eq!(messages(&[("~/src", "/a"), ("/home/mia/src", "/b")]), Vec::<String>::new());
        for home in ["~", "~/", "/root", "/home/mia/", "/home", "/"] {
            assert_eq!(messages(&[(home, "/a")]).len(), 1, "{home}");
        }
    }

    #[test]
    fn a_name_that_only_resembles_a_credential_folder_is_allowed() {
        assert_eq!(messages(&[("/src/.sshrc", "/a"), ("/src/kube", "/b")]), Vec::<String>::new());
        assert_eq!(messages(&[("~/.ssh/id", "/a"), ("/x/.kube", "/b")]).len(), 2);
    }
}
