//! Deletion removes exactly what is ours.

use anyhow::{Context, Result, ensure};

use crate::stage::{MAIN, Stage, desk, docker, eventually, play};

/// A container that a person runs beside ours.
fn person_runs(stage: &Stage, name: &str, flags: &[&str]) -> Result<String> {
    let label = stage.person_label();
    let head = ["run", "-d", "--init", "--name", name, "--label", &label];
    docker(&[&head, flags, &["jackin-tiny:1", "sleep", "1000"]].concat())
}

fn state(container: &str) -> Result<String> {
    docker(&["inspect", "--format", "{{.Id}} {{.State.Status}}", container])
}

#[test]
fn a_deleted_workspace_takes_its_containers_and_its_network_with_it() -> Result<()> {
    play(|stage| {
        stage.apply(&desk(&["instances: [{name: main, role: tiny, agent: shell, count: 2}]"]))?;
        assert_eq!(stage.ours("container")?.len(), 2);
        let printed = stage.jackin(&["delete", "workspace", "desk"])?;
        assert_eq!(printed, "workspace.jackin.dev \"desk\" deleted\n");
        assert_eq!(stage.ours("container")?, Vec::<String>::new());
        assert_eq!(stage.ours("network")?, Vec::<String>::new());
        assert_eq!(stage.jackin(&["get", "workspaces,instances,images", "-o", "name"])?, "");
        Ok(())
    })
}

#[test]
fn what_a_person_made_beside_ours_stays() -> Result<()> {
    play(|stage| {
        stage.apply(&desk(&[MAIN]))?;
        let network = stage.person("network");
        docker(&["network", "create", "--label", &stage.person_label(), &network])?;
        let beside = person_runs(stage, &stage.person("beside"), &["--network", &network])?;
        // It differs from ours in its last letter only, and has labels of ours, but not our owner id.
        let name = format!("{}s", stage.container_name("desk-main")?);
        let labels = [
            "--label",
            "jackin.owner=000000000000",
            "--label",
            "jackin.workspace=desk",
            "--label",
            "jackin.namespace=default",
        ];
        let alike = person_runs(stage, &name, &labels)?;
        stage.jackin(&["delete", "workspace,role", "--all"])?;
        assert_eq!(state(&beside)?, format!("{beside} running"));
        assert_eq!(state(&alike)?, format!("{alike} running"));
        docker(&["network", "inspect", &network])?;
        assert_eq!(stage.ours("container")?, Vec::<String>::new());
        Ok(())
    })
}

#[test]
fn a_persons_container_on_our_network_stays_connected_and_the_delete_ends_all_the_same() -> Result<()> {
    play(|stage| {
        stage.apply(&desk(&[MAIN]))?;
        let network = format!("{}default.desk", stage.prefix()?);
        let guest = person_runs(stage, &stage.person("guest"), &["--network", &network])?;
        stage.jackin(&["delete", "workspace", "desk", "--timeout", "60s"])?;
        assert_eq!(state(&guest)?, format!("{guest} running"));
        let networks = docker(&[
            "inspect",
            "--format",
            "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}",
            &guest,
        ])?;
        assert_eq!(networks, network);
        assert_eq!(stage.ours("container")?, Vec::<String>::new());

        // And the network serves again when the workspace is back.
        stage.apply(&desk(&[MAIN]))?;
        assert_eq!(stage.ours("network")?, ["default.desk"]);
        assert_eq!(state(&guest)?, format!("{guest} running"));
        Ok(())
    })
}

#[test]
fn a_foreign_container_of_our_name_is_a_conflict_and_stays_untouched() -> Result<()> {
    play(|stage| {
        stage.controller()?;
        let foreign = person_runs(stage, &stage.container_name("desk-main")?, &[])?;
        let before = docker(&["inspect", &foreign])?;
        stage.submit(&desk(&[MAIN]))?;
        let ready = eventually("the conflict to be told", || {
            let ready = stage.condition("instance", "desk-main", "Ready")?;
            Ok((ready["reason"] == "NameConflict").then_some(ready))
        })?;
        assert_eq!(ready["status"], "False");
        let message = ready["message"].as_str().context("a message")?;
        ensure!(message.contains(&stage.container_name("desk-main")?), "the container is not named: {message}");
        assert_eq!(docker(&["inspect", &foreign])?, before);

        docker(&["rm", "-f", &foreign])?;
        stage.until_condition("instance", "desk-main", "Ready", "True")?;
        Ok(())
    })
}

#[test]
fn deleting_a_workspace_of_whose_name_a_foreign_container_is_leaves_that_container() -> Result<()> {
    play(|stage| {
        stage.controller()?;
        let foreign = person_runs(stage, &stage.container_name("desk-main")?, &[])?;
        stage.submit(&desk(&[MAIN]))?;
        stage.jackin(&["delete", "workspace", "desk", "--timeout", "60s"])?;
        assert_eq!(state(&foreign)?, format!("{foreign} running"));
        Ok(())
    })
}

#[test]
fn a_deletion_by_file_deletes_what_the_file_names() -> Result<()> {
    play(|stage| {
        stage.apply(&desk(&[MAIN]))?;
        let path = stage.path("manifest.yaml");
        stage.jackin(&["delete", "-f", path.to_str().context("a path in UTF-8")?])?;
        assert_eq!(stage.jackin(&["get", "roles,workspaces,instances,images", "-o", "name"])?, "");
        assert_eq!(stage.ours("container")?, Vec::<String>::new());
        Ok(())
    })
}

#[test]
fn files_in_a_deleted_instances_home_stay_and_the_next_one_of_its_name_finds_them() -> Result<()> {
    play(|stage| {
        let manifest = desk(&[MAIN]);
        stage.apply(&manifest)?;
        stage.jackin(&["exec", "desk-main", "--", "sh", "-c", "echo work > $HOME/unsaved"])?;
        stage.jackin(&["delete", "workspace", "desk"])?;
        stage.apply(&manifest)?;
        let found = stage.jackin(&["exec", "desk-main", "--", "sh", "-c", "cat $HOME/unsaved"])?;
        assert_eq!(found, "work\n");
        Ok(())
    })
}

#[test]
fn what_a_deletion_left_without_an_owner_goes_on_in_a_workspace_of_the_same_name() -> Result<()> {
    play(|stage| {
        let manifest = desk(&[MAIN]);
        stage.apply(&manifest)?;
        let uid =
            |stage: &Stage| Ok::<_, anyhow::Error>(stage.object("instance", "desk-main")?["metadata"]["uid"].clone());
        let container = stage.container_name("desk-main")?;
        let (instance, before) = (uid(stage)?, state(&container)?);
        stage.jackin(&["delete", "workspace", "desk", "--cascade=orphan"])?;
        assert_eq!(uid(stage)?, instance);
        stage.apply(&manifest)?;
        assert_eq!((uid(stage)?, state(&container)?), (instance, before));

        stage.jackin(&["delete", "workspace", "desk"])?;
        assert_eq!(stage.ours("container")?, Vec::<String>::new(), "it is the workspace's own again");
        Ok(())
    })
}
