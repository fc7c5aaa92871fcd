//! Who waits for a person: shown, attached to, and told.

use std::fs::File;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::stage::{Request, Stage, Terminal, eventually, kill, play};

/// An agent that reports over its terminal what it is told on its keyboard.
const MANIFEST: &str = r#"
apiVersion: jackin.dev/v1alpha1
kind: Agent
metadata: {name: parrot}
spec:
  command: [sh, -c, "echo this is $HOSTNAME; while read line; do printf '\\033]7501;state=%s\\007' \"$line\"; done"]
---
apiVersion: jackin.dev/v1alpha1
kind: Role
metadata: {name: tiny}
spec:
  source: {image: "jackin-tiny:1"}
  agents: [parrot, shell]
---
apiVersion: jackin.dev/v1alpha1
kind: Workspace
metadata: {name: desk}
spec:
  workdir: /
  roles: [tiny]
  instances: [{name: one, role: tiny, agent: parrot}, {name: two, role: tiny, agent: parrot}]
"#;

fn say(stage: &Stage, instance: &str, status: &str) -> Result<()> {
    stage.jackin(&["send", instance, status, "--enter"]).map(drop)
}

fn until_state(stage: &Stage, instance: &str, state: &str) -> Result<Value> {
    eventually(&format!("the session of {instance} to be {state}"), || {
        let session = stage.object("instance", instance)?["status"]["sessions"][0].clone();
        Ok((session["state"] == state).then_some(session))
    })
}

/// `jackin notify` in the background, which prints into a file.
struct Notifier {
    process: Child,
    file: std::path::PathBuf,
}

impl Notifier {
    fn start(stage: &Stage, arguments: &[&str]) -> Result<Self> {
        let file = stage.path("told");
        let arguments = [&["notify"], arguments].concat();
        let process = stage.command(&arguments).stdout(File::create(&file)?).spawn()?;
        Ok(Self { process, file })
    }

    /// What was told so far, as instance and state.
    fn told(&self) -> Result<Vec<String>> {
        let lines = std::fs::read_to_string(&self.file)?;
        let words = |line: &str| -> Result<String> {
            let change: Value = serde_json::from_str(line)?;
            Ok(format!(
                "{} {}",
                change["instance"].as_str().unwrap_or_default(),
                change["state"].as_str().unwrap_or_default()
            ))
        };
        lines.lines().map(words).collect()
    }
}

impl Drop for Notifier {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn the_session_that_waits_longest_is_shown_attached_to_and_told_once_also_when_the_controller_dies() -> Result<()> {
    play(|stage| {
        stage.apply(MANIFEST)?;
        let nobody = stage.run(&["attach", "--waiting"])?;
        ensure!(nobody.code == 1 && nobody.stderr.contains("no session"), "{}", nobody.said());
        say(stage, "desk-two", "blocked:kind=permission:msg=cHVzaD8=")?;
        let session = until_state(stage, "desk-two", "WaitingForPermission")?;
        assert_eq!(session["evidence"], "status blocked permission: push?");
        ensure!(session["since"].is_string(), "{session}");
        let needed = stage.until_condition("instance", "desk-two", "NeedsInput", "True")?;
        assert_eq!(needed["reason"], "WaitingForPermission");
        ensure!(stage.jackin(&["get", "instances"])?.contains("WaitingForPermission"), "the table does not tell");

        let notifier = Notifier::start(stage, &["--on", "any", "-o", "json"])?;
        let expect = |told: &[&str]| {
            eventually(&format!("{told:?} to be told"), || Ok((notifier.told()? == told).then_some(())))
                .with_context(|| format!("told was {:?}", notifier.told()))
        };
        expect(&["desk-two WaitingForPermission"])?;
        say(stage, "desk-one", "done")?;
        until_state(stage, "desk-one", "WaitingForInput")?;
        let first_two = ["desk-two WaitingForPermission", "desk-one WaitingForInput"];
        expect(&first_two)?;
        let mut terminal = Terminal::start(stage, &["attach", "--waiting"])?;
        terminal.wait_until("the longest to be attached to", |screen| screen.contains("this is desk-two"))?;
        terminal.detach()?;

        kill(stage.controller()?)?;
        stage.controller()?;
        say(stage, "desk-two", "working")?;
        until_state(stage, "desk-two", "Working")?;
        expect(&[&first_two[..], &["desk-two Working"]].concat())?;
        let mut terminal = Terminal::start(stage, &["attach", "--waiting"])?;
        terminal.wait_until("the other to be attached to", |screen| screen.contains("this is desk-one"))?;
        terminal.detach()
    })
}

#[test]
fn somebody_who_waits_for_one_that_waits_is_attached_as_soon_as_it_does() -> Result<()> {
    play(|stage| {
        stage.apply(MANIFEST)?;
        let mut terminal = Terminal::start(stage, &["attach", "--waiting", "--wait"])?;
        say(stage, "desk-one", "blocked:kind=auth")?;
        terminal.wait_until("it to be attached to", |screen| screen.contains("this is desk-one"))?;
        terminal.detach()
    })
}

#[test]
fn a_change_is_handed_to_a_command_and_to_a_webhook_that_refuses_at_first() -> Result<()> {
    play(|stage| {
        stage.apply(MANIFEST)?;
        say(stage, "desk-one", "done")?;
        until_state(stage, "desk-one", "WaitingForInput")?;
        let told = stage.jackin(&["notify", "--once", "--", "sh", "-c", "echo $JACKIN_INSTANCE $JACKIN_STATE; cat"])?;
        let (line, json) = told.split_once('\n').context("two lines")?;
        assert_eq!(line, "desk-one WaitingForInput");
        let change: Value = serde_json::from_str(json)?;
        assert_eq!((&change["agent"], &change["evidence"]), (&"parrot".into(), &"status done".into()));

        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = format!("http://{}/hook", listener.local_addr()?);
        let arguments = ["notify", "--once", "--webhook", &address];
        let mut notify = stage.command(&arguments).stdout(Stdio::null()).spawn()?;
        let refused = answer(&listener, "503 Service Unavailable")?;
        let posted = answer(&listener, "204 No Content")?;
        assert_eq!(refused, posted, "it is tried again as it was");
        assert_eq!(serde_json::from_str::<Value>(&posted)?, change);
        ensure!(notify.wait()?.success(), "it ended badly");
        let refused = stage.run(&["notify", "--webhook", "ftp://x"])?;
        assert_eq!(refused.code, 2);
        Ok(())
    })
}

/// Answers one request; its content.
fn answer(listener: &TcpListener, status: &str) -> Result<String> {
    let (stream, _): (TcpStream, _) = listener.accept()?;
    let Request { content, .. } = Request::read(&stream)?;
    write!(&stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")?;
    Ok(String::from_utf8(content)?)
}
