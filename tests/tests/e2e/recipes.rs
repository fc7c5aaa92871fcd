//! What an image is made from: content, and of that what the Dockerfile copies. Every rebuild names each input that differs.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::stage::{EngineLog, HeldBuild, MAIN, Stage, desk_of, play};

/// A role of the folder `role`, and `desk` with one instance of it.
fn manifest(folder: &str) -> String {
    let role = format!(
        "apiVersion: jackin.dev/v1alpha1\nkind: Role\nmetadata: {{name: tiny}}\nspec: {{source: {{path: ./{folder}}}, agents: [shell]}}\n"
    );
    desk_of(&role, &[MAIN])
}

fn with_files(stage: &Stage, folder: &str, files: &[(&str, &str)]) -> Result<()> {
    files.iter().try_for_each(|(name, content)| stage.write(&format!("{folder}/{name}"), content).map(drop))
}

/// The reasons of the last decision, as `~ files[a]`.
fn changes(stage: &Stage) -> Result<Vec<String>> {
    let described = stage.jackin(&["describe", "image", "tiny"])?;
    let reasons = described.lines().skip_while(|line| *line != "Reasons:").skip(1);
    let reasons = reasons.take_while(|line| line.starts_with("  "));
    Ok(reasons.filter_map(|line| Some(line.trim().strip_prefix("RecipeFieldChanged: ")?.to_owned())).collect())
}

fn recipe(stage: &Stage) -> Result<Value> {
    Ok(stage.object("image", "tiny")?["status"]["recipe"].clone())
}

/// Whether an apply builds something.
fn builds(stage: &Stage, manifest: &str) -> Result<bool> {
    let mut log = EngineLog::follow(stage)?;
    stage.apply(manifest)?;
    Ok(log.writes()?.iter().any(|write| write.starts_with("image tag")))
}

#[test]
fn the_same_content_at_another_place_and_time_is_the_same_recipe() -> Result<()> {
    play(|stage| {
        let files = [("Dockerfile", "FROM jackin-tiny:1\nCOPY src /src\n"), ("src/a", "1"), ("src/deep/b", "2")];
        with_files(stage, "role", &files)?;
        stage.apply(&manifest("role"))?;
        let (before, container) = (recipe(stage)?, stage.container("desk-main")?);
        // Written anew: other times and inodes.
        with_files(stage, "role", &files)?;
        ensure!(!builds(stage, &manifest("role"))?, "times count");
        with_files(stage, "elsewhere/clone", &files)?;
        ensure!(!builds(stage, &manifest("elsewhere/clone"))?, "the place counts");
        assert_eq!(recipe(stage)?, before);
        assert_eq!(stage.container("desk-main")?.id, container.id);
        Ok(())
    })
}

#[test]
fn a_file_that_is_not_copied_rebuilds_nothing_and_one_behind_a_copy_does() -> Result<()> {
    play(|stage| {
        let dockerfile = "FROM jackin-tiny:1\nCOPY ./src /x\n";
        with_files(stage, "role", &[("Dockerfile", dockerfile), ("src/main", "1"), ("README.md", "1")])?;
        stage.apply(&manifest("role"))?;
        with_files(stage, "role", &[("README.md", "2"), ("notes/new", "1")])?;
        ensure!(!builds(stage, &manifest("role"))?, "a file that is not copied counts");
        with_files(stage, "role", &[("src/main", "2")])?;
        ensure!(builds(stage, &manifest("role"))?, "a file that is copied does not count");
        assert_eq!(changes(stage)?, ["~ files[src/main]"]);
        assert_eq!(stage.jackin(&["exec", "desk-main", "--", "cat", "/x/main"])?, "2");
        Ok(())
    })
}

#[test]
fn an_ignore_file_that_lets_a_file_in_is_a_rebuild_and_every_input_that_differs_is_named() -> Result<()> {
    play(|stage| {
        let files =
            [("Dockerfile", "FROM jackin-tiny:1\nCOPY . /all\n"), ("edited", "1"), ("removed", "1"), ("hidden", "1")];
        with_files(stage, "role", &files)?;
        with_files(stage, "role", &[(".dockerignore", "hidden\n.dockerignore\n")])?;
        stage.apply(&manifest("role"))?;
        with_files(stage, "role", &[(".dockerignore", ".dockerignore\n")])?;
        ensure!(builds(stage, &manifest("role"))?, "a file that appears does not count");
        assert_eq!(changes(stage)?, ["+ files[hidden]"]);

        std::fs::remove_file(stage.path("role/removed"))?;
        with_files(stage, "role", &[("edited", "2"), ("added", "1")])?;
        stage.apply(&manifest("role"))?;
        assert_eq!(changes(stage)?, ["+ files[added]", "~ files[edited]", "- files[removed]"]);
        Ok(())
    })
}

#[test]
fn an_image_is_described_with_its_inputs_its_steps_and_who_uses_it() -> Result<()> {
    play(|stage| {
        with_files(stage, "role", &[("Dockerfile", "FROM jackin-tiny:1\nCOPY src /src\n"), ("src/a", "1")])?;
        stage.apply(&manifest("role"))?;
        let described = stage.jackin(&["describe", "image", "tiny"])?;
        for wanted in ["Inputs:", "  base[jackin-tiny:1] ", "  files[src/a] ", "Build:", "  COPY src /src ", "Used by:"]
        {
            ensure!(described.contains(wanted), "no `{wanted}` in\n{described}");
        }
        let user = described.lines().find(|line| line.starts_with("  desk-main ")).context("nobody uses it")?;
        ensure!(user.contains("Running") && user.ends_with("this image"), "{user}");
        Ok(())
    })
}

#[test]
fn what_a_build_prints_is_followed_while_it_runs_and_read_afterwards() -> Result<()> {
    play(|stage| {
        let build = HeldBuild::new();
        stage.submit(&desk_of(&build.role(), &[MAIN]))?;
        build.until_running()?;
        let mut follows = stage.command(&["logs", "image/tiny", "-f"]).stdout(Stdio::piped()).spawn()?;
        let mut printed = BufReader::new(follows.stdout.take().context("its output")?).lines();
        let step = printed.by_ref().map_while(Result::ok).find(|line| line.contains("RUN : held-"));
        ensure!(step.is_some(), "it ended without the step");
        assert_eq!(follows.try_wait()?, None, "it does not wait for the end of the build");
        build.release()?;
        let rest: Vec<_> = printed.collect::<Result<_, _>>()?;
        ensure!(follows.wait()?.success() && !rest.is_empty(), "{rest:?}");
        stage.wait_for("instance/desk-main", "Ready")?;
        let all = stage.jackin(&["logs", "image/tiny"])?;
        ensure!(all.ends_with(&format!("{}\n", rest.join("\n"))), "{all}");
        let ran = stage.run(&["logs", "image/none"])?;
        ensure!(ran.code == 1 && ran.stderr.contains("\"none\" not found"), "{}", ran.said());
        Ok(())
    })
}

/// A role that has nothing in common with those of other numbers but its base.
fn role_of(number: usize) -> String {
    format!(
        "apiVersion: jackin.dev/v1alpha1\nkind: Role\nmetadata: {{name: role-{number}}}\nspec:\n  source: {{inline: {{dockerfile: \"FROM jackin-tiny:1\\nRUN echo {number} > /made\\n\"}}}}\n  agents: [shell]\n---\n"
    )
}

#[test]
fn fifty_instances_in_ten_workspaces_that_need_three_recipes_are_three_builds() -> Result<()> {
    play(|stage| {
        stage.controller()?;
        let mut log = EngineLog::follow(stage)?;
        let mut manifest: String = (0..3).map(role_of).collect();
        for number in 0..10 {
            let role = format!("role-{}", number % 3);
            manifest += &format!(
                "apiVersion: jackin.dev/v1alpha1\nkind: Workspace\nmetadata: {{name: desk-{number}}}\nspec:\n  workdir: /\n  roles: [{role}]\n  instances: [{{name: main, role: {role}, agent: shell, count: 5}}]\n---\n"
            );
        }
        let ran = stage.try_apply(&manifest, &["--wait", "--timeout", "5m"])?;
        ensure!(ran.code == 0, "{}", ran.said());
        let writes = log.writes()?;
        let of = |start: &str| writes.iter().filter(|write| write.starts_with(start)).count();
        assert_eq!(of("image tag default/role-"), 3, "{writes:?}");
        assert_eq!(stage.ours("container")?.len(), 50);
        Ok(())
    })
}
