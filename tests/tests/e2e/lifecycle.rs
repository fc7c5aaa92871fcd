//! Stop, start, restart, and how many there are.

mod idle;

use anyhow::{Result, ensure};

use crate::stage::{EngineLog, MAIN, Stage, desk, desk_of, docker, eventually, inline_role, play};

fn counted(count: u32) -> String {
    desk(&[&format!("instances: [{{name: main, role: tiny, agent: shell, count: {count}}}]")])
}

fn phase(stage: &Stage, instance: &str) -> Result<serde_json::Value> {
    Ok(stage.object("instance", instance)?["status"]["phase"].clone())
}

#[test]
fn a_stopped_instance_keeps_its_container_and_starts_again() -> Result<()> {
    play(|stage| {
        let manifest = desk(&[MAIN]);
        stage.apply(&manifest)?;
        let before = stage.container("desk-main")?;
        let mut log = EngineLog::follow(stage)?;
        stage.jackin(&["stop", "desk-main"])?;
        let stopped = stage.container("desk-main")?;
        assert_eq!((&stopped.id, stopped.state.as_str()), (&before.id, "exited"));
        assert_eq!(phase(stage, "desk-main")?, "Stopped");

        stage.submit(&manifest)?;
        stage.stop_controller()?;
        stage.jackin(&["controller", "start"])?;
        assert_eq!(phase(stage, "desk-main")?, "Stopped");
        assert_eq!(stage.container("desk-main")?.state, "exited", "an apply started what was stopped on purpose");

        stage.jackin(&["start", "desk-main"])?;
        let started = stage.container("desk-main")?;
        assert_eq!((&started.id, started.state.as_str()), (&before.id, "running"));
        assert_eq!(stage.object("instance", "desk-main")?["status"]["plan"], "StartStopped");
        let writes = log.writes()?;
        ensure!(!writes.iter().any(|write| write.contains(" create ")), "{writes:?}");
        Ok(())
    })
}

#[test]
fn a_restart_starts_the_same_container_and_a_recreating_one_makes_another() -> Result<()> {
    play(|stage| {
        stage.apply(&desk(&[MAIN]))?;
        let first = stage.container("desk-main")?;
        stage.jackin(&["restart", "desk-main"])?;
        let second = stage.container("desk-main")?;
        assert_eq!(second.id, first.id);
        assert_ne!(second.started_at, first.started_at);
        let mut log = EngineLog::follow(stage)?;
        stage.jackin(&["restart", "desk-main", "--recreate"])?;
        let third = stage.container("desk-main")?;
        assert_ne!(third.id, second.id);
        assert_eq!((third.name, third.state.as_str()), (second.name, "running"));
        let writes = log.writes()?;
        assert_eq!(writes.iter().filter(|write| write.starts_with("container create")).count(), 1, "{writes:?}");
        Ok(())
    })
}

#[test]
fn a_count_grows_beside_what_runs_and_shrinks_again() -> Result<()> {
    play(|stage| {
        stage.apply(&counted(1))?;
        let first = stage.container("desk-main-0")?;
        stage.apply(&counted(3))?;
        assert_eq!(stage.ours("container")?, ["default.desk-main-0", "default.desk-main-1", "default.desk-main-2"]);
        stage.apply(&counted(1))?;
        stage.jackin(&["wait", "instance", "desk-main-1", "desk-main-2", "--for=delete", "--timeout", "60s"])?;
        assert_eq!(stage.ours("container")?, ["default.desk-main-0"]);
        let after = stage.container("desk-main-0")?;
        assert_eq!((after.id, after.pid), (first.id, first.pid));
        Ok(())
    })
}

#[test]
fn going_from_a_plain_instance_to_a_count_keeps_the_running_one_as_index_zero_and_back() -> Result<()> {
    play(|stage| {
        stage.apply(&desk(&[MAIN]))?;
        let plain = stage.container("desk-main")?;
        let names = |stage: &Stage| -> Result<Vec<String>> {
            Ok(stage.jackin(&["get", "instances", "-o", "name"])?.lines().map(|line| line.to_owned()).collect())
        };
        let serves = |stage: &Stage, name: &str| -> Result<bool> {
            Ok(stage.object("instance", name)?["status"]["container"]["id"] == plain.id.as_str())
        };
        stage.apply(&counted(1))?;
        assert_eq!(names(stage)?, ["instance.jackin.dev/desk-main-0"]);
        ensure!(serves(stage, "desk-main-0")?, "the container is another one");
        stage.apply(&counted(2))?;
        assert_eq!(names(stage)?, ["instance.jackin.dev/desk-main-0", "instance.jackin.dev/desk-main-1"]);
        ensure!(serves(stage, "desk-main-0")?, "the container is another one");
        assert_eq!(stage.run(&["exec", "desk-main-0", "--", "true"])?.code, 0);
        let started = docker(&["inspect", "--format", "{{.State.StartedAt}}", &plain.id])?;
        assert_eq!(started, plain.started_at);

        // What happens to the container under its old name wakes the instance under its new one.
        docker(&["kill", &plain.id])?;
        eventually("the killed container to be started again", || {
            let started = docker(&["inspect", "--format", "{{.State.Running}} {{.State.StartedAt}}", &plain.id])?;
            Ok((started.starts_with("true") && !started.ends_with(&plain.started_at)).then_some(()))
        })?;

        stage.apply(&desk(&[MAIN]))?;
        eventually("the second one to go", || Ok((names(stage)? == ["instance.jackin.dev/desk-main"]).then_some(())))?;
        ensure!(serves(stage, "desk-main")?, "the container is another one");
        Ok(())
    })
}

#[test]
fn an_instance_taken_out_of_the_manifest_goes_and_the_others_stay() -> Result<()> {
    play(|stage| {
        stage.apply(&desk(&[
            "instances: [{name: main, role: tiny, agent: shell}, {name: other, role: tiny, agent: shell}]",
        ]))?;
        let before = stage.container("desk-main")?;
        stage.apply(&desk(&[MAIN]))?;
        stage.jackin(&["wait", "instance", "desk-other", "--for=delete", "--timeout", "60s"])?;
        assert_eq!(stage.ours("container")?, ["default.desk-main"]);
        assert_eq!(stage.container("desk-main")?.pid, before.pid);
        Ok(())
    })
}

#[test]
fn an_apply_that_overtakes_an_unfinished_one_wins_and_leaves_nothing_of_it() -> Result<()> {
    play(|stage| {
        let slow = desk_of(
            &inline_role(&["RUN sleep 3 && echo slow > /made"]),
            &["instances: [{name: main, role: tiny, agent: shell, count: 3}]"],
        );
        stage.submit(&slow)?;
        stage.until_condition("image", "tiny", "Reconciling", "True")?;
        stage.apply(&desk_of(&inline_role(&["RUN echo quick > /made"]), &[MAIN]))?;
        eventually("what the first one made to be gone", || Ok((stage.ours("container")?.len() == 1).then_some(())))?;
        let listed = stage.jackin(&["get", "instances", "-o", "name"])?;
        let name = listed.trim().rsplit('/').next().unwrap_or_default().to_owned();
        let made = stage.jackin(&["exec", &name, "--", "cat", "/made"])?;
        assert_eq!(made, "quick\n");
        Ok(())
    })
}
