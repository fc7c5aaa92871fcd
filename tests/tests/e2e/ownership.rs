//! What is ours, what is somebody else's, and what nothing refers to any more.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::stage::{EngineLog, MAIN, NOTHING, Stage, desk, desk_of, docker, eventually, inline_role, play};

const OTHER: &str = "jackin.owner=ba9876543210";

/// What pruning tells, by kind and name without what ours begin with: whether it is or would be removed.
fn prune(stage: &Stage, flags: &[&str]) -> Result<Vec<(String, String, bool)>> {
    let told: Value = serde_json::from_str(&stage.jackin(&[&["prune", "-o", "json"], flags].concat())?)?;
    let prefix = stage.prefix()?;
    let all = told["objects"].as_array().context("objects")?;
    let text = |pruned: &Value, key: &str| pruned["stray"][key].as_str().unwrap_or_default().to_owned();
    let short = |name: String| name.strip_prefix(&prefix).map(str::to_owned).unwrap_or(name);
    Ok(all.iter().map(|one| (text(one, "kind"), short(text(one, "name")), one["removed"] == true)).collect())
}

fn until_reason(stage: &Stage, reason: &str) -> Result<String> {
    let ready = eventually(&format!("{reason} to be told"), || {
        let ready = stage.condition("instance", "desk-main", "Ready")?;
        Ok((ready["reason"] == reason).then_some(ready))
    })?;
    Ok(ready["message"].as_str().context("a message")?.to_owned())
}

/// Arguments that give an object all labels of a container but one.
fn labels_of(container: &str, without: &str) -> Result<Vec<String>> {
    let labels: Value = serde_json::from_str(&docker(&["inspect", "--format", "{{json .Config.Labels}}", container])?)?;
    let labels = labels.as_object().context("labels")?.iter().filter(|(key, _)| *key != without);
    Ok(labels
        .flat_map(|(key, value)| ["--label".to_owned(), format!("{key}={}", value.as_str().unwrap_or_default())])
        .collect())
}

#[test]
fn two_installations_on_one_engine_do_not_see_each_others_objects() -> Result<()> {
    play(|stage| {
        let other = stage.another()?;
        for stage in [&*stage, &other] {
            stage.apply(&desk(&[MAIN]))?;
            stage.settle("desk-main")?;
        }
        let theirs = other.container("desk-main")?;
        assert_ne!(stage.container("desk-main")?.id, theirs.id);
        for stage in [&*stage, &other] {
            assert_eq!(stage.ours("container")?, ["default.desk-main"]);
            assert_eq!(prune(stage, &["--dry-run", "--volumes", "--images", "--force"])?, []);
        }
        let mut log = EngineLog::follow(&other)?;
        stage.jackin(&["delete", "workspace,role", "--all"])?;
        stage.jackin(&["prune", "--volumes", "--images", "--force"])?;
        assert_eq!(log.writes()?, Vec::<String>::new());
        let after = other.container("desk-main")?;
        assert_eq!((after.id, after.pid), (theirs.id, theirs.pid));
        Ok(())
    })
}

/// C28.
#[test]
fn a_container_made_by_hand_with_our_labels_but_not_our_owner_id_is_a_conflict_that_costs_nothing() -> Result<()> {
    play(|stage| {
        let manifest = desk(&[MAIN]);
        stage.apply(&manifest)?;
        let name = stage.container_name("desk-main")?;
        let labels = labels_of(&name, "jackin.owner")?;
        stage.jackin(&["delete", "workspace", "desk"])?;
        let (person, head) = (stage.person_label(), ["run", "-d", "--init", "--name", &name, "--label", OTHER]);
        let mut arguments: Vec<&str> = head.to_vec();
        arguments.extend(labels.iter().map(String::as_str));
        arguments.extend(["--label", &person, "jackin-tiny:1", "sleep", "1000"]);
        let alike = docker(&arguments)?;

        let change = stage.announce(&manifest)?;
        let held = &change.announced.instance("desk-main")?["held"];
        assert_eq!(held["reason"], "NameConflict", "{held}");
        stage.submit(&manifest)?;
        let message = until_reason(stage, "NameConflict")?;
        ensure!(message.contains(&name) && message.contains("docker rename"), "{message}");
        change.comes_to(stage, NOTHING)?;

        stage.submit(&desk(&["suspend: true", MAIN]))?;
        stage.until_condition("instance", "desk-main", "RepairPending", "True")?;
        docker(&["rename", &alike, &stage.person("alike")])?;
        let budget =
            ["network create default.desk", "container create default.desk-main", "container start default.desk-main"];
        stage.change(&manifest, &budget)?;
        assert_eq!(docker(&["inspect", "--format", "{{.State.Status}}", &alike])?, "running");
        Ok(())
    })
}

#[test]
fn a_network_and_a_volume_of_our_names_and_another_owner_are_conflicts() -> Result<()> {
    play(|stage| {
        stage.apply(&desk(&[MAIN]))?;
        let volumes = stage.ours("volume")?;
        let volume = volumes.iter().find(|name| name.starts_with("capsule.")).context("a capsule's volume")?;
        let (volume, network) = (format!("{}{volume}", stage.prefix()?), format!("{}default.desk", stage.prefix()?));
        stage.jackin(&["delete", "workspace", "desk"])?;
        docker(&["volume", "rm", &volume])?;
        let person = stage.person_label();
        docker(&["network", "create", "--label", OTHER, "--label", &person, &network])?;
        docker(&["volume", "create", "--label", OTHER, "--label", &person, &volume])?;

        stage.submit(&desk(&[MAIN]))?;
        let message = until_reason(stage, "NameConflict")?;
        ensure!(message.contains(&network) && message.contains("docker network rm"), "{message}");
        assert_eq!(stage.ours("container")?, Vec::<String>::new());
        docker(&["network", "rm", &network])?;
        let message = eventually("the volume to be told of", || {
            let message = until_reason(stage, "NameConflict")?;
            Ok(message.contains(&volume).then_some(message))
        })?;
        ensure!(message.contains("docker volume rm"), "{message}");
        assert_eq!(
            docker(&["volume", "inspect", "--format", "{{index .Labels \"jackin.owner\"}}", &volume])?,
            "ba9876543210"
        );
        docker(&["volume", "rm", &volume])?;
        stage.wait_for("instance/desk-main", "Ready")
    })
}

#[test]
fn what_inherits_our_labels_from_an_image_is_not_ours() -> Result<()> {
    play(|stage| {
        stage.apply(&desk_of(&inline_role(&["RUN echo made > /made"]), &[MAIN]))?;
        stage.settle("desk-main")?;
        let before = stage.container("desk-main")?;
        let (person, backup) = (stage.person_label(), stage.person("backup:1"));
        let label = format!("LABEL {person}");
        docker(&["commit", "--change", &label, &before.id, &backup])?;
        let unnamed = docker(&["commit", "--change", &label, "--change", "ENV theirs=yes", &before.id])?;
        let run = |suffix: &str, image: &str| {
            let name = stage.person(suffix);
            docker(&[
                "run",
                "-d",
                "--init",
                "--name",
                &name,
                "--label",
                &person,
                "--entrypoint",
                "sleep",
                image,
                "1000",
            ])
        };
        let committed = run("committed", &backup)?;
        let derived = run("derived", &before.image)?;
        // A pass that has seen all of it.
        stage.stop_controller()?;
        stage.jackin(&["controller", "start"])?;
        stage.wait_for("instance/desk-main", "Ready")?;
        assert_eq!(prune(stage, &["--volumes", "--images", "--force"])?, []);
        // The image that was committed has the recipe of the role's by its label, and does not serve.
        stage.jackin(&["restart", "desk-main", "--recreate"])?;
        let after = stage.until_container("desk-main", "another one", |found| found.id != before.id)?;
        assert_eq!(after.image, before.image);
        stage.jackin(&["delete", "workspace,role", "--all"])?;
        for theirs in [&committed, &derived] {
            assert_eq!(docker(&["inspect", "--format", "{{.State.Status}}", theirs])?, "running");
        }
        docker(&["image", "inspect", &backup, unnamed.trim()]).map(drop)
    })
}

/// C13.
#[test]
fn an_orphan_is_shown_and_only_removed_when_pruning_was_asked_for() -> Result<()> {
    play(|stage| {
        stage.apply(&desk(&[MAIN]))?;
        stage.settle("desk-main")?;
        let before = stage.container("desk-main")?;
        // The store is lost, and with it everybody who refers to the container.
        stage.stop_controller()?;
        std::fs::remove_file(stage.home().join("jackin.db"))?;
        let mut log = EngineLog::follow(stage)?;
        stage.jackin(&["controller", "start"])?;
        eventually("the orphan to be told of", || {
            let events = stage.jackin(&["events"])?;
            Ok((events.contains("Orphaned") && events.contains("instance/desk-main")).then_some(()))
        })?;
        let expected = [
            ("container".to_owned(), "default.desk-main".to_owned(), false),
            ("network".to_owned(), "default.desk".to_owned(), false),
        ];
        assert_eq!(prune(stage, &["--dry-run"])?, expected);
        // Sessions may live in it.
        assert_eq!(prune(stage, &[])?, expected);
        assert_eq!(log.operations()?, NOTHING);
        assert_eq!(stage.container("desk-main")?.pid, before.pid);

        let announced = prune(stage, &["--dry-run", "--force"])?;
        let removed = prune(stage, &["--force"])?;
        assert_eq!(removed, expected.map(|(kind, name, _)| (kind, name, true)));
        assert_eq!(removed, announced);
        let destroyed = removed.iter().map(|(kind, name, _)| format!("{kind} destroy {name}"));
        let budget: Vec<_> = ["container stop default.desk-main".to_owned()].into_iter().chain(destroyed).collect();
        assert_eq!(log.operations()?, budget);
        assert_eq!(prune(stage, &["--dry-run"])?, []);
        Ok(())
    })
}

#[test]
fn pruning_never_takes_what_an_instance_uses_though_it_crashed_or_is_stopped() -> Result<()> {
    play(|stage| {
        stage.apply(&desk_of(&inline_role(&["RUN echo made > /made"]), &[MAIN]))?;
        stage.jackin(&["stop", "desk-main"])?;
        let before = stage.container("desk-main")?;
        let images = stage.our_images()?;
        let everything = ["--volumes", "--images", "--force"];
        assert_eq!(prune(stage, &everything)?, []);
        // Another recipe: the image of the first one is still used by the stopped container.
        stage.submit(&desk_of(&inline_role(&["RUN echo other > /made"]), &[MAIN]))?;
        eventually("the other image to be built", || Ok((stage.our_images()?.len() > images.len()).then_some(())))?;
        stage.until_condition("image", "tiny", "Built", "True")?;
        assert_eq!(prune(stage, &everything)?, []);
        assert_eq!(stage.container("desk-main")?.id, before.id);
        stage.jackin(&["start", "desk-main"])?;
        let after = stage.until_container("desk-main", "replaced", |found| found.id != before.id)?;
        stage.wait_for("instance/desk-main", "Ready")?;

        let old = |told: &[(String, String, bool)]| {
            told.iter().map(|(kind, _, gone)| (kind.clone(), *gone)).collect::<Vec<_>>()
        };
        assert_eq!(old(&prune(stage, &[])?), [("image".to_owned(), false)]);
        assert_eq!(old(&prune(stage, &["--images"])?), [("image".to_owned(), true)]);
        let after_prune = stage.container("desk-main")?;
        assert_eq!((after_prune.id, after_prune.pid), (after.id, after_prune.pid));
        assert_eq!(stage.our_images()?.iter().filter(|image| image.starts_with(&after.image)).count(), 1);
        Ok(())
    })
}
