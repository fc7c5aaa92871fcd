//! C01: what is missing is made, each thing after what it needs and no later.

use anyhow::Result;

use crate::stage::{CREATION, EngineLog, HeldBuild, MAIN, desk, desk_of, play};

#[test]
fn a_first_apply_makes_each_object_once_and_diff_announced_it() -> Result<()> {
    play(|stage| stage.change(&desk(&[MAIN]), &CREATION))
}

#[test]
fn what_a_container_needs_is_made_while_its_image_is_still_being_built() -> Result<()> {
    play(|stage| {
        let build = HeldBuild::new();
        stage.controller()?;
        let mut log = EngineLog::follow(stage)?;
        let manifest = desk_of(&build.role(), &[MAIN]);
        stage.submit(&manifest)?;
        build.until_running()?;
        log.until("network create default.desk")?;
        log.until("volume create capsule")?;
        build.release()?;
        stage.apply(&manifest)?;
        stage.rest(&manifest)?;
        let operations = log.operations()?;
        let last =
            ["image build default/tiny", "container create default.desk-main", "container start default.desk-main"];
        assert_eq!((operations.len(), &operations[2..]), (5, last.map(str::to_owned).as_slice()), "{operations:?}");
        Ok(())
    })
}
