//! Images that somebody published, on a real registry: what is asked of it and when, and what serves meanwhile.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use jackin_tests::Registry;
use serde_json::{Value, json};

use crate::stage::{MAIN, Stage, desk_of, docker, eventually, play};

/// A role that is built on the tiny image, with more lines in its spec. What is built of it is swept with what the person of the stage
/// made, whoever built it.
fn role(stage: &Stage, made: &str, more: &str) -> String {
    let dockerfile = format!("FROM jackin-tiny:1\\nLABEL {}\\nRUN echo {made} > /made\\n", stage.person_label());
    format!(
        "apiVersion: jackin.dev/v1alpha1\nkind: Role\nmetadata: {{name: tiny}}\nspec:\n  source: {{inline: {{dockerfile: \"{dockerfile}\"}}}}\n  agents: [shell]\n{more}"
    )
}

fn desk(stage: &Stage, made: &str, published: &str) -> String {
    desk_of(&role(stage, made, &format!("  publishedImage: {published}\n")), &[MAIN])
}

/// Another installation builds the role, pushes it, and leaves nothing on the engine.
fn publish(stage: &Stage, made: &str, published: &str) -> Result<()> {
    let publisher = stage.another()?;
    publisher.apply(&desk_of(&role(stage, made, ""), &[MAIN]))?;
    let built = publisher.object("image", "tiny")?;
    let id = built["status"]["image"]["id"].as_str().context("an image")?.to_owned();
    // The tag may be that of an image that the stage fetched and uses.
    let before = docker(&["image", "inspect", "--format", "{{.Id}}", published]).ok();
    docker(&["tag", &id, published])?;
    docker(&["push", published])?;
    docker(&["rmi", published])?;
    if let Some(before) = before {
        docker(&["tag", &before, published])?;
    }
    Ok(())
}

fn status(stage: &Stage) -> Result<Value> {
    Ok(stage.object("image", "tiny")?["status"].clone())
}

fn reasons(stage: &Stage) -> Result<Vec<String>> {
    let status = status(stage)?;
    let reasons = status["reasons"].as_array().context("reasons")?;
    let text = |reason: &Value| match reason["change"]["field"].as_str() {
        Some(field) => format!("{} {field}", reason["reason"].as_str().unwrap_or_default()),
        None => reason["reason"].as_str().unwrap_or_default().to_owned(),
    };
    Ok(reasons.iter().map(text).collect())
}

/// As if the registry had been asked an hour ago: the record that keeps a restarted controller from asking again is set back.
fn age(stage: &Stage) -> Result<()> {
    eventually("the record of what the registry said to be set back", || {
        let mut image = stage.object("image", "tiny")?;
        let looks = image["status"]["registry"].as_array_mut().context("the registry was never asked")?;
        for look in looks {
            look["checkedAt"] = json!("2026-01-01T00:00:00Z");
        }
        let socket = stage.home().join("run/jackin.sock");
        let url = "http://localhost/apis/jackin.dev/v1alpha1/namespaces/default/images/tiny/status";
        let sent = Command::new("curl")
            .args(["--silent", "--fail", "-X", "PUT", "-H", "content-type: application/json", "--unix-socket"])
            .arg(socket)
            .args(["--data", &image.to_string(), url])
            .output()?;
        // A pass may have written meanwhile.
        Ok(sent.status.success().then_some(()))
    })
}

/// The look at a name, as the status keeps it.
fn look(stage: &Stage, reference: &str) -> Result<Option<Value>> {
    let status = status(stage)?;
    let looks = status["registry"].as_array().cloned().unwrap_or_default();
    Ok(looks.into_iter().find(|look| look["reference"] == reference))
}

/// Waits until the registry was asked since the record was set back.
fn until_asked(stage: &Stage, reference: &str) -> Result<Value> {
    eventually("the registry to be asked", || {
        Ok(look(stage, reference)?.filter(|look| look["checkedAt"] != "2026-01-01T00:00:00Z"))
    })
}

#[test]
fn a_fresh_one_serves_without_a_build_and_a_hit_asks_nobody() -> Result<()> {
    play(|stage| {
        let registry = Registry::start()?;
        let published = registry.name("tiny:1");
        publish(stage, "one", &published)?;
        let manifest = desk(stage, "one", &published);
        stage.apply(&manifest)?;
        assert_eq!(stage.jackin(&["exec", "desk-main", "--", "cat", "/made"])?, "one\n");
        assert_eq!(
            (status(stage)?["decision"].as_str(), reasons(stage)?),
            (Some("BuildFromPublished"), vec!["LocalImageMissing".to_owned()])
        );
        let there = docker(&["image", "inspect", "--format", "{{.Id}}", &published])?;
        assert_eq!(stage.container("desk-main")?.image, there, "something else serves");
        assert_eq!(status(stage)?["steps"], Value::Null, "something was built");
        let described = stage.jackin(&["describe", "image", "tiny"])?;
        ensure!(described.contains("Registry:") && described.contains(&published), "{described}");

        let asked = registry.requests()?;
        ensure!(!asked.is_empty(), "the registry's log tells nothing");
        stage.settle("desk-main")?;
        let before = stage.container("desk-main")?;
        ensure!(stage.apply(&manifest)?.contains("unchanged"), "applying again changes something");
        docker(&["kill", &before.id])?;
        stage.until_container("desk-main", "started again", |found| {
            found.id == before.id && found.state == "running" && found.started_at != before.started_at
        })?;
        stage.wait_for("instance/desk-main", "Ready")?;
        stage.stop_controller()?;
        stage.controller()?;
        stage.wait_for("instance/desk-main", "Ready")?;
        docker(&["rm", "-f", &before.id])?;
        stage.until_container("desk-main", "made again", |found| found.id != before.id && found.state == "running")?;
        stage.wait_for("instance/desk-main", "Ready")?;
        assert_eq!(registry.requests()?, asked, "a hit asked the registry");
        Ok(())
    })
}

#[test]
fn a_stale_one_is_told_with_every_difference_and_the_role_is_built() -> Result<()> {
    play(|stage| {
        let registry = Registry::start()?;
        let published = registry.name("tiny:1");
        publish(stage, "old", &published)?;
        stage.apply(&desk(stage, "new", &published))?;
        assert_eq!(stage.jackin(&["exec", "desk-main", "--", "cat", "/made"])?, "new\n");
        assert_eq!(
            (status(stage)?["decision"].as_str(), reasons(stage)?),
            (
                Some("BuildFromWorkspace"),
                vec!["LocalImageMissing".to_owned(), "PublishedImageStale dockerfile".to_owned()]
            )
        );
        // What is edited next is not in the registry either, which was asked a moment ago.
        let asked = registry.requests()?;
        stage.apply(&desk(stage, "newer", &published))?;
        assert_eq!(stage.jackin(&["exec", "desk-main", "--", "cat", "/made"])?, "newer\n");
        assert_eq!(registry.requests()?, asked);
        Ok(())
    })
}

#[test]
fn one_that_moved_is_fetched_behind_the_one_that_serves_and_one_of_another_recipe_is_left_alone() -> Result<()> {
    play(|stage| {
        let registry = Registry::start()?;
        let published = registry.name("tiny:1");
        publish(stage, "one", &published)?;
        stage.apply(&desk(stage, "one", &published))?;
        stage.settle("desk-main")?;
        let before = stage.container("desk-main")?;
        let since = stage.condition("image", "tiny", "Built")?["lastTransitionTime"].clone();

        // The same recipe, built by somebody else.
        publish(stage, "one", &published)?;
        age(stage)?;
        eventually("the new one to serve", || {
            let image = status(stage)?["image"]["id"].clone();
            Ok((image.is_string() && image != before.image.as_str()).then_some(()))
        })?;
        assert_eq!(
            (status(stage)?["decision"].as_str(), reasons(stage)?),
            (Some("RefreshInBackground"), vec!["PublishedImageMoved".to_owned()])
        );
        assert_eq!(stage.condition("image", "tiny", "Built")?["lastTransitionTime"], since, "nothing served meanwhile");
        let after = stage.container("desk-main")?;
        assert_eq!((after.id, after.pid), (before.id, before.pid), "what runs was replaced");

        let serving = status(stage)?["image"]["id"].clone();
        publish(stage, "two", &published)?;
        age(stage)?;
        until_asked(stage, &published)?;
        eventually("the stale one to be fetched and left alone", || {
            let fetched = docker(&["image", "inspect", "--format", "{{.Id}}", &published])?;
            let stale = stage.condition("image", "tiny", "Stale")?;
            Ok((serving != fetched.as_str() && stale["status"] == "False").then_some(()))
        })?;
        assert_eq!(status(stage)?["image"]["id"], serving, "the recipe's image serves no more");
        assert_eq!(stage.container("desk-main")?.pid, before.pid);
        Ok(())
    })
}

#[test]
fn a_registry_that_cannot_be_reached_takes_nothing_from_what_serves_and_costs_a_build_where_nothing_does() -> Result<()>
{
    play(|stage| {
        let mut registry = Registry::start()?;
        let published = registry.name("tiny:1");
        publish(stage, "one", &published)?;
        let manifest = desk(stage, "one", &published);
        stage.apply(&manifest)?;
        stage.settle("desk-main")?;
        let before = stage.container("desk-main")?;
        registry.leave()?;
        age(stage)?;
        let stale = stage.until_condition("image", "tiny", "Stale", "Unknown")?;
        let message = stale["message"].as_str().context("a message")?;
        assert_eq!(stale["reason"], "RegistryUnreachable");
        ensure!(message.contains("refused") && message.contains(&format!("`docker pull {published}`")), "{message}");
        stage.wait_for("image/tiny", "Ready")?;
        stage.wait_for("instance/desk-main", "Ready")?;
        assert_eq!(stage.container("desk-main")?.pid, before.pid);

        stage.apply(&desk(stage, "two", &published))?;
        assert_eq!(stage.jackin(&["exec", "desk-main", "--", "cat", "/made"])?, "two\n");
        let reasons = reasons(stage)?;
        ensure!(reasons.contains(&"RegistryUnreachable".to_owned()), "{reasons:?}");
        assert_eq!(status(stage)?["decision"], "BuildFromWorkspace");
        Ok(())
    })
}

/// A base in the registry, and not on the engine.
fn push_base(stage: &Stage, base: &str, content: &str) -> Result<()> {
    let dockerfile = format!("FROM jackin-tiny:1\nLABEL {}\nRUN echo {content} > /base\n", stage.person_label());
    let folder = stage.write("base/Dockerfile", &dockerfile)?;
    let folder = folder.parent().and_then(|folder| folder.to_str()).context("a path in UTF-8")?;
    let before = docker(&["image", "inspect", "--format", "{{.Id}}", base]).ok();
    docker(&["build", "--quiet", "--tag", base, folder])?;
    docker(&["push", base])?;
    docker(&["rmi", base])?;
    if let Some(before) = before {
        docker(&["tag", &before, base])?;
    }
    Ok(())
}

fn on_base(base: &str, policy: &str) -> String {
    let role = format!(
        "apiVersion: jackin.dev/v1alpha1\nkind: Role\nmetadata: {{name: tiny}}\nspec:\n  source: {{inline: {{dockerfile: \"FROM {base}\\nRUN cp /base /made\\n\"}}}}\n  agents: [shell]\n  pullPolicy: {policy}\n"
    );
    desk_of(&role, &[MAIN])
}

#[test]
fn a_base_that_may_not_be_fetched_is_waited_for_and_the_next_command_is_told() -> Result<()> {
    play(|stage| {
        let registry = Registry::start()?;
        let base = registry.name("base:1");
        push_base(stage, &base, "one")?;
        let asked = registry.requests()?;
        stage.submit(&on_base(&base, "never"))?;
        let stalled = stage.until_condition("image", "tiny", "Stalled", "True")?;
        let message = stalled["message"].as_str().context("a message")?;
        assert_eq!(stalled["reason"], "ImageMissing");
        ensure!(message.contains(&format!("`docker pull {base}`")), "{message}");
        assert_eq!(registry.requests()?, asked, "the registry was asked");
        docker(&["pull", &base])?;
        stage.wait_for("instance/desk-main", "Ready")?;
        assert_eq!(stage.jackin(&["exec", "desk-main", "--", "cat", "/made"])?, "one\n");
        Ok(())
    })
}

#[test]
fn a_base_is_followed_where_that_is_asked_for_and_else_fetched_once() -> Result<()> {
    play(|stage| {
        let registry = Registry::start()?;
        let base = registry.name("base:1");
        push_base(stage, &base, "one")?;
        stage.apply(&on_base(&base, "ifNotPresent"))?;
        stage.settle("desk-main")?;
        push_base(stage, &base, "two")?;
        let asked = registry.requests()?;
        stage.stop_controller()?;
        stage.controller()?;
        stage.wait_for("instance/desk-main", "Ready")?;
        assert_eq!(registry.requests()?, asked, "a base that is here was asked about");
        assert_eq!(stage.jackin(&["exec", "desk-main", "--", "cat", "/made"])?, "one\n");

        let since = stage.condition("image", "tiny", "Ready")?["lastTransitionTime"].clone();
        stage.submit(&on_base(&base, "always"))?;
        eventually("the newer base to be in what runs", || {
            let ran = stage.run(&["exec", "desk-main", "--", "cat", "/made"])?;
            Ok((ran.stdout == "two\n").then_some(()))
        })?;
        assert_eq!(
            (status(stage)?["decision"].as_str(), reasons(stage)?),
            (Some("RefreshInBackground"), vec![format!("RecipeFieldChanged base[{base}]")])
        );
        assert_eq!(stage.condition("image", "tiny", "Ready")?["lastTransitionTime"], since, "nothing served meanwhile");
        let events = stage.jackin(&["events"])?;
        ensure!(events.contains(&format!("BaseImageMoved: ~ base[{base}]")), "{events}");
        Ok(())
    })
}
