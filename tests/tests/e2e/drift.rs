//! What a person does to an instance's container or image behind our back is repaired, by the cheapest means. What each end of a container
//! costs is in `convergence/meddling.rs`.

use anyhow::{Result, ensure};

use crate::stage::{EngineLog, Found, MAIN, Stage, desk, desk_of, docker, eventually, inline_role, play};

fn converged(stage: &Stage) -> Result<Found> {
    stage.apply(&desk_of(&inline_role(&["RUN echo made > /made"]), &[MAIN]))?;
    stage.container("desk-main")
}

fn created(writes: &[String]) -> usize {
    writes.iter().filter(|write| write.starts_with("container create ")).count()
}

fn tagged(writes: &[String]) -> usize {
    writes.iter().filter(|write| write.starts_with("image ")).count()
}

#[test]
fn a_removed_container_is_made_again_under_its_name_and_nothing_is_built() -> Result<()> {
    play(|stage| {
        let before = converged(stage)?;
        let mut log = EngineLog::follow(stage)?;
        docker(&["rm", "-f", &before.id])?;
        let after = stage.until_container("desk-main", "another one, running", |found| {
            found.id != before.id && found.state == "running"
        })?;
        stage.until_condition("instance", "desk-main", "Ready", "True")?;
        assert_eq!((after.name, after.image), (before.name, before.image));
        let writes = log.writes()?;
        assert_eq!((created(&writes), tagged(&writes)), (1, 0), "{writes:?}");
        let instance = stage.object("instance", "desk-main")?;
        assert_eq!(instance["status"]["plan"], "CreateFromValidImage");
        Ok(())
    })
}

#[test]
fn a_container_that_is_removed_again_and_again_is_made_again_more_slowly_and_at_once_on_request() -> Result<()> {
    play(|stage| {
        converged(stage)?;
        let undone = eventually("the next repair to wait", || {
            let ready = stage.condition("instance", "desk-main", "Ready")?;
            if ready["status"] == "True" {
                // What it tells may be of the one that was just removed.
                let instance = stage.object("instance", "desk-main")?;
                _ = docker(&["rm", "-f", instance["status"]["container"]["id"].as_str().unwrap_or_default()]);
            }
            Ok((ready["reason"] == "RepairUndone").then_some(ready))
        })?;
        let message = undone["message"].as_str().unwrap_or_default();
        ensure!(message.contains("next try at") && message.contains("`jackin restart`"), "{message}");
        stage.jackin(&["restart", "desk-main"])?;
        assert_eq!(stage.container("desk-main")?.state, "running");
        assert_eq!(stage.object("instance", "desk-main")?["status"]["repeated"], serde_json::Value::Null);
        Ok(())
    })
}

#[test]
fn a_mounted_file_that_was_replaced_on_the_host_is_told_and_a_restart_in_place_shows_the_new_one() -> Result<()> {
    play(|stage| {
        let file = stage.write("notes/today", "old\n")?;
        let mount = format!("mounts: [{{source: {}, target: /today}}]", file.display());
        let role = inline_role(&["RUN echo made > /made"]);
        stage.apply(&desk_of(&role, &[&mount, MAIN]))?;
        let before = stage.container("desk-main")?;
        // As editors save: another file takes the name.
        std::fs::rename(stage.write("notes/next", "new\n")?, &file)?;
        stage.apply(&desk_of(&role, &[&mount, MAIN, "resources: {memory: 1Gi}"]))?;
        let pending = stage.until_condition("instance", "desk-main", "RepairPending", "True")?;
        assert_eq!(pending["reason"], "RestartNeeded");
        let instance = stage.object("instance", "desk-main")?;
        let rejected = &instance["status"]["pendingRepair"]["rejectedPlans"][0];
        assert_eq!(
            (&rejected["reason"], &rejected["message"]),
            (&"MountReplaced".into(), &"~ mounts[/today].file".into())
        );
        assert_eq!(stage.jackin(&["exec", "desk-main", "--", "cat", "/today"])?, "old\n");
        stage.jackin(&["restart", "desk-main"])?;
        assert_eq!(stage.jackin(&["exec", "desk-main", "--", "cat", "/today"])?, "new\n");
        assert_eq!(stage.container("desk-main")?.id, before.id, "a restart in place serves");
        Ok(())
    })
}

#[test]
fn a_removed_image_leaves_the_running_instance_alone() -> Result<()> {
    play(|stage| {
        let before = converged(stage)?;
        let name = before.inspected["Config"]["Image"].as_str().unwrap_or_default().to_owned();
        let tags = docker(&["image", "inspect", "--format", "{{join .RepoTags \" \"}}", &before.image])?;
        ensure!(!tags.is_empty(), "{name} has no names");
        for tag in tags.split_whitespace() {
            docker(&["rmi", "-f", tag])?;
        }
        // A pass that has seen the engine without the image.
        stage.stop_controller()?;
        stage.jackin(&["controller", "start"])?;
        stage.wait_for("instance/desk-main", "Ready")?;
        stage.jackin(&["exec", "desk-main", "--", "cat", "/made"])?;
        let after = stage.container("desk-main")?;
        assert_eq!((after.id, after.started_at), (before.id, before.started_at));
        Ok(())
    })
}

#[test]
fn a_container_removed_while_the_controller_was_down_is_made_again_by_the_next_command() -> Result<()> {
    play(|stage| {
        let before = converged(stage)?;
        stage.stop_controller()?;
        docker(&["rm", "-f", &before.id])?;
        stage.jackin(&["get", "instances"])?;
        let after = stage.until_container("desk-main", "running", |found| found.state == "running")?;
        assert_eq!(after.image, before.image);
        Ok(())
    })
}

#[test]
fn limits_changed_by_hand_are_set_back_in_place() -> Result<()> {
    play(|stage| {
        stage.apply(&desk(&["resources: {memory: 64Mi}", MAIN]))?;
        let before = stage.container("desk-main")?;
        docker(&["update", "--memory", "128m", "--memory-swap", "128m", &before.id])?;
        let after = stage.until_container("desk-main", "limited again", |found| found.memory == 64 << 20)?;
        assert_eq!((after.id, after.pid), (before.id, before.pid));
        Ok(())
    })
}

#[test]
fn a_container_renamed_by_hand_gets_its_name_back_while_its_processes_go_on() -> Result<()> {
    play(|stage| {
        let before = converged(stage)?;
        docker(&["rename", &before.id, &stage.person("renamed")])?;
        let after = stage.until_container("desk-main", "back under its name", |_| true)?;
        assert_eq!((after.id, after.pid), (before.id, before.pid));
        assert_eq!(stage.ours("container")?, ["default.desk-main"]);
        Ok(())
    })
}

#[test]
fn a_container_taken_off_its_network_is_connected_again_while_its_processes_go_on() -> Result<()> {
    play(|stage| {
        let before = converged(stage)?;
        let network = format!("{}default.desk", stage.prefix()?);
        docker(&["network", "disconnect", &network, &before.id])?;
        let networks = |found: &Found| found.inspected["NetworkSettings"]["Networks"][&network].is_object();
        let after = stage.until_container("desk-main", "connected", networks)?;
        assert_eq!((after.id, after.pid), (before.id, before.pid));
        Ok(())
    })
}
