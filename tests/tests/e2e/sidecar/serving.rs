//! What an instance has of its engine, and that the two begin and end together.

use anyhow::{Result, ensure};

use super::{desk, images, inside, role, sidecar};
use crate::stage::{EngineLog, MAIN, NOTHING, desk_of, docker, play, sorted};

#[test]
fn an_instance_runs_containers_on_the_engine_of_its_sidecar_and_its_paths_mean_the_same_there() -> Result<()> {
    play(|stage| {
        let manifest = desk_of(&role(""), &[&images(stage)?, MAIN]);
        stage.apply(&manifest)?;
        stage.settle("desk-main")?;
        let ready = stage.condition("instance", "desk-main", "SidecarReady")?;
        assert_eq!((&ready["status"], &ready["reason"]), (&"True".into(), &"SidecarAnswers".into()));
        inside(stage, &["docker", "load", "-i", "/images/tiny.tar"])?;
        let run = ["docker", "run", "--rm", "-v", "/images:/seen:ro", "jackin-tiny:1", "ls", "/seen"];
        assert_eq!(inside(stage, &run)?, "tiny.tar\n");
        // The engine is its own: nothing of the host's is on it.
        assert_eq!(inside(stage, &["docker", "ps", "-aq"])?, "");
        let mut log = EngineLog::follow(stage)?;
        let stored = stage.dump()?;
        stage.apply(&manifest)?;
        assert_eq!(stage.dump()?, stored, "something was written to the store");
        assert_eq!(log.operations()?, NOTHING, "something was done to the engine");
        Ok(())
    })
}

#[test]
fn an_instance_is_stopped_and_started_with_its_sidecar() -> Result<()> {
    play(|stage| {
        stage.apply(&desk(""))?;
        let mut log = EngineLog::follow(stage)?;
        stage.jackin(&["stop", "desk-main"])?;
        let state = |name: &str| docker(&["inspect", "--format", "{{.State.Status}}", name]);
        assert_eq!(state(&sidecar(stage)?)?, "exited");
        stage.jackin(&["start", "desk-main"])?;
        inside(stage, &["docker", "version"])?;
        let both = ["default.desk-main", "default.desk-main.sidecar"];
        let stopped = both.map(|name| format!("container stop {name}"));
        let started = [both[1], both[0]].map(|name| format!("container start {name}"));
        let done = log.operations()?;
        assert_eq!(sorted(&done[..2]), stopped);
        assert_eq!(done[2..], started, "the instance did not wait for its sidecar");

        let before = stage.ours("volume")?;
        stage.jackin(&["delete", "workspace", "desk"])?;
        assert_eq!(stage.ours("container")?, Vec::<String>::new());
        assert_eq!(stage.ours("volume")?, before, "a volume with data is gone");
        Ok(())
    })
}

#[test]
fn without_the_image_of_the_sidecar_the_instance_says_how_to_get_it() -> Result<()> {
    play(|stage| {
        let ran = stage.try_apply(&desk(", image: \"jackin-e2e-nowhere:1\""), &["--wait", "--timeout", "60s"])?;
        assert_eq!(ran.code, 1, "{}", ran.said());
        let condition = stage.until_condition("instance", "desk-main", "SidecarReady", "False")?;
        assert_eq!(condition["reason"], "SidecarImageMissing");
        ensure!(condition["message"].as_str().is_some_and(|said| said.contains("make dind")), "{condition}");
        assert_eq!(stage.ours("container")?, Vec::<String>::new());
        Ok(())
    })
}
