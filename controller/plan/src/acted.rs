//! Fields that this version accepts and does not act on.
//!
//! The schema has every field of the contract from the start. A field that is set and not acted on is never ignored in silence:
//! the controllers put these paths into the condition `FieldsNotActedOn`. What acts on a field takes its line out of here, out of the
//! README's section "Not yet", which a test holds against this, and takes away its mark in `examples/reference`.

use jackin_api::kinds::{AgentSpec, CredentialMode, GitPull, RoleSpec, WorkspaceSpec};

/// Paths of the fields that are set in a Role and not acted on.
pub fn not_acted_on_role(spec: &RoleSpec) -> Vec<String> {
    let ordered = spec.env.iter().filter(|(_, declaration)| !declaration.depends_on.is_empty());
    ordered.map(|(name, _)| format!("spec.env.{name}.dependsOn")).collect()
}

/// Paths of the fields that are set in an Agent and not acted on.
pub fn not_acted_on_agent(spec: &AgentSpec) -> Vec<String> {
    let install = spec.install.as_ref();
    let credentials = spec.credentials.as_ref();
    named([
        ("spec.install.url", install.is_some_and(|install| install.url.is_some())),
        ("spec.install.image", install.is_some_and(|install| install.image.is_some())),
        ("spec.credentials.files", credentials.is_some_and(|credentials| !credentials.files.is_empty())),
    ])
}

/// Paths of the fields that are set in a Workspace and not acted on.
pub fn not_acted_on_workspace(spec: &WorkspaceSpec) -> Vec<String> {
    let lifecycle = spec.lifecycle.as_ref();
    let pull = spec.git.as_ref().map(|git| git.pull);
    let isolated = spec.mounts.iter().enumerate().filter(|(_, mount)| !mount.isolation.is_shared());
    let copied = spec.credentials.iter().filter(|(_, credential)| credential.mode == CredentialMode::Sync);
    let mut fields: Vec<_> = isolated.map(|(index, _)| format!("spec.mounts[{index}].isolation")).collect();
    fields.extend(copied.map(|(name, _)| format!("spec.credentials.{name}.mode")));
    fields.extend(named([
        ("spec.warmPool", spec.warm_pool.is_some()),
        ("spec.git.pull", pull.is_some_and(|pull| pull != GitPull::Never)),
        ("spec.lifecycle.ttl", lifecycle.is_some_and(|lifecycle| lifecycle.ttl.is_some())),
    ]));
    fields
}

fn named<const COUNT: usize>(fields: [(&str, bool); COUNT]) -> Vec<String> {
    fields.into_iter().filter(|(_, set)| *set).map(|(field, _)| field.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    use super::*;

    fn spec<T: DeserializeOwned>(value: Value) -> T {
        serde_json::from_value(value).expect("a spec")
    }

    #[test]
    fn each_field_of_a_role_that_is_not_acted_on_is_named() {
        let role = json!({"source": {"image": "a:1"}, "env": {"A": {"prompt": "A?"}, "B": {"dependsOn": ["A"]}}});
        assert_eq!(not_acted_on_role(&spec(role)), ["spec.env.B.dependsOn"]);
    }

    #[test]
    fn each_field_of_an_agent_that_is_not_acted_on_is_named() {
        let npm = json!({"install": {"npm": {"package": "a", "version": "1", "program": "a"}}, "command": ["a"], "homes": [".a"]});
        assert_eq!(not_acted_on_agent(&spec(npm)), Vec::<String>::new());
        let url = json!({"install": {"url": {"url": "u", "sha256": "0"}}, "command": ["a"], "credentials": {"files": [".a/key"]}});
        assert_eq!(not_acted_on_agent(&spec(url)), ["spec.install.url", "spec.credentials.files"]);
        let image = json!({"install": {"image": {"name": "i", "program": "/a"}}, "command": ["a"]});
        assert_eq!(not_acted_on_agent(&spec(image)), ["spec.install.image"]);
    }

    #[test]
    fn each_field_of_a_workspace_that_is_not_acted_on_is_named() {
        let plain = json!({
            "workdir": "/w", "mounts": [{"source": "/s", "target": "/w", "isolation": "shared"}], "git": {"pull": "never"},
            "credentials": {"codex": {"mode": "apiKey", "from": "env://KEY"}, "github": {"mode": "ignore"}},
            "disruption": {"policy": "whenIdle", "deadline": "2h"}, "lifecycle": {"restartPolicy": "no", "idleAfter": "4h"},
        });
        assert_eq!(not_acted_on_workspace(&spec(plain)), Vec::<String>::new());
        let all = json!({
            "workdir": "/w",
            "mounts": [{"source": "/s", "target": "/s"}, {"source": "/w", "target": "/w", "isolation": "worktree"}],
            "credentials": {"github": {"mode": "sync"}}, "warmPool": {"size": 1, "role": "r", "agent": "a"},
            "git": {"pull": "background"}, "lifecycle": {"ttl": "7d"},
        });
        let expected = [
            "spec.mounts[1].isolation",
            "spec.credentials.github.mode",
            "spec.warmPool",
            "spec.git.pull",
            "spec.lifecycle.ttl",
        ];
        assert_eq!(not_acted_on_workspace(&spec(all)), expected);
    }
}
