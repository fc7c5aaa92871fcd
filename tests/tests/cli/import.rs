//! Files of other tools, made into objects that can be applied.

use super::sandbox::Sandbox;

const ROLE_TOML: &str = r#"version = "v1alpha6"
dockerfile = "Dockerfile"
agents = ["shell"]
identity.name = "rust-dev"
claude.model = "opus"
hooks.preflight = "check.sh"
env.STAGE.default = "dev"
"#;

const DEVCONTAINER: &str = r#"{
  // The shop.
  "name": "The Shop",
  "build": {"dockerfile": "Dockerfile", "args": {"VARIANT": "20"}},
  "postCreateCommand": "npm ci",
  "remoteUser": "node",
}"#;

fn sandbox() -> Sandbox {
    Sandbox::new()
        .with("dev/jackin.role.toml", ROLE_TOML)
        .with("dev/Dockerfile", "FROM scratch\nCOPY check.sh /\n")
        .with("dev/check.sh", "exit 0\n")
        .with("shop/.devcontainer/devcontainer.json", DEVCONTAINER)
        .with("shop/.devcontainer/Dockerfile", "FROM scratch\n")
}

#[test]
fn what_is_imported_can_be_applied_and_the_rest_is_named() {
    let sandbox = sandbox();
    let told: Vec<_> = ["dev", "./shop"].iter().map(|folder| sandbox.run(&["import", "role", folder])).collect();
    insta::assert_snapshot!(told.join("\n"));
    assert!(!sandbox.was_state_touched(), "nothing is asked of a controller");
    for folder in ["dev", "./shop"] {
        let role = sandbox.output(&["import", "role", folder]).stdout;
        let applied =
            sandbox.run_with_input(&["apply", "--dry-run=client", "-f", "-"], &String::from_utf8_lossy(&role));
        assert!(applied.ends_with("exit code 0\n"), "{applied}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_told_with_its_place() {
    let sandbox = Sandbox::new()
        .with("toml/jackin.role.toml", "agents = [\n  \"shell\n")
        .with("json/devcontainer.json", "{\n  \"image\": }\n")
        .with("empty/README", "");
    let told: Vec<_> =
        ["toml", "json", "empty"].iter().map(|folder| sandbox.run(&["import", "role", folder])).collect();
    insta::assert_snapshot!(told.join("\n"));
}
