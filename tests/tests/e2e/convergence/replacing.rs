//! C03 and C05: a container that cannot stay is replaced by four operations and a start, and nothing of the user's goes with it.

use anyhow::Result;

use super::with_mount;
use crate::stage::{EngineLog, MAIN, NOTHING, REPLACEMENT, desk, play, sorted};

#[test]
fn an_edited_mount_replaces_the_container_and_the_home_keeps_its_content() -> Result<()> {
    play(|stage| {
        let (first, second) = (with_mount(stage, "first", &[MAIN])?, with_mount(stage, "second", &[MAIN])?);
        stage.apply(&first)?;
        stage.jackin(&["exec", "desk-main", "--", "sh", "-c", "echo kept > $HOME/notes"])?;
        stage.settle("desk-main")?;
        stage.change(&second, &REPLACEMENT)?;
        let said = stage.jackin(&["exec", "desk-main", "--", "sh", "-c", "cat $HOME/notes /work/which"])?;
        assert_eq!(said, "kept\nsecond");
        Ok(())
    })
}

#[test]
fn edited_variables_reach_new_sessions_and_cost_nothing() -> Result<()> {
    play(|stage| {
        stage.apply(&desk(&["env: {GREETING: {value: hello}}", MAIN]))?;
        stage.change(&desk(&["env: {GREETING: {value: goodbye}}", MAIN]), NOTHING)?;
        assert_eq!(stage.jackin(&["exec", "desk-main", "--", "sh", "-c", "echo $GREETING"])?, "goodbye\n");
        Ok(())
    })
}

/// C05. What is asked for by a command is in no file, so that no diff announces it: the status tells the same afterwards.
#[test]
fn a_replacement_on_request_costs_the_same() -> Result<()> {
    play(|stage| {
        let manifest = desk(&[MAIN]);
        stage.apply(&manifest)?;
        let before = stage.container("desk-main")?;
        let mut log = EngineLog::follow(stage)?;
        stage.jackin(&["restart", "desk-main", "--recreate"])?;
        stage.rest(&manifest)?;
        assert_eq!(sorted(log.operations()?), sorted(REPLACEMENT));
        assert_ne!(stage.container("desk-main")?.id, before.id);
        let launch = &stage.object("instance", "desk-main")?["status"]["lastLaunch"];
        assert_eq!(launch["plan"], "CreateFromValidImage");
        let steps = launch["steps"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|step| step["step"].as_str()?.split(' ').next());
        let told = ["CreateContainer", "RemoveContainer", "RenameContainer", "StartContainer", "StopContainer"];
        assert_eq!(sorted(steps.filter(|step| step.ends_with("Container"))), told);
        Ok(())
    })
}
