//! Roles from repositories: nothing without trust, a commit is what it is, and a branch that moves is seen when somebody asks.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::stage::{EngineLog, MAIN, Stage, desk_of, docker, eventually, play};

/// Runs git in the rule's repository, with nothing of the tester's own settings.
fn git(stage: &Stage, arguments: &[&str]) -> Result<String> {
    let folder = stage.path("repository");
    std::fs::create_dir_all(&folder)?;
    let identity = ["-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false"];
    let output = Command::new("git").current_dir(folder).args(identity).args(arguments).output()?;
    ensure!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// Commits a role whose image holds this word; the commit.
fn commit(stage: &Stage, word: &str) -> Result<String> {
    git(stage, &["init", "--quiet", "--initial-branch=main", "."])?;
    stage.write("repository/Dockerfile", "FROM jackin-tiny:1\nCOPY word /word\n")?;
    stage.write("repository/word", word)?;
    stage.write("repository/README.md", &format!("about {word}, and not copied\n"))?;
    git(stage, &["add", "--all"])?;
    git(stage, &["commit", "--quiet", "--message", word])?;
    git(stage, &["rev-parse", "HEAD"])
}

fn url(stage: &Stage) -> String {
    format!("file://{}", stage.path("repository").display())
}

fn desk(stage: &Stage, more: &str) -> String {
    let url = url(stage);
    let role = format!(
        "apiVersion: jackin.dev/v1alpha1\nkind: Role\nmetadata: {{name: tiny}}\nspec:\n  source:\n    git: {{url: \"{url}\"{more}}}\n  agents: [shell]\n"
    );
    desk_of(&role, &[MAIN])
}

fn word(stage: &Stage) -> Result<String> {
    stage.jackin(&["exec", "desk-main", "--", "cat", "/word"])
}

#[test]
fn without_trust_nothing_is_fetched_or_built_and_with_it_the_role_is_built_at_once() -> Result<()> {
    play(|stage| {
        commit(stage, "first")?;
        let manifest = desk(stage, "");
        let ran = stage.try_apply(&manifest, &["--wait", "--timeout", "60s"])?;
        assert_eq!(ran.code, 1, "{}", ran.said());
        let next = format!("jackin trust add {}", url(stage));
        ensure!(ran.stderr.contains(&next), "the next command is not told: {}", ran.stderr);
        for condition in ["RecipeResolved", "Built", "Ready"] {
            let condition = stage.until_condition("image", "tiny", condition, "False")?;
            assert_eq!(condition["reason"], "Untrusted", "{condition}");
        }
        assert!(!stage.home().join("cache/git").exists() && !stage.home().join("cache/sources").exists());
        let ours = format!("label=jackin.owner={}", stage.owner()?);
        assert_eq!(
            docker(&["image", "ls", "--quiet", "--filter", &ours, "--filter", "label=jackin.component=image"])?,
            ""
        );

        stage.jackin(&["trust", "add", &url(stage)])?;
        stage.wait_for("instance/desk-main", "Ready")?;
        assert_eq!(word(stage)?, "first");
        Ok(())
    })
}

#[test]
fn a_pinned_commit_is_built_alike_in_two_homes_and_trust_in_one_is_not_trust_in_the_other() -> Result<()> {
    play(|stage| {
        let pinned = commit(stage, "first")?;
        commit(stage, "second")?;
        let manifest = desk(stage, &format!(", commit: {pinned}"));
        let other = stage.another()?;
        stage.jackin(&["trust", "add", &url(stage)])?;
        stage.apply(&manifest)?;
        assert_eq!(other.try_apply(&manifest, &["--wait", "--timeout", "60s"])?.code, 1);
        other.jackin(&["trust", "add", &url(stage)])?;
        other.wait_for("instance/desk-main", "Ready")?;
        assert_eq!((word(stage)?, word(&other)?), ("first".to_owned(), "first".to_owned()));
        let status = |stage: &Stage| anyhow::Ok(stage.object("image", "tiny")?["status"].clone());
        let (here, there) = (status(stage)?, status(&other)?);
        ensure!(here["recipe"].is_string());
        assert_eq!((&here["recipe"], &here["imageFields"]), (&there["recipe"], &there["imageFields"]));
        assert_eq!((&here["sourceCommit"], &there["sourceCommit"]), (&pinned.clone().into(), &pinned.into()));
        Ok(())
    })
}

#[test]
fn a_branch_that_moved_is_seen_by_an_apply_and_equal_content_builds_nothing() -> Result<()> {
    play(|stage| {
        commit(stage, "first")?;
        let manifest = desk(stage, &format!(", ref: main, trustedUrl: \"{}\"", url(stage)));
        stage.apply(&manifest)?;
        let before = stage.container("desk-main")?;
        let printed = stage.apply(&manifest)?;
        ensure!(printed.contains("role.jackin.dev/tiny unchanged"), "it printed: {printed}");

        let mut log = EngineLog::follow(stage)?;
        stage.write("repository/README.md", "other words\n")?;
        git(stage, &["commit", "--quiet", "--all", "--message", "words"])?;
        let moved = git(stage, &["rev-parse", "HEAD"])?;
        stage.apply(&manifest)?;
        eventually("the commit to be told", || {
            Ok((stage.object("image", "tiny")?["status"]["sourceCommit"] == moved.as_str()).then_some(()))
        })?;
        assert_eq!(stage.container("desk-main")?.id, before.id);
        assert_eq!(log.writes()?, Vec::<String>::new());

        commit(stage, "second")?;
        stage.apply(&manifest)?;
        assert_eq!(word(stage)?, "second");
        let reasons = stage.object("image", "tiny")?["status"]["reasons"].to_string();
        ensure!(reasons.contains("files[word]"), "the Image does not name the changed file: {reasons}");
        Ok(())
    })
}

#[test]
fn a_repository_that_is_gone_leaves_who_runs_and_what_is_cached_serves_the_next() -> Result<()> {
    play(|stage| {
        commit(stage, "first")?;
        let manifest = desk(stage, &format!(", trustedUrl: \"{}\"", url(stage)));
        stage.apply(&manifest)?;
        stage.settle("desk-main")?;
        let before = stage.container("desk-main")?;
        std::fs::rename(stage.path("repository"), stage.path("away"))?;

        stage.apply(&manifest)?;
        // Who starts anew knows nothing but what is on disk.
        stage.stop_controller()?;
        stage.controller()?;
        let told = eventually("the failure to be told", || {
            let resolved = stage.condition("image", "tiny", "RecipeResolved")?;
            Ok((resolved["reason"] == "SourceUnreachable").then_some(resolved))
        })?;
        assert_eq!(told["status"], "True", "{told}");
        assert_eq!(stage.condition("image", "tiny", "Ready")?["status"], "True");

        std::fs::remove_dir_all(stage.home().join("cache"))?;
        stage.stop_controller()?;
        stage.controller()?;
        let built = stage.until_condition("image", "tiny", "Built", "Unknown")?;
        assert_eq!(built["reason"], "SourceUnreachable", "{built}");
        let after = stage.container("desk-main")?;
        assert_eq!((&after.id, after.pid), (&before.id, before.pid));
        let image = stage.object("image", "tiny")?;
        let served = image["status"]["image"]["id"].as_str().context("the image is still known")?;
        assert_eq!(served, before.image);
        Ok(())
    })
}

#[test]
fn a_repository_behind_ssh_is_reached_by_the_operators_own_command() -> Result<()> {
    play(|stage| {
        commit(stage, "behind")?;
        // It takes options and a host, and runs here what is to be run there.
        let reach = stage
            .write("reach", "while [ $# -gt 1 ]; do shift; done\ntouch \"${0%/*}/reached\"\nexec sh -c \"$1\"\n")?;
        stage.set_variable("GIT_SSH_COMMAND", &format!("sh {}", reach.display()));
        let url = format!("ssh://nowhere.invalid{}", stage.path("repository").display());
        let role = format!(
            "apiVersion: jackin.dev/v1alpha1\nkind: Role\nmetadata: {{name: tiny}}\nspec:\n  source:\n    git: {{url: \"{url}\", trustedUrl: \"{url}\"}}\n  agents: [shell]\n"
        );
        stage.apply(&desk_of(&role, &[MAIN]))?;
        assert_eq!(word(stage)?, "behind");
        ensure!(stage.path("reached").exists(), "it was reached in another way");
        Ok(())
    })
}
