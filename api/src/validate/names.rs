//! Rules of names.

use super::{Errors, FieldReason};

/// Whether `name` is a DNS label of RFC 1123: at most 63 of `a-z`, `0-9` and `-`, none of them `-` at an end.
pub fn is_dns_label(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&name.len()) && name.bytes().all(inner) && !name.starts_with('-') && !name.ends_with('-')
}

/// Whether `name` can be the name of an environment variable.
pub fn is_variable_name(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !name.is_empty() && name.bytes().all(inner) && !name.starts_with(|first: char| first.is_ascii_digit())
}

/// Requires a DNS label.
pub(super) fn require_label(errors: &mut Errors, field: &str, name: &str) {
    if name.is_empty() {
        errors.push(FieldReason::Required, field, "the name is empty", "");
    } else if !is_dns_label(name) {
        let hint = "names have at most 63 lowercase letters, digits and `-`, and start and end with a letter or digit";
        errors.invalid(field, format!("not a name: `{name}`"), hint);
    }
}

/// Requires the name of an environment variable that is not ours to set.
pub(super) fn require_variable(errors: &mut Errors, field: &str, name: &str) {
    if !is_variable_name(name) {
        let hint = "names of variables have letters, digits and `_`, and do not start with a digit";
        errors.invalid(field, format!("not a name of a variable: `{name}`"), hint);
    } else if matches!(name, "HOME" | "PATH" | "TERM") {
        errors.push(
            FieldReason::Forbidden,
            field,
            format!("`{name}` is set by jackin"),
            "choose another name, or set it in the image",
        );
    }
}

/// Requires a path that stays inside its folder.
pub(super) fn require_inner_path(errors: &mut Errors, field: &str, path: &str) {
    if path.is_empty() || path.starts_with('/') || path.split('/').any(|part| part == "..") {
        errors.invalid(field, format!("not a path inside its folder: `{path}`"), "write a relative path without `..`");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_leave_out_capitals_dots_and_long_names() {
        assert!(is_dns_label("shop-2"));
        for wrong in ["", "-shop", "shop-", "Shop", "a.b", &"x".repeat(64)] {
            assert!(!is_dns_label(wrong), "{wrong}");
        }
    }
}
