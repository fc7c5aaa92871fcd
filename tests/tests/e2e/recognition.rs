//! What is taken for the image of a role: after its name went elsewhere, after an upgrade, and after a crash. And what is no part of it.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::stage::{EngineLog, HeldBuild, MAIN, Stage, desk_of, docker, eventually, inline_role, kill, play};

fn status(stage: &Stage) -> Result<Value> {
    Ok(stage.object("image", "tiny")?["status"].clone())
}

/// Id and name of the image that serves.
fn serving(stage: &Stage) -> Result<(String, String)> {
    let image = status(stage)?["image"].clone();
    let text = |key: &str| image[key].as_str().map(str::to_owned).with_context(|| format!("no {key} in {image}"));
    Ok((text("id")?, text("name")?))
}

fn id_of(reference: &str) -> Result<String> {
    docker(&["image", "inspect", "--format", "{{.Id}}", reference])
}

#[test]
fn an_image_whose_name_was_given_to_other_content_gets_it_back_and_the_reason_names_the_digest() -> Result<()> {
    play(|stage| {
        let manifest = desk_of(&inline_role(&["RUN echo made > /made"]), &[MAIN]);
        stage.apply(&manifest)?;
        stage.settle("desk-main")?;
        let before = stage.container("desk-main")?;
        let (id, name) = serving(stage)?;
        let steps = status(stage)?["steps"].clone();

        docker(&["tag", "jackin-tiny:1", &name])?;
        eventually("the name to be given back", || Ok((id_of(&name)? == id).then_some(())))?;
        eventually("the reason to be told", || {
            let reason = status(stage)?["reasons"][0].clone();
            let told = reason["reason"] == "ImageNameMoved" && reason["change"]["new"] == id.as_str();
            Ok(told.then_some(()))
        })?;
        stage.wait_for("image/tiny", "Ready")?;
        assert_eq!(status(stage)?["steps"], steps, "something was built");
        let events = stage.jackin(&["events"])?;
        ensure!(events.contains("ImageNameMoved: ~ image"), "{events}");
        let after = stage.container("desk-main")?;
        assert_eq!((&after.id, after.pid), (&before.id, before.pid));

        // What is made anew is made from the image, not from what had its name.
        docker(&["rm", "-f", &before.id])?;
        let after = stage
            .until_container("desk-main", "made again", |found| found.id != before.id && found.state == "running")?;
        assert_eq!(after.image, id);
        Ok(())
    })
}

#[test]
fn an_image_that_is_used_as_it_is_and_was_given_other_content_is_drift_by_its_digest() -> Result<()> {
    play(|stage| {
        let name = format!("{}:1", stage.person("base"));
        let build = |content: &str| -> Result<String> {
            let dockerfile =
                format!("FROM jackin-tiny:1\nLABEL {}\nRUN echo {content} > /made\n", stage.person_label());
            let file = stage.write("base/Dockerfile", &dockerfile)?;
            let folder = file.parent().and_then(|folder| folder.to_str()).context("a path in UTF-8")?;
            docker(&["build", "--quiet", "--tag", &name, folder])
        };
        build("one")?;
        let role = format!(
            "apiVersion: jackin.dev/v1alpha1\nkind: Role\nmetadata: {{name: tiny}}\nspec: {{source: {{image: \"{name}\"}}, agents: [shell]}}\n"
        );
        let manifest = desk_of(&role, &[MAIN]);
        stage.apply(&manifest)?;
        stage.leave_at_work("desk-main")?;
        let before = stage.container("desk-main")?;
        let other = build("two")?;
        stage.stop_controller()?;
        stage.controller()?;
        let pending = stage.until_condition("instance", "desk-main", "RepairPending", "True")?;
        let message = pending["message"].as_str().unwrap_or_default();
        ensure!(message.contains(&format!("image.base[{name}]")), "{pending}");
        assert_eq!(stage.container("desk-main")?.pid, before.pid);
        assert_eq!(serving(stage)?.0, other);
        Ok(())
    })
}

#[test]
fn an_image_of_another_format_whose_inputs_agree_serves_and_nothing_is_built_or_made_anew() -> Result<()> {
    play(|stage| {
        let manifest = desk_of(&inline_role(&["RUN echo made > /made"]), &[MAIN]);
        stage.apply(&manifest)?;
        stage.settle("desk-main")?;
        let (id, name) = serving(stage)?;
        let fields =
            docker(&["image", "inspect", "--format", "{{index .Config.Labels \"jackin.recipe.fields\"}}", &id])?;
        let mut fields: Value = serde_json::from_str(&fields)?;
        stage.jackin(&["delete", "workspace", "desk"])?;

        // The same image as an older jackin would have made it: its format is another one, and so is the digest of it all.
        let digest = format!("sha256:{}", "0123456789abcdef".repeat(4));
        fields["format"] = digest.clone().into();
        let fields = fields.to_string().replace('"', "\\\"");
        let dockerfile =
            format!("FROM {id}\nLABEL jackin.format=0 jackin.recipe={digest} jackin.recipe.fields=\"{fields}\"\n");
        let file = stage.write("older/Dockerfile", &dockerfile)?;
        let folder = file.parent().and_then(|folder| folder.to_str()).context("a path in UTF-8")?;
        let (repository, _) = name.rsplit_once(':').context("a tag")?;
        let older = format!("{repository}:0123456789ab");
        let built = docker(&["build", "--quiet", "--tag", &older, folder])?;
        docker(&["rmi", &name])?;

        let apply = || -> Result<()> {
            let mut log = EngineLog::follow(stage)?;
            stage.apply(&manifest)?;
            let writes = log.writes()?;
            ensure!(!writes.iter().any(|write| write.starts_with("image tag")), "something was built: {writes:?}");
            Ok(())
        };
        apply()?;
        assert_eq!(serving(stage)?, (built.clone(), older));
        assert_eq!(
            (status(stage)?["decision"].as_str(), status(stage)?["recipe"].as_str()),
            (Some("Reuse"), Some(digest.as_str()))
        );
        let container = stage.container("desk-main")?;
        assert_eq!(container.image, built);
        stage.settle("desk-main")?;
        apply()?;
        assert_eq!(stage.container("desk-main")?.pid, container.pid);

        // What differs besides is a build, and both are told.
        stage.apply(&desk_of(&inline_role(&["RUN echo other > /made"]), &[MAIN]))?;
        let reasons = status(stage)?["reasons"].to_string();
        ensure!(reasons.contains("RecipeVersionChanged") && reasons.contains("dockerfile"), "{reasons}");
        Ok(())
    })
}

/// Exactly one image of the role is there, under its name, and exactly one instance runs on it.
fn is_single(stage: &Stage) -> Result<()> {
    stage.wait_for("instance/desk-main", "Ready")?;
    eventually("one image to be left", || {
        let images = stage.our_images()?;
        let ends = |end: &str| images.iter().filter(|image| image.ends_with(end)).count();
        Ok((ends("/default/tiny") == 1 && ends("<none>") == 0).then_some(()))
    })?;
    assert_eq!(stage.ours("container")?, ["default.desk-main"]);
    assert_eq!(stage.container("desk-main")?.image, serving(stage)?.0);
    Ok(())
}

#[test]
fn a_controller_killed_in_a_build_or_right_after_it_leaves_one_image_and_one_instance() -> Result<()> {
    play(|stage| {
        let build = HeldBuild::new();
        let pid = stage.controller()?;
        stage.submit(&desk_of(&build.role(), &[MAIN]))?;
        build.until_running()?;
        kill(pid)?;
        build.until_gone()?;
        let pid = stage.controller()?;
        build.until_running()?;
        let mut log = EngineLog::follow(stage)?;
        build.release()?;
        // The image is there, and nothing was written about it yet, or only just.
        eventually("the image to be there", || {
            let images = stage.our_images()?;
            Ok(images.iter().any(|image| image.ends_with("/default/tiny")).then_some(()))
        })?;
        kill(pid)?;
        stage.controller()?;
        is_single(stage)?;
        let writes = log.writes()?;
        let tags = writes.iter().filter(|write| write.starts_with("image tag")).count();
        assert_eq!(tags, 1, "built twice: {writes:?}");
        Ok(())
    })
}

#[test]
fn a_moved_pin_of_an_agent_builds_nothing_waits_for_who_runs_and_comes_with_the_next_instance() -> Result<()> {
    play(|stage| {
        let pinned = |version: &str| -> Result<String> {
            let path =
                stage.write(&format!("tool-{version}/tool"), &format!("#!/bin/sh\necho {version}\nexec sh\n"))?;
            std::process::Command::new("chmod").arg("+x").arg(&path).status()?;
            Ok(format!(
                "apiVersion: jackin.dev/v1alpha1\nkind: Agent\nmetadata: {{name: tool}}\nspec:\n  install: {{hostPath: {{path: ./tool-{version}, program: tool}}}}\n  command: [tool]\n---\n"
            ))
        };
        let role = "apiVersion: jackin.dev/v1alpha1\nkind: Role\nmetadata: {name: tiny}\nspec:\n  source: {inline: {dockerfile: \"FROM jackin-tiny:1\\nRUN echo made > /made\\n\"}}\n  agents: [shell, tool]\n";
        let desk = |version: &str, instances: &str| -> Result<String> {
            Ok(format!("{}{}", pinned(version)?, desk_of(role, &[instances])))
        };
        stage.apply(&desk("1", MAIN)?)?;
        stage.settle("desk-main")?;
        let before = stage.container("desk-main")?;
        let image = serving(stage)?;

        let both = "instances: [{name: main, role: tiny, agent: shell}, {name: more, role: tiny, agent: shell}]";
        let mut log = EngineLog::follow(stage)?;
        stage.apply(&desk("2", both)?)?;
        let pending = stage.until_condition("instance", "desk-main", "RepairPending", "True")?;
        assert_eq!(pending["reason"], "RestartNeeded");
        ensure!(pending["message"].as_str().unwrap_or_default().contains("agents[tool]"), "{pending}");
        assert_eq!(stage.container("desk-main")?.pid, before.pid, "what runs was replaced");
        let writes = log.writes()?;
        ensure!(!writes.iter().any(|write| write.starts_with("image")), "an image was touched: {writes:?}");
        assert_eq!(serving(stage)?, image);
        let tool =
            |instance: &str| stage.jackin(&["exec", instance, "--", "head", "-n2", "/jackin/agents/tool/bin/tool"]);
        assert_eq!(tool("desk-main")?, "#!/bin/sh\necho 1\n");
        assert_eq!(tool("desk-more")?, "#!/bin/sh\necho 2\n");
        stage.jackin(&["restart", "desk-main"])?;
        assert_eq!(tool("desk-main")?, "#!/bin/sh\necho 2\n");
        Ok(())
    })
}
