//! The engine itself ends and comes back: with it end the containers, and with them their sessions.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::stage::{Dockerd, MAIN, Stage, Terminal, desk, eventually, kill, play};

/// How many seconds the engine is away in the middle of an apply; this variable makes it longer.
const AWAY: (&str, u64) = ("JACKIN_E2E_ENGINE_AWAY", 10);

/// The size of a small disk, in megabytes: enough for a few containers of the tests' image.
const DISK: u32 = 200;

const INSTANCES: [&str; 3] = ["desk-one", "desk-three", "desk-two"];

fn ready(stage: &Stage, instance: &str) -> Result<String> {
    Ok(stage.condition("instance", instance, "Ready")?["status"].as_str().unwrap_or_default().to_owned())
}

/// What is told of the last launch: its id, its plan and the last of its steps.
fn last_launch(stage: &Stage) -> Result<(Value, Value, Value)> {
    let launch = stage.object("instance", "desk-main")?["status"]["lastLaunch"].clone();
    let last = launch["steps"].as_array().and_then(|steps| steps.last()).map(|step| step["step"].clone());
    Ok((launch["id"].clone(), launch["plan"].clone(), last.unwrap_or_default()))
}

#[expect(clippy::print_stderr, reason = "what a run by hand is for")]
fn tell(measured: &str) {
    eprintln!("{measured}");
}

/// C25.
#[test]
fn after_a_restart_of_the_engine_the_same_container_is_started_and_the_session_that_died_is_told() -> Result<()> {
    play(|stage| {
        let mut engine = Dockerd::of(stage)?;
        stage.apply(&desk(&[MAIN]))?;
        stage.settle("desk-main")?;
        let before = engine.containers()?;
        let (died, ..) = last_launch(stage)?;
        engine.stop()?;
        stage.until_condition("instance", "desk-main", "Ready", "Unknown")?;
        for _ in 0..20 {
            assert_eq!(ready(stage, "desk-main")?, "Unknown");
        }
        engine.start()?;
        stage.until_condition("instance", "desk-main", "Ready", "True")?;
        stage.settle("desk-main")?;
        assert_eq!(engine.containers()?, before);
        assert_eq!(engine.done(&["create", "start", "destroy"])?, [0, 1, 0]);
        let (lives, plan, last) = last_launch(stage)?;
        ensure!(lives != died, "the launch is told to be the one whose session died: {lives}");
        assert_eq!((plan, last), ("StartStopped".into(), "SpawnSession main".into()));
        let events = stage.jackin(&["get", "events"])?;
        ensure!(events.contains("not AttachExisting: it exited with "), "the end is not told: {events}");
        stage.until_condition("workspace", "desk", "Ready", "True")?;
        Ok(())
    })
}

/// C25: repairs are held back meanwhile, so that `jackin diff` can say what the restart will cost.
#[test]
fn after_a_restart_of_the_engine_diff_announces_a_start_and_nothing_else_is_done() -> Result<()> {
    play(|stage| {
        let mut engine = Dockerd::of(stage)?;
        let (manifest, held) = (desk(&[MAIN]), desk(&["suspend: true", MAIN]));
        stage.apply(&manifest)?;
        stage.settle("desk-main")?;
        stage.meddle_while_held(&held, || engine.stop().and_then(|()| engine.start()))?;
        stage.change(&manifest, &["container start default.desk-main"])
    })
}

/// The space is taken by a file on a volume that is not ours.
#[test]
fn an_engine_whose_disk_is_full_is_told_so_keeps_what_runs_and_goes_on_when_there_is_space() -> Result<()> {
    play(|stage| {
        let engine = Dockerd::with_disk(stage, DISK)?;
        stage.apply(&desk(&[MAIN]))?;
        stage.settle("desk-main")?;
        let before = engine.containers()?;
        // Each writes until there is no space, the second what the first had no whole block for.
        let fill = "dd if=/dev/zero of=/fill/file bs=65536; dd if=/dev/zero of=/fill/rest bs=512; true";
        engine.docker(&["run", "--rm", "-v", "fill:/fill", "jackin-tiny:1", "sh", "-c", fill])?;
        let two = desk(&["instances: [{name: main, role: tiny, agent: shell}, {name: two, role: tiny, agent: shell}]"]);
        stage.submit(&two)?;
        let said = eventually("the full disk to be told", || {
            let ready = stage.condition("instance", "desk-two", "Ready")?;
            Ok((ready["reason"] == "EngineNoSpace").then_some(ready))
        })?;
        ensure!(said["message"].as_str().is_some_and(|text| text.contains("next try at ")), "{said}");
        ensure!(engine.containers()?.contains(&before[0]), "what ran is gone");
        engine.docker(&["volume", "rm", "fill"])?;
        stage.until_condition("instance", "desk-two", "Ready", "True")?;
        stage.rest(&two)?;
        let after = engine.containers()?;
        ensure!(after.len() == 2 && after.contains(&before[0]), "what ran is another one: {after:?}");
        Ok(())
    })
}

#[test]
fn an_engine_that_is_gone_in_the_middle_of_an_apply_comes_back_to_one_container_for_each_instance() -> Result<()> {
    play(|stage| {
        let mut engine = Dockerd::of(stage)?;
        let listed =
            ["one", "two", "three"].map(|name| format!("{{name: {name}, role: tiny, agent: shell}}")).join(", ");
        stage.submit(&desk(&[&format!("instances: [{listed}]")]))?;
        eventually("the first container to be made", || Ok((!engine.containers()?.is_empty()).then_some(())))?;
        engine.stop()?;
        let left = Instant::now();
        let away = std::env::var(AWAY.0).map_or(Ok(AWAY.1), |text| text.parse()).map(Duration::from_secs)?;
        for instance in INSTANCES {
            stage.until_condition("instance", instance, "Ready", "Unknown")?;
        }
        // From when an instance is told to be unknown, nothing is claimed of it any more.
        let mut samples = 0;
        while left.elapsed() < away {
            for instance in INSTANCES {
                let said = ready(stage, instance)?;
                ensure!(said == "Unknown", "the engine is away, and {instance} says {said}");
                samples += 1;
            }
        }
        let back = Instant::now();
        engine.start()?;
        let gone = left.elapsed();
        for instance in INSTANCES {
            stage.until_condition("instance", instance, "Ready", "True")?;
        }
        tell(&format!("away for {gone:?}, asked {samples} times, ready {:?} after its start", back.elapsed()));
        stage.until_condition("workspace", "desk", "Ready", "True")?;
        let containers = engine.containers()?;
        let prefix = stage.prefix()?;
        let names: Vec<_> =
            containers.iter().map(|line| line.rsplit_once(' ').map_or("", |(shown, _)| shown)).collect();
        assert_eq!(names, INSTANCES.map(|instance| format!("{prefix}default.{instance} running")));
        Ok(())
    })
}

/// The process of the session's command, and when it started.
fn process(stage: &Stage) -> Result<String> {
    let script = "pid=$(pidof sleep) && cut -d' ' -f1,22 /proc/$pid/stat";
    stage.jackin(&["exec", "desk-main", "--", "sh", "-c", script])
}

#[test]
fn a_session_outlives_the_command_line_the_controller_and_an_engine_that_crash_one_after_another() -> Result<()> {
    play(|stage| {
        let mut engine = Dockerd::with_live_restore(stage)?;
        stage.apply(&desk(&[MAIN]))?;
        stage.leave_at_work("desk-main")?;
        let (containers, works) = (engine.containers()?, process(stage)?);
        let attached = |stage: &Stage| {
            let mut terminal = Terminal::start(stage, &["attach", "desk-main"])?;
            terminal.wait_until("the session's screen", |screen| screen.contains("begun"))?;
            Ok::<_, anyhow::Error>(terminal)
        };

        attached(stage)?.crash()?;
        let mut watching = attached(stage)?;
        assert_eq!(process(stage)?, works);

        kill(stage.running_controller()?.expect("a controller"))?;
        watching.type_text("typed meanwhile")?;
        watching.wait_until("what is typed", |screen| screen.contains("typed meanwhile"))?;
        attached(stage)?.detach()?;
        assert_eq!(process(stage)?, works);

        engine.crash()?;
        watching.type_text(" and again")?;
        watching.wait_until("what is typed", |screen| screen.contains("typed meanwhile and again"))?;
        engine.start()?;
        stage.until_condition("instance", "desk-main", "Ready", "True")?;
        attached(stage)?.detach()?;
        assert_eq!(process(stage)?, works);
        assert_eq!(engine.containers()?, containers);
        watching.detach()
    })
}
