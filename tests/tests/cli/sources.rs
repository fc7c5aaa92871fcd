//! Which files are read: files, folders, patterns and standard input.

use super::sandbox::Sandbox;

fn agent(name: &str) -> String {
    format!("apiVersion: jackin.dev/v1alpha1\nkind: Agent\nmetadata: {{name: {name}}}\nspec: {{command: [x]}}\n")
}

fn sandbox() -> Sandbox {
    Sandbox::new()
        .with("set/b.yaml", &agent("b"))
        .with("set/a.yml", &format!("{}---\n{}", agent("a1"), agent("a2")))
        .with("set/notes.txt", "not: [yaml")
        .with("set/deep/c.yaml", &agent("c"))
}

#[test]
fn a_folder_is_read_in_the_order_of_names_and_without_its_subfolders() {
    insta::assert_snapshot!(sandbox().run(&["apply", "--dry-run=client", "-f", "set"]));
}

#[test]
fn a_folder_is_read_with_its_subfolders_when_asked() {
    insta::assert_snapshot!(sandbox().run(&["apply", "--dry-run=client", "-R", "-f", "set"]));
}

#[test]
fn a_pattern_and_a_file_twice_are_read_once() {
    insta::assert_snapshot!(sandbox().run(&["apply", "--dry-run=client", "-f", "set/*.yaml", "-f", "set/b.yaml"]));
}

#[test]
fn standard_input_is_read_and_named_in_errors() {
    let sandbox = sandbox();
    let good = sandbox.run_with_input(&["apply", "--dry-run=client", "-f", "-"], &agent("d"));
    let bad = sandbox.run_with_input(&["apply", "--dry-run=client", "-f", "-"], &agent("D"));
    insta::assert_snapshot!(format!("{good}\n{bad}"));
}

#[test]
fn what_is_not_there_or_empty_is_told() {
    let sandbox = sandbox().with("empty.yaml", "# nothing\n").with("none/readme.md", "");
    let told: Vec<_> = ["missing.yaml", "empty.yaml", "none", "set/*.json"]
        .iter()
        .map(|file| sandbox.run(&["apply", "--dry-run=client", "-f", file]))
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_dry_run_of_the_client_starts_nothing() {
    let sandbox = sandbox();
    sandbox.run(&["apply", "--dry-run=client", "-f", "set"]);
    assert!(!sandbox.was_state_touched());
}
