//! What `--help` says of each command.

use super::sandbox::Sandbox;

#[test]
fn each_command_explains_itself() {
    let sandbox = Sandbox::new();
    let commands = [
        "",
        "apply",
        "approve",
        "get",
        "describe",
        "diff",
        "delete",
        "wait",
        "attach",
        "exec",
        "send",
        "notify",
        "capture",
        "record",
        "replay",
        "sessions",
        "sessions new",
        "sessions rename",
        "sessions kill",
        "logs",
        "events",
        "restart",
        "stop",
        "start",
        "prune",
        "doctor",
        "trust",
        "trust add",
        "trust list",
        "trust remove",
        "controller",
        "controller run",
        "controller status",
        "controller adopt",
        "version",
        "completion",
    ];
    for command in commands {
        let mut arguments: Vec<_> = command.split_whitespace().collect();
        arguments.push("-h");
        let name = format!("help {command}").trim().replace(' ', "_");
        insta::assert_snapshot!(name, sandbox.run(&arguments));
    }
    assert!(!sandbox.was_state_touched());
}

#[test]
fn a_command_that_does_not_exist_is_bad_input() {
    insta::assert_snapshot!(Sandbox::new().run(&["aply"]));
}

#[test]
fn each_shell_has_a_completion_script() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish"] {
        let output = sandbox.output(&["completion", shell]);
        assert!(output.status.success(), "{shell}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("hardline"), "{shell} knows the aliases");
    }
}
