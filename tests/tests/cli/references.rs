//! References between objects, with what the controller knows.

use super::sandbox::Sandbox;

const ROLES: &str = "apiVersion: jackin.dev/v1alpha1\nkind: Role\nmetadata: {name: rust-dev}\nspec: {source: {image: x}, agents: [shell]}\n";

fn workspace(role: &str, agent: &str) -> String {
    format!(
        "apiVersion: jackin.dev/v1alpha1\nkind: Workspace\nmetadata: {{name: shop}}\nspec:\n  workdir: /work\n  roles: [{role}]\n  \
         instances:\n  - {{name: main, role: {role}, agent: {agent}}}\n"
    )
}

#[test]
fn an_unknown_role_names_those_that_are_known() {
    let sandbox = Sandbox::new().with("role.yaml", ROLES).with("workspace.yaml", &workspace("rust-dve", "shell"));
    let before = sandbox.run(&["apply", "-f", "workspace.yaml"]);
    sandbox.applied("role.yaml");
    let after = sandbox.run(&["apply", "-f", "workspace.yaml"]);
    let workspaces = sandbox.run(&["get", "workspaces"]);
    insta::assert_snapshot!(format!("{before}\n{after}\n{workspaces}"));
}

#[test]
fn an_unknown_agent_names_those_that_are_known() {
    let roles = ROLES.replace("agents: [shell]", "agents: [shell, shel]");
    let sandbox = Sandbox::new().with("workspace.yaml", &format!("{roles}---\n{}", workspace("rust-dev", "shel")));
    let told = sandbox.run(&["apply", "-f", "workspace.yaml"]);
    let roles = sandbox.run(&["get", "roles"]);
    insta::assert_snapshot!(format!("{told}\n{roles}"));
}

#[test]
fn an_agent_that_a_role_on_the_server_does_not_have_is_refused() {
    let sandbox = Sandbox::new().with("role.yaml", ROLES).with("workspace.yaml", &workspace("rust-dev", "codex"));
    sandbox.applied("role.yaml");
    insta::assert_snapshot!(sandbox.run(&["apply", "-f", "workspace.yaml"]));
}
