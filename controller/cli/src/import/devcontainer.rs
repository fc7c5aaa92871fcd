//! `devcontainer.json`: what of it an environment is, without what concerns editors, the workspace or a person's own machine.

use std::collections::BTreeMap;

use jackin_api::kinds::{EnvDeclaration, Quantity, Resources, Role, RoleBuild, RoleSource, RoleSpec};
use jsonc_parser::ParseOptions;
use serde_json::Value;

use super::fields::{Fields, tell};
use super::{Imported, Input, Malformed, Told, folder_name, inside, name_of, security, written};

/// Fields that a role has no counterpart for, and what there is instead.
const INSTEAD: [(&str, &str); 18] = [
    ("features", "install what they bring in the Dockerfile"),
    ("mounts", "mounts are the workspace's: write them into its `spec.mounts`"),
    ("workspaceFolder", "it is `spec.workdir` of the workspace"),
    ("workspaceMount", "mounts are the workspace's: write it into its `spec.mounts`"),
    ("containerUser", "what runs in an instance has the operator's user and group, so that files stay the operator's"),
    ("remoteUser", "what runs in an instance has the operator's user and group, so that files stay the operator's"),
    ("updateRemoteUserUID", "an instance has the operator's user and group already"),
    (
        "runArgs",
        "flags of the engine cannot be given; `spec.resources` and `spec.security` have what an instance may have",
    ),
    ("privileged", "an instance is never privileged; `spec.docker.mode: dind` gives it an engine of its own"),
    ("securityOpt", "options of the engine's security cannot be given; `spec.security` has what an instance may have"),
    ("init", "the capsule is process 1 of an instance and reaps"),
    ("overrideCommand", "the capsule is process 1 of an instance, whatever the image's command is"),
    ("shutdownAction", "it is `lifecycle.idleAfter` of the workspace"),
    ("forwardPorts", "ports are not published; the instances of a workspace reach each other by name"),
    ("appPort", "ports are not published; the instances of a workspace reach each other by name"),
    ("portsAttributes", "ports are not published"),
    ("otherPortsAttributes", "ports are not published"),
    ("customizations", "settings of editors have no place in a role"),
];

/// Commands at moments of a container's life, and what such a moment is to a role.
const MOMENTS: [(&str, Option<&str>); 6] = [
    ("initializeCommand", None),
    ("onCreateCommand", Some("setupOnce")),
    ("updateContentCommand", Some("setupOnce")),
    ("postCreateCommand", Some("setupOnce")),
    ("postStartCommand", Some("preflight")),
    ("postAttachCommand", Some("preflight")),
];

pub(super) fn convert(input: &Input<'_>) -> Result<Imported, Malformed> {
    let parsed = jsonc_parser::parse_to_serde_value::<Value>(input.text, &ParseOptions::default());
    let value = parsed.map_err(|error| Malformed { message: error.kind().to_string(), offset: error.range().start })?;
    let mut told = Vec::new();
    let mut fields = Fields::of("", value, &mut told);
    let name = fields.text("name", &mut told);
    let words = name.unwrap_or_else(|| folder_name(input.folder).to_owned());
    let (source, build) = source(input, &mut fields, &mut told);
    let spec = RoleSpec {
        source,
        build,
        agents: vec!["shell".to_owned()],
        env: environment(&mut fields, &mut told),
        security: security(fields.texts("capAdd", &mut told)),
        resources: resources(&mut fields, &mut told),
        ..RoleSpec::default()
    };
    tell(&mut told, "(agents)", "none are named in it; add those that may run to `spec.agents`");
    for (moment, hook) in MOMENTS {
        if let Some(command) = fields.take(moment) {
            tell(&mut told, moment, script_words(&command, hook));
        }
    }
    for (field, instead) in INSTEAD {
        fields.without_counterpart(field, instead, &mut told);
    }
    // What concerns the file itself, and when an editor connects.
    for field in ["$schema", "waitFor", "userEnvProbe"] {
        _ = fields.take(field);
    }
    fields.finish(&mut told);
    Ok(Imported { role: Role::new(&name_of(&words), spec), told })
}

fn source(input: &Input<'_>, fields: &mut Fields, told: &mut Vec<Told>) -> (RoleSource, Option<RoleBuild>) {
    fields.without_counterpart(
        "dockerComposeFile",
        "Compose is not read: name the image or the Dockerfile of the service",
        told,
    );
    fields.without_counterpart("service", "Compose is not read", told);
    fields.without_counterpart(
        "runServices",
        "Compose is not read: another service is another instance of the workspace",
        told,
    );
    let image = fields.text("image", told);
    let (old, context) = (fields.text("dockerFile", told), fields.text("context", told));
    let mut build = match fields.table("build", told) {
        Some(build) => build,
        None => match (&image, &old) {
            (Some(image), None) => return (RoleSource { image: Some(image.clone()), ..RoleSource::default() }, None),
            _ => Fields::of("build", Value::Object(serde_json::Map::new()), told),
        },
    };
    let dockerfile = build.text("dockerfile", told).or(old).unwrap_or_else(|| "Dockerfile".to_owned());
    let context = build.text("context", told).or(context).unwrap_or_else(|| ".".to_owned());
    let folder = inside(input.inside, &context);
    if folder.is_none() {
        tell(told, "build.context", format!("`{context}` leads out of the folder; name the folder above it instead"));
    }
    let folder = folder.unwrap_or_else(|| input.inside.to_owned());
    if inside(input.inside, &dockerfile) != inside(&folder, "Dockerfile") {
        let message = format!(
            "a role is built from the `Dockerfile` of its folder; move or link `{dockerfile}` to `{folder}/Dockerfile`"
        );
        tell(told, "build.dockerfile", message);
    }
    let given =
        RoleBuild { args: arguments(&mut build, told), target: build.text("target", told), ..RoleBuild::default() };
    build.without_counterpart("cacheFrom", "the engine's own cache is used; `spec.publishedImage` saves a build", told);
    build.without_counterpart("options", "flags of the build cannot be given; `spec.build` has what it may have", told);
    build.finish(told);
    let source = RoleSource { path: Some(written(input.folder, &folder)), ..RoleSource::default() };
    (source, (given != RoleBuild::default()).then_some(given))
}

fn arguments(build: &mut Fields, told: &mut Vec<Told>) -> BTreeMap<String, String> {
    let Some(mut args) = build.table("args", told) else { return BTreeMap::new() };
    let mut given = BTreeMap::new();
    for (name, value) in args.rest() {
        match value {
            Value::String(text) if !text.contains("${") => _ = given.insert(name, text),
            _ => tell(told, &args.path(&name), "only a text without variables can be given; write the value"),
        }
    }
    given
}

fn environment(fields: &mut Fields, told: &mut Vec<Told>) -> BTreeMap<String, EnvDeclaration> {
    let mut declarations = BTreeMap::new();
    for table in ["containerEnv", "remoteEnv"] {
        let Some(mut env) = fields.table(table, told) else { continue };
        for (name, value) in env.rest() {
            match value {
                Value::String(text) if !text.contains("${") => {
                    let declaration = EnvDeclaration { default: Some(text), ..EnvDeclaration::default() };
                    declarations.insert(name, declaration);
                }
                _ => {
                    let message = format!(
                        "variables are not put in; write `{name}: {{from: env://NAME}}` into `spec.env` of the workspace, or export it in `spec.hooks.source`"
                    );
                    tell(told, &env.path(&name), message);
                }
            }
        }
    }
    declarations
}

fn resources(fields: &mut Fields, told: &mut Vec<Told>) -> Option<Resources> {
    let mut wanted = fields.table("hostRequirements", told)?;
    let cpus = wanted.take("cpus").and_then(|cpus| cpus.as_u64()).map(|cpus| Quantity(cpus.to_string()));
    let memory = wanted.text("memory", told).and_then(|memory| {
        let (number, unit) = memory.split_at(memory.find(|character: char| !character.is_ascii_digit())?);
        let unit = match unit {
            "tb" => "Ti",
            "gb" => "Gi",
            "mb" => "Mi",
            "kb" => "Ki",
            _ => return None,
        };
        Some(Quantity(format!("{number}{unit}")))
    });
    wanted.without_counterpart("storage", "an instance has no limit of storage", told);
    wanted.without_counterpart("gpu", "an instance has no devices", told);
    wanted.finish(told);
    let resources = Resources { cpus, memory, ..Resources::default() };
    (resources != Resources::default()).then_some(resources)
}

/// What to do with a command, which a role has as a file.
fn script_words(command: &Value, hook: Option<&str>) -> String {
    let Some(hook) = hook else {
        return "it runs on the operator's machine, which a role never does; run it before `jackin apply`".to_owned();
    };
    let lines = lines(command).join("; ");
    format!("hooks are files: write `{lines}` into a script in the role's folder and name it in `spec.hooks.{hook}`")
}

/// The command as lines of a shell.
fn lines(command: &Value) -> Vec<String> {
    match command {
        Value::String(line) => vec![line.clone()],
        Value::Array(words) => vec![words.iter().filter_map(Value::as_str).map(quoted).collect::<Vec<_>>().join(" ")],
        Value::Object(several) => several.values().flat_map(lines).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

fn quoted(word: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_./=:@%+,".contains(character);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::import::Format;

    fn read(text: &str) -> Result<Imported, Malformed> {
        convert(&Input { text, format: Format::Devcontainer, folder: "shop", inside: ".devcontainer" })
    }

    fn fields(told: &[Told]) -> Vec<&str> {
        told.iter().map(|told| told.field.as_str()).collect()
    }

    #[test]
    fn a_build_with_its_arguments_and_its_variables_comes_over() {
        let text = r#"{
  // The shop.
  "name": "The Shop",
  "build": {"dockerfile": "../Dockerfile", "context": "..", "args": {"VARIANT": "20", "HOST": "${localEnv:HOST}"}, "target": "dev"},
  "containerEnv": {"STAGE": "dev", "TOKEN": "${localEnv:TOKEN}"},
  "hostRequirements": {"cpus": 2, "memory": "4gb"},
  "capAdd": ["SYS_PTRACE"],
  "postCreateCommand": ["npm", "ci", "--some thing"],
  "remoteUser": "node",
  "colours": true, /* unknown */
}"#;
        let Imported { role, told } = read(text).expect("it is read");
        let expected = json!({
            "source": {"path": "./shop"}, "agents": ["shell"], "env": {"STAGE": {"default": "dev"}},
            "build": {"args": {"VARIANT": "20"}, "target": "dev"},
            "resources": {"cpus": "2", "memory": "4Gi"}, "security": {"capabilities": {"add": ["SYS_PTRACE"]}},
        });
        assert_eq!(serde_json::to_value(&role.spec).expect("a value"), expected);
        assert_eq!(role.metadata.name.as_deref(), Some("the-shop"));
        let expected =
            ["build.args.HOST", "containerEnv.TOKEN", "(agents)", "postCreateCommand", "remoteUser", "colours"];
        assert_eq!(fields(&told), expected);
        assert!(told[3].message.contains("`npm ci '--some thing'`"), "{}", told[3].message);
    }

    #[test]
    fn an_image_is_used_as_it_is() {
        let Imported { role, told } = read(r#"{"image": "debian:bookworm"}"#).expect("it is read");
        assert_eq!((role.spec.source.image.as_deref(), role.spec.source.path), (Some("debian:bookworm"), None));
        assert_eq!(role.metadata.name.as_deref(), Some("shop"));
        assert_eq!(fields(&told), ["(agents)"]);
    }

    #[test]
    fn a_dockerfile_of_another_name_is_named_with_what_to_do() {
        let Imported { role, told } = read(r#"{"build": {"dockerfile": "dev.Dockerfile"}}"#).expect("it is read");
        assert_eq!(role.spec.source.path.as_deref(), Some("./shop/.devcontainer"));
        assert_eq!(fields(&told), ["build.dockerfile", "(agents)"]);
    }

    #[test]
    fn what_is_no_json_is_told_with_its_place() {
        assert_eq!(read("{\n  \"image\": }").expect_err("it is broken").offset, 13);
    }
}
