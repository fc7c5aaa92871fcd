//! C21 and C26: an apply that is cut short, or overtaken by the next one.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::stage::{CREATION, EngineLog, HeldBuild, MAIN, desk, desk_of, eventually, play};

#[test]
fn an_interrupted_apply_leaves_the_work_to_the_controller_which_finishes_it() -> Result<()> {
    play(|stage| {
        let build = HeldBuild::new();
        stage.controller()?;
        let manifest = desk_of(&build.role(), &[MAIN]);
        let change = stage.announce(&manifest)?;
        let path = stage.write("manifest.yaml", &manifest)?;
        let path = path.to_str().context("a path in UTF-8")?;
        let quiet = || (Stdio::null(), Stdio::null());
        let (stdout, stderr) = quiet();
        let mut apply = stage.command(&["apply", "-f", path, "--wait"]).stdout(stdout).stderr(stderr).spawn()?;
        build.until_running()?;
        let interrupted = Command::new("kill").args(["-INT", &apply.id().to_string()]).status()?;
        ensure!(interrupted.success(), "the apply is gone already");
        let ended = eventually("the apply to end", || Ok(apply.try_wait()?))?;
        ensure!(!ended.success(), "an apply that was cut short ended well");

        build.release()?;
        stage.until_condition("instance", "desk-main", "Ready", "True")?;
        change.comes_to(stage, &[&CREATION[..], &["image build default/tiny"]].concat())?;
        let printed = stage.apply(&manifest)?;
        ensure!(printed.lines().all(|line| line.ends_with(" unchanged")), "it printed: {printed}");
        Ok(())
    })
}

#[test]
fn an_apply_that_overtakes_another_takes_over_what_that_made_and_gives_up_what_it_was_making() -> Result<()> {
    play(|stage| {
        let build = HeldBuild::new();
        stage.controller()?;
        let mut log = EngineLog::follow(stage)?;
        stage.submit(&desk_of(&build.role(), &[MAIN]))?;
        build.until_running()?;
        log.until("network create default.desk")?;
        let manifest = desk(&[MAIN]);
        // It is made before it is filled, and counts as there only then.
        eventually("the capsule's volume to be filled", || {
            let left = stage.diff(&manifest)?.operations;
            Ok((!left.iter().any(|operation| operation == "volume create capsule")).then_some(()))
        })?;
        stage.change(&manifest, &["container create default.desk-main", "container start default.desk-main"])?;
        build.until_gone()?;
        assert_eq!(stage.ours("container")?, ["default.desk-main"]);
        assert_eq!(stage.our_images()?.iter().filter(|image| !image.contains("/empty")).count(), 0);
        Ok(())
    })
}
