//! C07, C08 and C23: what a person does to a container is repaired by the lowest rung.

use anyhow::Result;

use crate::stage::{EngineLog, Fault, Found, MAIN, Proxy, Stage, desk, docker, eventually, play};

/// Converges, lets a person meddle, waits for the repair; all that was done, and the container before and after.
fn meddle(
    stage: &Stage,
    meddle: impl Fn(&Found) -> Result<String>,
    repaired: impl Fn(&Found, &Found) -> bool,
) -> Result<(Vec<String>, Found, Found)> {
    let manifest = desk(&[MAIN]);
    stage.apply(&manifest)?;
    stage.settle("desk-main")?;
    let before = stage.container("desk-main")?;
    let mut log = EngineLog::follow(stage)?;
    meddle(&before)?;
    let after = stage.until_container("desk-main", "repaired", |after| repaired(&before, after))?;
    stage.until_condition("instance", "desk-main", "Ready", "True")?;
    stage.rest(&manifest)?;
    Ok((log.operations()?, before, after))
}

fn started_again(before: &Found, after: &Found) -> bool {
    after.state == "running" && after.started_at != before.started_at
}

#[test]
fn a_container_that_exited_is_started_again() -> Result<()> {
    play(|stage| {
        let (operations, before, after) = meddle(stage, |found| docker(&["kill", &found.id]), started_again)?;
        assert_eq!(operations, ["container die default.desk-main", "container start default.desk-main"]);
        assert_eq!(after.id, before.id);
        Ok(())
    })
}

#[test]
fn a_paused_container_is_unpaused_and_its_processes_go_on() -> Result<()> {
    play(|stage| {
        let paused = |found: &Found| docker(&["pause", &found.id]);
        let (operations, before, after) = meddle(stage, paused, |_, after| after.state == "running")?;
        assert_eq!(operations, ["container pause default.desk-main", "container unpause default.desk-main"]);
        assert_eq!((after.id, after.pid, after.started_at), (before.id, before.pid, before.started_at));
        Ok(())
    })
}

/// A container that is removed is made and started again, and nothing else is done.
fn removed(stage: &Stage) -> Result<()> {
    let (operations, before, after) = meddle(stage, |found| docker(&["rm", "-f", &found.id]), started_again)?;
    let done =
        ["die", "destroy", "create", "start"].map(|operation| format!("container {operation} default.desk-main"));
    assert_eq!(operations, done);
    assert_ne!(after.id, before.id);
    Ok(())
}

#[test]
fn a_removed_container_costs_a_create_and_a_start() -> Result<()> {
    play(|stage| removed(stage))
}

/// The controller follows the engine's events from now on, and none comes.
fn lose_events(stage: &mut Stage) -> Result<Proxy> {
    let proxy = Proxy::before_the_engine(stage)?;
    proxy.strike(|_, path| path.contains("/events"), Fault::Silent);
    stage.controller()?;
    eventually("the events to be followed", || Ok((proxy.struck() > 0).then_some(())))?;
    Ok(proxy)
}

#[test]
fn a_removed_container_costs_the_same_when_the_event_is_lost() -> Result<()> {
    play(|stage| {
        let _proxy = lose_events(stage)?;
        removed(stage)
    })
}

/// The end of a container is told by its capsule too; of this nobody tells but the list that stands behind the events.
#[test]
fn a_container_taken_off_its_network_is_brought_back_when_the_event_is_lost() -> Result<()> {
    play(|stage| {
        let _proxy = lose_events(stage)?;
        let network = format!("{}default.desk", stage.prefix()?);
        let is_on = |found: &Found| found.inspected["NetworkSettings"]["Networks"][&network].is_object();
        let meddled = |found: &Found| docker(&["network", "disconnect", &network, &found.id]);
        let (operations, before, after) = meddle(stage, meddled, |_, after| is_on(after))?;
        assert_eq!(operations, ["network disconnect default.desk", "network connect default.desk"]);
        assert_eq!((after.id, after.pid), (before.id, before.pid));
        Ok(())
    })
}

/// A person meddles while repairs are held back, so that `jackin diff` can announce the repair before it is done.
fn repair_is_announced(arguments: &[&str], done: &[&str], budget: &[&str]) -> Result<()> {
    play(|stage| {
        let main = |operation: &&str| format!("container {operation} default.desk-main");
        let all = |operations: &[&str]| operations.iter().map(main).collect::<Vec<_>>();
        let (manifest, held) = (desk(&[MAIN]), desk(&["suspend: true", MAIN]));
        stage.apply(&manifest)?;
        stage.settle("desk-main")?;
        let mut log = EngineLog::follow(stage)?;
        let container = stage.container("desk-main")?;
        stage.meddle_while_held(&held, || docker(&[arguments, &[&container.id]].concat()).map(drop))?;
        assert_eq!(log.operations()?, all(done));
        stage.change(&manifest, &all(budget))
    })
}

#[test]
fn the_start_of_a_container_that_exited_is_announced() -> Result<()> {
    repair_is_announced(&["kill"], &["die"], &["start"])
}

#[test]
fn the_unpause_of_a_paused_container_is_announced() -> Result<()> {
    repair_is_announced(&["pause"], &["pause"], &["unpause"])
}

#[test]
fn the_making_of_a_removed_container_is_announced() -> Result<()> {
    repair_is_announced(&["rm", "-f"], &["die", "destroy"], &["create", "start"])
}
