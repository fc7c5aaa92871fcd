//! Edits: what can change under running processes does, and what cannot makes the smallest replacement.

use anyhow::{Result, ensure};

use crate::stage::{EngineLog, MAIN, Stage, desk, play};

fn mount(stage: &Stage, folder: &str) -> Result<String> {
    stage.write(&format!("{folder}/which"), folder)?;
    Ok(format!("mounts: [{{source: ./{folder}, target: /work}}]"))
}

#[test]
fn edited_limits_reach_the_container_while_its_processes_go_on() -> Result<()> {
    play(|stage| {
        stage.apply(&desk(&["resources: {memory: 64Mi, pids: 64}", MAIN]))?;
        let before = stage.container("desk-main")?;
        assert_eq!(before.memory, 64 << 20);
        let mut log = EngineLog::follow(stage)?;
        stage.apply(&desk(&["resources: {memory: 96Mi, pids: 96}", MAIN]))?;
        let after = stage.container("desk-main")?;
        assert_eq!((after.memory, &after.inspected["HostConfig"]["PidsLimit"]), (96 << 20, &96.into()));
        assert_eq!((after.id, after.pid, after.started_at), (before.id, before.pid, before.started_at));
        assert_eq!(log.writes()?, ["container update default.desk-main"]);
        let seen = stage.jackin(&["exec", "desk-main", "--", "sh", "-c", "cat /proc/1/cgroup && cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null; true"])?;
        ensure!(!seen.contains("67108864"), "the old limit is seen inside: {seen}");
        Ok(())
    })
}

#[test]
fn an_edited_restart_policy_reaches_the_container_while_its_processes_go_on() -> Result<()> {
    play(|stage| {
        stage.apply(&desk(&["lifecycle: {restartPolicy: \"no\"}", MAIN]))?;
        let before = stage.container("desk-main")?;
        stage.apply(&desk(&["lifecycle: {restartPolicy: unlessStopped}", MAIN]))?;
        let after = stage.container("desk-main")?;
        assert_eq!(after.inspected["HostConfig"]["RestartPolicy"]["Name"], "unless-stopped");
        assert_eq!((after.id, after.pid), (before.id, before.pid));
        Ok(())
    })
}

#[test]
fn edited_variables_reach_new_commands_without_a_new_container() -> Result<()> {
    play(|stage| {
        stage.apply(&desk(&["env: {GREETING: {value: hello}}", MAIN]))?;
        let before = stage.container("desk-main")?;
        stage.apply(&desk(&["env: {GREETING: {value: goodbye}}", MAIN]))?;
        let said = stage.jackin(&["exec", "desk-main", "--", "sh", "-c", "echo $GREETING"])?;
        assert_eq!(said, "goodbye\n");
        assert_eq!(stage.container("desk-main")?.pid, before.pid);
        Ok(())
    })
}

#[test]
fn an_edited_mount_replaces_the_container_and_the_home_keeps_its_content() -> Result<()> {
    play(|stage| {
        let (first, second) = (mount(stage, "first")?, mount(stage, "second")?);
        stage.apply(&desk(&[&first, MAIN]))?;
        let before = stage.container("desk-main")?;
        stage.jackin(&["exec", "desk-main", "--", "sh", "-c", "echo kept > $HOME/notes"])?;
        let mut log = EngineLog::follow(stage)?;
        stage.apply(&desk(&[&second, MAIN]))?;
        let after = stage.container("desk-main")?;
        assert_ne!(after.id, before.id);
        assert_eq!(after.name, before.name);
        let said = stage.jackin(&["exec", "desk-main", "--", "sh", "-c", "cat $HOME/notes /work/which"])?;
        assert_eq!(said, "kept\nsecond");
        let writes = log.writes()?;
        let count = |action: &str| writes.iter().filter(|write| write.starts_with(action)).count();
        let counts = (count("container create"), count("container start"), count("container destroy"), count("image"));
        assert_eq!(counts, (1, 1, 1, 0), "{writes:?}");
        assert_eq!(stage.ours("container")?, ["default.desk-main"]);
        Ok(())
    })
}

#[test]
fn a_field_taken_out_of_the_manifest_returns_to_its_default() -> Result<()> {
    play(|stage| {
        let first = mount(stage, "first")?;
        stage.apply(&desk(&[&first, "resources: {memory: 64Mi}", MAIN]))?;
        stage.apply(&desk(&[MAIN]))?;
        let after = stage.container("desk-main")?;
        assert_eq!(after.memory, 0);
        let gone = stage.run(&["exec", "desk-main", "--", "test", "-e", "/work/which"])?;
        assert_eq!(gone.code, 1, "{}", gone.said());
        Ok(())
    })
}
