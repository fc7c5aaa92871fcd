//! C04: what can change under running processes does.

use anyhow::Result;

use crate::stage::{MAIN, desk, play};

#[test]
fn limits_and_restart_policy_cost_one_update_and_the_processes_go_on() -> Result<()> {
    play(|stage| {
        let limited = |cpus: &str, memory: &str, pids: u32, policy: &str| {
            let resources = format!("resources: {{cpus: \"{cpus}\", memory: {memory}, pids: {pids}}}");
            desk(&[&resources, &format!("lifecycle: {{restartPolicy: {policy}}}"), MAIN])
        };
        stage.apply(&limited("1", "64Mi", 64, "\"no\""))?;
        stage.settle("desk-main")?;
        let before = stage.container("desk-main")?;
        let edits = [
            limited("0.5", "64Mi", 64, "\"no\""),
            limited("0.5", "96Mi", 64, "\"no\""),
            limited("0.5", "96Mi", 96, "\"no\""),
            limited("0.5", "96Mi", 96, "unlessStopped"),
            limited("1", "80Mi", 80, "unlessStopped"),
        ];
        for edit in edits {
            stage.change(&edit, &["container update default.desk-main"])?;
        }
        let after = stage.container("desk-main")?;
        assert_eq!((&after.id, after.pid, &after.started_at), (&before.id, before.pid, &before.started_at));
        let limits = &after.inspected["HostConfig"];
        assert_eq!(limits["RestartPolicy"]["Name"], "unless-stopped");
        let told = (limits["NanoCpus"].as_i64(), limits["PidsLimit"].as_i64(), after.memory);
        assert_eq!(told, (Some(1_000_000_000), Some(80), 80 << 20), "{limits}");
        Ok(())
    })
}
