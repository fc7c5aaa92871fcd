//! C09: a container that ends again and again is not started for ever, and how it ended is told, also after the controller restarted.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::stage::{Found, MAIN, Stage, desk, docker, eventually, play};

/// Ends the container whenever it runs, until this reason is told of it; the condition, and how often the container was started.
fn end_until(stage: &Stage, reason: &str, end: impl Fn(&Found)) -> Result<(Value, usize)> {
    let mut starts = BTreeSet::new();
    let said = eventually(reason, || {
        let found = stage.container("desk-main")?;
        if found.state == "running" {
            end(&found);
            // The engine says for a moment longer that it runs.
            starts.insert(found.started_at);
        }
        let ready = stage.condition("instance", "desk-main", "Ready")?;
        Ok((ready["reason"] == reason).then_some(ready))
    })?;
    Ok((said, starts.len()))
}

/// How it ended last, as the status has it; the same after the controller was restarted.
fn last_exit_is_kept(stage: &Stage, reason: &str) -> Result<Value> {
    let last_exit =
        || Ok::<_, anyhow::Error>(stage.object("instance", "desk-main")?["status"]["retry"]["lastExit"].clone());
    let before = last_exit()?;
    stage.stop_controller()?;
    stage.controller()?;
    assert_eq!(stage.until_condition("instance", "desk-main", "Stalled", "True")?["reason"], reason);
    assert_eq!(last_exit()?, before);
    Ok(before)
}

#[test]
fn a_container_that_is_killed_again_and_again_is_a_crash_loop_until_a_restart_is_asked_for() -> Result<()> {
    play(|stage| {
        stage.apply(&desk(&[MAIN]))?;
        let before = stage.container("desk-main")?;
        let (said, starts) = end_until(stage, "CrashLoop", |found| {
            // It may have ended by itself meanwhile: what counts is that it does not stay up.
            let _ = docker(&["kill", &found.id]);
        })?;
        // The end of one that was personalised meanwhile is seen, and counted, by the pass that starts it again.
        ensure!((3..=5).contains(&starts), "it was started {starts} times");
        let message = said["message"].as_str().context("a message")?;
        for part in
            ["it ended with 137", "killed", "its last lines:", "next try at", "`jackin logs`", "`jackin restart`"]
        {
            ensure!(message.contains(part), "`{part}` is not told: {message}");
        }
        let exit = last_exit_is_kept(stage, "CrashLoop")?;
        assert_eq!(exit["code"], 137, "{exit}");
        ensure!(
            exit["output"].as_str().is_some_and(|output| !output.is_empty() && message.ends_with(output)),
            "{exit}"
        );
        assert_eq!(stage.container("desk-main")?.id, before.id);
        stage.jackin(&["restart", "desk-main"])?;
        stage.until_condition("instance", "desk-main", "Ready", "True")?;
        Ok(())
    })
}

#[test]
fn a_container_that_the_kernel_ends_for_its_memory_is_told_apart_from_one_that_crashes() -> Result<()> {
    play(|stage| {
        stage.apply(&desk(&["resources: {memory: 32Mi}", MAIN]))?;
        let (said, _) = end_until(stage, "OutOfMemory", |found| {
            // Of the container's programs, the kernel is to take the first, with which all end.
            let eat = "echo 1000 >/proc/1/oom_score_adj; x=xxxxxxxx; while true; do x=$x$x; done";
            let _ = docker(&["exec", &found.id, "sh", "-c", eat]);
        })?;
        let message = said["message"].as_str().context("a message")?;
        for part in ["it ended with 137", "out of memory", "`resources.memory`", "next try at"] {
            ensure!(message.contains(part), "`{part}` is not told: {message}");
        }
        let exit = last_exit_is_kept(stage, "OutOfMemory")?;
        assert_eq!(exit["outOfMemory"], true, "{exit}");
        Ok(())
    })
}
