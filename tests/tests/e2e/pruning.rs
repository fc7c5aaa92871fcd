//! Unused images: told with their size and age, removed by age and by room, and never one in use.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::stage::{EngineLog, MAIN, Stage, desk_of, docker, inline_role, play};

/// Ids of the unused images that pruning tells of, and whether each is or would be removed.
fn prune(stage: &Stage, flags: &[&str]) -> Result<Vec<(String, bool)>> {
    let told: Value = serde_json::from_str(&stage.jackin(&[&["prune", "images", "-o", "json"], flags].concat())?)?;
    let all = told["objects"].as_array().context("objects")?;
    let mut found = Vec::new();
    for one in all {
        let stray = &one["stray"];
        ensure!(stray["kind"] == "image" && stray["sizeBytes"].as_u64() > Some(0), "{stray}");
        ensure!(stray["createdAt"].is_string(), "{stray}");
        found.push((stray["id"].as_str().unwrap_or_default().to_owned(), one["removed"] == true));
    }
    Ok(found)
}

#[test]
fn unused_images_are_told_with_their_size_and_go_by_age_and_room_while_one_in_use_and_those_of_others_stay()
-> Result<()> {
    play(|stage| {
        let mut made = Vec::new();
        for text in ["one", "two", "three"] {
            stage.apply(&desk_of(&inline_role(&[&format!("RUN echo {text} > /made")]), &[MAIN]))?;
            made.push(stage.container("desk-main")?.image);
        }
        stage.settle("desk-main")?;
        let [one, two, three] = made.as_slice() else { unreachable!("three were made") };
        // Of somebody who built on ours, and has its labels.
        let theirs = stage.person("kept");
        docker(&["tag", one, &theirs])?;
        docker(&["tag", three, &stage.person("serves")])?;

        let unused = |removed: bool| vec![(two.clone(), removed), (one.clone(), removed)];
        let mut log = EngineLog::follow(stage)?;
        assert_eq!(prune(stage, &["--dry-run"])?, unused(true));
        assert_eq!(prune(stage, &["--older-than", "1h"])?, unused(false));
        assert_eq!(prune(stage, &["--keep", "100Gi"])?, unused(false));
        assert_eq!(log.writes()?, Vec::<String>::new());
        let table = stage.jackin(&["prune", "images", "--dry-run"])?;
        ensure!(table.contains(" MB ") && table.contains("would be removed"), "{table}");
        assert_eq!(stage.jackin(&["prune", "--dry-run"])?.matches("kept: it could save a build").count(), 2);

        assert_eq!(prune(stage, &["--older-than", "0s", "--keep", "0"])?, unused(true));
        assert_eq!(prune(stage, &[])?, []);
        docker(&["image", "inspect", three, &theirs])?;
        assert_eq!(stage.container("desk-main")?.state, "running");
        Ok(())
    })
}
