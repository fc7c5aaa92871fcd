//! Edits as they are seen from inside, and fields that are taken out. What each edit costs is in `convergence/`.

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
fn a_field_taken_out_of_the_manifest_returns_to_its_default() -> Result<()> {
    play(|stage| {
        let first = mount(stage, "first")?;
        stage.apply(&desk(&[&first, "resources: {memory: 64Mi}", MAIN]))?;
        stage.apply(&desk(&[MAIN]))?;
        assert_eq!(stage.container("desk-main")?.memory, 0);
        let gone = stage.run(&["exec", "desk-main", "--", "test", "-e", "/work/which"])?;
        assert_eq!(gone.code, 1, "{}", gone.said());
        Ok(())
    })
}
