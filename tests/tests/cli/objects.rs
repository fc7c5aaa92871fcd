//! Objects from file to server and back: apply, get, diff, wait, delete. No engine is there, so that nothing ever becomes ready.

use super::sandbox::Sandbox;
use serde_json::Value;

const ROLE: &str = "apiVersion: jackin.dev/v1alpha1\nkind: Role\nmetadata: {name: rust, labels: {team: a}}\n\
                    spec: {source: {image: x}, agents: [shell], resources: {memory: 4Gi, pids: 100}}\n";

fn sandbox() -> Sandbox {
    Sandbox::new().with("role.yaml", ROLE)
}

/// The role, and a workspace with one instance of it.
fn shop() -> String {
    format!(
        "{ROLE}---\napiVersion: jackin.dev/v1alpha1\nkind: Workspace\nmetadata: {{name: shop}}\nspec:\n  workdir: /work\n  \
         roles: [rust]\n  instances: [{{name: main, role: rust, agent: shell}}]\n"
    )
}

/// A sandbox in which the shop was applied, and looked at as far as that is possible without an engine.
fn shop_without_engine() -> Sandbox {
    let sandbox = Sandbox::new().with("shop.yaml", &shop());
    sandbox.applied("shop.yaml");
    for object in ["workspace/shop", "instance/shop-main"] {
        let told = sandbox.run(&["wait", object, "--for=condition=Ready=Unknown", "--timeout=60s"]);
        assert!(told.ends_with("exit code 0\n"), "{told}");
    }
    sandbox
}

fn role(sandbox: &Sandbox) -> Value {
    let output = sandbox.output(&["get", "role", "rust", "-o", "json"]);
    serde_json::from_slice(&output.stdout).expect("standard output is JSON")
}

#[test]
fn applying_the_same_file_again_changes_nothing_also_after_a_restart_of_the_controller() {
    let sandbox = sandbox();
    let mut told = sandbox.run(&["apply", "-f", "role.yaml"]);
    let before = role(&sandbox)["metadata"]["generation"].clone();
    told += &sandbox.run(&["apply", "-f", "role.yaml"]);
    sandbox.output(&["controller", "stop"]);
    told += &sandbox.run(&["apply", "-f", "role.yaml"]);
    insta::assert_snapshot!(told);
    assert_eq!(role(&sandbox)["metadata"]["generation"], before);
}

#[test]
fn a_field_that_leaves_the_file_leaves_the_object_and_what_others_set_stays() {
    let sandbox = sandbox();
    sandbox.applied("role.yaml");
    let changed = ROLE.replace(", pids: 100", "").replace(", labels: {team: a}", "").replace("4Gi", "6Gi");
    let sandbox = sandbox.with("role.yaml", &changed);
    let told = sandbox.run(&["apply", "-f", "role.yaml"]);
    assert!(told.contains("role.jackin.dev/rust configured"), "{told}");
    let role = role(&sandbox);
    assert_eq!(role["spec"]["resources"], serde_json::json!({"memory": "6Gi"}));
    assert_eq!(role["metadata"].get("labels"), None);
}

#[test]
fn a_dry_run_of_the_server_tells_and_changes_nothing() {
    let sandbox = sandbox();
    let told = sandbox.run(&["apply", "--dry-run", "-f", "role.yaml"]);
    let roles = sandbox.run(&["get", "roles"]);
    insta::assert_snapshot!(format!("{told}\n{roles}"));
}

#[test]
fn a_changed_file_of_a_role_source_is_a_changed_role() {
    let text = ROLE.replace("image: x", "path: ./rust");
    let sandbox = Sandbox::new().with("role.yaml", &text).with("rust/Dockerfile", "FROM x\nCOPY . /x\n");
    sandbox.applied("role.yaml");
    let sandbox = sandbox.with("rust/tool.sh", "echo\n");
    let told = sandbox.run(&["apply", "-f", "role.yaml"]);
    assert!(told.contains("role.jackin.dev/rust configured"), "{told}");
    let role = role(&sandbox);
    assert_eq!(role["spec"]["source"]["path"], sandbox.path("rust").to_str().expect("is UTF-8"));
}

#[test]
fn a_difference_is_shown_field_by_field_and_is_the_exit_code() {
    let sandbox = sandbox();
    let mut told = sandbox.run(&["diff", "-f", "role.yaml"]);
    sandbox.applied("role.yaml");
    told += "\n";
    told += &sandbox.run(&["diff", "-f", "role.yaml"]);
    let changed = ROLE.replace(", pids: 100", "").replace("team: a", "team: b").replace("[shell]", "[shell, codex]");
    let sandbox = sandbox.with("role.yaml", &changed);
    told += "\n";
    told += &sandbox.run(&["diff", "-f", "role.yaml"]);
    insta::assert_snapshot!(told);
}

#[test]
fn objects_are_listed_by_every_word_for_them() {
    let sandbox = sandbox();
    sandbox.applied("role.yaml");
    let told: Vec<_> = [
        &["get", "role/rust", "-o", "name"][..],
        &["get", "roles,ws", "-o", "name"],
        &["get", "all", "-l", "team=a", "-o", "name"],
        &["get", "roles", "-l", "team=b"],
        &["get", "roles", "nosuch", "rust", "-o", "name"],
        &["get", "roels"],
        &["get", "ws,roles", "rust"],
    ]
    .iter()
    .map(|arguments| sandbox.run(arguments))
    .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn what_is_printed_as_yaml_can_be_applied() {
    let sandbox = sandbox();
    sandbox.applied("role.yaml");
    let printed = sandbox.output(&["get", "roles", "-o", "yaml"]).stdout;
    let told = sandbox.run_with_input(&["apply", "-f", "-"], &String::from_utf8_lossy(&printed));
    assert!(told.contains("role.jackin.dev/rust unchanged"), "{told}");
}

#[test]
fn standard_output_stays_json_when_something_goes_wrong() {
    let sandbox = sandbox();
    let output = sandbox.output(&["get", "role", "nosuch", "-o", "json"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
}

#[test]
fn deleting_tells_and_waits_until_it_is_gone() {
    let sandbox = sandbox();
    sandbox.applied("role.yaml");
    let told: Vec<_> = [
        &["delete", "role", "rust", "--dry-run"][..],
        &["delete", "-f", "role.yaml"],
        &["delete", "role", "rust"],
        &["delete", "role", "rust", "--ignore-not-found"],
        &["delete", "roles"],
        &["wait", "role/rust", "--for=delete"],
    ]
    .iter()
    .map(|arguments| sandbox.run(arguments))
    .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn what_is_not_so_in_time_is_exit_code_three_with_the_next_command() {
    let sandbox = sandbox();
    sandbox.applied("role.yaml");
    let met = sandbox.run(&["wait", "role/rust", "--for=condition=ready=true"]);
    let missed = sandbox.run(&["wait", "role/rust", "--for=condition=NeverHeardOf", "--timeout=1s"]);
    insta::assert_snapshot!(format!("{met}\n{missed}"));
}

#[test]
fn a_wait_without_time_looks_once_and_says_what_it_saw() {
    let sandbox = shop_without_engine();
    let told: Vec<_> = [
        &["wait", "role/rust", "--timeout=0"][..],
        &["wait", "role/rust", "--for=condition=NeverHeardOf", "--timeout=0"],
        &["wait", "role/rust", "--for=delete", "--timeout=0"],
        &["wait", "roles", "--all", "--for=condition=NeverHeardOf", "--timeout=0"],
    ]
    .iter()
    .map(|arguments| sandbox.run(arguments))
    .collect();
    insta::assert_snapshot!(told.join("\n"));
    let restarted = sandbox.run(&["restart", "shop-main", "--timeout=0"]);
    assert!(restarted.contains("error: not done yet\n"), "{restarted}");
    assert!(restarted.contains("error: instance `shop-main` is not there yet\n"), "{restarted}");
    assert!(restarted.ends_with("exit code 3\n"), "{restarted}");
}

#[test]
fn what_no_engine_answers_for_is_exit_code_four_with_the_next_command() {
    let sandbox = shop_without_engine();
    for arguments in [&["sessions"][..], &["sessions", "shop-main"], &["attach", "shop-main"]] {
        let told = sandbox.run(arguments);
        assert!(told.contains("hint: `jackin doctor`") && told.ends_with("exit code 4\n"), "{told}");
    }
    assert!(sandbox.run(&["doctor"]).ends_with("exit code 4\n"));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let sandbox = sandbox();
    sandbox.applied("role.yaml");
    let mut command = sandbox.command(&["get", "roles", "-o", "yaml"]);
    let mut program = command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the program runs");
    drop(program.stdout.take());
    let output = program.wait_with_output().expect("the program ends");
    assert_eq!((String::from_utf8_lossy(&output.stderr).as_ref(), output.status.code()), ("", Some(0)));
}

#[test]
fn waiting_ends_in_time_and_names_what_is_missing_and_why() {
    let sandbox = Sandbox::new().with("shop.yaml", &shop());
    let told = sandbox.run(&["apply", "-f", "shop.yaml", "--wait", "--timeout=3s"]);
    assert!(told.contains("error: not ready within 3s"), "{told}");
    assert!(told.contains("error: workspace `shop` is not ready"), "{told}");
    assert!(told.contains("EngineUnreachable"), "{told}");
    assert!(told.contains("hint: `jackin describe workspace shop`"), "{told}");
    assert!(told.ends_with("exit code 3\n"), "{told}");
}

#[test]
fn what_needs_no_engine_is_ready_at_once() {
    let sandbox = sandbox();
    let told = sandbox.run(&["apply", "-f", "role.yaml", "--wait", "--timeout=30s"]);
    assert!(told.contains("role/rust: Ready") && told.ends_with("exit code 0\n"), "{told}");
}

#[test]
fn converging_once_leaves_no_controller_behind() {
    let sandbox = sandbox();
    let told = sandbox.run(&["apply", "-f", "role.yaml", "--once"]);
    assert!(told.ends_with("exit code 0\n"), "{told}");
    assert_eq!(sandbox.output(&["controller", "status"]).status.code(), Some(4));
    let again = sandbox.run(&["apply", "-f", "role.yaml"]);
    assert!(again.contains("role.jackin.dev/rust unchanged"), "{again}");
}
