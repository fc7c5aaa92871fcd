//! Manifests of the rules: a role on the tiny image, and a workspace called `desk`.

/// An instance list with the one instance that most rules need: `desk-main`.
pub(crate) const MAIN: &str = "instances: [{name: main, role: tiny, agent: shell}]";

/// A role that takes the tiny image as it is.
fn tiny_role() -> String {
    role("image: \"jackin-tiny:1\"")
}

/// A role whose image is built: from the tiny image, with these instructions.
pub(crate) fn inline_role(instructions: &[&str]) -> String {
    let lines: String = instructions.iter().map(|line| format!("\n        {line}")).collect();
    role(&format!("inline:\n      dockerfile: |-\n        FROM jackin-tiny:1{lines}"))
}

fn role(source: &str) -> String {
    format!(
        "apiVersion: jackin.dev/v1alpha1\nkind: Role\nmetadata: {{name: tiny}}\nspec:\n  source:\n    {source}\n  agents: [shell]\n"
    )
}

/// The workspace `desk` with these lines in its spec, on the tiny image as it is.
pub(crate) fn desk(lines: &[&str]) -> String {
    desk_of(&tiny_role(), lines)
}

/// The workspace `desk` with these lines in its spec, after the role.
pub(crate) fn desk_of(role: &str, lines: &[&str]) -> String {
    let lines: String = lines.iter().map(|line| format!("  {line}\n")).collect();
    format!(
        "{role}---\napiVersion: jackin.dev/v1alpha1\nkind: Workspace\nmetadata: {{name: desk}}\nspec:\n  workdir: /\n  roles: [tiny]\n{lines}"
    )
}
