//! C16, C17, C18 and C20: what happens to one of the two, and what to both.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::{desk, images, inside, role, sidecar, volume};
use crate::stage::{CREATION, EngineLog, MAIN, NOTHING, Stage, Terminal, desk_of, docker, eventually, play, sorted};

/// What another name of its volume costs: a volume, and both containers anew, once.
const REPLACEMENT_OF_BOTH: [&str; 10] = [
    "volume create default.desk-main.data.cache",
    "container create default.desk-main.next",
    "container stop default.desk-main",
    "container stop default.desk-main.sidecar",
    "container destroy default.desk-main.sidecar",
    "container create default.desk-main.sidecar",
    "container start default.desk-main.sidecar",
    "container destroy default.desk-main",
    "container rename default.desk-main",
    "container start default.desk-main",
];

/// C18: the sidecar is what the instance depends on, and the instance stays as it is.
#[test]
fn a_sidecar_that_ends_or_is_gone_is_brought_back_alone_and_keeps_its_images() -> Result<()> {
    play(|stage| {
        let mount = images(stage)?;
        let manifest = desk_of(&role(""), &[&mount, MAIN]);
        let held = desk_of(&role(""), &[&mount, "suspend: true", MAIN]);
        stage.apply(&manifest)?;
        stage.settle("desk-main")?;
        inside(stage, &["docker", "load", "-i", "/images/tiny.tar"])?;
        let before = stage.container("desk-main")?;
        let name = sidecar(stage)?;
        let brought_back = |meddling: &[&str], budget: &[&str]| -> Result<()> {
            stage.meddle_while_held(&held, || docker(&[meddling, &[&name]].concat()).map(drop))?;
            let budget = budget.iter().map(|done| format!("container {done} default.desk-main.sidecar"));
            stage.change(&manifest, &budget.collect::<Vec<_>>())?;
            let listed = inside(stage, &["docker", "images", "-q"])?;
            ensure!(!listed.trim().is_empty(), "the images are gone");
            Ok(())
        };
        brought_back(&["kill"], &["start"])?;
        brought_back(&["rm", "-f"], &["create", "start"])?;
        let after = stage.container("desk-main")?;
        assert_eq!((after.id, after.pid), (before.id, before.pid));
        Ok(())
    })
}

/// C16 and C17.
#[test]
fn a_renamed_volume_is_made_beside_the_old_one_and_both_containers_are_replaced_once() -> Result<()> {
    play(|stage| {
        stage.apply(&desk(""))?;
        stage.settle("desk-main")?;
        stage.change(&desk(", data: {name: cache}"), &REPLACEMENT_OF_BOTH)?;
        inside(stage, &["docker", "version"])?;
        let old = volume(stage, "docker")?;
        docker(&["volume", "inspect", &old])?;
        let status = &stage.object("instance", "desk-main")?["status"];
        assert_eq!(status["reclaimableVolumes"], serde_json::json!([old]));
        Ok(())
    })
}

#[test]
fn a_replacement_of_both_containers_waits_for_whoever_is_attached_and_is_done_once_after() -> Result<()> {
    play(|stage| {
        stage.apply(&desk(""))?;
        stage.settle("desk-main")?;
        let mut terminal = Terminal::start(stage, &["attach", "desk-main"])?;
        terminal.type_text("echo at$((40 + 2))work\n")?;
        terminal.wait_until("the session to answer", |screen| screen.contains("at42work"))?;
        let manifest = desk(", data: {name: cache}");
        let mut log = EngineLog::follow(stage)?;
        assert_eq!(stage.diff(&manifest)?.operations, NOTHING);
        stage.submit(&manifest)?;
        let pending = stage.until_condition("instance", "desk-main", "RepairPending", "True")?;
        assert_eq!(pending["reason"], "SessionsLive");
        ensure!(pending["message"].as_str().is_some_and(|said| said.contains("sidecar.data")), "{pending}");
        inside(stage, &["docker", "version"])?;
        assert_eq!(log.operations()?, NOTHING);
        terminal.detach()?;
        stage.until_condition("instance", "desk-main", "RepairPending", "False")?;
        stage.until_condition("instance", "desk-main", "Ready", "True")?;
        stage.rest(&manifest)?;
        assert_eq!(sorted(log.operations()?), sorted(REPLACEMENT_OF_BOTH));
        Ok(())
    })
}

/// The sidecar's image with an entrypoint that waits for a file.
fn gated(stage: &Stage) -> Result<String> {
    let name = format!("{}:1", stage.person("gated"));
    let dockerfile = "FROM jackin-dind:bookworm\nRUN mv /usr/local/bin/jackin-dind /usr/local/bin/jackin-dind-open && printf \
                      '#!/bin/sh\\nuntil [ -e /gate/open ]; do sleep 0.1; done\\nexec jackin-dind-open \"$@\"\\n' >/usr/local/bin/jackin-dind \
                      && chmod 755 /usr/local/bin/jackin-dind\n";
    let folder = stage.write("gated/Dockerfile", dockerfile)?;
    let folder = folder.parent().and_then(|folder| folder.to_str()).context("a folder")?.to_owned();
    let built = Command::new("docker")
        .args(["build", "-q", "--label", &stage.person_label(), "-t", &name, &folder])
        .env("DOCKER_BUILDKIT", "0")
        .stdout(Stdio::null())
        .status()?;
    ensure!(built.success(), "the gated image was not built");
    Ok(name)
}

/// C20.
#[test]
fn a_sidecar_that_is_not_healthy_at_first_is_waited_for_and_converges() -> Result<()> {
    play(|stage| {
        let gate = stage.write("gate/README", "open when there is a file of that name\n")?;
        let gate = gate.parent().context("a folder")?.to_owned();
        let image = gated(stage)?;
        let mount = format!("mounts: [{{source: \"{}\", target: /gate}}]", gate.display());
        let manifest = desk_of(&role(&format!(", image: \"{image}\"")), &[&mount, MAIN]);
        let change = stage.announce(&manifest)?;
        stage.submit(&manifest)?;
        let name = sidecar(stage)?;
        eventually("the sidecar to run", || {
            Ok(docker(&["inspect", "--format", "{{.State.Running}}", &name]).ok().filter(|state| state == "true"))
        })?;
        let condition = stage.until_condition("instance", "desk-main", "SidecarReady", "False")?;
        ensure!(condition["message"].as_str().is_some_and(|said| said.contains("its sidecar answers")), "{condition}");
        ensure!(stage.find("desk-main")?.is_none(), "the instance did not wait");
        std::fs::write(gate.join("open"), "")?;
        stage.until_condition("instance", "desk-main", "Ready", "True")?;
        inside(stage, &["docker", "version"])?;
        let engine = [
            "volume create default.desk-main.data.docker",
            "container create default.desk-main.sidecar",
            "container start default.desk-main.sidecar",
        ];
        change.comes_to(stage, &[&CREATION[..], &engine].concat())
    })
}
