//! The real agents that are built in, fetched from the npm registry, up to their first screens.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::model::{ADDRESS, ModelServer, RELAY};
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

/// The real claude, in a mode that asks for permission, on a model server of the test.
const ASKING: &str = r#"
apiVersion: jackin.dev/v1alpha1
kind: Role
metadata: {name: all}
spec:
  source: {image: "jackin-construct:bookworm"}
  agents: [claude, shell]
---
apiVersion: jackin.dev/v1alpha1
kind: Workspace
metadata: {name: desk}
spec:
  workdir: /work
  mounts: [{source: ./work, target: /work}]
  credentials: {claude: {mode: ignore}}
  roles: [all]
  instances: [{name: main, role: all, agent: shell}]
"#;

/// The built-in claude, but that it asks before it runs a command.
fn asking_claude() -> Result<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests/agents/claude.yaml");
    let text = std::fs::read_to_string(file)?;
    let skips = "  - --dangerously-skip-permissions\n";
    ensure!(text.contains(skips), "claude is started in another way");
    Ok(text.replace(skips, "  - --permission-mode\n  - manual\n"))
}

fn until(stage: &Stage, state: &str) -> Result<serde_json::Value> {
    eventually(&format!("claude to be {state}"), || {
        let instance = stage.object("instance", "desk-main")?;
        let mut sessions = instance["status"]["sessions"].as_array().into_iter().flatten();
        Ok(sessions.find(|session| session["agent"] == "claude" && session["state"] == state).cloned())
    })
}

#[test]
fn the_real_claude_is_followed_through_a_turn_that_needs_a_permission() -> Result<()> {
    docker(&["image", "inspect", "jackin-construct:bookworm"])
        .context("the base image is missing: `make base` makes it")?;
    play(|stage| {
        stage.write("work/README", "a file")?;
        let file = stage.write("desk.yaml", &format!("{}\n---{ASKING}", asking_claude()?))?;
        let file = file.to_str().context("a path in UTF-8")?;
        stage.jackin(&["apply", "-f", file, "--wait", "--timeout", "480s"])?;
        let model = ModelServer::start(&stage.path("work"))?;
        stage.jackin(&["sessions", "new", "desk-main", "--name", "relay", "--", "perl", "-e", RELAY])?;
        eventually("the relay to listen", || {
            let screen = stage.jackin(&["capture", "desk-main", "--session", "relay"])?;
            Ok(screen.contains("relays").then_some(()))
        })?;
        let address = format!("ANTHROPIC_BASE_URL={ADDRESS}");
        // What the person has stays: the seed with the answers to a first start's questions is not written over it.
        let own = r#"{"hasCompletedOnboarding": true, "customApiKeyResponses": {"approved": ["sk-ant-test"]},
            "projects": {"/": {"hasTrustDialogAccepted": true}}}"#;
        stage.jackin(&["exec", "desk-main", "--", "sh", "-c", &format!("echo '{own}' > ~/.claude.json")])?;
        let key = "ANTHROPIC_API_KEY=sk-ant-test";
        stage.jackin(&["sessions", "new", "desk-main", "--agent", "claude", "--env", &address, "--env", key])?;

        let mut terminal = Terminal::start(stage, &["attach", "desk-main", "--session", "claude"])?;
        terminal.wait_until("claude to be ready", |screen| screen.contains("manual mode on"))?;
        until(stage, "Idle")?;
        terminal.type_text("make a file")?;
        terminal.wait_until("it to be typed", |screen| screen.contains("make a file"))?;
        terminal.type_text("\r")?;
        until(stage, "Working")?;
        model.answer();
        let asking = until(stage, "WaitingForPermission")?;
        ensure!(asking["evidence"].as_str().is_some_and(|said| said.contains("ermission")), "{asking}");
        let waiting = stage.condition("instance", "desk-main", "NeedsInput")?;
        assert_eq!(waiting["reason"], "WaitingForPermission");
        terminal.wait_until("the question", |screen| screen.contains("Do you want to proceed?"))?;
        eventually("the question to be answered", || {
            // It takes no key in the first moment, so that nobody agrees by accident.
            if terminal.screen().contains("Do you want to proceed?") {
                terminal.type_text("1")?;
                return Ok(None);
            }
            Ok(Some(()))
        })?;
        until(stage, "Working")?;
        model.answer();
        until(stage, "WaitingForInput")?;
        ensure!(stage.path("work/made-by-the-agent").exists(), "the command was not run");
        terminal.detach()
    })
}
