//! Roles that ask for an engine: what the sidecar gives, and that the smallest repair is taken of the two containers.
//!
//! The image of the sidecar (`make dind`) serves as the role's own too, as it has the `docker` command.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::stage::{EngineLog, MAIN, Stage, Terminal, desk_of, docker, eventually, play};

/// A role that asks for an engine, with these fields beside the mode.
fn role(fields: &str) -> String {
    format!(
        "apiVersion: jackin.dev/v1alpha1\nkind: Role\nmetadata: {{name: tiny}}\nspec:\n  source: {{image: \"jackin-dind:bookworm\"}}\n  \
         agents: [shell]\n  docker: {{mode: dind{fields}}}\n"
    )
}

fn desk(fields: &str) -> String {
    desk_of(&role(fields), &[MAIN])
}

/// What was done of this kind to containers or volumes of the instance, by the rest of their names, sorted.
///
/// The engine tells of a volume as made whenever a container that mounts it is made: each is named once.
fn of_kind(writes: &[String], kind: &str) -> Vec<String> {
    let names = writes.iter().filter_map(|write| write.strip_prefix(kind)?.trim().strip_prefix("default.desk-main"));
    let mut names: Vec<_> = names.map(str::to_owned).collect();
    names.sort();
    if kind == "volume create" {
        names.dedup();
    }
    names
}

/// What is done to containers, as their events name it, sorted.
const CONTAINER_WRITES: [&str; 5] =
    ["container create", "container destroy", "container rename", "container start", "container stop"];

/// What a diff says that applying the manifest would do to containers.
fn foreseen(stage: &Stage, manifest: &str) -> Result<Vec<String>> {
    let path = stage.write("foreseen.yaml", manifest)?;
    let ran = stage.run(&["diff", "-f", path.to_str().context("a path in UTF-8")?, "-o", "json"])?;
    ensure!(ran.code == 1, "diff ended with {}: {}", ran.code, ran.said());
    let shown: serde_json::Value = serde_json::from_str(&ran.stdout)?;
    let operations = shown["instances"][0]["operations"].as_array();
    let operations = operations.with_context(|| format!("no operations in {shown}"))?;
    let mut writes: Vec<_> = operations.iter().filter_map(|operation| operation["engineWrite"].as_str()).collect();
    writes.retain(|write| CONTAINER_WRITES.contains(write));
    writes.sort_unstable();
    Ok(writes.into_iter().map(str::to_owned).collect())
}

/// What was done to containers of the instance.
fn done(writes: &[String]) -> Vec<String> {
    CONTAINER_WRITES.iter().flat_map(|kind| vec![(*kind).to_owned(); of_kind(writes, kind).len()]).collect()
}

fn inside(stage: &Stage, words: &[&str]) -> Result<String> {
    stage.jackin(&[&["exec", "desk-main", "--"], words].concat())
}

fn sidecar(stage: &Stage) -> Result<String> {
    Ok(format!("{}.sidecar", stage.container_name("desk-main")?))
}

fn volume(stage: &Stage, name: &str) -> Result<String> {
    Ok(format!("{}.data.{name}", stage.container_name("desk-main")?))
}

fn status(stage: &Stage, field: &str) -> Result<serde_json::Value> {
    Ok(stage.object("instance", "desk-main")?["status"][field].clone())
}

/// The tests' image as an archive in a folder that the instance mounts at `/images`.
fn images(stage: &Stage) -> Result<String> {
    let archive = stage.write("images/tiny.tar", "")?;
    docker(&["save", "-o", archive.to_str().context("a path in UTF-8")?, "jackin-tiny:1"])?;
    let folder = archive.parent().context("a folder")?;
    Ok(format!("mounts: [{{source: \"{}\", target: /images}}]", folder.display()))
}

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
        assert_eq!(log.writes()?, Vec::<String>::new(), "something was done to the engine");
        Ok(())
    })
}

#[test]
fn a_sidecar_that_ends_or_is_gone_is_brought_back_alone_and_keeps_its_images() -> Result<()> {
    play(|stage| {
        stage.apply(&desk_of(&role(""), &[&images(stage)?, MAIN]))?;
        stage.settle("desk-main")?;
        inside(stage, &["docker", "load", "-i", "/images/tiny.tar"])?;
        let before = stage.container("desk-main")?;
        let mut log = EngineLog::follow(stage)?;

        docker(&["kill", &sidecar(stage)?])?;
        eventually("the engine to answer again", || Ok(inside(stage, &["docker", "images", "-q"]).ok()))?;
        let writes = log.writes()?;
        assert_eq!(of_kind(&writes, "container start"), [".sidecar"], "{writes:?}");
        assert_eq!(of_kind(&writes, "container create"), Vec::<String>::new(), "{writes:?}");

        docker(&["rm", "-f", &sidecar(stage)?])?;
        stage.until_condition("instance", "desk-main", "Ready", "True")?;
        let listed = eventually("the engine to answer again", || Ok(inside(stage, &["docker", "images", "-q"]).ok()))?;
        ensure!(!listed.trim().is_empty(), "the images are gone");
        let writes = log.writes()?;
        assert_eq!(of_kind(&writes, "container create"), [".sidecar"], "{writes:?}");
        assert_eq!(of_kind(&writes, "container start"), [".sidecar"], "{writes:?}");
        assert_eq!(of_kind(&writes, "volume destroy"), Vec::<String>::new(), "{writes:?}");
        let after = stage.container("desk-main")?;
        assert_eq!((after.id, after.pid), (before.id, before.pid));
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
        let writes = log.writes()?;
        assert_eq!(of_kind(&writes, "container start"), ["", ".sidecar"], "{writes:?}");
        assert_eq!(of_kind(&writes, "container create"), Vec::<String>::new(), "{writes:?}");
        let started: Vec<_> = writes.iter().filter(|write| write.starts_with("container start")).collect();
        ensure!(started[0].ends_with(".sidecar"), "the instance did not wait for its sidecar: {started:?}");

        let before = stage.ours("volume")?;
        stage.jackin(&["delete", "workspace", "desk"])?;
        assert_eq!(stage.ours("container")?, Vec::<String>::new());
        assert_eq!(stage.ours("volume")?, before, "a volume with data is gone");
        Ok(())
    })
}

#[test]
fn a_renamed_volume_is_made_beside_the_old_one_and_both_containers_are_replaced_once() -> Result<()> {
    play(|stage| {
        stage.apply(&desk(""))?;
        stage.settle("desk-main")?;
        let mut log = EngineLog::follow(stage)?;
        let manifest = desk(", data: {name: cache}");
        let foreseen = foreseen(stage, &manifest)?;
        assert_eq!(log.writes()?, Vec::<String>::new(), "a diff did something");
        stage.apply(&manifest)?;
        let writes = log.writes()?;
        assert_eq!(done(&writes), foreseen, "{writes:?}");
        assert_eq!(of_kind(&writes, "container create"), [".next", ".sidecar"], "{writes:?}");
        assert_eq!(of_kind(&writes, "container start"), ["", ".sidecar"], "{writes:?}");
        assert_eq!(of_kind(&writes, "container destroy"), ["", ".sidecar"], "{writes:?}");
        assert_eq!(of_kind(&writes, "volume create"), [".data.cache"], "{writes:?}");
        assert_eq!(of_kind(&writes, "volume destroy"), Vec::<String>::new(), "{writes:?}");
        inside(stage, &["docker", "version"])?;
        docker(&["volume", "inspect", &volume(stage, "docker")?])?;
        assert_eq!(status(stage, "reclaimableVolumes")?, serde_json::json!([volume(stage, "docker")?]));
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
        let mut log = EngineLog::follow(stage)?;
        stage.submit(&desk(", data: {name: cache}"))?;
        let pending = stage.until_condition("instance", "desk-main", "RepairPending", "True")?;
        assert_eq!(pending["reason"], "SessionsLive");
        ensure!(pending["message"].as_str().is_some_and(|said| said.contains("sidecar.data")), "{pending}");
        inside(stage, &["docker", "version"])?;
        assert_eq!(of_kind(&log.writes()?, "container stop"), Vec::<String>::new());
        terminal.detach()?;
        stage.until_condition("instance", "desk-main", "RepairPending", "False")?;
        stage.until_condition("instance", "desk-main", "Ready", "True")?;
        let writes = log.writes()?;
        assert_eq!(of_kind(&writes, "container create"), [".next", ".sidecar"], "{writes:?}");
        assert_eq!(of_kind(&writes, "container start"), ["", ".sidecar"], "{writes:?}");
        Ok(())
    })
}

#[test]
fn a_volume_with_data_is_replaced_only_once_somebody_agreed() -> Result<()> {
    play(|stage| {
        stage.apply(&desk(""))?;
        stage.settle("desk-main")?;
        let before = stage.container("desk-main")?;
        let mut log = EngineLog::follow(stage)?;
        let manifest = desk(", data: {medium: memory}");
        let ran = stage.try_apply(&manifest, &["--wait", "--timeout", "60s"])?;
        assert_eq!(ran.code, 5, "{}", ran.said());
        ensure!(
            ran.stderr.contains("jackin approve") && ran.stderr.contains(&volume(stage, "docker")?),
            "{}",
            ran.stderr
        );
        let condition = stage.until_condition("instance", "desk-main", "ConsentRequired", "True")?;
        assert_eq!(condition["reason"], "VolumeHoldsData");
        stage.jackin(&["restart", "desk-main", "--wait=false"])?;
        stage.until_condition("instance", "desk-main", "ConsentRequired", "True")?;
        inside(stage, &["docker", "version"])?;
        assert_eq!(of_kind(&log.writes()?, "volume destroy"), Vec::<String>::new());
        assert_eq!(stage.container("desk-main")?.id, before.id);

        stage.jackin(&["approve", "desk-main"])?;
        let writes = log.writes()?;
        assert_eq!(of_kind(&writes, "volume destroy"), [".data.docker"], "{writes:?}");
        assert_eq!(of_kind(&writes, "volume create"), [".data.docker"], "{writes:?}");
        let options = docker(&["volume", "inspect", "--format", "{{.Options.type}}", &volume(stage, "docker")?])?;
        assert_eq!(options, "tmpfs");
        inside(stage, &["docker", "version"])?;
        assert_eq!(stage.condition("instance", "desk-main", "ConsentRequired")?, serde_json::Value::Null);
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

#[test]
fn a_sidecar_that_is_not_healthy_at_first_is_waited_for_and_converges() -> Result<()> {
    play(|stage| {
        let gate = stage.write("gate/README", "open when there is a file of that name\n")?;
        let gate = gate.parent().context("a folder")?.to_owned();
        let image = gated(stage)?;
        let mount = format!("mounts: [{{source: \"{}\", target: /gate}}]", gate.display());
        stage.submit(&desk_of(&role(&format!(", image: \"{image}\"")), &[&mount, MAIN]))?;
        let name = sidecar(stage)?;
        eventually("the sidecar to run", || {
            Ok(docker(&["inspect", "--format", "{{.State.Running}}", &name]).ok().filter(|state| state == "true"))
        })?;
        let condition = stage.until_condition("instance", "desk-main", "SidecarReady", "False")?;
        ensure!(condition["message"].as_str().is_some_and(|said| said.contains("its sidecar answers")), "{condition}");
        ensure!(stage.find("desk-main")?.is_none(), "the instance did not wait");
        let mut log = EngineLog::follow(stage)?;
        std::fs::write(gate.join("open"), "")?;
        stage.until_condition("instance", "desk-main", "Ready", "True")?;
        inside(stage, &["docker", "version"])?;
        let writes = log.writes()?;
        assert_eq!(of_kind(&writes, "container create"), [""], "{writes:?}");
        assert_eq!(of_kind(&writes, "container start"), [""], "{writes:?}");
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
