//! Secrets reach sessions, and nothing else.

use anyhow::{Context, Result, ensure};

use crate::stage::{MAIN, desk, docker, play};

const SECRET: &str = "correct-horse-battery-staple";

#[test]
fn a_secret_reaches_commands_and_is_in_no_inspection_label_store_event_or_log() -> Result<()> {
    play(|stage| {
        let file = stage.write("token", &format!("{SECRET}\n"))?;
        stage.set_variable("JACKIN_E2E_KEY", &format!("key-{SECRET}"));
        let env =
            format!("env: {{TOKEN: {{from: \"file://{}\"}}, KEY: {{from: \"env://JACKIN_E2E_KEY\"}}}}", file.display());
        stage.apply(&desk(&[&env, MAIN]))?;
        let seen = stage.jackin(&["exec", "desk-main", "--", "env"])?;
        for line in [format!("TOKEN={SECRET}\n"), format!("KEY=key-{SECRET}\n")] {
            ensure!(seen.contains(&line), "`{line}` did not reach the command: {seen}");
        }

        let container = stage.container("desk-main")?;
        let image = docker(&["image", "inspect", &container.image])?;
        let history = docker(&["history", "--no-trunc", &container.image])?;
        let printed = docker(&["logs", &container.id])?;
        let described = stage.jackin(&["describe", "instance", "desk-main"])?;
        let log = std::fs::read_to_string(stage.home().join("run/daemon.log"))?;
        let store = std::fs::read(stage.home().join("jackin.db"))?;
        // Only who may read everything on the host sees the environment of PID 1; the container's own processes do not.
        let process = format!("/proc/{}", container.pid);
        let arguments = std::fs::read_to_string(format!("{process}/cmdline")).context("PID 1 is gone")?;
        let environment = std::fs::read(format!("{process}/environ")).unwrap_or_default();
        let texts = [
            ("inspect", container.inspected.to_string()),
            ("image", image),
            ("history", history),
            ("container log", printed),
            ("dump", stage.dump()?),
            ("describe", described),
            ("controller log", log),
            ("store", String::from_utf8_lossy(&store).into_owned()),
            ("arguments of PID 1", arguments),
            ("environment of PID 1", String::from_utf8_lossy(&environment).into_owned()),
        ];
        for (place, text) in texts {
            ensure!(!text.contains(SECRET), "the secret is in: {place}");
        }
        Ok(())
    })
}

#[test]
fn a_missing_reference_is_named_and_no_session_starts_without_it() -> Result<()> {
    play(|stage| {
        let manifest = desk(&["env: {TOKEN: {from: \"env://JACKIN_E2E_MISSING\"}}", MAIN]);
        let ran = stage.try_apply(&manifest, &["--wait", "--timeout", "10s"])?;
        ensure!(ran.code == 1 || ran.code == 3, "it ended with {}: {}", ran.code, ran.said());
        let condition = stage.until_condition("instance", "desk-main", "CredentialsResolved", "False")?;
        let message = condition["message"].as_str().context("a message")?;
        ensure!(message.contains("JACKIN_E2E_MISSING"), "the variable is not named: {message}");
        let ready = stage.condition("instance", "desk-main", "Ready")?;
        assert_eq!(ready["status"], "False");

        stage.stop_controller()?;
        stage.set_variable("JACKIN_E2E_MISSING", "found");
        stage.apply(&manifest)?;
        ensure!(stage.jackin(&["exec", "desk-main", "--", "env"])?.contains("TOKEN=found\n"), "it did not arrive");
        Ok(())
    })
}

#[test]
fn a_secret_that_cannot_be_read_any_more_ends_no_running_session() -> Result<()> {
    play(|stage| {
        let file = stage.write("token", SECRET)?;
        let manifest = desk(&[&format!("env: {{TOKEN: {{from: \"file://{}\"}}}}", file.display()), MAIN]);
        stage.apply(&manifest)?;
        let before = stage.container("desk-main")?;
        std::fs::remove_file(&file)?;
        stage.stop_controller()?;
        stage.submit(&manifest)?;
        stage.jackin(&["exec", "desk-main", "--", "true"])?;
        let after = stage.container("desk-main")?;
        assert_eq!((after.id, after.pid), (before.id, before.pid));
        Ok(())
    })
}
