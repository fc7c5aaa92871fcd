//! Rules: those of each object from `jackin-api`, and those between objects.

use std::collections::{BTreeMap, BTreeSet};

use jackin_api::SYSTEM_NAMESPACE;
use jackin_api::kinds::Workspace;
use jackin_api::validate::Validate;

use super::node::Node;
use super::problem::Problem;
use super::{Manifest, Object};
use crate::command_error::Diagnostic;
use crate::text::nearest;

/// The rules that an object breaks by itself.
pub(super) fn rules(object: &Object, node: &Node) -> Vec<Problem> {
    let errors = match object {
        Object::Role(role) => role.validate(),
        Object::Agent(agent) => agent.validate(),
        Object::Workspace(workspace) => workspace.validate(),
    };
    let place = |error: jackin_api::validate::FieldError| Problem {
        position: node.locate(&error.field),
        message: error.message,
        field: error.field,
        hint: error.hint,
    };
    errors.into_iter().map(place).collect()
}

/// The namespace that the command line asks for must be the one that the file says.
pub(super) fn namespace(object: &Object, node: &Node, asked: Option<&str>) -> Vec<Problem> {
    match (object.metadata().namespace.as_deref(), asked) {
        (Some(written), Some(asked)) if written != asked => {
            let field = "metadata.namespace";
            let message = format!("the namespace is `{written}`, and `{asked}` was asked for");
            let hint = "leave out `-n`, or the namespace in the file";
            vec![Problem::new(message, field, node.locate(field)).hint(hint)]
        }
        _ => Vec::new(),
    }
}

/// Mounts of this operator's own home as a whole, wherever it lies.
pub(super) fn home(object: &Object, node: &Node) -> Vec<Problem> {
    let (Object::Workspace(workspace), Some(home)) = (object, super::paths::home()) else {
        return Vec::new();
    };
    let mut problems = Vec::new();
    for (index, mount) in workspace.spec.mounts.iter().enumerate() {
        if home.starts_with(&mount.source) {
            let field = format!("spec.mounts[{index}].source");
            let message = format!("mount source is a whole home directory: `{}`", mount.source);
            let hint = "mount the folder that the agent works on, such as `~/src/shop`";
            let position = node.locate(&field);
            problems.push(Problem::new(message, field, position).hint(hint));
        }
    }
    problems
}

/// Objects that the set holds twice.
pub(super) fn duplicates(manifests: &[Manifest]) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    for (index, manifest) in manifests.iter().enumerate() {
        let key = |manifest: &Manifest| {
            let object = &manifest.object;
            (object.resource().kind, object.namespace().to_owned(), object.name().to_owned())
        };
        if let Some(first) = manifests[..index].iter().find(|earlier| key(earlier) == key(manifest)) {
            let field = "metadata.name";
            let resource = manifest.object.resource();
            let message = format!("the {} `{}` is there twice", resource.singular, manifest.object.name());
            let line = first.node.locate(field).line;
            let hint = format!("it was given first at {}:{line}; keep one of the two", first.source.name);
            let problem = Problem::new(message, field, manifest.node.locate(field)).hint(hint);
            diagnostics.push(problem.at(&manifest.source));
        }
    }
    diagnostics
}

/// What a set refers to and does not hold.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Namespaces whose roles are asked for.
    pub(crate) roles: BTreeSet<String>,
    /// Namespaces whose agents are asked for.
    pub(crate) agents: BTreeSet<String>,
}

/// What is there beside a set: roles with their agents, and agents, by namespace and name.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) roles: BTreeMap<(String, String), Vec<String>>,
    pub(crate) agents: BTreeSet<(String, String)>,
}

impl Known {
    /// With the objects of a set, which win.
    fn of(manifests: &[Manifest]) -> Self {
        let mut known = Self::default();
        for manifest in manifests {
            let key = (manifest.object.namespace().to_owned(), manifest.object.name().to_owned());
            match &manifest.object {
                Object::Role(role) => {
                    known.roles.insert(key, role.spec.agents.clone());
                }
                Object::Agent(_) => {
                    known.agents.insert(key);
                }
                Object::Workspace(_) => {}
            }
        }
        known
    }

    fn role(&self, namespace: &str, name: &str) -> Option<&[String]> {
        self.roles.get(&(namespace.to_owned(), name.to_owned())).map(Vec::as_slice)
    }

    fn has_agent(&self, namespace: &str, name: &str) -> bool {
        let is_there = |namespace: &str| self.agents.contains(&(namespace.to_owned(), name.to_owned()));
        is_there(namespace) || is_there(SYSTEM_NAMESPACE)
    }
}

/// The places of a workspace that name a role and an agent: field of the entry, role, agent.
fn uses(workspace: &Workspace) -> Vec<(String, &str, &str)> {
    let spec = &workspace.spec;
    let instances = spec.instances.iter().enumerate();
    let mut uses: Vec<_> = instances
        .map(|(index, template)| (format!("spec.instances[{index}]"), template.role.as_str(), template.agent.as_str()))
        .collect();
    if let Some(pool) = &spec.warm_pool {
        uses.push(("spec.warmPool".to_owned(), pool.role.as_str(), pool.agent.as_str()));
    }
    uses
}

/// What has to be asked of the server before [`references`] can judge.
pub(super) fn wanted(manifests: &[Manifest]) -> Wanted {
    let known = Known::of(manifests);
    let mut wanted = Wanted::default();
    for manifest in manifests {
        let Object::Workspace(workspace) = &manifest.object else {
            continue;
        };
        let namespace = manifest.object.namespace();
        if workspace.spec.roles.iter().any(|role| known.role(namespace, role).is_none()) {
            wanted.roles.insert(namespace.to_owned());
        }
        if uses(workspace).iter().any(|(_, _, agent)| !known.has_agent(namespace, agent)) {
            wanted.agents.extend([namespace.to_owned(), SYSTEM_NAMESPACE.to_owned()]);
        }
    }
    wanted
}

/// References that the set alone shows to be wrong: an agent that a role of the set does not have.
pub(super) fn references_within(manifests: &[Manifest]) -> Vec<Diagnostic> {
    let known = Known::of(manifests);
    let mut diagnostics = Vec::new();
    for manifest in manifests {
        let Object::Workspace(workspace) = &manifest.object else {
            continue;
        };
        for (field, role, agent) in uses(workspace) {
            if let Some(agents) = known.role(manifest.object.namespace(), role) {
                diagnostics.extend(agent_of_role(manifest, &field, role, agent, agents));
            }
        }
    }
    diagnostics
}

/// Every reference to what is neither in the set nor known otherwise.
pub(super) fn references(manifests: &[Manifest], known: &Known) -> Vec<Diagnostic> {
    let own = Known::of(manifests);
    let mut diagnostics = Vec::new();
    for manifest in manifests {
        let Object::Workspace(workspace) = &manifest.object else {
            continue;
        };
        let namespace = manifest.object.namespace();
        let role_of = |name: &str| own.role(namespace, name).or_else(|| known.role(namespace, name));
        for (index, role) in workspace.spec.roles.iter().enumerate() {
            if role_of(role).is_none() {
                let field = format!("spec.roles[{index}]");
                let names = names_in(own.roles.keys().chain(known.roles.keys()), &[namespace]);
                diagnostics.push(unknown(manifest, &field, "role", role, &names));
            }
        }
        for (field, role, agent) in uses(workspace) {
            if !own.has_agent(namespace, agent) && !known.has_agent(namespace, agent) {
                let names = names_in(own.agents.iter().chain(&known.agents), &[namespace, SYSTEM_NAMESPACE]);
                diagnostics.push(unknown(manifest, &format!("{field}.agent"), "agent", agent, &names));
            } else if own.role(namespace, role).is_none()
                && let Some(agents) = known.role(namespace, role)
            {
                diagnostics.extend(agent_of_role(manifest, &field, role, agent, agents));
            }
        }
    }
    diagnostics
}

fn names_in<'a>(keys: impl Iterator<Item = &'a (String, String)>, namespaces: &[&str]) -> Vec<&'a str> {
    let inside = keys.filter(|(namespace, _)| namespaces.contains(&namespace.as_str()));
    let names: BTreeSet<_> = inside.map(|(_, name)| name.as_str()).collect();
    names.into_iter().collect()
}

fn unknown(manifest: &Manifest, field: &str, what: &str, name: &str, known: &[&str]) -> Diagnostic {
    let hint = match (nearest(name, known), known) {
        (_, []) => format!("there is none; write a {what} and apply it before, or in the same command"),
        (Some(near), _) => format!("did you mean `{near}`? known are {}", known.join(", ")),
        (None, _) => format!("known are {}", known.join(", ")),
    };
    let problem = Problem::new(format!("unknown {what}: `{name}`"), field, manifest.node.locate(field)).hint(hint);
    problem.at(&manifest.source)
}

fn agent_of_role(manifest: &Manifest, field: &str, role: &str, agent: &str, agents: &[String]) -> Option<Diagnostic> {
    let is_allowed = if agents.is_empty() { agent == "shell" } else { agents.iter().any(|name| name == agent) };
    if is_allowed {
        return None;
    }
    let field = format!("{field}.agent");
    let message = format!("agent `{agent}` is not one of the role `{role}`");
    let hint = match agents {
        [] => "the role has only `shell`; add the agent to its `spec.agents`".to_owned(),
        agents => {
            format!("the role has {}; choose one of them or add it to the role's `spec.agents`", agents.join(", "))
        }
    };
    let position = manifest.node.locate(&field);
    Some(Problem::new(message, field, position).hint(hint).at(&manifest.source))
}
