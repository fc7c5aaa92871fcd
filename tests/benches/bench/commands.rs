//! Commands that only ask: how long a user waits for them, from the start of the process to its end.

use anyhow::{Context, ensure};
use tokio::time::Instant;

use super::report::{Bar, Row, Samples, milliseconds};
use super::stage::Stage;
use super::subject::Subject;

/// An apply that changes nothing may take this many milliseconds.
const APPLY_BAR: f64 = 30.0;
/// A list may take this many.
const GET_BAR: f64 = 15.0;

/// `jackin apply -f` of what is there.
pub(crate) async fn apply(stage: &Stage, rounds: usize) -> anyhow::Result<Row> {
    let path = Subject::PLAIN.manifest(stage, 1)?;
    let words = ["apply", "-f", path.to_str().context("a path in UTF-8")?];
    let check = |said: &str| {
        let changed: Vec<_> = said.lines().filter(|line| !line.ends_with(" unchanged")).collect();
        changed.is_empty() && said.lines().count() == 2
    };
    walls(stage, rounds, "no-op-apply", APPLY_BAR, &words, check).await
}

/// `jackin get instances`.
pub(crate) async fn get(stage: &Stage, rounds: usize) -> anyhow::Result<Row> {
    let check = |said: &str| said.contains(&Subject::PLAIN.instance(0));
    walls(stage, rounds, "get-instances", GET_BAR, &["get", "instances"], check).await
}

async fn walls(
    stage: &Stage,
    rounds: usize,
    name: &'static str,
    bar: f64,
    words: &[&str],
    check: impl Fn(&str) -> bool,
) -> anyhow::Result<Row> {
    let mut ours = Samples::default();
    for round in 0..=rounds {
        let begun = Instant::now();
        let output = stage.run(words).await?;
        let elapsed = begun.elapsed();
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(check(&said), "`jackin {}` printed something else: {said}", words.join(" "));
        if round > 0 {
            ours.push(milliseconds(elapsed));
        }
    }
    Ok(Row {
        name,
        bar: Bar::Milliseconds(bar),
        ours,
        bare: None,
        ours_parts: Default::default(),
        bare_parts: Default::default(),
    })
}
