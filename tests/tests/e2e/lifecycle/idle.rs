//! An instance in which nobody works is stopped, and started again by whoever comes.

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::stage::{EngineLog, MAIN, Stage, Terminal, desk, eventually, play};

fn idle_after(time: &str) -> String {
    desk(&[&format!("lifecycle: {{idleAfter: {time}}}"), MAIN])
}

/// Waits until it was stopped because nobody worked in it; its container.
fn until_stopped(stage: &Stage) -> Result<String> {
    eventually("the instance to be stopped", || {
        let status = stage.object("instance", "desk-main")?["status"].clone();
        Ok((status["phase"] == "Stopped" && status["idle"]["stopped"].is_string()).then_some(()))
    })?;
    let found = stage.container("desk-main")?;
    ensure!(found.state == "exited", "{}", found.state);
    Ok(found.id)
}

fn observed(stage: &Stage) -> Result<Option<Value>> {
    let instance = stage.object("instance", "desk-main")?;
    let seen = instance["status"]["observedGeneration"] == instance["metadata"]["generation"];
    Ok(seen.then_some(instance))
}

#[test]
fn an_instance_in_which_nobody_works_is_stopped_and_started_by_whoever_comes() -> Result<()> {
    play(|stage| {
        stage.apply(&idle_after("1h"))?;
        stage.settle("desk-main")?;
        let before = stage.container("desk-main")?;
        stage.jackin(&["exec", "desk-main", "--", "sh", "-c", "echo unsaved > ~/work"])?;
        let mut log = EngineLog::follow(stage)?;
        stage.submit(&idle_after("2s"))?;
        assert_eq!(until_stopped(stage)?, before.id);
        let ready = stage.condition("instance", "desk-main", "Ready")?;
        assert_eq!(ready["reason"], "Idle");
        let described = stage.jackin(&["describe", "instance", "desk-main"])?;
        ensure!(described.contains("no session was live since") && described.contains("jackin start"), "{described}");

        // Neither another controller, nor another apply, nor a longer time starts it.
        stage.stop_controller()?;
        stage.jackin(&["controller", "start"])?;
        stage.apply(&idle_after("1h"))?;
        let instance = eventually("the longer time to be seen", || observed(stage))?;
        assert_eq!(instance["spec"]["lifecycle"]["idleAfter"], "1h");
        assert_eq!(until_stopped(stage)?, before.id);
        let writes = log.writes()?;
        let starts = |write: &String| write.starts_with("container start") || write.starts_with("container create");
        ensure!(!writes.iter().any(starts), "{writes:?}");

        stage.jackin(&["start", "desk-main"])?;
        let started = stage.container("desk-main")?;
        assert_eq!((&started.id, started.state.as_str()), (&before.id, "running"));
        assert_eq!(stage.jackin(&["exec", "desk-main", "--", "sh", "-c", "cat ~/work"])?, "unsaved\n");

        stage.submit(&idle_after("2s"))?;
        assert_eq!(until_stopped(stage)?, before.id);
        let mut terminal = Terminal::start(stage, &["attach", "desk-main"])?;
        terminal.wait_until("the prompt to show", |screen| screen.contains('$') || screen.contains('#'))?;
        assert_eq!(stage.container("desk-main")?.state, "running");
        terminal.detach()?;
        assert_eq!(until_stopped(stage)?, before.id);
        Ok(())
    })
}
