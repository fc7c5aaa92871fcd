//! What is already so is left alone.

use anyhow::{Result, ensure};

use crate::stage::{EngineLog, MAIN, Stage, desk, desk_of, inline_role, play};

fn changes_nothing(stage: &Stage, manifest: &str) -> Result<()> {
    let mut log = EngineLog::follow(stage)?;
    let before = stage.dump()?;
    let printed = stage.apply(manifest)?;
    ensure!(
        printed == "role.jackin.dev/tiny unchanged\nworkspace.jackin.dev/desk unchanged\n",
        "it printed: {printed}"
    );
    assert_eq!(stage.dump()?, before, "something was written to the store");
    assert_eq!(log.writes()?, Vec::<String>::new(), "something was done to the engine");
    Ok(())
}

#[test]
fn a_second_apply_writes_neither_to_the_engine_nor_to_the_store() -> Result<()> {
    play(|stage| {
        let manifest = desk(&["env: {GREETING: {value: hello}}", MAIN]);
        stage.apply(&manifest)?;
        stage.settle("desk-main")?;
        changes_nothing(stage, &manifest)
    })
}

#[test]
fn an_apply_after_the_controller_restarted_writes_neither_to_the_engine_nor_to_the_store() -> Result<()> {
    play(|stage| {
        let manifest = desk_of(&inline_role(&["RUN echo made > /made"]), &[MAIN]);
        stage.apply(&manifest)?;
        stage.settle("desk-main")?;
        let before = stage.dump()?;
        let mut log = EngineLog::follow(stage)?;
        stage.stop_controller()?;
        assert_eq!(stage.running_controller()?, None);
        let printed = stage.apply(&manifest)?;
        ensure!(
            printed == "role.jackin.dev/tiny unchanged\nworkspace.jackin.dev/desk unchanged\n",
            "it printed: {printed}"
        );
        changes_nothing(stage, &manifest)?;
        assert_eq!(stage.dump()?, before, "something was written to the store");
        assert_eq!(log.writes()?, Vec::<String>::new(), "something was done to the engine");
        Ok(())
    })
}

#[test]
fn a_manifest_in_other_words_with_the_same_meaning_changes_nothing_on_the_engine() -> Result<()> {
    play(|stage| {
        stage.apply(&desk(&["resources: {memory: 64Mi}", MAIN]))?;
        let mut log = EngineLog::follow(stage)?;
        let before = stage.container("desk-main")?;
        stage.apply(&desk(&["# a comment", MAIN, "resources: {memory: 64Mi}", "env: {}", "mounts: []"]))?;
        let after = stage.container("desk-main")?;
        assert_eq!((after.id, after.pid), (before.id, before.pid));
        assert_eq!(log.writes()?, Vec::<String>::new());
        Ok(())
    })
}
