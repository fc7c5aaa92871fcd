//! Every YAML in `examples/` is applied as it stands. Those with codex fetch its program from the npm registry.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::stage::{Stage, Terminal, docker, eventually, play};

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

/// A copy of an example: what it makes beside its files stays out of the repository.
fn copied(stage: &Stage, name: &str) -> Result<String> {
    let target = stage.path(name);
    let copy = Command::new("cp").arg("-a").args([examples().join(name), target.clone()]).status()?;
    ensure!(copy.success(), "{name} could not be copied");
    Ok(target.to_str().context("a path in UTF-8")?.to_owned())
}

fn construct_is_there() -> Result<()> {
    docker(&["image", "inspect", "jackin-construct:bookworm"])
        .map(drop)
        .context("the base image is missing: `make base` makes it")
}

fn apply(stage: &Stage, folder: &str, patience: &str) -> Result<()> {
    stage.jackin(&["apply", "-f", folder, "--wait", "--timeout", patience])?;
    let again = stage.jackin(&["apply", "-f", folder])?;
    ensure!(again.lines().all(|line| line.ends_with(" unchanged")), "the second apply printed: {again}");
    Ok(())
}

#[test]
fn every_example_is_applied_by_a_test_of_this_file() -> Result<()> {
    let mut folders: Vec<_> = std::fs::read_dir(examples())?
        .filter_map(Result::ok)
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    folders.sort();
    assert_eq!(folders, ["codex", "dind", "quickstart", "reference", "team", "tiny"]);
    Ok(())
}

#[test]
fn the_quickstart_runs_a_shell_on_its_repository() -> Result<()> {
    construct_is_there()?;
    play(|stage| {
        let folder = copied(stage, "quickstart")?;
        let prepare = Path::new(&folder).join("prepare.sh");
        let prepared = Command::new(&prepare).status()?;
        ensure!(prepared.success(), "prepare.sh failed");
        apply(stage, &folder, "300s")?;
        let said = stage.jackin(&[
            "exec",
            "quickstart-main",
            "--",
            "sh",
            "-c",
            "pwd && git log --oneline && cat /etc/jackin-quickstart",
        ])?;
        ensure!(said.starts_with("/workspace/project\n") && said.ends_with("made for the quickstart\n"), "{said}");
        Ok(())
    })
}

#[test]
fn the_dind_example_builds_an_image_on_its_own_engine() -> Result<()> {
    docker(&["image", "inspect", "jackin-dind:bookworm"])
        .context("the sidecar's image is missing: `make dind` makes it")?;
    play(|stage| {
        let folder = copied(stage, "dind")?;
        apply(stage, &folder, "120s")?;
        stage.jackin(&["exec", "dind-main", "--", "docker", "build", "-t", "example", "."])?;
        let said = stage.jackin(&["exec", "dind-main", "--", "docker", "images", "--format", "{{.Repository}}"])?;
        assert_eq!(said, "example\n");
        Ok(())
    })
}

#[test]
fn the_tiny_example_runs_an_image_as_it_is() -> Result<()> {
    play(|stage| {
        let folder = copied(stage, "tiny")?;
        apply(stage, &folder, "60s")?;
        let said = stage.jackin(&["exec", "tiny-one", "--", "sh", "-c", "echo $GREETING"])?;
        assert_eq!(said, "hello\n");
        assert_eq!(stage.container("tiny-one")?.memory, 64 << 20);
        Ok(())
    })
}

#[test]
fn the_codex_example_shows_the_first_screen_of_the_real_codex() -> Result<()> {
    construct_is_there()?;
    play(|stage| {
        let folder = copied(stage, "codex")?;
        apply(stage, &folder, "480s")?;
        let version = stage.jackin(&["exec", "codex-main", "--", "codex", "--version"])?;
        ensure!(version.contains("0.169.0"), "{version}");
        let mut terminal = Terminal::start(stage, &["attach", "codex-main"])?;
        terminal.wait_until("codex to greet", |screen| screen.contains("Codex"))?;
        terminal.detach()
    })
}

#[test]
fn the_team_example_runs_a_shell_and_two_codexes() -> Result<()> {
    construct_is_there()?;
    play(|stage| {
        let folder = copied(stage, "team")?;
        apply(stage, &folder, "480s")?;
        let names = ["default.shop-main", "default.shop-review-0", "default.shop-review-1"];
        assert_eq!(stage.ours("container")?, names);
        let said = stage.jackin(&[
            "exec",
            "shop-main",
            "--",
            "sh",
            "-c",
            "echo $STAGE $TICKET $RUST_LOG && ls /notes && touch /notes/new",
        ]);
        let refused = said.err().context("a read-only mount was written to")?.to_string();
        ensure!(refused.contains("dev SHOP-1 info"), "{refused}");
        let version = stage.jackin(&["exec", "shop-review-1", "--", "codex", "--version"])?;
        ensure!(version.contains("0.169.0"), "{version}");
        Ok(())
    })
}

/// Its addresses and secrets are placeholders, so it is accepted and told about, and never ready.
#[test]
fn the_reference_is_accepted_told_about_and_deleted() -> Result<()> {
    play(|stage| {
        let folder = copied(stage, "reference")?;
        let printed = stage.jackin(&["apply", "-f", &folder])?;
        for object in ["role.jackin.dev/rust-dev", "agent.jackin.dev/acme", "workspace.jackin.dev/shop"] {
            ensure!(printed.contains(&format!("{object} created")), "{object} is missing: {printed}");
        }
        ensure!(printed.lines().all(|line| line.ends_with(" created")), "{printed}");
        let condition = stage.until_condition("workspace", "shop", "FieldsNotActedOn", "True")?;
        ensure!(condition["message"].as_str().unwrap_or_default().contains("spec.warmPool"), "{condition}");
        stage.jackin(&["delete", "-f", &folder, "--timeout", "60s"])?;
        // Its image's build may have begun; the engine takes the container of a step away after the build was cancelled.
        eventually("nothing of it to be left", || Ok(stage.ours("container")?.is_empty().then_some(())))
    })
}
