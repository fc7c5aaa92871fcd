//! A role's plugins: in its image as their marketplaces have them, told to the agent, and a reason to build only by their content.

use std::process::Command;

use anyhow::{Result, ensure};

use crate::stage::{EngineLog, Stage, eventually, play};

/// An agent that takes plugins, and writes down what it is started with.
const PARROT: &str = r#"
apiVersion: jackin.dev/v1alpha1
kind: Agent
metadata: {name: parrot}
spec:
  command: [sh, -c, 'echo "$@" > /notes/told; exec sleep 3600', parrot]
  plugins: {option: --plugin-dir}
---
"#;

/// The workspace `desk`, whose role has a plugin of a folder and one of the repository at `url`.
fn manifest(url: &str, trusted: bool) -> String {
    let trust = if trusted { format!(", trustedUrl: \"{url}\"") } else { String::new() };
    format!(
        "{PARROT}apiVersion: jackin.dev/v1alpha1
kind: Role
metadata: {{name: tiny}}
spec:
  source: {{path: ./role}}
  agents: [parrot]
  hooks: {{preflight: check.sh}}
  plugins:
    parrot:
      marketplaces: [{{path: market}}, {{git: {{url: \"{url}\"{trust}}}}}]
      plugins: [hello@ours, fmt@theirs]
---
apiVersion: jackin.dev/v1alpha1
kind: Workspace
metadata: {{name: desk}}
spec:
  workdir: /
  mounts: [{{source: ./notes, target: /notes}}]
  roles: [tiny]
  instances: [{{name: main, role: tiny, agent: parrot}}]
"
    )
}

/// A marketplace in a folder, with one plugin that holds this word.
fn marketplace(stage: &Stage, folder: &str, name: &str, plugin: &str, word: &str) -> Result<()> {
    let list = format!(r#"{{"name": "{name}", "plugins": [{{"name": "{plugin}", "source": "./plugins/{plugin}"}}]}}"#);
    stage.write(&format!("{folder}/.claude-plugin/marketplace.json"), &list)?;
    stage.write(&format!("{folder}/plugins/{plugin}/commands/go.md"), word)?;
    Ok(())
}

/// Lays the role out; the address of the repository with the other marketplace.
fn lay_out(stage: &Stage) -> Result<String> {
    stage.write("notes/README", "")?;
    stage.write("role/Dockerfile", "FROM jackin-tiny:1\nCOPY . /src\n")?;
    stage.write("role/.dockerignore", "*\n!word\n")?;
    stage.write("role/word", "first")?;
    stage.write("role/check.sh", "exit 0\n")?;
    marketplace(stage, "role/market", "ours", "hello", "hello")?;
    marketplace(stage, "theirs", "theirs", "fmt", "format")?;
    let identity = ["-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false"];
    for arguments in [&["init", "--quiet", "."][..], &["add", "--all"], &["commit", "--quiet", "--message", "first"]] {
        let output = Command::new("git").current_dir(stage.path("theirs")).args(identity).args(arguments).output()?;
        ensure!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(format!("file://{}", stage.path("theirs").display()))
}

fn inside(stage: &Stage, script: &str) -> Result<String> {
    stage.jackin(&["exec", "desk-main", "--", "sh", "-c", script])
}

#[test]
fn plugins_are_in_the_image_beside_what_the_dockerfile_copies_and_the_agent_is_told() -> Result<()> {
    play(|stage| {
        let manifest = manifest(&lay_out(stage)?, true);
        stage.apply(&manifest)?;
        let files = inside(stage, "cd /jackin/plugins/parrot && find . -type f | sort && cat */commands/go.md")?;
        assert_eq!(
            files,
            "./fmt@theirs/.claude-plugin/plugin.json\n./fmt@theirs/commands/go.md\n\
             ./hello@ours/.claude-plugin/plugin.json\n./hello@ours/commands/go.md\nformathello"
        );
        assert_eq!(inside(stage, "ls -A /src; ls /jackin/hooks")?, "word\npreflight\n");
        assert_eq!(inside(stage, "cat /notes/told")?, "--plugin-dir /jackin/plugins/parrot\n");

        let mut log = EngineLog::follow(stage)?;
        stage.apply(&manifest)?;
        stage.jackin(&["restart", "desk-main"])?;
        let operations = log.operations()?;
        ensure!(!operations.iter().any(|operation| operation.contains("image")), "{operations:?}");

        stage.write("role/market/plugins/hello/commands/go.md", "more")?;
        stage.apply(&manifest)?;
        // Its session lives and is left alone, so the instance is ready while the image is built behind it.
        eventually("the image to be built for the plugin's sake", || {
            let described = stage.jackin(&["describe", "image", "tiny"])?;
            Ok(described.contains("~ plugins[parrot/hello@ours]").then_some(()))
        })
    })
}

#[test]
fn nothing_of_an_untrusted_marketplace_is_fetched_and_a_plugin_that_is_not_there_is_named() -> Result<()> {
    play(|stage| {
        let url = lay_out(stage)?;
        let ran = stage.try_apply(&manifest(&url, false), &["--wait", "--timeout", "60s"])?;
        ensure!(ran.code == 1 && ran.stderr.contains(&format!("jackin trust add {url}")), "{}", ran.said());
        assert_eq!(stage.until_condition("image", "tiny", "Built", "False")?["reason"], "Untrusted");
        assert!(!stage.home().join("cache/git").exists());

        let missing = manifest(&url, true).replace("hello@ours", "hallo@ours");
        let ran = stage.try_apply(&missing, &["--wait", "--timeout", "60s"])?;
        let told = "read the plugin `hallo@ours`: the marketplace has no plugin of that name; it has hello";
        ensure!(ran.said().contains(told), "{}", ran.said());
        Ok(())
    })
}
