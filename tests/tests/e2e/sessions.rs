//! A live session is never ended by a repair.

use anyhow::{Context, Result, ensure};

use crate::stage::{MAIN, Stage, Terminal, desk, play};

fn with_mount(stage: &Stage, folder: &str) -> Result<String> {
    stage.write(&format!("{folder}/which"), folder)?;
    Ok(desk(&[&format!("mounts: [{{source: ./{folder}, target: /work}}]"), MAIN]))
}

fn end_the_command(stage: &Stage) -> Result<()> {
    stage.jackin(&["exec", "desk-main", "--", "killall", "sleep"]).map(drop)
}

#[test]
fn a_repair_that_would_end_a_live_session_waits_and_says_which_field_differs() -> Result<()> {
    play(|stage| {
        stage.apply(&with_mount(stage, "first")?)?;
        let before = stage.container("desk-main")?;
        stage.leave_at_work("desk-main")?;

        stage.submit(&with_mount(stage, "second")?)?;
        let pending = stage.until_condition("instance", "desk-main", "RepairPending", "True")?;
        let message = pending["message"].as_str().unwrap_or_default();
        ensure!(message.contains("mounts["), "the condition does not name the field: {pending}");
        let instance = stage.object("instance", "desk-main")?;
        let field = &instance["status"]["pendingRepair"]["reasons"][0]["field"];
        ensure!(field.as_str().context("a field")?.starts_with("mounts["), "{}", instance["status"]);
        assert_eq!(instance["status"]["pendingRepair"]["plan"], "CreateFromValidImage");
        let held = stage.container("desk-main")?;
        assert_eq!((held.id, held.pid), (before.id.clone(), before.pid));
        let described = stage.jackin(&["describe", "instance", "desk-main"])?;
        ensure!(described.contains("~ mounts["), "describe does not tell: {described}");

        end_the_command(stage)?;
        stage.until_container("desk-main", "replaced", |found| found.id != before.id && found.state == "running")?;
        stage.until_condition("instance", "desk-main", "RepairPending", "False")?;
        let said = stage.jackin(&["exec", "desk-main", "--", "cat", "/work/which"])?;
        assert_eq!(said, "second");
        Ok(())
    })
}

#[test]
fn an_explicit_restart_is_the_consent_that_a_held_repair_waits_for() -> Result<()> {
    play(|stage| {
        stage.apply(&with_mount(stage, "first")?)?;
        let before = stage.container("desk-main")?;
        stage.leave_at_work("desk-main")?;
        stage.submit(&with_mount(stage, "second")?)?;
        stage.until_condition("instance", "desk-main", "RepairPending", "True")?;
        stage.jackin(&["restart", "desk-main"])?;
        let said = stage.jackin(&["exec", "desk-main", "--", "cat", "/work/which"])?;
        assert_eq!(said, "second");
        assert_ne!(stage.container("desk-main")?.id, before.id);
        Ok(())
    })
}

#[test]
fn an_edit_that_was_taken_back_leaves_no_repair_behind() -> Result<()> {
    play(|stage| {
        let first = with_mount(stage, "first")?;
        stage.apply(&first)?;
        let before = stage.container("desk-main")?;
        stage.leave_at_work("desk-main")?;
        stage.submit(&with_mount(stage, "second")?)?;
        stage.until_condition("instance", "desk-main", "RepairPending", "True")?;
        stage.apply(&first)?;
        stage.until_condition("instance", "desk-main", "RepairPending", "False")?;
        assert_eq!(stage.container("desk-main")?.pid, before.pid);
        end_the_command(stage)
    })
}

#[test]
fn a_repair_waits_for_whoever_is_attached_and_runs_when_they_leave() -> Result<()> {
    play(|stage| {
        stage.apply(&with_mount(stage, "first")?)?;
        let before = stage.container("desk-main")?;
        let mut terminal = Terminal::start(stage, &["attach", "desk-main"])?;
        terminal.wait_until("the prompt to show", |screen| !screen.trim().is_empty())?;
        stage.submit(&with_mount(stage, "second")?)?;
        stage.until_condition("instance", "desk-main", "RepairPending", "True")?;
        assert_eq!(stage.container("desk-main")?.pid, before.pid);
        terminal.detach()?;
        stage.until_container("desk-main", "replaced", |found| found.id != before.id && found.state == "running")?;
        Ok(())
    })
}

#[test]
fn a_policy_of_always_does_not_wait_for_sessions() -> Result<()> {
    play(|stage| {
        let folder = |name: &str| -> Result<String> {
            stage.write(&format!("{name}/which"), name)?;
            let mount = format!("mounts: [{{source: ./{name}, target: /work}}]");
            Ok(desk(&[&mount, "disruption: {policy: always}", MAIN]))
        };
        let (first, second) = (folder("first")?, folder("second")?);
        stage.apply(&first)?;
        let before = stage.container("desk-main")?;
        stage.leave_at_work("desk-main")?;
        stage.apply(&second)?;
        assert_ne!(stage.container("desk-main")?.id, before.id);
        Ok(())
    })
}
