//! Roles that ask for an engine: what the sidecar gives, and that the smallest repair is taken of the two containers.
//!
//! The image of the sidecar (`make dind`) serves as the role's own too, as it has the `docker` command.

mod consenting;
mod repairing;
mod serving;

use anyhow::{Context, Result};

use crate::stage::{MAIN, Stage, desk_of, docker};

/// A role that asks for an engine, with these fields beside the mode.
fn role(fields: &str) -> String {
    format!(
        "apiVersion: jackin.dev/v1alpha1\nkind: Role\nmetadata: {{name: tiny}}\nspec:\n  source: {{image: \"jackin-dind:bookworm\"}}\n  \
         agents: [shell]\n  docker: {{mode: dind{fields}}}\n"
    )
}

fn desk(fields: &str) -> String {
    desk_of(&role(fields), &[MAIN])
}

fn inside(stage: &Stage, words: &[&str]) -> Result<String> {
    stage.jackin(&[&["exec", "desk-main", "--"], words].concat())
}

fn sidecar(stage: &Stage) -> Result<String> {
    Ok(format!("{}.sidecar", stage.container_name("desk-main")?))
}

fn volume(stage: &Stage, name: &str) -> Result<String> {
    Ok(format!("{}.data.{name}", stage.container_name("desk-main")?))
}

/// The tests' image as an archive in a folder that the instance mounts at `/images`.
fn images(stage: &Stage) -> Result<String> {
    let archive = stage.write("images/tiny.tar", "")?;
    docker(&["save", "-o", archive.to_str().context("a path in UTF-8")?, "jackin-tiny:1"])?;
    let folder = archive.parent().context("a folder")?;
    Ok(format!("mounts: [{{source: \"{}\", target: /images}}]", folder.display()))
}
