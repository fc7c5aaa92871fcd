//! Rules of a Role.

use crate::kinds::{DockerAccess, Hooks, Resources, RoleSpec};

use super::names::{require_inner_path, require_label, require_variable};
use super::{Errors, FieldReason};
use super::{build, git, plugins};

pub(super) fn check(spec: &RoleSpec, errors: &mut Errors) {
    let source = &spec.source;
    errors.exactly_one(
        "spec.source",
        &[
            ("path", source.path.is_some()),
            ("git", source.git.is_some()),
            ("image", source.image.is_some()),
            ("inline", source.inline.is_some()),
        ],
    );
    if let Some(inline) = &source.inline
        && !inline.dockerfile.lines().any(|line| line.trim_start().to_ascii_uppercase().starts_with("FROM "))
    {
        errors.invalid("spec.source.inline.dockerfile", "the Dockerfile has no FROM", "start it with `FROM IMAGE`");
    }
    if let Some(git) = &source.git {
        git::check("spec.source.git", git, errors);
    }
    if let Some(given) = &spec.build {
        build::check(given, source, errors);
    }
    if let Some(published) = &spec.published_image {
        check_published(published, source.image.is_some(), errors);
    }
    for (index, agent) in spec.agents.iter().enumerate() {
        require_label(errors, &format!("spec.agents[{index}]"), agent);
        if spec.agents[..index].contains(agent) {
            let message = format!("agent `{agent}` is listed twice");
            errors.push(FieldReason::Duplicate, format!("spec.agents[{index}]"), message, "");
        }
    }
    if let Some(hooks) = &spec.hooks {
        let has_files = source.path.is_some() || source.git.is_some();
        if !has_files && *hooks != Hooks::default() && (source.image.is_some() || source.inline.is_some()) {
            let message = "hooks are files of the role's source, and this source has none";
            errors.invalid(
                "spec.hooks",
                message,
                "put the Dockerfile and the hooks into a folder, for `spec.source.path`",
            );
        }
        for (name, hook) in
            [("setupOnce", &hooks.setup_once), ("source", &hooks.source), ("preflight", &hooks.preflight)]
        {
            if let Some(path) = hook {
                require_inner_path(errors, &format!("spec.hooks.{name}"), path);
            }
        }
    }
    plugins::check(spec, errors);
    for (name, declaration) in &spec.env {
        require_variable(errors, &format!("spec.env.{name}"), name);
        for (index, needed) in declaration.depends_on.iter().enumerate() {
            if !spec.env.contains_key(needed) {
                let field = format!("spec.env.{name}.dependsOn[{index}]");
                errors.invalid(field, format!("`{needed}` is not declared"), "declare it in `spec.env`");
            }
        }
    }
    if let Some(capabilities) = spec.security.as_ref().and_then(|security| security.capabilities.as_ref()) {
        for (index, name) in capabilities.add.iter().enumerate() {
            check_capability(&format!("spec.security.capabilities.add[{index}]"), name, errors);
        }
    }
    if let Some(docker) = &spec.docker {
        check_docker(docker, errors);
    }
    check_resources(spec.resources.as_ref(), errors);
}

fn check_published(published: &str, is_image: bool, errors: &mut Errors) {
    let field = "spec.publishedImage";
    if published.is_empty() || published.chars().any(|character| character.is_whitespace() || character.is_control()) {
        let message = format!("not the name of an image: {published:?}");
        errors.invalid(field, message, "write it as `docker pull` takes it, as in `registry.example/rust-dev:1`");
    } else if is_image {
        let hint = "leave one of the two out";
        errors.invalid(field, "the role's source is an image already, for which nothing is built", hint);
    }
}

fn check_docker(docker: &DockerAccess, errors: &mut Errors) {
    let Some(data) = &docker.data else { return };
    if let Some(name) = &data.name {
        require_label(errors, "spec.docker.data.name", name);
    }
    match &data.size {
        Some(_) if data.medium.is_disk() => errors.invalid(
            "spec.docker.data.size",
            "a volume on disk has no size",
            "leave it out, or write `medium: memory`",
        ),
        Some(size) if size.bytes().is_err() => {
            errors.invalid("spec.docker.data.size", format!("not a size: `{}`", size.0), "write bytes as in `4Gi`");
        }
        Some(_) | None => {}
    }
}

fn check_capability(field: &str, name: &str, errors: &mut Errors) {
    let well_formed = name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_') && !name.is_empty();
    if name == "ALL" || name == "SYS_ADMIN" || name == "SYS_MODULE" {
        let message = format!("capability `{name}` gives away the host");
        errors.push(FieldReason::Forbidden, field, message, "name the ones that are needed");
    } else if !well_formed || name.starts_with("CAP_") {
        errors.invalid(field, format!("not a capability: `{name}`"), "write it as in `NET_ADMIN`, without `CAP_`");
    }
}

pub(super) fn check_resources(resources: Option<&Resources>, errors: &mut Errors) {
    let Some(resources) = resources else { return };
    if let Some(Err(error)) = resources.cpus.as_ref().map(|cpus| cpus.billionths()) {
        errors.invalid("spec.resources.cpus", error.to_string(), "write processors as in `2` or `500m`");
    }
    if let Some(memory) = &resources.memory {
        match memory.bytes() {
            Err(error) => errors.invalid("spec.resources.memory", error.to_string(), "write bytes as in `4Gi`"),
            Ok(bytes) if bytes < 6 << 20 => errors.invalid(
                "spec.resources.memory",
                format!("less than the 6 MiB that an engine allows: `{}`", memory.0),
                "write bytes as in `4Gi`",
            ),
            Ok(_) => {}
        }
    }
    if resources.pids == Some(0) {
        errors.invalid("spec.resources.pids", "no process fits into 0", "leave it out for the default");
    }
}
