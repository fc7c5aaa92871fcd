//! A role's hooks: copied into its image, run before the agent of each session, and a failure that is told.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::stage::{MAIN, Stage, desk_of, eventually, play};

/// The workspace `desk` with one instance of a role whose folder is `role`, with these hooks and lines of the workspace's spec.
fn manifest(hooks: &str, lines: &[&str]) -> String {
    let role = format!(
        "apiVersion: jackin.dev/v1alpha1\nkind: Role\nmetadata: {{name: tiny}}\nspec:\n  source: {{path: ./role}}\n  hooks: {hooks}\n  agents: [shell]\n"
    );
    desk_of(&role, &[&["mounts: [{source: ./notes, target: /notes}]", MAIN], lines].concat())
}

const ALL: &str = "{setupOnce: setup.sh, source: env.sh, preflight: hooks/check.sh}";

fn with_role(stage: &Stage, dockerfile: &str, files: &[(&str, &str)]) -> Result<()> {
    stage.write("notes/README", "")?;
    stage.write("role/Dockerfile", dockerfile)?;
    files.iter().try_for_each(|(name, text)| stage.write(&format!("role/{name}"), text).map(drop))
}

/// What hooks noted, in their order.
fn noted(stage: &Stage) -> String {
    std::fs::read_to_string(stage.path("notes/noted")).unwrap_or_default()
}

fn status(stage: &Stage) -> Result<Value> {
    Ok(stage.object("instance", "desk-main")?["status"].clone())
}

#[test]
fn hooks_are_in_the_image_whatever_is_ignored_and_run_in_their_order() -> Result<()> {
    play(|stage| {
        with_role(
            stage,
            "FROM jackin-construct:bookworm\nCOPY . /src\nUSER 4321:4321\n",
            &[
                (".dockerignore", "*\n"),
                ("setup.sh", "echo setup >> /notes/noted\n"),
                ("env.sh", "export COLOUR=blue; echo source >> /notes/noted\n"),
                ("hooks/check.sh", "#!/bin/sh\necho preflight $COLOUR >> /notes/noted\n"),
            ],
        )?;
        stage.apply(&manifest(ALL, &[]))?;
        assert_eq!(noted(stage), "setup\nsource\npreflight blue\n");
        let passed = stage.condition("instance", "desk-main", "HooksPassed")?;
        assert_eq!((&passed["status"], &passed["reason"]), (&"True".into(), &"HooksDone".into()));
        let container = stage.container("desk-main")?;
        let listed = ["exec", &container.name, "sh", "-c", "cd /jackin/hooks && stat -c '%n %u:%g %a' *"];
        assert_eq!(stage.docker(&listed)?.trim(), "preflight 0:0 755\nsetupOnce 0:0 755\nsource 0:0 755");
        assert_eq!(
            stage.docker(&["image", "inspect", "-f", "{{.Config.User}}", &container.image])?.trim(),
            "4321:4321"
        );
        let described = stage.jackin(&["describe", "instance", "desk-main"])?;
        ensure!(described.contains("\nHooks:\n  setupOnce at "), "no hooks in\n{described}");

        stage.jackin(&["restart", "desk-main"])?;
        assert_eq!(stage.container("desk-main")?.id, container.id);
        assert_eq!(noted(stage), "setup\nsource\npreflight blue\nsource\npreflight blue\n");

        stage.jackin(&["restart", "desk-main", "--recreate"])?;
        assert_ne!(stage.container("desk-main")?.id, container.id);
        assert_eq!(noted(stage).matches("setup").count(), 1, "the durable home is the same");
        Ok(())
    })
}

#[test]
fn a_failing_preflight_is_told_with_its_output_and_an_edit_of_it_mends_the_instance() -> Result<()> {
    play(|stage| {
        let failing = "echo preflight >> /notes/noted\necho no database\nexit 3\n";
        with_role(stage, "FROM jackin-tiny:1\n", &[("check.sh", failing)])?;
        let manifest = manifest("{preflight: check.sh}", &[]);
        let ran = stage.try_apply(&manifest, &["--wait", "--timeout", "60s"])?;
        ensure!(ran.code != 0 && ran.said().contains("hook `preflight` ended with 3"), "{}", ran.said());
        let failed = stage.until_condition("instance", "desk-main", "HooksPassed", "False")?;
        assert_eq!(failed["reason"], "HookFailed");
        let ready = stage.condition("instance", "desk-main", "Ready")?;
        let message = ready["message"].as_str().context("a message")?;
        for part in ["next try at", "`jackin restart desk-main` tries at once", "its last lines:\nno database"] {
            ensure!(message.contains(part), "no `{part}` in {message}");
        }
        let hook = &status(stage)?["hooks"][0];
        assert_eq!(
            (&hook["hook"], &hook["exitCode"], &hook["output"]),
            (&"preflight".into(), &3.into(), &"no database".into())
        );
        let logs = stage.jackin(&["logs", "desk-main", "--session", "main"])?;
        ensure!(logs.contains("no database") && logs.contains("the agent is not started"), "{logs}");
        let told = stage.jackin(&["get", "events"])?;
        ensure!(told.contains("HookFailed"), "no event: {told}");
        assert_eq!(stage.jackin(&["exec", "desk-main", "--", "echo", "beside"])?, "beside\n");
        let tries = eventually("it to be tried again by itself", || {
            let retry = status(stage)?["retry"]["failures"].as_u64().unwrap_or(0);
            Ok((retry >= 3).then_some(noted(stage).lines().count()))
        })?;
        ensure!(tries <= 4, "{tries} tries for three failures");

        stage.write("role/check.sh", "exit 0\n")?;
        stage.apply(&manifest)?;
        let described = stage.jackin(&["describe", "image", "tiny"])?;
        ensure!(described.contains("RecipeFieldChanged: ~ hooks[check.sh]"), "{described}");
        assert_eq!(stage.condition("instance", "desk-main", "HooksPassed")?["status"], "True");
        Ok(())
    })
}

#[test]
fn what_a_preflight_asks_of_the_workspace_mends_it_in_the_same_container() -> Result<()> {
    play(|stage| {
        with_role(stage, "FROM jackin-tiny:1\n", &[("check.sh", "[ \"$STAGE\" = ready-for-work ]\n")])?;
        let with = |stage: &str| manifest("{preflight: check.sh}", &[&format!("env: {{STAGE: {{value: {stage}}}}}")]);
        stage.submit(&with("not-yet-ready"))?;
        let failed = stage.until_condition("instance", "desk-main", "Stalled", "True")?;
        assert_eq!(failed["reason"], "HookFailed");
        let container = stage.container("desk-main")?;
        stage.apply(&with("ready-for-work"))?;
        let after = stage.container("desk-main")?;
        assert_eq!((after.id, after.pid), (container.id, container.pid));
        Ok(())
    })
}

#[test]
fn a_hook_that_hangs_is_told_and_holds_up_neither_a_stop_nor_a_deletion() -> Result<()> {
    play(|stage| {
        with_role(stage, "FROM jackin-tiny:1\n", &[("check.sh", "echo begun >> /notes/noted\nexec sleep 1000\n")])?;
        stage.submit(&manifest("{preflight: check.sh}", &[]))?;
        eventually("the hook to be seen running", || {
            let ready = stage.condition("instance", "desk-main", "Ready")?;
            let message = ready["message"].as_str().unwrap_or_default();
            Ok((ready["reason"] == "HooksRunning" && message.contains("hook `preflight` has run since")).then_some(()))
        })?;
        stage.jackin(&["stop", "desk-main"])?;
        stage.until_container("desk-main", "stopped", |found| found.state == "exited")?;
        stage.jackin(&["delete", "workspace", "desk", "--timeout", "60s"])?;
        assert_eq!(stage.ours("container")?, Vec::<String>::new());
        assert_eq!(noted(stage), "begun\n");
        Ok(())
    })
}

#[test]
fn an_image_without_a_shell_cannot_source_a_hook_and_that_is_the_cause() -> Result<()> {
    play(|stage| {
        with_role(stage, "FROM scratch\nCOPY empty /empty\n", &[("empty", ""), ("env.sh", "export A=b\n")])?;
        stage.submit(&manifest("{source: env.sh}", &[]))?;
        let failed = stage.until_condition("instance", "desk-main", "Stalled", "True")?;
        let message = failed["message"].as_str().context("a message")?;
        ensure!(message.contains("hook `source` could not be run: the image has no POSIX shell"), "{message}");
        Ok(())
    })
}

#[test]
fn hooks_need_a_source_with_files() -> Result<()> {
    play(|stage| {
        let inline = "apiVersion: jackin.dev/v1alpha1\nkind: Role\nmetadata: {name: tiny}\nspec:\n  source: {image: \"jackin-tiny:1\"}\n  hooks: {preflight: a.sh}\n";
        let ran = stage.try_apply(inline, &[])?;
        ensure!(ran.code == 2 && ran.said().contains("hooks are files of the role's source"), "{}", ran.said());
        Ok(())
    })
}
