//! Whose repositories may be fetched and built.

use std::process::Command;

use super::sandbox::Sandbox;
use serde_json::Value;

#[test]
fn trust_is_given_listed_and_taken_back_by_the_address_in_its_normal_form() {
    let sandbox = Sandbox::new();
    let told: Vec<_> = [
        &["trust", "list"][..],
        &["trust", "add", "HTTPS://Example.com/team/role/", "git@example.com:team/tools.git"],
        &["trust", "add", "https://example.com/team/role"],
        &["trust", "list"],
        &["trust", "remove", "https://example.com/team/role", "https://example.com/other"],
        &["trust", "list", "-o", "json"],
    ]
    .iter()
    .map(|arguments| sandbox.run(arguments))
    .collect();
    insta::assert_snapshot!(told.join("\n"));
    let kept = std::fs::read_to_string(sandbox.path("state/trust.json")).expect("trust is kept in a file");
    insta::assert_snapshot!(kept);
}

#[test]
fn what_is_no_address_of_a_repository_is_refused_and_starts_nothing() {
    let sandbox = Sandbox::new();
    let told: Vec<_> = ["ext::sh -c true", "-oProxyCommand=x:y", "role"]
        .iter()
        .map(|url| sandbox.run(&["trust", "add", "--", url]))
        .collect();
    insta::assert_snapshot!(told.join("\n"));
    assert!(!sandbox.was_state_touched());
}

#[test]
fn a_role_from_a_repository_is_checked_before_it_is_sent() {
    let role = |git: &str| {
        format!(
            "apiVersion: jackin.dev/v1alpha1\nkind: Role\nmetadata: {{name: tiny}}\nspec:\n  source:\n    git: {{{git}}}\n"
        )
    };
    let told: Vec<_> = [
        "url: \"ext::sh\"",
        "url: \"https://me:secret@example.com/role\"",
        "url: \"https://example.com/role\", ref: \"--upload-pack=x\"",
        "url: \"https://example.com/role\", commit: abc",
        "url: \"https://example.com/role\", trustedUrl: \"https://example.com/before\"",
    ]
    .iter()
    .map(|git| Sandbox::new().with("role.yaml", &role(git)).run(&["apply", "-f", "role.yaml"]))
    .collect();
    insta::assert_snapshot!(told.join("\n"));
}

/// Makes a repository with a role on its branch `main`; its address, and the commit.
fn repository(sandbox: &Sandbox) -> (String, String) {
    let folder = sandbox.path("repository");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("Dockerfile"), "FROM x\n").expect("a file");
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false"];
        let output =
            Command::new("git").current_dir(&folder).args(identity).args(arguments).output().expect("git runs");
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    git(&["init", "--quiet", "--initial-branch=main", "."]);
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "--message", "a role"]);
    (format!("file://{}", folder.display()), git(&["rev-parse", "HEAD"]))
}

#[test]
fn an_apply_once_notes_where_a_branch_is_as_any_other_apply_does() {
    let sandbox = Sandbox::new();
    let (url, commit) = repository(&sandbox);
    let role = format!(
        "apiVersion: jackin.dev/v1alpha1\nkind: Role\nmetadata: {{name: tiny}}\nspec:\n  source: {{git: {{url: \"{url}\", ref: main}}}}\n  \
         agents: [shell]\n"
    );
    let sandbox = sandbox.with("role.yaml", &role);
    sandbox.output(&["trust", "add", &url]);
    sandbox.applied("role.yaml");
    let served = sandbox.run(&["apply", "-f", "role.yaml", "--once"]);
    sandbox.output(&["controller", "stop"]);
    let alone = sandbox.run(&["apply", "-f", "role.yaml", "--once"]);
    let plain = sandbox.run(&["apply", "-f", "role.yaml"]);
    for told in [served, alone, plain] {
        assert!(told.contains("role.jackin.dev/tiny unchanged") && told.ends_with("exit code 0\n"), "{told}");
    }
    let role = sandbox.output(&["get", "role", "tiny", "-o", "json"]).stdout;
    let role: Value = serde_json::from_slice(&role).expect("standard output is JSON");
    assert_eq!(role["metadata"]["annotations"][jackin_api::SOURCE_DIGEST_ANNOTATION], commit);
}
