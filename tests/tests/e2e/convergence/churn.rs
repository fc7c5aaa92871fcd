//! The controller killed a hundred times, at random moments of a churn of applies: the end is that of a home that nobody disturbed.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::stage::{Dice, Stage, desk_of, eventually, inline_role, kill, play};

/// How often the controller is killed.
const KILLS: u64 = 100;

/// The highest count of instances.
const MOST: u64 = 3;

/// Kills between which the role has one of two contents.
const KILLS_OF_A_ROLE: u64 = 12;

/// The longest time between an apply and the kill, in milliseconds: a replacement with a build takes about as long.
const LONGEST_MOMENT: u64 = 900;

/// The variable that has the seed of a churn that is to be played again.
const SEED: &str = "JACKIN_E2E_SEED";

/// What an apply asks for.
#[derive(Clone, Copy, Debug)]
struct Wish {
    /// What the role's image has in `/made`.
    made: u64,
    count: u64,
    folder: u64,
    megabytes: u64,
}

impl Wish {
    fn thrown(dice: &mut Dice, round: u64) -> Self {
        Self {
            made: round / KILLS_OF_A_ROLE + dice.below(2),
            count: 1 + dice.below(MOST),
            folder: dice.below(2),
            megabytes: 64 + 16 * dice.below(3),
        }
    }

    fn manifest(self) -> String {
        let Self { made, count, folder, megabytes } = self;
        desk_of(
            &inline_role(&[&format!("RUN echo {made} > /made")]),
            &[
                &format!("mounts: [{{source: ./folder-{folder}, target: /work}}]"),
                &format!("resources: {{memory: {megabytes}Mi}}"),
                &format!("instances: [{{name: main, role: tiny, agent: shell, count: {count}}}]"),
            ],
        )
    }
}

/// One or two applies, the second before the first is carried out, and a kill while that goes on.
fn disturb(stage: &Stage, dice: &mut Dice, round: u64) -> Result<()> {
    let pid = stage.controller()?;
    if dice.below(3) == 0 {
        stage.submit(&Wish::thrown(dice, round).manifest())?;
    }
    let path = stage.write("manifest.yaml", &Wish::thrown(dice, round).manifest())?;
    let path = path.to_str().context("a path in UTF-8")?;
    let mut apply = stage.command(&["apply", "-f", path]).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    // The moment is what the rule is about; nothing is waited for.
    std::thread::sleep(Duration::from_millis(dice.below(LONGEST_MOMENT)));
    kill(pid)?;
    apply.wait()?;
    Ok(())
}

fn with_folders(stage: &Stage) -> Result<()> {
    for folder in 0..2 {
        stage.write(&format!("folder-{folder}/which"), &folder.to_string())?;
    }
    Ok(())
}

/// Paths of all files and folders below a folder.
fn files(folder: &Path) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next)? {
            let entry = entry?;
            found.insert(entry.path().strip_prefix(folder)?.display().to_string());
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    Ok(found)
}

/// Everything that a home has: on the engine, and in its folder.
fn holdings(stage: &Stage) -> Result<Vec<String>> {
    let mut all = Vec::new();
    for kind in ["container", "network", "volume"] {
        all.extend(stage.ours(kind)?.into_iter().map(|name| format!("{kind} {name}")));
    }
    all.extend(files(&stage.home())?.into_iter().map(|path| format!("file {path}")));
    let instances = stage.jackin(&["get", "instances,images,workspaces", "-o", "name"])?;
    all.extend(instances.lines().map(str::to_owned));
    Ok(all)
}

#[test]
fn a_hundred_kills_during_a_churn_of_applies_end_where_a_home_that_nobody_disturbed_does() -> Result<()> {
    play(|stage| {
        let seed = match std::env::var(SEED) {
            Ok(seed) => seed.parse().context("the seed is a number")?,
            Err(_) => u64::from(uuid::Uuid::new_v4().as_fields().0),
        };
        churn(stage, seed).with_context(|| format!("{SEED}={seed} throws the same dice"))
    })
}

fn churn(stage: &Stage, seed: u64) -> Result<()> {
    let mut dice = Dice(seed);
    with_folders(stage)?;
    for round in 0..KILLS {
        disturb(stage, &mut dice, round).with_context(|| format!("at kill {round}"))?;
    }
    // As many as there ever were: which of them stay when there are fewer depends on how old each is.
    let wish = Wish { count: MOST, ..Wish::thrown(&mut dice, KILLS) };
    let undisturbed = stage.another()?;
    with_folders(&undisturbed)?;
    for stage in [stage, &undisturbed] {
        stage.apply(&wish.manifest())?;
        stage.rest(&wish.manifest())?;
    }
    assert_eq!(holdings(stage)?, holdings(&undisturbed)?, "{wish:?}");
    serves(stage, wish)?;
    for stage in [stage, &undisturbed] {
        stage.jackin(&["delete", "workspace", "desk"])?;
    }
    assert_eq!(holdings(stage)?, holdings(&undisturbed)?, "after the end");
    Ok(())
}

/// Each instance runs as it was wished for, and no image is left without a name.
fn serves(stage: &Stage, wish: Wish) -> Result<()> {
    // Those that a container was made from go once it is gone.
    eventually("no image to be left without a name", || {
        let images = stage.our_images()?;
        Ok((!images.iter().any(|image| image.ends_with("<none>"))).then_some(()))
    })?;
    for index in 0..wish.count {
        let instance = format!("desk-main-{index}");
        let container = stage.container(&instance)?;
        assert_eq!((container.state.as_str(), container.memory), ("running", wish.megabytes << 20), "{instance}");
        let seen = stage.jackin(&["exec", &instance, "--", "cat", "/made", "/work/which"])?;
        assert_eq!(seen, format!("{}\n{}", wish.made, wish.folder), "{instance}");
    }
    Ok(())
}
