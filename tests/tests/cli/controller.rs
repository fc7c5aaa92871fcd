//! The controller as a process: started on demand, one for each home, stopped.

use super::sandbox::Sandbox;
use serde_json::Value;

fn status(sandbox: &Sandbox) -> (Value, Option<i32>) {
    let output = sandbox.output(&["controller", "status", "-o", "json"]);
    (serde_json::from_slice(&output.stdout).expect("standard output is JSON"), output.status.code())
}

#[test]
fn without_a_controller_its_status_is_an_answer_and_stopping_it_is_no_error() {
    let sandbox = Sandbox::new();
    let status = sandbox.run(&["controller", "status"]);
    let stop = sandbox.run(&["controller", "stop"]);
    insta::assert_snapshot!(format!("{status}\n{stop}"));
    assert!(!sandbox.was_state_touched(), "looking starts nothing");
}

#[test]
fn a_controller_is_started_on_demand_and_stopped_on_request() {
    let sandbox = Sandbox::new();
    assert_eq!(status(&sandbox).0["running"], false);
    insta::assert_snapshot!(sandbox.run(&["get", "workspaces"]));
    let (running, code) = status(&sandbox);
    assert_eq!((&running["running"], code), (&Value::Bool(true), Some(0)));
    assert_eq!(running["engine"], Value::Null, "this sandbox has no engine");
    sandbox.output(&["controller", "stop"]);
    let (stopped, code) = status(&sandbox);
    assert_eq!((&stopped["running"], code), (&Value::Bool(false), Some(4)));
}

#[test]
fn several_commands_at_once_start_one_controller() {
    let sandbox = Sandbox::new();
    let commands: Vec<_> = (0..6)
        .map(|_| {
            let mut command = sandbox.command(&["get", "workspaces"]);
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
            command.spawn().expect("the program runs")
        })
        .collect();
    for command in commands {
        let output = command.wait_with_output().expect("the program ends");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let log = std::fs::read_to_string(sandbox.path("state/run/daemon.log")).expect("a controller was started");
    assert_eq!(log.matches("serving").count(), 1, "{log}");
}

#[test]
fn a_second_controller_for_a_home_is_a_conflict() {
    let sandbox = Sandbox::new();
    sandbox.output(&["controller", "start"]);
    insta::assert_snapshot!(sandbox.run(&["controller", "run"]));
}

#[test]
fn a_home_with_a_long_path_is_served() {
    let sandbox = Sandbox::new();
    let home = sandbox.path(&"long/".repeat(40));
    let home = home.to_str().expect("the path is UTF-8");
    let output = sandbox.output(&["--home", home, "get", "workspaces"]);
    let stopped = sandbox.output(&["--home", home, "controller", "stop"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(stopped.status.success());
}

#[test]
fn a_controller_that_cannot_start_says_why_and_the_exit_code_is_four() {
    let sandbox = Sandbox::new().with("state/owner", "not an owner\n");
    let told = sandbox.run(&["get", "workspaces"]);
    assert!(told.contains("holds no id"), "{told}");
    assert!(told.ends_with("exit code 4\n"), "{told}");
}

#[test]
fn another_owner_is_adopted_only_while_no_controller_runs() {
    let sandbox = Sandbox::new();
    sandbox.output(&["controller", "start"]);
    let running = sandbox.run(&["controller", "adopt", "0123456789ab"]);
    sandbox.output(&["controller", "stop"]);
    let malformed = sandbox.run(&["controller", "adopt", "0123"]);
    let adopted = sandbox.run(&["controller", "adopt", "0123456789ab"]);
    insta::assert_snapshot!(format!("{running}\n{malformed}\n{adopted}"));
    sandbox.output(&["controller", "start"]);
    assert_eq!(status(&sandbox).0["owner"], "0123456789ab");
}
