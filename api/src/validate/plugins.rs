//! Rules of a role's plugins.

use crate::kinds::{Marketplace, RolePlugins, RoleSpec};

use super::names::require_inner_path;
use super::{Errors, FieldReason, git};

pub(super) fn check(spec: &RoleSpec, errors: &mut Errors) {
    for (agent, of_agent) in &spec.plugins {
        let field = format!("spec.plugins.{agent}");
        if !spec.agents.contains(agent) {
            let hint = "add it to `spec.agents`, or leave its plugins out";
            errors.invalid(&field, format!("agent `{agent}` is none of the role's agents"), hint);
        }
        if spec.source.image.is_some() {
            let hint = "write a Dockerfile that starts with `FROM` that image, in `spec.source.inline`";
            errors.invalid(
                &field,
                "plugins are put into the image, and this source is an image that is used as it is",
                hint,
            );
        }
        let RolePlugins { marketplaces, plugins } = of_agent;
        for (index, marketplace) in marketplaces.iter().enumerate() {
            check_marketplace(&format!("{field}.marketplaces[{index}]"), marketplace, spec, errors);
        }
        for (index, plugin) in plugins.iter().enumerate() {
            if plugins[..index].contains(plugin) {
                let message = format!("plugin `{plugin}` is listed twice");
                errors.push(FieldReason::Duplicate, format!("{field}.plugins[{index}]"), message, "");
            }
        }
    }
}

fn check_marketplace(field: &str, marketplace: &Marketplace, spec: &RoleSpec, errors: &mut Errors) {
    let Marketplace { path, git: repository } = marketplace;
    errors.exactly_one(field, &[("path", path.is_some()), ("git", repository.is_some())]);
    if let Some(path) = path {
        require_inner_path(errors, &format!("{field}.path"), path);
        if spec.source.inline.is_some() {
            let hint = "put the Dockerfile into a folder with it, for `spec.source.path`, or write `git`";
            errors.invalid(
                format!("{field}.path"),
                "it is a folder of the role's source, and this source has none",
                hint,
            );
        }
    }
    if let Some(repository) = repository {
        git::check(&format!("{field}.git"), repository, errors);
    }
}
