//! Rules of an Agent.

use crate::kinds::{AgentSpec, Install};

use super::names::{require_inner_path, require_variable};
use super::{Errors, FieldReason, recognition};

pub(super) fn check(spec: &AgentSpec, errors: &mut Errors) {
    if spec.command.first().is_none_or(String::is_empty) {
        let hint = "write the program and its arguments, as in `[codex]`";
        errors.push(FieldReason::Required, "spec.command", "no program is named", hint);
    }
    if let Some(install) = &spec.install {
        check_install(install, errors);
    }
    for name in spec.env.keys() {
        require_variable(errors, &format!("spec.env.{name}"), name);
    }
    for (index, home) in spec.homes.iter().enumerate() {
        require_inner_path(errors, &format!("spec.homes[{index}]"), home);
    }
    recognition::check_files(&spec.files, errors);
    if let Some(state) = &spec.state {
        recognition::check(state, errors);
    }
    if let Some(credentials) = &spec.credentials {
        for (index, file) in credentials.files.iter().enumerate() {
            require_inner_path(errors, &format!("spec.credentials.files[{index}]"), file);
        }
        let variables = [("apiKey", &credentials.api_key), ("oauthToken", &credentials.oauth_token)];
        for (name, variable) in variables {
            if let Some(variable) = variable {
                require_variable(errors, &format!("spec.credentials.{name}.env"), &variable.env);
            }
        }
    }
}

fn check_install(install: &Install, errors: &mut Errors) {
    errors.exactly_one(
        "spec.install",
        &[
            ("npm", install.npm.is_some()),
            ("url", install.url.is_some()),
            ("hostPath", install.host_path.is_some()),
            ("image", install.image.is_some()),
        ],
    );
    if let Some(npm) = &install.npm {
        errors
            .exactly_one("spec.install.npm", &[("version", npm.version.is_some()), ("channel", npm.channel.is_some())]);
        require_inner_path(errors, "spec.install.npm.program", &npm.program);
        let plain = |character: char| character.is_ascii_alphanumeric() || "@/._-".contains(character);
        if npm.package.is_empty() || !npm.package.chars().all(plain) || npm.package.starts_with(['-', '.']) {
            let message = format!("not a name of a package: `{}`", npm.package);
            errors.invalid("spec.install.npm.package", message, "write it as in `@openai/codex`");
        }
        for (name, text) in [("version", &npm.version), ("channel", &npm.channel)] {
            if let Some(text) = text
                && (text.is_empty() || !text.chars().all(|c| c.is_ascii_alphanumeric() || ".+-_".contains(c)))
            {
                let field = format!("spec.install.npm.{name}");
                errors.invalid(field, format!("not a {name}: `{text}`"), "ranges are not possible; pin one");
            }
        }
    }
    if let Some(url) = &install.url
        && !(url.sha256.len() == 64 && url.sha256.bytes().all(|byte| byte.is_ascii_hexdigit()))
    {
        errors.invalid("spec.install.url.sha256", "not a sha256", "write 64 hexadecimal digits");
    }
    if let Some(program) = install.host_path.as_ref().and_then(|host| host.program.as_ref()) {
        require_inner_path(errors, "spec.install.hostPath.program", program);
    }
}
