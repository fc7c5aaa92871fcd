//! A role of many files of which nothing changed: deciding that its image serves, applying it again, one more instance of it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use jackin_api::kinds::{Role, Workspace};
use kube::Api;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::counts::Counts;
use super::launch;
use super::report::{Bar, Row, milliseconds};
use super::stage::Stage;
use super::subject::{IMAGE, Subject};

/// How many files the role has.
pub(crate) const FILES: usize = 10_000;
/// Files of one folder.
const OF_A_FOLDER: usize = 100;
/// Bytes of a file.
const BYTES: usize = 2048;

/// What deciding may cost over a bare look at every file and at the image.
const DECIDE_BAR: Bar = Bar::Ratio(4.0);
/// What applying may cost over reading and hashing every file, which a program that was just started cannot avoid.
const APPLY_BAR: Bar = Bar::Ratio(2.0);

/// All that is measured of it.
pub(crate) async fn warm(stage: &Stage, rounds: usize) -> anyhow::Result<Vec<Row>> {
    let folder = stage.directory().join("files");
    tokio::task::spawn_blocking({
        let folder = folder.clone();
        move || write(&folder)
    })
    .await??;
    stage.scale(&Subject::FILES, 1).await.context("build the role of many files")?;
    Ok(vec![
        decide(stage, &folder, rounds).await?,
        apply(stage, &folder, rounds).await?,
        launch::create(stage, &Subject::FILES, "create-of-10000-files", rounds, || hash(&folder)).await?,
    ])
}

fn write(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir(folder)?;
    std::fs::write(folder.join("Dockerfile"), format!("FROM {IMAGE}\nCOPY . /src\n"))?;
    for number in 0..FILES {
        let inner = folder.join(format!("{:03}", number / OF_A_FOLDER));
        if number % OF_A_FOLDER == 0 {
            std::fs::create_dir(&inner)?;
        }
        std::fs::write(inner.join(format!("{number:05}")), format!("{number}\n").repeat(BYTES / 5))?;
    }
    Ok(())
}

/// From the request for the plan of what is there already, which looks at the image's every input; bare: a look at every file and at
/// the image.
async fn decide(stage: &Stage, folder: &Path, rounds: usize) -> anyhow::Result<Row> {
    let connection = stage.connection().await?;
    let name = Subject::FILES.name;
    let role: Api<Role> = Api::default_namespaced(connection.kube());
    let workspace: Api<Workspace> = Api::default_namespaced(connection.kube());
    let objects = json!({"objects": [role.get(name).await?, workspace.get(name).await?]});
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    let mut row = Row::new("reuse-of-10000-files", DECIDE_BAR);
    for _ in 0..=rounds {
        let before = Counts::of(stage).await?;
        let begun = Instant::now();
        let plan: Value = connection.post_json("/jackin/v1/plan", &objects).await?;
        ours.push(begun.elapsed());
        let decision = &plan["images"][0]["decision"];
        ensure!(decision == "Reuse", "the image's decision was {decision} in {plan:#}");
        row.note_ours(Counts::of(stage).await?.since(&before));

        let begun = Instant::now();
        let folder = folder.to_owned();
        let seen = tokio::task::spawn_blocking(move || look(&folder)).await??;
        stage.engine.get(&format!("/images/{IMAGE}/json")).await?;
        bare.push(begun.elapsed());
        ensure!(seen > FILES, "{seen} files were seen");
    }
    Ok(row.with(&warmed(ours), &warmed(bare)))
}

/// From the start of an apply that changes nothing to its end; bare: every file read and hashed, by one thread.
async fn apply(stage: &Stage, folder: &Path, rounds: usize) -> anyhow::Result<Row> {
    let manifest = Subject::FILES.manifest(stage, 1)?;
    let manifest = manifest.to_str().context("a path in UTF-8")?;
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..=rounds {
        let begun = Instant::now();
        let output = stage.run(&["apply", "-f", manifest]).await?;
        ours.push(begun.elapsed());
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(said.lines().all(|line| line.ends_with("unchanged")), "something changed: {said}");

        let begun = Instant::now();
        let folder = folder.to_owned();
        tokio::task::spawn_blocking(move || hash(&folder)).await??;
        bare.push(begun.elapsed());
    }
    Ok(Row::new("apply-of-10000-files", APPLY_BAR).with(&warmed(ours), &warmed(bare)))
}

/// Times in milliseconds, without the first, which only warms up.
fn warmed(times: Vec<Duration>) -> Vec<f64> {
    times.into_iter().skip(1).map(milliseconds).collect()
}

/// How many files are below a folder, each looked at.
fn look(folder: &Path) -> std::io::Result<usize> {
    let mut seen = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        seen += if entry.metadata()?.is_dir() { look(&entry.path())? } else { 1 };
    }
    Ok(seen)
}

/// Reads and hashes every file below a folder.
fn hash(folder: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.metadata()?.is_dir() {
            hash(&entry.path())?;
        } else {
            std::hint::black_box(Sha256::digest(std::fs::read(entry.path())?));
        }
    }
    Ok(())
}
