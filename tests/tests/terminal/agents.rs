//! The first screens of real agents look the same before a detach and after the next attach.

use anyhow::Result;
use jackin_tests::TestHome;

use super::desk::Desk;
use super::programs::Shown;
use super::window::{Cells, HOST_PROMPT};

/// Three agents from the npm registry, without a login. What codex moves on its first screen holds still here.
const MANIFEST: &str = r#"
apiVersion: jackin.dev/v1alpha1
kind: Agent
metadata: {name: still-codex}
spec:
  install:
    npm: {package: "@openai/codex", version: 0.169.0-linux-x64, program: vendor/x86_64-unknown-linux-musl/bin/codex}
  command: [codex, -c, tui.animations=false]
  homes: [.codex]
---
apiVersion: jackin.dev/v1alpha1
kind: Role
metadata: {name: tools}
spec:
  source: {image: "jackin-construct:bookworm"}
  agents: [claude, opencode, shell, still-codex]
---
apiVersion: jackin.dev/v1alpha1
kind: Workspace
metadata: {name: desk}
spec:
  workdir: /tmp
  roles: [tools]
  credentials: {claude: {mode: ignore}, opencode: {mode: ignore}}
  instances:
  - {name: one, role: tools, agent: shell}
"#;

/// An agent, the process that it is, and whether all of its first screen is there.
type Agent = (&'static str, &'static str, fn(&[&str], Cells) -> bool);

const AGENTS: [Agent; 3] = [
    ("still-codex", "codex", |lines, _| lines.iter().any(|line| line.contains("Press enter to continue"))),
    ("opencode", "opencode", |lines, size| {
        // The version stands at the right end of the last line.
        let last = lines.iter().rev().find(|line| !line.trim().is_empty());
        last.is_some_and(|line| line.trim_end().chars().count() + 2 == usize::from(size.columns))
    }),
    ("claude", "claude", |lines, size| {
        let rule = "\u{2500}".repeat(usize::from(size.columns));
        lines.contains(&rule.as_str()) && lines.iter().any(|line| line.contains("Enter to confirm"))
    }),
];

#[test]
fn first_screens_of_real_agents_render_the_same_after_an_attach_at_every_size() -> Result<()> {
    let desk = Desk::of(TestHome::new()?, MANIFEST)?;
    // Else claude first looks for its makers' servers, and ends where it does not find them.
    desk.inside(r#"echo '{"hasCompletedOnboarding": true, "theme": "dark"}' > "$HOME/.claude.json""#)?;
    let window = desk.window("one")?;
    for (agent, program, is_drawn) in AGENTS {
        window.enter(&format!("jackin attach desk-one --agent {agent}"))?;
        let attach = format!("jackin attach desk-one --session {agent}");
        let shown = Shown { desk: &desk, window: &window, program, attach: &attach, is_drawn: &is_drawn };
        shown.comes_back_at_every_size()?;
        desk.detach(&window)?;
        window.resize(100, 30)?;
        window.wait_for_prompt(HOST_PROMPT)?;
    }
    Ok(())
}
