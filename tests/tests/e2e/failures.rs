//! Failures are told with their cause, and nothing is broken by them.

use anyhow::{Context, Result, ensure};

use crate::stage::{MAIN, desk, desk_of, eventually, inline_role, play};

#[test]
fn a_first_build_that_fails_is_told_with_its_instruction_and_its_last_lines() -> Result<()> {
    play(|stage| {
        let manifest = desk_of(&inline_role(&["RUN echo the reason is here && false"]), &[MAIN]);
        let ran = stage.try_apply(&manifest, &["--wait", "--timeout", "60s"])?;
        assert_eq!(ran.code, 1, "{}", ran.said());
        for part in ["BuildFailed", "RUN echo the reason is here && false"] {
            ensure!(ran.stderr.contains(part), "`{part}` is not told: {}", ran.stderr);
        }
        ensure!(ran.stderr.matches("the reason is here").count() > 1, "the last lines are not told: {}", ran.stderr);
        let stalled = stage.until_condition("image", "tiny", "Stalled", "True")?;
        assert_eq!(stalled["reason"], "BuildFailed");
        assert_eq!(stage.ours("container")?, Vec::<String>::new());
        let described = stage.jackin(&["describe", "image", "tiny"])?;
        ensure!(described.contains("BuildFailed"), "{described}");
        Ok(())
    })
}

#[test]
fn a_mount_whose_source_is_missing_is_named_and_the_instance_follows_when_it_appears() -> Result<()> {
    play(|stage| {
        let source = stage.path("later");
        let mount = format!("mounts: [{{source: {}, target: /work}}]", source.display());
        stage.submit(&desk(&[&mount, MAIN]))?;
        let condition = eventually("the missing source to be told", || {
            let condition = stage.condition("instance", "desk-main", "WorkspaceMaterialized")?;
            Ok((condition["reason"] == "MountSourceMissing").then_some(condition))
        })?;
        assert_eq!(condition["status"], "False");
        let ready = stage.condition("instance", "desk-main", "Ready")?;
        let message = ready["message"].as_str().context("a message")?;
        ensure!(message.contains(source.to_str().context("a path in UTF-8")?), "the source is not named: {message}");
        assert_eq!(stage.ours("container")?, Vec::<String>::new());
        ensure!(!source.exists(), "the missing source was made");

        std::fs::create_dir(&source)?;
        stage.until_condition("instance", "desk-main", "Ready", "True")?;
        Ok(())
    })
}

#[test]
fn a_mount_source_that_disappears_does_not_end_the_running_instance() -> Result<()> {
    play(|stage| {
        stage.write("work/file", "here")?;
        stage.apply(&desk(&["mounts: [{source: ./work, target: /work}]", MAIN]))?;
        let before = stage.container("desk-main")?;
        std::fs::remove_dir_all(stage.path("work"))?;
        stage.stop_controller()?;
        stage.jackin(&["controller", "start"])?;
        stage.until_condition("instance", "desk-main", "WorkspaceMaterialized", "False")?;
        let after = stage.container("desk-main")?;
        assert_eq!((after.id, after.pid), (before.id, before.pid));
        Ok(())
    })
}

#[test]
fn two_workspaces_that_ask_for_one_name_are_told_and_the_second_follows_when_the_name_is_free() -> Result<()> {
    play(|stage| {
        stage.apply(&desk(&["instances: [{name: main-one, role: tiny, agent: shell}]"]))?;
        let before = stage.container("desk-main-one")?;
        let second =
            desk(&["instances: [{name: one, role: tiny, agent: shell}]"]).replace("name: desk}", "name: desk-main}");
        ensure!(second.contains("name: desk-main}"), "the manifest has another form: {second}");
        stage.submit(&second)?;
        eventually("the taken name to be told", || {
            let ready = stage.condition("workspace", "desk-main", "Ready")?;
            let message = ready["message"].as_str().unwrap_or_default();
            Ok(message.contains("`desk-main-one` belongs to workspace `desk` already").then_some(()))
        })?;
        assert_eq!(stage.container("desk-main-one")?.id, before.id);

        // Also while the first one has the name no more, but its container and home still have it.
        let indexed = desk(&["instances: [{name: main-one, role: tiny, agent: shell, count: 1}]"]);
        stage.submit(&indexed)?;
        stage.until_condition("instance", "desk-main-one-0", "Ready", "True")?;
        stage.until_condition("workspace", "desk-main", "Ready", "False")?;
        assert_eq!(stage.container("desk-main-one")?.id, before.id);
        ensure!(stage.object("instance", "desk-main-one")?.is_null(), "two instances share one container");
        stage.jackin(&["delete", "workspace", "desk"])?;
        stage.until_condition("workspace", "desk-main", "Ready", "True")?;
        assert_ne!(stage.container("desk-main-one")?.id, before.id);
        Ok(())
    })
}

#[test]
fn an_unknown_role_is_refused_before_anything_is_written() -> Result<()> {
    play(|stage| {
        stage.apply(&desk(&[MAIN]))?;
        stage.settle("desk-main")?;
        let before = stage.dump()?;
        let manifest = desk(&["instances: [{name: main, role: other, agent: shell}]"]).replace("[tiny]", "[other]");
        let ran = stage.try_apply(&manifest, &[])?;
        assert_eq!(ran.code, 2, "{}", ran.said());
        ensure!(ran.stderr.contains("`other`") && ran.stderr.contains("manifest.yaml:"), "{}", ran.stderr);
        assert_eq!(stage.dump()?, before);
        Ok(())
    })
}

#[test]
fn a_role_deleted_under_its_workspace_is_told_and_ends_nothing() -> Result<()> {
    play(|stage| {
        let manifest = desk(&[MAIN]);
        stage.apply(&manifest)?;
        let before = stage.container("desk-main")?;
        stage.jackin(&["delete", "role", "tiny"])?;
        let ready = stage.until_condition("instance", "desk-main", "Ready", "False")?;
        assert_eq!(ready["reason"], "ReferenceMissing");
        stage.until_condition("workspace", "desk", "Ready", "False")?;
        assert_eq!(stage.container("desk-main")?.pid, before.pid);
        stage.apply(&manifest)?;
        let after = stage.container("desk-main")?;
        assert_eq!((after.id, after.pid), (before.id, before.pid));
        Ok(())
    })
}

#[test]
fn an_image_that_is_nowhere_is_told() -> Result<()> {
    play(|stage| {
        let manifest = desk(&[MAIN]).replace("jackin-tiny:1", "127.0.0.1:1/nowhere:1");
        let ran = stage.try_apply(&manifest, &["--wait", "--timeout", "20s"])?;
        ensure!(ran.code == 1 || ran.code == 3, "it ended with {}: {}", ran.code, ran.said());
        ensure!(ran.stderr.contains("127.0.0.1:1/nowhere:1"), "the image is not named: {}", ran.stderr);
        let ready = stage.condition("image", "tiny", "Ready")?;
        assert_eq!(ready["reason"], "PullFailed");
        Ok(())
    })
}

#[test]
fn an_engine_that_cannot_be_reached_is_unknown_and_nothing_is_decided() -> Result<()> {
    play(|stage| {
        let manifest = desk(&[MAIN]);
        stage.apply(&manifest)?;
        let before = stage.container("desk-main")?;
        stage.stop_controller()?;

        let nowhere = format!("unix://{}", stage.path("nowhere.sock").display());
        stage.set_variable("DOCKER_HOST", &nowhere);
        stage.jackin(&["controller", "start"])?;
        let ready = stage.until_condition("instance", "desk-main", "Ready", "Unknown")?;
        assert_eq!(ready["reason"], "EngineUnreachable");
        stage.stop_controller()?;

        stage.clear_variables();
        stage.apply(&manifest)?;
        let after = stage.container("desk-main")?;
        assert_eq!((after.id, after.pid), (before.id, before.pid));
        Ok(())
    })
}

#[test]
fn fields_that_are_not_acted_on_yet_are_named() -> Result<()> {
    play(|stage| {
        stage.apply(&desk(&["warmPool: {size: 1, role: tiny, agent: shell}", "lifecycle: {ttl: 7d}", MAIN]))?;
        let condition = stage.condition("workspace", "desk", "FieldsNotActedOn")?;
        assert_eq!((&condition["status"], &condition["reason"]), (&"True".into(), &"NotActedOn".into()));
        let message = condition["message"].as_str().context("a message")?;
        for field in ["spec.warmPool", "spec.lifecycle.ttl"] {
            ensure!(message.contains(field), "`{field}` is not named: {message}");
        }
        stage.apply(&desk(&[MAIN]))?;
        assert_eq!(stage.condition("workspace", "desk", "FieldsNotActedOn")?, serde_json::Value::Null);
        Ok(())
    })
}
