//! Rules of a Workspace.

use crate::kinds::{CredentialMode, DurationText, WorkspaceSpec};

use super::names::{require_label, require_variable};
use super::role::check_resources;
use super::{Errors, FieldReason, mounts, network};

/// The most instances that one entry may ask for.
const MOST_INSTANCES: u32 = 200;

pub(super) fn check(name: &str, spec: &WorkspaceSpec, errors: &mut Errors) {
    if !spec.workdir.starts_with('/') {
        let message = format!("workdir is not absolute: `{}`", spec.workdir);
        let hint = format!("write `/{}`; it is a path inside the container", spec.workdir);
        errors.invalid("spec.workdir", message, &hint);
    }
    mounts::check(&spec.mounts, errors);
    for (variable, source) in &spec.env {
        let field = format!("spec.env.{variable}");
        require_variable(errors, &field, variable);
        errors.exactly_one(&field, &[("value", source.value.is_some()), ("from", source.from.is_some())]);
        if let Some(Err(error)) = source.from.as_ref().map(|from| from.target()) {
            errors.invalid(format!("{field}.from"), error.to_string(), "write a reference as in `env://TOKEN`");
        }
    }
    check_credentials(spec, errors);
    check_instances(name, spec, errors);
    network::check(spec.network.as_ref(), errors);
    check_resources(spec.resources.as_ref(), errors);
    let durations = [
        ("spec.warmPool.maxAge", spec.warm_pool.as_ref().and_then(|pool| pool.max_age.as_ref())),
        ("spec.disruption.deadline", spec.disruption.as_ref().and_then(|disruption| disruption.deadline.as_ref())),
        ("spec.lifecycle.idleAfter", spec.lifecycle.as_ref().and_then(|lifecycle| lifecycle.idle_after.as_ref())),
        ("spec.lifecycle.ttl", spec.lifecycle.as_ref().and_then(|lifecycle| lifecycle.ttl.as_ref())),
    ];
    for (field, duration) in durations {
        if let Some(Err(error)) = duration.map(DurationText::seconds) {
            errors.invalid(field, error.to_string(), "write a duration as in `30m`, `2h` or `7d`");
        }
    }
}

fn check_credentials(spec: &WorkspaceSpec, errors: &mut Errors) {
    for (agent, credential) in &spec.credentials {
        let field = format!("spec.credentials.{agent}");
        require_label(errors, &field, agent);
        let needs_value =
            matches!(credential.mode, CredentialMode::ApiKey | CredentialMode::OauthToken | CredentialMode::Token);
        let github = agent == "github";
        if github != matches!(credential.mode, CredentialMode::Token)
            && !matches!(credential.mode, CredentialMode::Sync | CredentialMode::Ignore)
        {
            let modes = if github { "sync, token or ignore" } else { "sync, apiKey, oauthToken or ignore" };
            let message = format!("the mode does not fit `{agent}`");
            errors.push(FieldReason::NotSupported, format!("{field}.mode"), message, &format!("write {modes}"));
        }
        match &credential.from {
            None if needs_value => {
                let hint = "write where the value is read from, as in `env://OPENAI_API_KEY`";
                errors.push(FieldReason::Required, format!("{field}.from"), "the mode needs a reference", hint);
            }
            Some(from) if needs_value => {
                if let Err(error) = from.target() {
                    let hint = "write a reference as in `env://OPENAI_API_KEY`";
                    errors.invalid(format!("{field}.from"), error.to_string(), hint);
                }
            }
            Some(_) => errors.invalid(format!("{field}.from"), "the mode reads no reference", "leave it out"),
            None => {}
        }
    }
}

fn check_instances(name: &str, spec: &WorkspaceSpec, errors: &mut Errors) {
    for (index, template) in spec.instances.iter().enumerate() {
        let field = format!("spec.instances[{index}]");
        require_label(errors, &format!("{field}.name"), &template.name);
        require_role(&format!("{field}.role"), &template.role, &spec.roles, errors);
        require_label(errors, &format!("{field}.agent"), &template.agent);
        let longest = name.len() + 1 + template.name.len() + template.count.map_or(0, |_| 4);
        if longest > 63 {
            let message = format!("`{name}-{}` is too long for an instance", template.name);
            errors.invalid(format!("{field}.name"), message, "names of instances have at most 63 letters");
        }
        if let Some(earlier) = spec.instances[..index].iter().find(|earlier| collide(earlier, template)) {
            let message = format!("the instances of `{}` and `{}` would have one name", earlier.name, template.name);
            errors.push(FieldReason::Duplicate, format!("{field}.name"), message, "choose another name");
        }
        if template.count.is_some_and(|count| count > MOST_INSTANCES) {
            let message = format!("more than {MOST_INSTANCES} instances");
            errors.invalid(format!("{field}.count"), message, "split them over several entries");
        }
    }
    if let Some(pool) = &spec.warm_pool {
        require_role("spec.warmPool.role", &pool.role, &spec.roles, errors);
        require_label(errors, "spec.warmPool.agent", &pool.agent);
        if let Some(Err(error)) = pool.memory_budget.as_ref().map(|budget| budget.bytes()) {
            errors.invalid("spec.warmPool.memoryBudget", error.to_string(), "write bytes as in `8Gi`");
        }
    }
}

fn require_role(field: &str, role: &str, allowed: &[String], errors: &mut Errors) {
    if !allowed.iter().any(|name| name == role) {
        let message = format!("role `{role}` is not allowed in this workspace");
        let hint = match allowed {
            [] => format!("add it: `roles: [{role}]`"),
            names => format!("`spec.roles` allows {}; add it there or choose one of them", names.join(", ")),
        };
        errors.push(FieldReason::NotSupported, field, message, &hint);
    }
}

/// Whether instances of two entries can have one name: `a` with an index and `a-0` without.
fn collide(one: &crate::kinds::InstanceTemplate, other: &crate::kinds::InstanceTemplate) -> bool {
    let indexed = |indexed: &crate::kinds::InstanceTemplate, plain: &crate::kinds::InstanceTemplate| {
        indexed.count.is_some()
            && plain.count.is_none()
            && plain
                .name
                .strip_prefix(&indexed.name)
                .and_then(|rest| rest.strip_prefix('-'))
                .is_some_and(|index| index.parse::<u32>().is_ok())
    };
    one.name == other.name || indexed(one, other) || indexed(other, one)
}
