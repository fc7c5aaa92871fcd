//! C02 and C19: what is so already costs nothing.

use anyhow::{Result, ensure};

use crate::stage::{EngineLog, MAIN, desk, desk_of, docker, inline_role, play};

#[test]
fn applying_again_costs_nothing_also_after_the_controller_restarted() -> Result<()> {
    play(|stage| {
        let manifest = desk(&["env: {GREETING: {value: hello}}", "resources: {memory: 64Mi}", MAIN]);
        stage.apply(&manifest)?;
        stage.settle("desk-main")?;
        let stored = stage.dump()?;
        for restarted in [false, true] {
            let mut log = EngineLog::follow(stage)?;
            if restarted {
                stage.stop_controller()?;
            }
            assert_eq!(stage.diff(&manifest)?.operations, Vec::<String>::new());
            let printed = stage.apply(&manifest)?;
            ensure!(printed.lines().all(|line| line.ends_with(" unchanged")), "it printed: {printed}");
            stage.rest(&manifest)?;
            assert_eq!(log.operations()?, Vec::<String>::new());
            assert_eq!(stage.dump()?, stored, "something was written to the store");
        }
        Ok(())
    })
}

#[test]
fn an_image_built_again_from_equal_content_costs_nothing() -> Result<()> {
    play(|stage| {
        let base = stage.person("base");
        stage.write("base/Dockerfile", "FROM jackin-tiny:1\nCOPY file /copied\nENV BASE=1\n")?;
        let file = stage.write("base/file", "content")?;
        let folder = file.parent().expect("a folder").display().to_string();
        let label = stage.person_label();
        let build = ["build", "-q", "--no-cache", "--label", &label, "-t", &base, &folder];
        let first = docker(&build)?;
        let manifest = desk_of(&inline_role(&["RUN echo made > /made"]).replace("jackin-tiny:1", &base), &[MAIN]);
        stage.apply(&manifest)?;
        stage.settle("desk-main")?;

        let mut log = EngineLog::follow(stage)?;
        let second = docker(&build)?;
        ensure!(first != second, "the engine built nothing");
        stage.stop_controller()?;
        assert_eq!(stage.diff(&manifest)?.operations, Vec::<String>::new());
        stage.apply(&manifest)?;
        stage.rest(&manifest)?;
        assert_eq!(log.operations()?, Vec::<String>::new());
        Ok(())
    })
}
