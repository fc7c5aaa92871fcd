//! Rules of a workspace's network.

use crate::kinds::WorkspaceNetwork;

use super::{Errors, FieldReason};

/// Networks that every engine has, and words that are no name of a network: nobody is found by name on them.
const ENGINES_OWN: [&str; 4] = ["bridge", "default", "host", "none"];

/// The longest name. Engines set no limit, but tools that print a name expect one.
const LONGEST: usize = 128;

pub(super) fn check(network: Option<&WorkspaceNetwork>, errors: &mut Errors) {
    let Some(name) = network.and_then(|network| network.name.as_deref()) else { return };
    let field = "spec.network.name";
    if ENGINES_OWN.contains(&name) {
        let hint = "name one that `docker network create` made, or leave the name out for one of the workspace's own";
        errors.push(FieldReason::Forbidden, field, format!("`{name}` is the engine's own"), hint);
    } else if name.starts_with("jackin.") {
        let hint = "leave the name out for the workspace's own network";
        let message = format!("names that begin with `jackin.` are made by jackin: `{name}`");
        errors.push(FieldReason::Forbidden, field, message, hint);
    } else if !is_network_name(name) {
        let hint = format!(
            "names of networks have at most {LONGEST} letters, digits, `_`, `.` and `-`, and start with a letter or digit"
        );
        errors.invalid(field, format!("not a name of a network: `{name}`"), &hint);
    }
}

fn is_network_name(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    (1..=LONGEST).contains(&name.len())
        && name.bytes().all(inner)
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(name: &str) -> bool {
        let mut errors = Errors::default();
        check(Some(&WorkspaceNetwork { name: Some(name.to_owned()), internal: false }), &mut errors);
        !errors.0.is_empty()
    }

    #[test]
    fn names_that_an_engine_takes_are_taken() {
        for name in ["team", "Team_2.lan", "compose_default", "9"] {
            assert!(!is_refused(name), "{name}");
        }
    }

    #[test]
    fn the_engines_own_networks_and_ours_cannot_be_named() {
        for name in ["host", "none", "bridge", "default", "jackin.012345.default.shop", "", "-a", "a b", "container:x"]
        {
            assert!(is_refused(name), "{name}");
        }
        assert!(is_refused(&"x".repeat(LONGEST + 1)));
    }
}
