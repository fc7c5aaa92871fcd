//! The controller killed at any moment, and its store lost: the next command converges.

use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::stage::{MAIN, Stage, desk, desk_of, eventually, inline_role, kill, play};

/// Moments of the kill, in milliseconds after the apply began: within the writes, the build, the creation and the start.
const MOMENTS: [u64; 12] = [5, 20, 45, 80, 120, 180, 250, 350, 480, 620, 800, 1100];

/// Applies in the background, and kills the controller while that goes on.
fn kill_during_apply(stage: &Stage, manifest: &str, moment: Duration) -> Result<()> {
    let path = stage.write("manifest.yaml", manifest)?;
    let path = path.to_str().context("a path in UTF-8")?;
    let pid = stage.controller()?;
    let mut apply: Child = stage
        .command(&["apply", "-f", path, "--wait", "--timeout", "5s"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    // The moment is what the rule is about; nothing is waited for.
    std::thread::sleep(moment);
    kill(pid)?;
    eventually("the apply to end", || Ok(apply.try_wait()?)).map(drop)
}

/// Exactly what the manifest wants is there, each running, and nothing else of ours.
fn exactly(stage: &Stage, instances: &[&str]) -> Result<()> {
    let wanted: Vec<_> = instances.iter().map(|name| format!("default.{name}")).collect();
    assert_eq!(stage.ours("container")?, wanted);
    for instance in instances {
        assert_eq!(stage.container(instance)?.state, "running");
    }
    assert_eq!(stage.ours("network")?, ["default.desk"]);
    let volumes = stage.ours("volume")?;
    ensure!(volumes.len() == 1 && volumes[0].starts_with("capsule."), "volumes left behind: {volumes:?}");
    let images = stage.our_images()?;
    let nameless: Vec<_> = images.iter().filter(|image| image.ends_with("<none>")).collect();
    ensure!(nameless.is_empty(), "images left behind: {images:?}");
    Ok(())
}

#[test]
fn a_controller_killed_at_any_moment_leaves_nothing_that_the_next_command_does_not_finish() -> Result<()> {
    play(|stage| {
        stage.write("first/which", "first")?;
        stage.write("second/which", "second")?;
        for (round, moment) in MOMENTS.into_iter().enumerate() {
            let folder = ["first", "second"][round % 2];
            let mount = format!("mounts: [{{source: ./{folder}, target: /work}}]");
            // Every third round makes a new image, every other one only another container.
            let role = inline_role(&[&format!("RUN echo {} > /made", round / 3)]);
            let manifest = desk_of(&role, &[&mount, "instances: [{name: main, role: tiny, agent: shell, count: 2}]"]);
            kill_during_apply(stage, &manifest, Duration::from_millis(moment))
                .with_context(|| format!("killed after {moment} ms"))?;
            stage.apply(&manifest).with_context(|| format!("killed after {moment} ms"))?;
            exactly(stage, &["desk-main-0", "desk-main-1"]).with_context(|| format!("killed after {moment} ms"))?;
            for instance in ["desk-main-0", "desk-main-1"] {
                let seen = stage.jackin(&["exec", instance, "--", "cat", "/work/which", "/made"])?;
                assert_eq!(seen, format!("{folder}{}\n", round / 3), "killed after {moment} ms");
            }
        }
        Ok(())
    })
}

#[test]
fn a_controller_killed_during_a_delete_finishes_it_when_it_is_back() -> Result<()> {
    play(|stage| {
        for moment in [5, 30, 90, 200] {
            stage.apply(&desk(&["instances: [{name: main, role: tiny, agent: shell, count: 2}]"]))?;
            let pid = stage.controller()?;
            let mut delete =
                stage.command(&["delete", "workspace", "desk"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
            std::thread::sleep(Duration::from_millis(moment));
            kill(pid)?;
            eventually("the delete to end", || Ok(delete.try_wait()?))?;
            stage.jackin(&["delete", "workspace", "desk", "--ignore-not-found"])?;
            assert_eq!(stage.ours("container")?, Vec::<String>::new());
            assert_eq!(stage.ours("network")?, Vec::<String>::new());
        }
        Ok(())
    })
}

#[test]
fn running_containers_are_recognised_when_the_store_is_lost() -> Result<()> {
    play(|stage| {
        let manifest = desk_of(
            &inline_role(&["RUN echo made > /made"]),
            &["instances: [{name: main, role: tiny, agent: shell}, {name: more, role: tiny, agent: shell, count: 2}]"],
        );
        stage.apply(&manifest)?;
        let names = ["desk-main", "desk-more-0", "desk-more-1"];
        let before: Vec<_> = names.iter().map(|name| stage.container(name)).collect::<Result<_>>()?;
        let images = stage.our_images()?;
        stage.stop_controller()?;
        std::fs::remove_file(stage.home().join("jackin.db"))?;
        stage.apply(&manifest)?;
        for (name, before) in names.iter().zip(before) {
            let after = stage.container(name)?;
            assert_eq!((after.id, after.started_at), (before.id, before.started_at));
        }
        assert_eq!(stage.our_images()?, images, "something was built");
        exactly(stage, &names)
    })
}

#[test]
fn containers_of_a_lost_store_are_left_alone_until_their_manifest_is_applied() -> Result<()> {
    play(|stage| {
        stage.apply(&desk(&[MAIN]))?;
        let before = stage.container("desk-main")?;
        stage.stop_controller()?;
        std::fs::remove_file(stage.home().join("jackin.db"))?;
        stage.jackin(&["controller", "start"])?;
        assert_eq!(stage.object("instance", "desk-main")?, serde_json::Value::Null);
        assert_eq!(stage.container("desk-main")?.pid, before.pid);
        Ok(())
    })
}
