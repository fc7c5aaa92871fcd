//! C24: the controller killed after each event of a creation and of a replacement.

use std::collections::BTreeSet;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};

use super::with_mount;
use crate::stage::{CREATION, EngineLog, MAIN, REPLACEMENT, Stage, docker, kill, play, without_digest};

/// Submits the manifest and kills the controller once it has caused so many events; whether it came to that.
fn killed_after(stage: &Stage, manifest: &str, events: usize) -> Result<bool> {
    let pid = stage.controller()?;
    let mut log = EngineLog::follow(stage)?;
    let path = stage.write("manifest.yaml", manifest)?;
    let path = path.to_str().context("a path in UTF-8")?;
    let quiet = (Stdio::null(), Stdio::null());
    let mut apply = stage.command(&["apply", "-f", path, "--wait"]).stdout(quiet.0).stderr(quiet.1).spawn()?;
    let more = log.count(events, || Ok(apply.try_wait()?.is_some()));
    kill(pid)?;
    apply.kill()?;
    apply.wait()?;
    more
}

/// After the next command there is exactly one container, under its name and running, and nothing else that was not meant to be.
fn is_whole(stage: &Stage, manifest: &str, folder: &str) -> Result<()> {
    stage.apply(manifest)?;
    stage.rest(manifest)?;
    assert_eq!(stage.ours("container")?, ["default.desk-main"]);
    assert_eq!(stage.container("desk-main")?.state, "running");
    assert_eq!(stage.ours("network")?, ["default.desk"]);
    let volumes = stage.ours("volume")?;
    assert_eq!(volumes.iter().map(|name| without_digest(name)).collect::<Vec<_>>(), ["capsule"]);
    let images: BTreeSet<_> = stage.our_images()?.into_iter().collect();
    ensure!(images.len() == 1, "images left behind: {images:?}");
    assert_eq!(stage.jackin(&["exec", "desk-main", "--", "cat", "/work/which"])?, folder);
    Ok(())
}

#[test]
fn a_controller_killed_after_any_event_of_a_creation_leaves_nothing_but_work_for_the_next() -> Result<()> {
    play(|stage| {
        let manifest = with_mount(stage, "first", &[MAIN])?;
        stage.controller()?;
        for events in 1.. {
            let change = stage.announce(&manifest)?;
            let more = killed_after(stage, &manifest, events)?;
            is_whole(stage, &manifest, "first").with_context(|| format!("killed after {events} events"))?;
            // What was cut short is gone on with: nothing is done twice.
            change.comes_to(stage, &CREATION).with_context(|| format!("killed after {events} events"))?;
            if !more {
                ensure!(events > 10, "a creation has only {events} events");
                return Ok(());
            }
            stage.jackin(&["delete", "workspace", "desk"])?;
            for volume in stage.ours("volume")? {
                docker(&["volume", "rm", &format!("{}{volume}", stage.prefix()?)])?;
            }
        }
        Ok(())
    })
}

#[test]
fn a_controller_killed_after_any_event_of_a_replacement_leaves_nothing_but_work_for_the_next() -> Result<()> {
    play(|stage| {
        let manifests = [with_mount(stage, "first", &[MAIN])?, with_mount(stage, "second", &[MAIN])?];
        stage.apply(&manifests[0])?;
        for events in 1.. {
            stage.settle("desk-main")?;
            let (manifest, folder) = (&manifests[events % 2], ["first", "second"][events % 2]);
            let change = stage.announce(manifest)?;
            let more = killed_after(stage, manifest, events)?;
            is_whole(stage, manifest, folder).with_context(|| format!("killed after {events} events"))?;
            change.comes_to(stage, &REPLACEMENT).with_context(|| format!("killed after {events} events"))?;
            if !more {
                ensure!(events > 10, "a replacement has only {events} events");
                return Ok(());
            }
        }
        Ok(())
    })
}
