//! Rules of what a build is given.

use crate::kinds::{RoleBuild, RoleSource};

use super::names::is_variable_name;
use super::{Errors, FieldReason};

pub(super) fn check(build: &RoleBuild, source: &RoleSource, errors: &mut Errors) {
    let RoleBuild { args, secrets, target } = build;
    if source.image.is_some() {
        let hint = "leave it out, or give a Dockerfile in `spec.source`";
        errors.push(FieldReason::Forbidden, "spec.build", "an image that is used as it is has no build", hint);
    }
    for name in args.keys().filter(|name| !is_variable_name(name)) {
        let hint = "names of arguments have letters, digits and `_`, and do not start with a digit";
        errors.invalid(format!("spec.build.args.{name}"), format!("not a name of an argument: `{name}`"), hint);
    }
    for (id, secret) in secrets {
        let field = format!("spec.build.secrets.{id}");
        if !is_secret_id(id) {
            errors.invalid(&field, format!("not an id of a secret: `{id}`"), "ids have letters, digits and `_.-`");
        }
        if let Err(error) = secret.from.target() {
            errors.invalid(format!("{field}.from"), error.to_string(), "write a reference as in `env://TOKEN`");
        }
    }
    if let Some(target) = target.as_ref().filter(|target| !is_secret_id(target)) {
        let hint = "write the name that stands after `AS` in the Dockerfile";
        errors.invalid("spec.build.target", format!("not a name of a stage: `{target}`"), hint);
    }
}

/// Whether a Dockerfile can give a secret this id, or a stage this name.
fn is_secret_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::super::Validate;
    use crate::kinds::{InlineSource, Role, RoleSource};

    fn broken(build: serde_json::Value, source: RoleSource) -> Vec<String> {
        let mut role = Role::default();
        role.spec.source = source;
        role.spec.build = Some(serde_json::from_value(build).expect("a build"));
        role.validate().into_iter().map(|error| error.field).collect()
    }

    #[test]
    fn each_broken_rule_names_its_field() {
        let inline =
            || RoleSource { inline: Some(InlineSource { dockerfile: "FROM a\n".to_owned() }), ..RoleSource::default() };
        let good = serde_json::json!({
            "args": {"VERSION": "1"}, "secrets": {"npm.token": {"from": "env://TOKEN"}}, "target": "tools",
        });
        assert_eq!(broken(good.clone(), inline()), Vec::<String>::new());
        let bad = serde_json::json!({
            "args": {"a-b": "1"}, "secrets": {"a b": {"from": "hunter2"}}, "target": "x y",
        });
        let fields =
            ["spec.build.args.a-b", "spec.build.secrets.a b", "spec.build.secrets.a b.from", "spec.build.target"];
        assert_eq!(broken(bad, inline()), fields);
        let image = RoleSource { image: Some("a:1".to_owned()), ..RoleSource::default() };
        assert_eq!(broken(good, image), ["spec.build"]);
    }

    #[test]
    fn a_secret_cannot_be_written_into_the_manifest() {
        let written = serde_json::json!({"secrets": {"token": {"value": "hunter2"}}});
        let error = serde_json::from_value::<crate::kinds::RoleBuild>(written).expect_err("a secret in the open");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
