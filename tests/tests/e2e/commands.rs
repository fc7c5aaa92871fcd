//! Commands on a live instance, and applies that leave nothing behind.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::stage::{EngineLog, MAIN, Stage, Terminal, desk, desk_of, eventually, inline_role, play};

#[test]
fn an_apply_once_converges_and_leaves_no_controller_running() -> Result<()> {
    play(|stage| {
        let manifest = desk_of(&inline_role(&["RUN echo made > /made"]), &[MAIN]);
        let ran = stage.try_apply(&manifest, &["--once", "--timeout", "60s"])?;
        assert_eq!(ran.code, 0, "{}", ran.said());
        assert_eq!(stage.running_controller()?, None);
        let before = stage.container("desk-main")?;
        assert_eq!(before.state, "running");

        let mut log = EngineLog::follow(stage)?;
        let ran = stage.try_apply(&manifest, &["--once", "--timeout", "60s"])?;
        assert_eq!(
            (ran.code, ran.stdout.as_str()),
            (0, "role.jackin.dev/tiny unchanged\nworkspace.jackin.dev/desk unchanged\n")
        );
        assert_eq!(stage.running_controller()?, None);
        assert_eq!(log.writes()?, Vec::<String>::new());
        Ok(())
    })
}

#[test]
fn a_dry_run_changes_nothing() -> Result<()> {
    play(|stage| {
        stage.apply(&desk(&[MAIN]))?;
        stage.settle("desk-main")?;
        let before = stage.dump()?;
        let mut log = EngineLog::follow(stage)?;
        let edited =
            desk(&["resources: {memory: 64Mi}", "instances: [{name: main, role: tiny, agent: shell, count: 3}]"]);
        for (flag, suffix) in
            [("--dry-run", "server dry run"), ("--dry-run=server", "server dry run"), ("--dry-run=client", "dry run")]
        {
            let ran = stage.try_apply(&edited, &[flag])?;
            assert_eq!(ran.code, 0, "{}", ran.said());
            ensure!(ran.stdout.contains("workspace.jackin.dev/desk configured"), "{flag}: {}", ran.stdout);
            ensure!(ran.stdout.contains("dry run)"), "{flag} does not say {suffix}: {}", ran.stdout);
        }
        assert_eq!(stage.dump()?, before);
        assert_eq!(log.writes()?, Vec::<String>::new());
        Ok(())
    })
}

#[test]
fn a_diff_tells_the_plan_that_the_apply_then_takes() -> Result<()> {
    play(|stage| {
        stage.write("work/file", "here")?;
        let first = desk(&[MAIN]);
        let path = stage.write("manifest.yaml", &first)?;
        let path = path.to_str().context("a path in UTF-8")?.to_owned();
        let diff = stage.run(&["diff", "-f", &path])?;
        assert_eq!(diff.code, 1, "{}", diff.said());
        ensure!(diff.stdout.contains("workspace.jackin.dev/desk created"), "{}", diff.stdout);
        ensure!(stage.jackin(&["get", "workspaces", "-o", "name"])?.is_empty(), "a diff wrote");
        stage.apply(&first)?;
        let diff = stage.run(&["diff", "-f", &path])?;
        assert_eq!((diff.code, diff.stdout.as_str()), (0, ""), "{}", diff.said());

        let mut log = EngineLog::follow(stage)?;
        stage.settle("desk-main")?;
        let before = stage.dump()?;
        let second = desk(&["mounts: [{source: ./work, target: /work}]", MAIN]);
        stage.write("manifest.yaml", &second)?;
        let diff = stage.run(&["diff", "-f", &path, "-o", "json"])?;
        assert_eq!(diff.code, 1, "{}", diff.said());
        let told: Value = serde_json::from_str(&diff.stdout)?;
        assert_eq!(told["instances"][0]["plan"], "CreateFromValidImage", "{told}");
        ensure!(told["instances"][0].to_string().contains("mounts["), "no reason names the mount: {told}");
        assert_eq!(stage.dump()?, before);
        assert_eq!(log.writes()?, Vec::<String>::new());
        stage.apply(&second)?;
        assert_eq!(stage.object("instance", "desk-main")?["status"]["plan"], "CreateFromValidImage");

        stage.write("manifest.yaml", "kind: Nothing\n")?;
        assert_eq!(stage.run(&["diff", "-f", &path])?.code, 2);
        Ok(())
    })
}

#[test]
fn exit_codes_and_streams_of_a_command_come_through() -> Result<()> {
    play(|stage| {
        stage.apply(&desk(&[MAIN]))?;
        let ran = stage.run(&["exec", "desk-main", "--", "sh", "-c", "echo out; echo err >&2; exit 42"])?;
        assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (42, "out\n", "err\n"));
        assert_eq!(stage.run(&["exec", "desk-main", "--", "true"])?.code, 0);
        assert_eq!(stage.run(&["exec", "desk-main", "--", "no-such-program"])?.code, 127);
        assert_eq!(stage.run(&["exec", "desk-main", "--", "/etc/passwd"])?.code, 126);
        assert_eq!(stage.run(&["exec", "desk-main", "--", "sh", "-c", "kill -9 $$"])?.code, 137);
        assert_eq!(stage.run(&["exec", "desk-other", "--", "true"])?.code, 1);

        let mut piped = stage
            .command(&["exec", "-i", "desk-main", "--", "wc", "-c"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut stdin = piped.stdin.take().context("a pipe")?;
        let writer = std::thread::spawn(move || stdin.write_all(&vec![b'x'; 300_000]));
        let output = piped.wait_with_output()?;
        writer.join().expect("the writer ends")?;
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "300000");
        Ok(())
    })
}

#[test]
fn logs_print_what_the_session_showed_and_what_the_container_said() -> Result<()> {
    play(|stage| {
        stage.apply(&desk(&[MAIN]))?;
        let mut terminal = Terminal::start(stage, &["attach", "desk-main"])?;
        terminal.wait_until("the prompt to show", |screen| !screen.trim().is_empty())?;
        terminal.type_text("echo he''llo from the session\n")?;
        terminal.wait_until("the output to show", |screen| screen.contains("hello from the session"))?;
        terminal.detach()?;
        let shown = stage.jackin(&["logs", "desk-main"])?;
        ensure!(shown.contains("hello from the session"), "the session's output is not told: {shown}");
        let capsule = stage.jackin(&["logs", "desk-main", "--capsule"])?;
        ensure!(!capsule.contains("hello from the session"), "the container's output has the session's: {capsule}");
        Ok(())
    })
}

#[test]
fn an_attach_without_a_terminal_watches_until_it_is_asked_to_leave() -> Result<()> {
    play(|stage| {
        stage.apply(&desk(&[MAIN]))?;
        let mut watching =
            stage.command(&["attach", "desk-main"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut shown = watching.stdout.take().context("a pipe")?;
        let mut byte = [0];
        shown.read_exact(&mut byte).context("nothing was painted")?;
        let asked = std::process::Command::new("kill").arg(watching.id().to_string()).status()?;
        ensure!(asked.success(), "the watcher is gone already");
        let ended = eventually("the watcher to leave", || Ok(watching.try_wait()?))?;
        assert_eq!(ended.code(), Some(0));
        stage.jackin(&["exec", "desk-main", "--", "true"])?;
        Ok(())
    })
}

/// Lines of the controller's metrics that count what a repair costs: writes to the engine, secrets, files read, calls beyond the machine.
fn costs(stage: &Stage) -> Result<BTreeSet<String>> {
    let page = stage.jackin(&["controller", "metrics"])?;
    let is_cost = |line: &&str| match line.split_once('{') {
        Some(("jackin_engine_requests_total", labels)) => !labels.contains("method=\"GET\""),
        Some(("jackin_source_files_total", labels)) => labels.contains("result=\"read\""),
        Some(("jackin_secrets_read_total" | "jackin_network_calls_total", _)) => true,
        Some(_) | None => false,
    };
    Ok(page.lines().filter(is_cost).map(str::to_owned).collect())
}

#[test]
fn the_controller_counts_what_a_launch_cost_and_an_apply_without_a_change_costs_nothing() -> Result<()> {
    play(|stage| {
        let edited = desk(&["env: {TOKEN: {from: \"env://HOME\"}}", MAIN]);
        stage.apply(&edited)?;
        stage.settle("desk-main")?;
        let before = costs(stage)?;
        for counted in ["/containers/create", "from=\"env\""] {
            ensure!(before.iter().any(|line| line.contains(counted)), "no {counted} in {before:#?}");
        }
        stage.apply(&edited)?;
        stage.settle("desk-main")?;
        assert_eq!(costs(stage)?, before);
        Ok(())
    })
}

#[test]
fn the_doctor_tells_of_the_engine_and_its_builders_and_what_to_do_when_it_does_not_answer() -> Result<()> {
    play(|stage| {
        let checks = |stage: &Stage| -> Result<(i32, Vec<(String, String)>)> {
            let ran = stage.run(&["doctor", "-o", "json"])?;
            let found: Value = serde_json::from_str(&ran.stdout).with_context(|| ran.said())?;
            let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
            let all = found.as_array().context("findings")?.iter();
            Ok((ran.code, all.map(|finding| (text(finding, "check"), text(finding, "verdict"))).collect()))
        };
        let (code, found) = checks(stage)?;
        assert_eq!(code, 0, "{found:?}");
        for check in ["engine", "builder", "home"] {
            ensure!(found.contains(&(check.to_owned(), "ok".to_owned())), "{check} in {found:?}");
        }
        stage.stop_controller()?;
        let nowhere = format!("unix://{}", stage.path("nowhere.sock").display());
        stage.set_variable("DOCKER_HOST", &nowhere);
        let (code, found) = checks(stage)?;
        assert_eq!((code, &found[0]), (4, &("engine".to_owned(), "failed".to_owned())));
        let ran = stage.run(&["doctor"])?;
        ensure!(ran.stdout.contains("FAILED") && ran.stderr.contains("DOCKER_HOST"), "{}", ran.said());
        stage.clear_variables();
        Ok(())
    })
}

#[test]
fn json_on_standard_output_is_clean_when_the_engine_does_not_answer() -> Result<()> {
    play(|stage| {
        let nowhere = format!("unix://{}", stage.path("nowhere.sock").display());
        stage.set_variable("DOCKER_HOST", &nowhere);
        let ran = stage.run(&["get", "instances", "-o", "json"])?;
        let list: Value = serde_json::from_str(&ran.stdout).with_context(|| ran.said())?;
        assert_eq!(list["items"], Value::Array(Vec::new()));
        let ran = stage.run(&["controller", "status", "-o", "json"])?;
        let status: Value = serde_json::from_str(&ran.stdout).with_context(|| ran.said())?;
        assert_eq!(status["engine"], Value::Null);
        stage.clear_variables();
        Ok(())
    })
}
