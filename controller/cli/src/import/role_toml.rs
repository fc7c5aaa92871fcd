//! `jackin.role.toml`, the role manifest of earlier tools of this name.

use jackin_api::kinds::{DockerAccess, DockerMode, EnvDeclaration, Hooks, Role, RolePlugins, RoleSource, RoleSpec};

use super::fields::{Fields, tell};
use super::{Imported, Input, Malformed, Told, folder_name, inside, name_of, plugins, security, written};

/// The version whose fields are known.
const VERSION: &str = "v1alpha6";

pub(super) fn convert(input: &Input<'_>) -> Result<Imported, Malformed> {
    let value = toml::from_str(input.text).map_err(|error| Malformed {
        message: error.message().to_owned(),
        offset: error.span().map_or(0, |span| span.start),
    })?;
    let mut told = Vec::new();
    let mut fields = Fields::of("", value, &mut told);
    if let Some(version) = fields.text("version", &mut told).filter(|version| version != VERSION) {
        tell(&mut told, "version", format!("`{version}` is read as `{VERSION}`"));
    }
    let identity = identity(&mut fields, &mut told);
    let agents = fields.texts("agents", &mut told);
    let mut spec = RoleSpec {
        source: source(input, &mut fields, &mut told),
        published_image: fields.text("published_image", &mut told),
        agents: if agents.is_empty() { vec!["claude".to_owned()] } else { agents },
        hooks: hooks(&mut fields, &mut told),
        env: environment(&mut fields, &mut told),
        ..docker(&mut fields, &mut told)
    };
    for agent in ["claude", "codex", "amp", "kimi", "opencode", "grok"] {
        let plugins = of_agent(agent, input, &mut fields, &mut told);
        spec.plugins.extend(plugins.map(|plugins| (agent.to_owned(), plugins)));
    }
    fields.finish(&mut told);
    let words = identity.unwrap_or_else(|| folder_name(input.folder).to_owned());
    Ok(Imported { role: Role::new(&name_of(&words), spec), told })
}

fn identity(fields: &mut Fields, told: &mut Vec<Told>) -> Option<String> {
    let mut identity = fields.table("identity", told)?;
    let name = identity.text("name", told);
    identity.finish(told);
    let changed = name.as_ref().map(|name| (name, name_of(name))).filter(|(name, ours)| *name != ours);
    if let Some((name, ours)) = changed {
        tell(told, "identity.name", format!("`{name}` is no name of an object; the role is called `{ours}`"));
    }
    name
}

fn source(input: &Input<'_>, fields: &mut Fields, told: &mut Vec<Told>) -> RoleSource {
    let dockerfile = fields.text("dockerfile", told).unwrap_or_else(|| "Dockerfile".to_owned());
    if inside(input.inside, &dockerfile).as_deref() != Some("Dockerfile") {
        let message = format!("a role is built from the `Dockerfile` of its folder; move or link `{dockerfile}` there");
        tell(told, "dockerfile", message);
    }
    RoleSource { path: Some(written(input.folder, "")), ..RoleSource::default() }
}

fn hooks(fields: &mut Fields, told: &mut Vec<Told>) -> Option<Hooks> {
    let mut hooks = fields.table("hooks", told)?;
    let mut of = |name: &str| {
        let path = hooks.text(name, told)?;
        let ours = inside("", &path);
        if ours.is_none() {
            tell(told, &format!("hooks.{name}"), format!("`{path}` leads out of the folder; put the script into it"));
        }
        ours
    };
    let found = Hooks { setup_once: of("setup_once"), source: of("source"), preflight: of("preflight") };
    hooks.finish(told);
    Some(found)
}

fn environment(fields: &mut Fields, told: &mut Vec<Told>) -> std::collections::BTreeMap<String, EnvDeclaration> {
    let Some(mut env) = fields.table("env", told) else { return Default::default() };
    let mut declarations = std::collections::BTreeMap::new();
    for (name, value) in env.rest() {
        let path = env.path(&name);
        let mut of = Fields::of(&path, value, told);
        let default = of.text("default", told);
        if default.as_ref().is_some_and(|default| default.contains("${")) {
            tell(
                told,
                &format!("{path}.default"),
                "variables in it are not put in; write the value, or export it in `hooks.source`",
            );
        }
        let interactive = of.truth("interactive", told).unwrap_or_default();
        let skippable = of.truth("skippable", told).unwrap_or_default();
        of.without_counterpart(
            "options",
            "a role has no list of values to choose from; check it in `hooks.preflight`",
            told,
        );
        let needed = of.texts("depends_on", told).into_iter();
        let declaration = EnvDeclaration {
            required: interactive && !skippable && default.is_none(),
            default,
            prompt: of.text("prompt", told),
            depends_on: needed.map(|name| name.strip_prefix("env.").map_or(name.clone(), str::to_owned)).collect(),
        };
        of.finish(told);
        declarations.insert(name, declaration);
    }
    declarations
}

/// The part of a role that comes from the table `docker`.
fn docker(fields: &mut Fields, told: &mut Vec<Told>) -> RoleSpec {
    let Some(mut docker) = fields.table("docker", told) else { return RoleSpec::default() };
    let dind = docker.text("dind", told);
    let mode = match dind.as_deref() {
        None | Some("none") => DockerMode::None,
        Some(kind) => {
            if kind != "privileged" {
                tell(told, "docker.dind", format!("`{kind}`: the engine in the sidecar is not rootless"));
            }
            DockerMode::Dind
        }
    };
    docker.without_counterpart(
        "min_profile",
        "an instance is hardened already; what it needs besides goes into `spec.security`",
        told,
    );
    let hosts = "a role has no list of hosts; `spec.network` of the workspace says what its instances reach";
    docker.without_counterpart("allowed_hosts", hosts, told);
    let capabilities = docker.texts("capabilities_add", told);
    docker.finish(told);
    RoleSpec {
        docker: dind.is_some().then(|| DockerAccess { mode, ..DockerAccess::default() }),
        security: security(capabilities),
        ..RoleSpec::default()
    }
}

/// What is said of an agent; its plugins.
fn of_agent(agent: &str, input: &Input<'_>, fields: &mut Fields, told: &mut Vec<Told>) -> Option<RolePlugins> {
    let mut of = fields.table(agent, told)?;
    let plugins = plugins::plugins(agent, input, &mut of, told);
    let model = format!("a role has no models; add `--model` and it to `spec.command` of the Agent `{agent}`");
    of.without_counterpart("model", &model, told);
    of.without_counterpart(
        "providers",
        "a role has no providers; they are configuration of the agent, in its home",
        told,
    );
    of.finish(told);
    (plugins != RolePlugins::default()).then_some(plugins)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::import::Format;

    fn read(text: &str) -> Result<Imported, Malformed> {
        convert(&Input { text, format: Format::RoleToml, folder: "roles/dev", inside: "" })
    }

    #[test]
    fn a_role_manifest_comes_over_and_the_rest_is_named() {
        let text = r#"
version = "v1alpha6"
dockerfile = "docker/Dockerfile"
published_image = "registry.example/dev:1"
agents = ["claude", "codex"]
identity.name = "Rust Dev"
claude.model = "opus"
claude.plugins = ["fmt@acme", "nowhere"]
claude.marketplaces = [{source = "acme/plugins", sparse = ["fmt"]}, {source = "./market"}, {source = "what"}]
codex.providers.local.model = "small"
[hooks]
setup_once = "./hooks/setup.sh"
preflight = "../check.sh"
[env.RUST_LOG]
default = "info"
[env.TICKET]
interactive = true
prompt = "Which ticket?"
options = ["a", "b"]
depends_on = ["env.RUST_LOG"]
[docker]
dind = "rootless"
capabilities_add = ["CAP_NET_ADMIN"]
[colours]
"#;
        let Imported { role, told } = read(text).expect("it is read");
        let expected = json!({
            "source": {"path": "./roles/dev"}, "publishedImage": "registry.example/dev:1", "agents": ["claude", "codex"],
            "hooks": {"setupOnce": "hooks/setup.sh"},
            "env": {
                "RUST_LOG": {"default": "info"},
                "TICKET": {"required": true, "prompt": "Which ticket?", "dependsOn": ["RUST_LOG"]},
            },
            "plugins": {"claude": {
                "marketplaces": [{"git": {"url": "https://github.com/acme/plugins"}}, {"path": "market"}],
                "plugins": ["fmt@acme"],
            }},
            "docker": {"mode": "dind"}, "security": {"capabilities": {"add": ["NET_ADMIN"]}},
        });
        assert_eq!(serde_json::to_value(&role.spec).expect("a value"), expected);
        assert_eq!(role.metadata.name.as_deref(), Some("rust-dev"));
        let named: Vec<_> = told.iter().map(|told| told.field.as_str()).collect();
        let expected = [
            "identity.name",
            "dockerfile",
            "hooks.preflight",
            "env.TICKET.options",
            "docker.dind",
            "claude.model",
            "claude.plugins",
            "claude.marketplaces[2].source",
            "codex.providers",
            "colours",
        ];
        for field in expected {
            assert!(named.contains(&field), "{field} is not told of: {named:?}");
        }
        assert_eq!(named.len(), expected.len(), "{named:?}");
    }

    #[test]
    fn what_is_no_toml_is_told_with_its_place() {
        let error = read("agents = [\n  \"claude\n]").expect_err("it is broken");
        assert!(error.offset >= 12, "{error:?}");
    }
}
