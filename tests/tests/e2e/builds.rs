//! What a role gives to its build: arguments, secrets, a stage; and the builder that takes them.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::stage::{EngineLog, MAIN, Stage, desk_of, play};

/// A role of a Dockerfile and of these lines of `spec.build`, and `desk` with one instance of it.
fn manifest(dockerfile: &str, build: &[&str]) -> String {
    let dockerfile: String = dockerfile.lines().map(|line| format!("\n        {line}")).collect();
    let build: String = build.iter().map(|line| format!("\n    {line}")).collect();
    let role = format!(
        "apiVersion: jackin.dev/v1alpha1\nkind: Role\nmetadata: {{name: tiny}}\nspec:\n  source:\n    inline:\n      dockerfile: |-{dockerfile}\n  build:{build}\n  agents: [shell]\n"
    );
    desk_of(&role, &[MAIN])
}

/// Whether an apply builds something.
fn builds(stage: &Stage, manifest: &str) -> Result<bool> {
    let mut log = EngineLog::follow(stage)?;
    stage.apply(manifest)?;
    Ok(log.writes()?.iter().any(|write| write.starts_with("image tag")))
}

fn made(stage: &Stage) -> Result<String> {
    stage.jackin(&["exec", "desk-main", "--", "cat", "/made"])
}

fn changes(stage: &Stage) -> Result<Vec<String>> {
    let image = stage.object("image", "tiny")?;
    let reasons = image["status"]["reasons"].as_array().context("reasons")?;
    Ok(reasons.iter().map(|reason| format!("{} {}", reason["change"]["change"], reason["change"]["field"])).collect())
}

#[test]
fn a_declared_argument_is_an_input_and_one_that_nobody_declares_is_a_notice() -> Result<()> {
    play(|stage| {
        let dockerfile = "FROM jackin-tiny:1\nARG VERSION=0\nRUN echo version $VERSION > /made\n";
        let with = |version: &str, other: &str| {
            manifest(dockerfile, &[&format!("args: {{VERSION: \"{version}\", OTHER: \"{other}\"}}")])
        };
        stage.apply(&with("1", "a"))?;
        assert_eq!(made(stage)?, "version 1\n");
        let unused = stage.until_condition("image", "tiny", "BuildInputsUnused", "True")?;
        assert_eq!(unused["reason"], "NotAskedFor");
        ensure!(unused["message"].to_string().contains("spec.build.args.OTHER"), "{unused}");

        let before = stage.container("desk-main")?;
        ensure!(!builds(stage, &with("1", "b"))?, "an argument that nobody declares counts");
        assert_eq!(stage.container("desk-main")?.id, before.id);

        ensure!(builds(stage, &with("2", "b"))?, "a declared argument does not count");
        assert_eq!(made(stage)?, "version 2\n");
        let changes = changes(stage)?;
        ensure!(changes.len() == 1 && changes[0].contains("args[VERSION]"), "{changes:?}");

        stage.apply(&manifest(dockerfile, &["args: {VERSION: \"2\"}"]))?;
        assert_eq!(stage.condition("image", "tiny", "BuildInputsUnused")?, Value::Null);
        Ok(())
    })
}

#[test]
fn proxies_reach_the_build_and_are_no_input() -> Result<()> {
    play(|stage| {
        let with = |proxy: &str| {
            let dockerfile = "FROM jackin-tiny:1\nRUN echo via $HTTP_PROXY > /made\n";
            manifest(dockerfile, &[&format!("args: {{HTTP_PROXY: \"http://{proxy}:3128\"}}")])
        };
        stage.apply(&with("one"))?;
        assert_eq!(made(stage)?, "via http://one:3128\n");
        ensure!(!builds(stage, &with("other"))?, "a proxy counts");
        stage.stop_controller()?;
        stage.set_variable("HTTP_PROXY", "http://third:3128");
        stage.set_variable("https_proxy", "http://third:3128");
        ensure!(!builds(stage, &with("other"))?, "a proxy of the environment counts");
        Ok(())
    })
}

#[test]
fn only_the_stages_up_to_the_target_are_built() -> Result<()> {
    play(|stage| {
        let dockerfile = |last: &str| {
            format!("FROM jackin-tiny:1 AS tools\nRUN echo tools > /made\nFROM tools\nRUN echo {last} > /made\n")
        };
        stage.apply(&manifest(&dockerfile("last"), &["target: tools"]))?;
        assert_eq!(made(stage)?, "tools\n");
        stage.apply(&manifest(&dockerfile("last"), &["args: {}"]))?;
        assert_eq!(made(stage)?, "last\n");
        let ran =
            stage.try_apply(&manifest(&dockerfile("last"), &["target: none"]), &["--wait", "--timeout", "20s"])?;
        ensure!(ran.code != 0, "it built a stage that is not there");
        let stalled = stage.until_condition("image", "tiny", "Stalled", "True")?;
        ensure!(stalled["message"].to_string().contains("no stage of that name"), "{stalled}");
        Ok(())
    })
}
