//! The real agents that are built in, fetched from the npm registry, up to their first screens.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::stage::{Stage, Terminal, docker, eventually, play};

/// An instance in which every agent with a program of its own can be started.
const WORKSPACE: &str = r#"
apiVersion: jackin.dev/v1alpha1
kind: Role
metadata: {name: all}
spec:
  source: {path: ./role}
  agents: [amp, claude, codex, opencode, shell]
  plugins: {claude: {marketplaces: [{path: market}], plugins: [hello@ours]}}
---
apiVersion: jackin.dev/v1alpha1
kind: Workspace
metadata: {name: desk}
spec:
  workdir: /work
  mounts: [{source: ./work, target: /work}]
  credentials: {amp: {mode: ignore}, claude: {mode: ignore}, codex: {mode: ignore}, opencode: {mode: ignore}}
  roles: [all]
  instances: [{name: main, role: all, agent: shell}]
"#;

/// Each agent with what its first screen shows without a login and without a network, and what it is taken for.
const FIRST_SCREENS: [(&str, &str, &str); 4] = [
    ("amp", "Would you like to log in to Amp?", "AuthNeeded"),
    ("claude", "Not logged in", "AuthNeeded"),
    ("codex", "Welcome to Codex", "AuthNeeded"),
    // It has a model that needs no login.
    ("opencode", "Ask anything", "Idle"),
];

/// The version that an Agent's file pins.
fn pinned(agent: &str) -> Result<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../manifests/agents/{agent}.yaml"));
    let text = std::fs::read_to_string(file)?;
    let version = text.lines().find_map(|line| line.trim().strip_prefix("version: "));
    // Platform builds of codex are versions with the platform behind.
    Ok(version.context("no version is pinned")?.trim_end_matches("-linux-x64").to_owned())
}

fn runs_and_greets(stage: &Stage, agent: &str, greeting: &str, state: &str) -> Result<()> {
    let said = stage.jackin(&["exec", "desk-main", "--", agent, "--version"])?;
    let version = pinned(agent)?;
    ensure!(said.contains(&version), "{agent} is not {version}: {said}");
    let mut terminal = Terminal::start(stage, &["attach", "desk-main", "--agent", agent])?;
    terminal.wait_until(&format!("{agent} to greet"), |screen| screen.contains(greeting))?;
    eventually(&format!("{agent} to be {state}"), || {
        let instance = stage.object("instance", "desk-main")?;
        let mut sessions = instance["status"]["sessions"].as_array().into_iter().flatten();
        Ok(sessions.any(|session| session["agent"] == agent && session["state"] == state).then_some(()))
    })?;
    terminal.detach()
}

/// A role with a plugin for claude.
fn lay_out_role(stage: &Stage) -> Result<()> {
    stage.write("role/Dockerfile", "FROM jackin-construct:bookworm\n")?;
    let list =
        r#"{"name": "ours", "owner": {"name": "we"}, "plugins": [{"name": "hello", "source": "./plugins/hello"}]}"#;
    stage.write("role/market/.claude-plugin/marketplace.json", list)?;
    stage.write("role/market/plugins/hello/commands/hi.md", "Say hello.")?;
    Ok(())
}

/// What claude says of the plugins and commands that it has, before it notices that nobody answers it.
fn claude_has_its_plugin(stage: &Stage) -> Result<()> {
    let script = "ANTHROPIC_API_KEY=none ANTHROPIC_BASE_URL=http://127.0.0.1:9 timeout 60 claude -p hi \
        --output-format stream-json --verbose --plugin-dir /jackin/plugins/claude | head -n 1";
    let said = stage.jackin(&["exec", "desk-main", "--", "sh", "-c", script])?;
    let said: serde_json::Value = serde_json::from_str(said.trim()).with_context(|| format!("claude says {said}"))?;
    let commands = said["slash_commands"].as_array().context("no commands")?;
    ensure!(commands.contains(&"hello:hi".into()), "the plugin's command is not among {commands:?}");
    ensure!(said.get("plugin_errors").is_none(), "{}", said["plugin_errors"]);
    Ok(())
}

#[test]
fn every_built_in_agent_starts_in_one_instance_and_shows_its_first_screen() -> Result<()> {
    docker(&["image", "inspect", "jackin-construct:bookworm"])
        .context("the base image is missing: `make base` makes it")?;
    play(|stage| {
        stage.write("work/README", "a file")?;
        lay_out_role(stage)?;
        let file = stage.write("agents.yaml", WORKSPACE)?;
        let file = file.to_str().context("a path in UTF-8")?;
        stage.jackin(&["apply", "-f", file, "--wait", "--timeout", "480s"])?;
        FIRST_SCREENS
            .into_iter()
            .try_for_each(|(agent, greeting, state)| runs_and_greets(stage, agent, greeting, state))?;
        let waiting = stage.condition("instance", "desk-main", "NeedsInput")?;
        assert_eq!((&waiting["status"], &waiting["reason"]), (&"True".into(), &"AuthNeeded".into()));
        claude_has_its_plugin(stage)
    })
}
