//! Not knowing: an engine that is away, answers by halves, refuses, or whose answers are lost. Nothing is decided out of ignorance.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::stage::{
    CREATION, Fault, MAIN, NOTHING, Proxy, Stage, desk, desk_of, eventually, inline_role, play, sorted,
};

/// How long the engine is away where the length is the matter: several times the period in which its absence is noticed.
const AWAY: Duration = Duration::from_secs(10);

fn is_inspection(method: &str, path: &str) -> bool {
    method == "GET" && path.contains("/containers/") && path.contains("/json") && !path.contains("/containers/json")
}

fn is_creation_of_main(method: &str, path: &str) -> bool {
    method == "POST" && path.contains("/containers/create") && path.contains("desk-main")
}

fn is_start(method: &str, path: &str) -> bool {
    method == "POST" && path.ends_with("/start")
}

fn ready(stage: &Stage, instance: &str) -> Result<Value> {
    Ok(stage.condition("instance", instance, "Ready")?["status"].clone())
}

/// Without knowing there is no diff, and its exit code says that somebody did not answer.
fn announces_nothing(stage: &Stage, manifest: &str) -> Result<()> {
    let ran = stage.try_diff(manifest)?;
    assert_eq!((ran.code, ran.stdout.as_str()), (4, ""), "{}", ran.said());
    Ok(())
}

/// C29.
#[test]
fn an_engine_that_goes_away_is_unknown_nothing_is_decided_and_all_goes_on_by_itself() -> Result<()> {
    play(|stage| {
        let proxy = Proxy::before_the_engine(stage)?;
        stage.apply(&desk(&[MAIN]))?;
        stage.settle("desk-main")?;
        let before = stage.container("desk-main")?;
        let edited = desk(&["resources: {memory: 64Mi}", MAIN]);
        let mut change = stage.announce(&edited)?;
        proxy.leave();
        let said = stage.until_condition("instance", "desk-main", "Ready", "Unknown")?;
        assert_eq!(said["reason"], "EngineUnreachable");
        let message = said["message"].as_str().context("a message")?;
        for part in ["tried ", "since ", "next try at ", "nothing is changed", "`jackin controller status`"] {
            ensure!(message.contains(part), "`{part}` is not told: {message}");
        }
        let workspace = stage.until_condition("workspace", "desk", "Ready", "Unknown")?;
        assert_eq!(workspace["reason"], "SomeUnknown");
        announces_nothing(stage, &edited)?;
        stage.submit(&edited)?;
        eventually("a second try to be told", || {
            let said = stage.condition("instance", "desk-main", "Ready")?;
            let message = said["message"].as_str().unwrap_or_default();
            Ok((said["status"] == "Unknown" && message.contains(" times since")).then_some(()))
        })?;
        assert_eq!(change.log.operations()?, NOTHING);

        proxy.come_back();
        stage.until_container("desk-main", "limited", |found| found.memory == 64 << 20)?;
        stage.until_condition("workspace", "desk", "Ready", "True")?;
        let after = stage.container("desk-main")?;
        assert_eq!((&after.id, after.pid), (&before.id, before.pid));
        change.comes_to(stage, &["container update default.desk-main"])
    })
}

/// C29: the engine answers by halves.
#[test]
fn an_engine_that_lists_and_does_not_inspect_makes_nobody_create_or_remove_anything() -> Result<()> {
    play(|stage| {
        let proxy = Proxy::before_the_engine(stage)?;
        let manifest = desk(&[MAIN]);
        stage.apply(&manifest)?;
        stage.settle("desk-main")?;
        let before = stage.container("desk-main")?;
        let mut change = stage.announce(&manifest)?;
        stage.stop_controller()?;
        proxy.strike(is_inspection, Fault::Refused(500));
        stage.controller()?;
        let said = stage.until_condition("instance", "desk-main", "Ready", "Unknown")?;
        assert_eq!(said["reason"], "EngineRefused");
        ensure!(said["message"].as_str().is_some_and(|text| text.contains("refused by intent")), "{said}");
        announces_nothing(stage, &manifest)?;
        assert_eq!(change.log.operations()?, NOTHING);
        proxy.heal();
        stage.until_condition("instance", "desk-main", "Ready", "True")?;
        let after = stage.container("desk-main")?;
        assert_eq!((after.id, after.pid), (before.id, before.pid));
        change.comes_to(stage, NOTHING)
    })
}

#[test]
fn a_creation_whose_answer_is_lost_is_found_and_not_repeated() -> Result<()> {
    play(|stage| {
        let proxy = Proxy::before_the_engine(stage)?;
        stage.controller()?;
        proxy.strike_once(is_creation_of_main, Fault::AnswerLost);
        stage.change(&desk(&[MAIN]), &CREATION)?;
        assert_eq!(proxy.struck(), 1);
        assert_eq!(stage.ours("container")?, ["default.desk-main"]);
        Ok(())
    })
}

/// C09.
#[test]
fn a_start_that_is_refused_is_tried_four_times_and_then_another_container_once() -> Result<()> {
    play(|stage| {
        let proxy = Proxy::before_the_engine(stage)?;
        stage.controller()?;
        let manifest = desk(&[MAIN]);
        let mut change = stage.announce(&manifest)?;
        proxy.strike(is_start, Fault::Refused(500));
        stage.submit(&manifest)?;
        let said = stage.until_condition("instance", "desk-main", "Ready", "False")?;
        ensure!(["Converging", "EngineRefused", "DependenciesNotReady"].iter().any(|word| said["reason"] == *word));
        let first = stage.until_container("desk-main", "made", |found| found.state == "created")?;
        let second = stage.until_container("desk-main", "another one", |found| found.id != first.id)?;
        let refused = proxy.struck();
        ensure!((4..=5).contains(&refused), "{refused} starts were refused");
        proxy.heal();
        stage.until_condition("instance", "desk-main", "Ready", "True")?;
        assert_eq!(stage.container("desk-main")?.id, second.id);
        stage.rest(&manifest)?;
        // What was announced, and beside it another container in the place of the one that does not start.
        let replaced = ["create default.desk-main.next", "destroy default.desk-main", "rename default.desk-main"];
        let replaced = replaced.map(|operation| format!("container {operation}"));
        let announced = &change.announced.operations;
        assert_eq!(sorted(announced), sorted(CREATION), "{}", change.announced.told);
        assert_eq!(sorted(change.log.operations()?), sorted(announced.iter().chain(&replaced)));
        Ok(())
    })
}

#[test]
fn an_engine_away_in_the_middle_of_an_apply_is_told_all_the_time_and_the_apply_converges() -> Result<()> {
    play(|stage| {
        let proxy = Proxy::before_the_engine(stage)?;
        let role = inline_role(&["RUN sleep 2", "RUN true"]);
        stage.apply(&desk(&[MAIN]))?;
        let two = "instances: [{name: main, role: tiny, agent: shell}, {name: two, role: tiny, agent: shell}]";
        stage.submit(&desk_of(&role, &["disruption: {policy: never}", two]))?;
        eventually("the build to begin", || {
            let built = stage.condition("image", "tiny", "Built")?;
            Ok((built["reason"] == "Building").then_some(()))
        })?;
        proxy.leave();
        let left = Instant::now();
        stage.until_condition("instance", "desk-main", "Ready", "Unknown")?;
        // From when it is known to be away, nothing is claimed any more.
        while left.elapsed() < AWAY {
            for instance in ["desk-main", "desk-two"] {
                let claimed = ready(stage, instance)?;
                ensure!(claimed != "True", "{instance} claims to be ready");
            }
            let workspace = stage.condition("workspace", "desk", "Ready")?;
            ensure!(workspace["status"] != "True", "{workspace}");
        }
        proxy.come_back();
        stage.until_condition("instance", "desk-two", "Ready", "True")?;
        stage.until_condition("instance", "desk-main", "Ready", "True")?;
        assert_eq!(stage.ours("container")?, ["default.desk-main", "default.desk-two"]);
        Ok(())
    })
}
