//! Whose repositories may be fetched and built.

use super::sandbox::Sandbox;

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
