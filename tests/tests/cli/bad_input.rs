//! Every bad input has its message: what, where, and what to write instead. Nothing is changed, not even a controller started.

use super::sandbox::Sandbox;

/// A workspace with these lines in its spec.
fn workspace(spec: &str) -> String {
    let lines: Vec<_> = spec.lines().map(|line| format!("  {line}\n")).collect();
    let head = "apiVersion: jackin.dev/v1alpha1\nkind: Workspace\nmetadata: {name: shop}\nspec:\n";
    format!("{head}{}", lines.concat())
}

/// What is said about a file, which must be refused before anything happens.
fn refused(text: &str) -> String {
    let sandbox = Sandbox::new().with("workspace.yaml", text);
    let told = sandbox.run(&["apply", "-f", "workspace.yaml"]);
    assert!(told.ends_with("exit code 2\n"), "{told}");
    assert!(!sandbox.was_state_touched(), "a bad file must not start anything");
    told
}

/// What is said about a workspace with one mount.
fn refused_mount(source: &str, target: &str) -> String {
    refused(&workspace(&format!("workdir: /work\nmounts:\n- {{source: {source}, target: {target}}}")))
}

#[test]
fn an_unknown_field_names_the_nearest_one() {
    insta::assert_snapshot!(refused(&workspace(
        "workdir: /work\nmounts:\n- source: src\n  target: /work\n  readonly: true"
    )));
}

#[test]
fn an_unknown_field_of_the_object_itself_is_refused() {
    insta::assert_snapshot!(refused(
        "apiVersion: jackin.dev/v1alpha1\nkind: Workspace\nmetadata: {name: shop, label: {}}\nspce: {}\nspec: {workdir: /w}\n"
    ));
}

#[test]
fn a_wrong_type_says_what_is_expected() {
    insta::assert_snapshot!(refused(&workspace(
        "workdir: /work\nroles: rust\nresources: {pids: many}\nenv:\n  STAGE: {value: 1}"
    )));
}

#[test]
fn a_word_that_is_not_possible_names_those_that_are() {
    insta::assert_snapshot!(refused(&workspace("workdir: /work\ndisruption: {policy: whenidle}")));
}

#[test]
fn a_missing_field_is_named() {
    insta::assert_snapshot!(refused(&workspace("mounts:\n- source: src\ninstances:\n- {name: main, role: rust}")));
}

#[test]
fn a_key_that_is_there_twice_is_refused_at_its_second_place() {
    insta::assert_snapshot!(refused(&workspace(
        "workdir: /work\nenv:\n  A: {value: x}\n  A: {value: y}\nworkdir: /other"
    )));
}

#[test]
fn yes_is_text_and_no_boolean() {
    insta::assert_snapshot!(refused(&workspace(
        "workdir: /work\nmounts:\n- {source: src, target: /work, readOnly: yes}"
    )));
}

#[test]
fn what_is_no_yaml_is_told_with_its_place() {
    insta::assert_snapshot!(refused("kind: [Workspace\nmetadata: {name: shop}\n"));
}

#[test]
fn unknown_kinds_and_versions_are_told() {
    insta::assert_snapshot!(refused(
        "apiVersion: jackin.dev/v1\nkind: Workspce\nmetadata: {name: shop}\nspec: {workdir: /w}\n"
    ));
}

#[test]
fn instances_and_images_are_not_written_by_hand() {
    let text = "apiVersion: jackin.dev/v1alpha1\nkind: Instance\nmetadata: {name: a}\n---\napiVersion: jackin.dev/v1alpha1\nkind: Image\nmetadata: {name: b}\n";
    insta::assert_snapshot!(refused(text));
}

#[test]
fn a_mount_target_inside_another_is_refused() {
    insta::assert_snapshot!(refused(&workspace(
        "workdir: /work\nmounts:\n- {source: a, target: /work}\n- {source: b, target: /work/b}"
    )));
}

#[test]
fn a_mount_target_that_is_there_twice_is_refused() {
    insta::assert_snapshot!(refused(&workspace(
        "workdir: /work\nmounts:\n- {source: a, target: /work}\n- {source: b, target: /work/}"
    )));
}

#[test]
fn a_relative_mount_target_is_refused() {
    insta::assert_snapshot!(refused_mount("src", "work"));
}

#[test]
fn a_mount_target_under_jackins_own_folder_is_refused() {
    insta::assert_snapshot!(refused_mount("src", "/jackin/run"));
}

#[test]
fn sources_that_hold_credentials_are_refused() {
    let sources =
        ["~/.ssh", "~/.aws", "~/.gnupg", "~/.kube", "~/.docker/config.json", "~/.config/gh", "/var/run/docker.sock"];
    let told: Vec<_> = sources.iter().map(|source| refused_mount(source, "/data")).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_source_that_reaches_credentials_by_a_detour_is_refused() {
    insta::assert_snapshot!(refused_mount("user/src/../.ssh", "/data"));
}

#[test]
fn a_home_as_a_whole_is_refused_however_it_is_written() {
    let told: Vec<_> = ["\"~\"", "user", "./user/x/..", ".", "/home/mia", "/root"]
        .iter()
        .map(|source| refused_mount(source, "/data"))
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_role_that_the_workspace_does_not_allow_is_refused() {
    insta::assert_snapshot!(refused(&workspace(
        "workdir: /work\nroles: [rust]\ninstances:\n- {name: main, role: go, agent: shell}"
    )));
}

#[test]
fn an_agent_that_a_role_of_the_same_files_does_not_have_is_refused() {
    let role = "---\napiVersion: jackin.dev/v1alpha1\nkind: Role\nmetadata: {name: rust}\nspec: {source: {image: x}, agents: [shell, codex]}\n";
    let workspace = workspace("workdir: /work\nroles: [rust]\ninstances:\n- {name: main, role: rust, agent: claude}");
    insta::assert_snapshot!(refused(&format!("{workspace}{role}")));
}

#[test]
fn an_object_that_is_there_twice_is_refused() {
    let one = workspace("workdir: /work");
    insta::assert_snapshot!(refused(&format!("{one}---\n{one}")));
}

#[test]
fn a_role_source_without_dockerfile_is_refused() {
    insta::assert_snapshot!(refused(
        "apiVersion: jackin.dev/v1alpha1\nkind: Role\nmetadata: {name: rust}\nspec: {source: {path: ./rust}}\n"
    ));
}

#[test]
fn a_role_source_is_exactly_one() {
    insta::assert_snapshot!(refused(
        "apiVersion: jackin.dev/v1alpha1\nkind: Role\nmetadata: {name: rust}\nspec: {source: {image: x, inline: {dockerfile: FROM x}}}\n"
    ));
}

#[test]
fn a_volume_of_a_sidecar_on_disk_has_no_size_and_its_name_is_one() {
    insta::assert_snapshot!(refused(
        "apiVersion: jackin.dev/v1alpha1\nkind: Role\nmetadata: {name: rust}\nspec:\n  source: {image: x}\n  docker: {mode: dind, data: {name: My Data, size: 1Gi}}\n"
    ));
}

#[test]
fn every_problem_of_every_document_is_told_from_top_to_bottom() {
    let first = workspace("workdri: /work\nmounts:\n- {source: ~/.ssh, target: work}");
    let second = workspace("workdir: work\nmounts:\n- {source: ~/.ssh, target: work}").replace("shop", "Shop");
    insta::assert_snapshot!(refused(&format!("{first}---\n{second}")));
}

#[test]
fn another_namespace_than_the_one_that_was_asked_for_is_refused() {
    let text = workspace("workdir: /work").replace("{name: shop}", "{name: shop, namespace: team}");
    let sandbox = Sandbox::new().with("workspace.yaml", &text);
    insta::assert_snapshot!(sandbox.run(&["apply", "-n", "other", "-f", "workspace.yaml"]));
}
