//! C10, C11 and C12: more instances are made at the same time; of fewer, those stay that somebody needs.

use anyhow::Result;

use crate::stage::{EngineLog, NOTHING, desk, docker, eventually, play, sorted};

fn counted(count: u32) -> String {
    with_count(count, &[])
}

fn with_count(count: u32, lines: &[&str]) -> String {
    let instances = format!("instances: [{{name: main, role: tiny, agent: shell, count: {count}}}]");
    desk(&[&[instances.as_str()], lines].concat())
}

/// What taking instances away costs.
fn removal(indices: &[u32]) -> Vec<String> {
    let both =
        |index: &u32| ["stop", "destroy"].map(|operation| format!("container {operation} default.desk-main-{index}"));
    sorted(indices.iter().flat_map(both))
}

#[test]
fn a_higher_count_costs_a_create_and_a_start_for_each_new_instance_and_they_are_made_at_once() -> Result<()> {
    play(|stage| {
        stage.apply(&counted(1))?;
        stage.settle("desk-main-0")?;
        let before = stage.container("desk-main-0")?;
        let (one, two) = ("default.desk-main-1", "default.desk-main-2");
        let budget = [("create", one), ("create", two), ("start", one), ("start", two)];
        let budget = budget.map(|(operation, name)| format!("container {operation} {name}"));
        // One after the other would never overlap; at once they do sooner or later, however busy the machine is.
        eventually("two instances to be made at the same time", || {
            assert_eq!(sorted(stage.diff(&counted(3))?.operations), sorted(&budget));
            let mut log = EngineLog::follow(stage)?;
            stage.apply(&counted(3))?;
            stage.rest(&counted(3))?;
            let operations = log.operations()?;
            assert_eq!(sorted(&operations), sorted(&budget));
            stage.apply(&counted(1))?;
            stage.rest(&counted(1))?;
            let overlap = operations.iter().take(2).all(|operation| operation.contains(" create "));
            Ok(overlap.then_some(()))
        })?;
        let after = stage.container("desk-main-0")?;
        assert_eq!((after.id, after.pid), (before.id, before.pid));
        Ok(())
    })
}

#[test]
fn of_fewer_instances_the_one_at_work_stays_and_the_idle_ones_go() -> Result<()> {
    play(|stage| {
        stage.apply(&counted(3))?;
        for index in 0..2 {
            stage.settle(&format!("desk-main-{index}"))?;
        }
        stage.leave_at_work("desk-main-2")?;
        let before = stage.container("desk-main-2")?;
        stage.change(&counted(1), &removal(&[0, 1]))?;
        assert_eq!(stage.container("desk-main-2")?.pid, before.pid);
        Ok(())
    })
}

#[test]
fn of_fewer_instances_the_outdated_one_goes_first() -> Result<()> {
    play(|stage| {
        stage.apply(&counted(2))?;
        for index in 0..2 {
            stage.settle(&format!("desk-main-{index}"))?;
        }
        let before = stage.container("desk-main-1")?;
        stage.change(&with_count(2, &["suspend: true"]), NOTHING)?;
        docker(&["update", "--memory", "64m", "--memory-swap", "64m", &stage.container("desk-main-0")?.id])?;
        stage.until_condition("instance", "desk-main-0", "RepairPending", "True")?;
        stage.change(&counted(1), &removal(&[0]))?;
        assert_eq!(stage.container("desk-main-1")?.pid, before.pid);
        Ok(())
    })
}
