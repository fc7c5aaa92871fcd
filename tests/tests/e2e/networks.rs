//! Networks: changed under running sessions, shared with others, and never taken from them.

use anyhow::{Result, ensure};

use crate::stage::{EngineLog, Found, MAIN, Stage, desk, docker, eventually, play};

const INTERNAL: &str = "network: {internal: true}";

/// Names of the networks that a container is on, sorted, without what ours begin with.
fn networks(stage: &Stage, container: &Found) -> Result<Vec<String>> {
    let prefix = stage.prefix()?;
    let all = container.inspected["NetworkSettings"]["Networks"].as_object();
    let names = all.into_iter().flat_map(|all| all.keys());
    Ok(names.map(|name| name.strip_prefix(&prefix).unwrap_or(name).to_owned()).collect())
}

fn until_networks(stage: &Stage, expected: &[&str]) -> Result<()> {
    eventually(&format!("our networks to be {expected:?}"), || {
        let ours = stage.ours("network")?;
        Ok((ours == expected).then_some(()))
    })
}

fn person_runs(stage: &Stage, suffix: &str, network: &str) -> Result<String> {
    let (name, label) = (stage.person(suffix), stage.person_label());
    docker(&[
        "run",
        "-d",
        "--init",
        "--name",
        &name,
        "--label",
        &label,
        "--network",
        network,
        "jackin-tiny:1",
        "sleep",
        "1000",
    ])
}

fn person_makes_network(stage: &Stage, name: &str, labels: &[&str]) -> Result<()> {
    let own = stage.person_label();
    let labels = labels.iter().copied().chain([own.as_str()]).flat_map(|label| ["--label", label]);
    let arguments: Vec<_> = ["network", "create"].into_iter().chain(labels).chain([name]).collect();
    docker(&arguments).map(drop)
}

/// C14.
#[test]
fn a_changed_network_is_joined_before_the_old_one_goes_while_the_session_lives() -> Result<()> {
    play(|stage| {
        stage.apply(&desk(&[MAIN]))?;
        stage.settle("desk-main")?;
        let before = stage.container("desk-main")?;
        let budget = [
            "network create default.desk.internal",
            "network connect default.desk.internal",
            "network disconnect default.desk",
            "network destroy default.desk",
        ];
        let manifest = desk(&[INTERNAL, MAIN]);
        let mut change = stage.announce(&manifest)?;
        stage.apply(&manifest)?;
        until_networks(stage, &["default.desk.internal"])?;
        assert_eq!(change.log.operations()?, budget);
        change.comes_to(stage, &budget)?;
        let after = stage.container("desk-main")?;
        assert_eq!((&after.id, after.pid, &after.started_at), (&before.id, before.pid, &before.started_at));
        assert_eq!(networks(stage, &after)?, ["default.desk.internal"]);
        let internal = format!("{}default.desk.internal", stage.prefix()?);
        assert_eq!(docker(&["network", "inspect", "--format", "{{.Internal}}", &internal])?, "true");
        Ok(())
    })
}

#[test]
fn a_container_whose_first_network_is_gone_is_restarted_on_the_one_it_is_on_now() -> Result<()> {
    play(|stage| {
        stage.apply(&desk(&[MAIN]))?;
        let before = stage.container("desk-main")?;
        stage.apply(&desk(&[INTERNAL, MAIN]))?;
        until_networks(stage, &["default.desk.internal"])?;
        stage.jackin(&["restart", "desk-main"])?;
        let restarted =
            stage.until_container("desk-main", "restarted", |found| found.pid != before.pid && found.pid > 0)?;
        assert_eq!(restarted.id, before.id);
        stage.wait_for("instance/desk-main", "Ready")?;
        stage.apply(&desk(&[MAIN]))?;
        until_networks(stage, &["default.desk"])?;
        assert_eq!(stage.container("desk-main")?.pid, restarted.pid);
        Ok(())
    })
}

#[test]
fn instances_that_are_stopped_meanwhile_find_the_new_network_when_they_start() -> Result<()> {
    play(|stage| {
        stage.apply(&desk(&[MAIN]))?;
        let before = stage.container("desk-main")?;
        stage.jackin(&["stop", "desk-main"])?;
        stage.submit(&desk(&[INTERNAL, MAIN]))?;
        until_networks(stage, &[])?;
        stage.jackin(&["start", "desk-main"])?;
        stage.wait_for("instance/desk-main", "Ready")?;
        let after = stage.container("desk-main")?;
        assert_eq!(after.id, before.id);
        assert_eq!(networks(stage, &after)?, ["default.desk.internal"]);
        Ok(())
    })
}

/// C14: one with foreign members.
#[test]
fn an_old_network_with_somebody_elses_container_stays_until_that_has_left() -> Result<()> {
    play(|stage| {
        stage.apply(&desk(&[MAIN]))?;
        let old = format!("{}default.desk", stage.prefix()?);
        let guest = person_runs(stage, "guest", &old)?;
        let next = stage.write("next.yaml", &desk(&[INTERNAL, MAIN]))?;
        let told = stage.run(&["diff", "-f", next.to_str().unwrap_or_default()])?.stdout;
        let stays = format!("network {old} stays: {} use it", stage.person("guest"));
        ensure!(told.contains(&stays), "diff does not tell: {told}");
        let budget = [
            "network create default.desk.internal",
            "network connect default.desk.internal",
            "network disconnect default.desk",
        ];
        stage.change(&desk(&[INTERNAL, MAIN]), &budget)?;
        let left = stage.until_condition("workspace", "desk", "LeftBehind", "True")?;
        let message = left["message"].as_str().unwrap_or_default();
        ensure!(message.contains(&old) && message.contains(&stage.person("guest")), "{message}");
        assert_eq!(networks(stage, &stage.container("desk-main")?)?, ["default.desk.internal"]);
        assert_eq!(docker(&["inspect", "--format", "{{.State.Status}}", &guest])?, "running");
        // One that is stopped would not start again without its network.
        docker(&["stop", "--time", "1", &guest])?;
        stage.apply(&desk(&[INTERNAL, MAIN, "env: {A: {value: b}}"]))?;
        docker(&["start", &guest])?;
        docker(&["rm", "-f", &guest])?;
        until_networks(stage, &["default.desk.internal"])?;
        eventually("nothing to be told any more", || {
            Ok(stage.condition("workspace", "desk", "LeftBehind")?.is_null().then_some(()))
        })
    })
}

/// C15.
#[test]
fn a_network_of_somebody_elses_is_used_told_of_and_never_made_or_removed() -> Result<()> {
    play(|stage| {
        stage.controller()?;
        let theirs = stage.person("team");
        person_makes_network(stage, &theirs, &[])?;
        let first =
            ["volume create capsule", "container create default.desk-main", "container start default.desk-main"];
        stage.change(&desk(&[&format!("network: {{name: {theirs}}}"), MAIN]), &first)?;
        let pid = stage.container("desk-main")?.pid;
        assert_eq!(networks(stage, &stage.container("desk-main")?)?, [theirs.as_str()]);
        let told = stage.until_condition("instance", "desk-main", "NetworkReady", "True")?;
        assert_eq!(told["reason"], "NetworkNotOurs", "{told}");

        // A network without labels that has the name of the workspace's own is used as well.
        let own = format!("{}default.desk", stage.prefix()?);
        person_makes_network(stage, &own, &[])?;
        let joined = ["network connect default.desk".to_owned(), format!("network disconnect {theirs}")];
        stage.change(&desk(&[MAIN]), &joined)?;
        let after = stage.container("desk-main")?;
        assert_eq!((networks(stage, &after)?, after.pid), (vec!["default.desk".to_owned()], pid));
        let mut log = EngineLog::follow(stage)?;
        stage.jackin(&["delete", "workspace", "desk"])?;
        assert_eq!(log.operations()?, ["container stop default.desk-main", "container destroy default.desk-main"]);
        docker(&["network", "inspect", &theirs, &own]).map(drop)
    })
}

#[test]
fn a_network_that_lets_traffic_out_never_serves_where_that_is_denied() -> Result<()> {
    play(|stage| {
        let theirs = stage.person("open");
        person_makes_network(stage, &theirs, &[])?;
        stage.submit(&desk(&[&format!("network: {{name: {theirs}, internal: true}}"), MAIN]))?;
        let told = stage.until_condition("instance", "desk-main", "NetworkReady", "False")?;
        let told = match told["reason"].as_str() {
            Some("NetworkNotInternal") => told,
            _ => eventually("the reason", || {
                let told = stage.condition("instance", "desk-main", "NetworkReady")?;
                Ok((told["reason"] == "NetworkNotInternal").then_some(told))
            })?,
        };
        ensure!(told["message"].as_str().unwrap_or_default().contains("docker network rm"), "{told}");
        assert_eq!(stage.ours("container")?, Vec::<String>::new());
        docker(&["network", "rm", &theirs])?;
        stage.wait_for("instance/desk-main", "Ready")?;
        let internal = docker(&["network", "inspect", "--format", "{{.Internal}}", &theirs])?;
        assert_eq!(internal, "true");
        Ok(())
    })
}
