//! Where a rule is played: a home of its own with one running instance, and windows on it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use jackin_tests::{PATIENCE, TestHome, program};
use serde_json::Value;

use super::window::{HOST_PROMPT, Terminals, Window};

/// The instance that every desk has.
pub(crate) const INSTANCE: &str = "desk-one";

/// The prompt of its shell, in its working directory.
pub(crate) const PROMPT: &str = "root@desk-one:/tmp#";

const MANIFEST: &str = r#"
apiVersion: jackin.dev/v1alpha1
kind: Role
metadata: {name: tools}
spec:
  source: {image: "jackin-construct:bookworm"}
  agents: [shell]
---
apiVersion: jackin.dev/v1alpha1
kind: Workspace
metadata: {name: desk}
spec:
  workdir: /tmp
  roles: [tools]
  instances:
  - {name: one, role: tools, agent: shell}
"#;

/// One instance and the windows that look at it. The windows are closed before the instance goes.
#[derive(Debug)]
pub(crate) struct Desk {
    terminals: Terminals,
    pub(crate) home: TestHome,
}

impl Desk {
    /// A desk whose instance is ready, with a shell as its session.
    pub(crate) fn new() -> Result<Self> {
        Self::of(TestHome::new()?, MANIFEST)
    }

    /// A desk in this home, with what a manifest makes.
    pub(crate) fn of(home: TestHome, manifest: &str) -> Result<Self> {
        home.apply(manifest)?;
        let programs = program("jackin");
        let programs = programs.parent().context("a program is in a folder")?;
        // A shell may have a prompt of its own for root, whatever the environment says.
        let profile = home.write("profile", &format!("PS1='{HOST_PROMPT}'\n"))?;
        let variable = |name: &str, value: String| (name.to_owned(), value);
        let environment = vec![
            variable("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", programs.display())),
            variable("JACKIN_HOME", home.root().display().to_string()),
            variable("HOME", home.files().display().to_string()),
            variable("LANG", "C.UTF-8".to_owned()),
            variable("ENV", profile.display().to_string()),
            variable("TERM", "xterm-256color".to_owned()),
        ];
        let terminals = Terminals::new(home.root().join("tmux"), environment);
        Ok(Self { terminals, home })
    }

    /// A window with the host's shell in it.
    pub(crate) fn window(&self, name: &'static str) -> Result<Window<'_>> {
        self.terminals.open(name, 100, 30)
    }

    /// A window that is attached, with the instance's prompt on it.
    pub(crate) fn attached(&self, name: &'static str) -> Result<Window<'_>> {
        let window = self.window(name)?;
        window.enter("jackin attach desk-one")?;
        window.wait_for_prompt(PROMPT)?;
        Ok(window)
    }

    /// Leaves the session in a window, and waits until the host's shell has it back.
    pub(crate) fn detach(&self, window: &Window<'_>) -> Result<()> {
        window.press(&["C-p", "C-q"])?;
        window.wait_for("detached from desk-one; the session goes on")?;
        window.wait_for_prompt(HOST_PROMPT)?;
        // So that what is waited for later is not on the screen already.
        window.enter("clear; echo cleared $((40 + 2))")?;
        window.wait_for_start("cleared 42\n")?;
        window.wait_for_prompt(HOST_PROMPT)?;
        Ok(())
    }

    /// Runs a shell's line in the instance, beside its session; what it prints. It has twenty seconds.
    pub(crate) fn inside(&self, script: &str) -> Result<String> {
        let printed = self.home.must(&["exec", INSTANCE, "--", "timeout", "20", "sh", "-c", script])?;
        Ok(printed.trim_end().to_owned())
    }

    /// The process of a program in the instance, and when it started: what stays while it lives and never comes again.
    pub(crate) fn process(&self, program: &str) -> Result<String> {
        let script = format!("for pid in $(pidof {program}); do cut -d' ' -f1,2,22 /proc/$pid/stat; done | sort");
        let found = self.inside(&script)?;
        anyhow::ensure!(!found.is_empty(), "no {program} runs in the instance");
        Ok(found)
    }

    /// Waits until the sessions of the instance are so.
    pub(crate) fn until_sessions(&self, what: &str, is_so: impl Fn(&[Value]) -> bool) -> Result<()> {
        self.until(what, &["sessions", INSTANCE, "-o", "json"], |listed| {
            listed["items"].as_array().is_some_and(|items| is_so(items))
        })
    }

    /// Waits until the status of the instance is so.
    pub(crate) fn until_status(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Result<()> {
        self.until(what, &["get", "instance", INSTANCE, "-o", "json"], |instance| is_so(&instance["status"]))
    }

    fn until(&self, what: &str, asking: &[&str], is_so: impl Fn(&Value) -> bool) -> Result<()> {
        let start = Instant::now();
        loop {
            let told: Value = serde_json::from_str(&self.home.must(asking)?)?;
            if is_so(&told) {
                return Ok(());
            }
            anyhow::ensure!(start.elapsed() < PATIENCE, "never: {what}; it is {told:#}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until something is so.
    pub(crate) fn eventually(&self, what: &str, mut is_so: impl FnMut() -> bool) -> Result<()> {
        let start = Instant::now();
        while !is_so() {
            anyhow::ensure!(
                start.elapsed() < PATIENCE,
                "never: {what}; the controller says\n{}",
                self.home.daemon_log()
            );
            std::thread::sleep(Duration::from_millis(200));
        }
        Ok(())
    }
}
