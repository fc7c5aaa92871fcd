//! Which namespace commands are for, and that the next command says so.

use super::sandbox::Sandbox;

const ROLE: &str = "apiVersion: jackin.dev/v1alpha1\nkind: Role\nmetadata: {name: rust}\nspec: {source: {image: x}, agents: [shell]}\n";

/// What the program says with this namespace in its environment, and its exit code.
fn run_in(sandbox: &Sandbox, namespace: &str, arguments: &[&str]) -> (String, Option<i32>) {
    let output = sandbox.command(arguments).env("JACKIN_NAMESPACE", namespace).output().expect("the program runs");
    let said = [output.stdout, output.stderr].concat();
    (String::from_utf8_lossy(&said).into_owned(), output.status.code())
}

#[test]
fn the_next_command_is_for_the_namespace_of_the_one_that_failed() {
    let sandbox = Sandbox::new();
    let told: Vec<_> = [
        &["-n", "shop", "get", "role", "rust"][..],
        &["-n", "shop", "attach", "main"],
        &["-n", "default", "get", "role", "rust"],
    ]
    .iter()
    .map(|arguments| sandbox.run(arguments))
    .collect();
    insta::assert_snapshot!(told.join("\n"));
    let (told, code) = run_in(&sandbox, "shop", &["delete", "role", "rust"]);
    assert!(told.contains("hint: `jackin -n shop get roles` lists"), "{told}");
    assert_eq!(code, Some(1));
}

#[test]
fn the_environment_names_the_namespace_until_a_flag_or_a_file_does() {
    let elsewhere = ROLE.replace("name: rust", "name: other, namespace: elsewhere");
    let sandbox = Sandbox::new().with("role.yaml", &format!("{ROLE}---\n{elsewhere}"));
    let (told, code) = run_in(&sandbox, "shop", &["apply", "-f", "role.yaml"]);
    assert_eq!(code, Some(0), "{told}");
    let names = |arguments: &[&str]| run_in(&sandbox, "shop", &[&["get", "roles", "-o", "name"], arguments].concat()).0;
    assert_eq!(names(&[]), "role.jackin.dev/rust\n");
    assert_eq!(names(&["-n", "elsewhere"]), "role.jackin.dev/other\n");
    assert_eq!(run_in(&sandbox, "", &["get", "roles"]).0, "No resources found in default namespace.\n");
    let (told, code) = run_in(&sandbox, "Shop", &["get", "roles"]);
    assert!(told.contains("not a name of a namespace: `Shop`") && told.contains("JACKIN_NAMESPACE"), "{told}");
    assert_eq!(code, Some(2));
}

#[test]
fn who_asks_for_agents_is_told_where_those_are_that_come_with_jackin() {
    let sandbox = Sandbox::new();
    let told = sandbox.run(&["get", "agents"]);
    let builtin = sandbox.run(&["get", "agents", "-n", "jackin-system", "-o", "name"]);
    insta::assert_snapshot!(format!("{told}\n{builtin}"));
}
