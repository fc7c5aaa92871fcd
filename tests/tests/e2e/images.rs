//! Derived images: rebuilt when an input changes, which is named, and only then.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::stage::{EngineLog, MAIN, Stage, Terminal, desk_of, eventually, inline_role, play};

const ROLE: &str = "apiVersion: jackin.dev/v1alpha1\nkind: Role\nmetadata: {name: tiny}\nspec: {source: {path: ./role}, agents: [shell]}\n";

fn dockerfile(stage: &Stage, text: &str) -> Result<()> {
    stage.write("role/Dockerfile", text).map(drop)
}

fn reasons(stage: &Stage) -> Result<String> {
    Ok(stage.object("image", "tiny")?["status"]["reasons"].to_string())
}

#[test]
fn an_edited_dockerfile_is_built_and_the_changed_input_is_named() -> Result<()> {
    play(|stage| {
        let manifest = desk_of(ROLE, &[MAIN]);
        dockerfile(stage, "FROM jackin-tiny:1\nRUN echo one > /made\n")?;
        stage.apply(&manifest)?;
        let before = stage.container("desk-main")?;

        dockerfile(stage, "FROM jackin-tiny:1\nRUN echo two > /made\n")?;
        let printed = stage.apply(&manifest)?;
        ensure!(printed.contains("role.jackin.dev/tiny configured"), "it printed: {printed}");
        let after = stage.container("desk-main")?;
        assert_ne!((&after.id, &after.image), (&before.id, &before.image));
        assert_eq!(stage.jackin(&["exec", "desk-main", "--", "cat", "/made"])?, "two\n");
        let events = stage.jackin(&["events"])?;
        let reasons = reasons(stage)?;
        ensure!(
            reasons.to_lowercase().contains("dockerfile") || events.to_lowercase().contains("dockerfile"),
            "nothing names the changed input: {reasons}\n{events}"
        );
        ensure!(reasons.to_lowercase().contains("dockerfile"), "the Image does not name the changed input: {reasons}");
        Ok(())
    })
}

#[test]
fn a_copied_file_is_an_input_and_an_ignored_one_is_not() -> Result<()> {
    play(|stage| {
        let manifest = desk_of(ROLE, &[MAIN]);
        dockerfile(stage, "FROM jackin-tiny:1\nCOPY . /copied\n")?;
        stage.write("role/.dockerignore", "ignored\n")?;
        stage.write("role/tool.sh", "one")?;
        stage.write("role/ignored", "one")?;
        stage.apply(&manifest)?;
        let before = stage.container("desk-main")?;

        let mut log = EngineLog::follow(stage)?;
        stage.write("role/ignored", "two")?;
        stage.apply(&manifest)?;
        assert_eq!(stage.container("desk-main")?.id, before.id);
        assert_eq!(log.writes()?, Vec::<String>::new());

        stage.write("role/tool.sh", "two")?;
        stage.apply(&manifest)?;
        assert_eq!(stage.jackin(&["exec", "desk-main", "--", "cat", "/copied/tool.sh"])?, "two");
        let reasons = reasons(stage)?;
        ensure!(reasons.contains("tool.sh"), "the Image does not name the changed file: {reasons}");
        Ok(())
    })
}

#[test]
fn a_rebuilt_image_waits_for_the_live_session() -> Result<()> {
    play(|stage| {
        stage.apply(&desk_of(&inline_role(&["RUN echo one > /made"]), &[MAIN]))?;
        let before = stage.container("desk-main")?;
        let mut terminal = Terminal::start(stage, &["attach", "desk-main"])?;
        terminal.wait_until("the prompt to show", |screen| !screen.trim().is_empty())?;

        stage.submit(&desk_of(&inline_role(&["RUN echo two > /made"]), &[MAIN]))?;
        let pending = stage.until_condition("instance", "desk-main", "RepairPending", "True")?;
        let message = pending["message"].as_str().unwrap_or_default();
        ensure!(message.contains("image"), "the condition does not name the field: {pending}");
        assert_eq!(stage.container("desk-main")?.pid, before.pid);
        terminal.detach()?;
        stage.until_container("desk-main", "replaced", |found| found.id != before.id && found.state == "running")?;
        stage.until_condition("instance", "desk-main", "Ready", "True")?;
        assert_eq!(stage.jackin(&["exec", "desk-main", "--", "cat", "/made"])?, "two\n");
        Ok(())
    })
}

#[test]
fn an_image_is_built_once_however_many_instances_want_it() -> Result<()> {
    play(|stage| {
        stage.controller()?;
        let mut log = EngineLog::follow(stage)?;
        let many = "instances: [{name: a, role: tiny, agent: shell, count: 3}, {name: b, role: tiny, agent: shell}]";
        stage.apply(&desk_of(&inline_role(&["RUN echo made > /made"]), &[many]))?;
        let writes = log.writes()?;
        let tags = writes.iter().filter(|write| write.starts_with("image tag") && write.contains("default/tiny"));
        assert_eq!(tags.count(), 1, "{writes:?}");
        let names = ["default.desk-a-0", "default.desk-a-1", "default.desk-a-2", "default.desk-b"];
        assert_eq!(stage.ours("container")?, names);
        Ok(())
    })
}

#[test]
fn a_failed_build_keeps_the_previous_instance_running_and_tells_the_instruction() -> Result<()> {
    play(|stage| {
        stage.apply(&desk_of(&inline_role(&["RUN echo one > /made"]), &[MAIN]))?;
        let before = stage.container("desk-main")?;
        let broken = desk_of(&inline_role(&["RUN echo nearly there && echo but no >&2 && false"]), &[MAIN]);
        let ran = stage.try_apply(&broken, &["--wait", "--timeout", "60s"])?;
        assert_eq!(ran.code, 1, "{}", ran.said());
        ensure!(ran.stderr.contains("nearly there"), "the last lines are not told: {}", ran.stderr);

        let stalled = stage.until_condition("image", "tiny", "Stalled", "True")?;
        assert_eq!(stalled["reason"], "BuildFailed");
        let message = stalled["message"].as_str().context("a message")?;
        ensure!(message.contains("RUN echo nearly there"), "the instruction is not told: {message}");
        ensure!(message.contains("but no"), "the last lines are not told: {message}");
        let after = stage.container("desk-main")?;
        assert_eq!((after.id, after.pid), (before.id, before.pid));
        // While the next try is at work there is nothing to be told of its time.
        eventually("the next try to be told", || {
            let held = &stage.diff(&broken)?.told["images"][0]["held"];
            let message = held["message"].as_str().unwrap_or_default();
            Ok((held["reason"] == "BuildFailed" && message.contains("next try at")).then_some(()))
        })?;

        stage.apply(&desk_of(&inline_role(&["RUN echo three > /made"]), &[MAIN]))?;
        assert_eq!(stage.condition("image", "tiny", "Stalled")?, Value::Null);
        assert_eq!(stage.jackin(&["exec", "desk-main", "--", "cat", "/made"])?, "three\n");
        Ok(())
    })
}

#[test]
fn a_rebuild_on_request_runs_though_nothing_changed_and_who_runs_keeps_its_image_until_a_restart() -> Result<()> {
    play(|stage| {
        stage.apply(&desk_of(&inline_role(&["RUN echo made > /made"]), &[MAIN]))?;
        stage.settle("desk-main")?;
        let before = stage.container("desk-main")?;
        let mut log = EngineLog::follow(stage)?;
        let ran = stage.run(&["restart", "desk-main", "--rebuild"])?;
        assert_eq!((ran.code, ran.stdout.as_str()), (0, "instance.jackin.dev/desk-main unchanged\n"), "{}", ran.stderr);
        ensure!(ran.stderr.contains("`jackin restart desk-main`"), "the next command is not told: {}", ran.stderr);
        let writes = log.writes()?;
        ensure!(writes.iter().any(|write| write.starts_with("image tag")), "nothing was built: {writes:?}");
        let after = stage.container("desk-main")?;
        assert_eq!((&after.id, after.pid), (&before.id, before.pid));
        let pending = stage.until_condition("instance", "desk-main", "RepairPending", "True")?;
        assert_eq!(pending["reason"], "RestartNeeded");
        stage.jackin(&["restart", "desk-main"])?;
        let after = stage.container("desk-main")?;
        assert_ne!((&after.id, &after.image), (&before.id, &before.image));
        assert_eq!((after.name, after.state.as_str()), (before.name, "running"));
        Ok(())
    })
}

#[test]
fn a_rebuild_leaves_who_is_stopped_stopped_and_its_next_start_takes_the_image() -> Result<()> {
    play(|stage| {
        stage.apply(&desk_of(&inline_role(&["RUN echo made > /made"]), &[MAIN]))?;
        let before = stage.container("desk-main")?;
        stage.jackin(&["stop", "desk-main"])?;
        stage.jackin(&["restart", "desk-main", "--rebuild"])?;
        let stopped = stage.container("desk-main")?;
        assert_eq!((&stopped.id, stopped.state.as_str()), (&before.id, "exited"));
        stage.jackin(&["start", "desk-main"])?;
        assert_ne!(stage.container("desk-main")?.image, before.image);

        stage.jackin(&["stop", "desk-main"])?;
        let made = stage.container("desk-main")?.id;
        stage.jackin(&["restart", "desk-main"])?;
        let after = stage.container("desk-main")?;
        assert_eq!((after.id, after.state.as_str()), (made, "running"), "a restart starts who is stopped");
        Ok(())
    })
}
