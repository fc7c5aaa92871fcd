//! A base that a private registry has: what is told without a login, and what one is kept in.

use std::os::unix::fs::PermissionsExt;

use anyhow::{Context, Result, ensure};
use jackin_tests::{PASSWORD, Registry};

use crate::stage::{MAIN, Stage, desk_of, docker, eventually, play};

/// An image in the registry, and not on the engine.
fn push(stage: &Stage, image: &str) -> Result<()> {
    let dockerfile = format!("FROM jackin-tiny:1\nLABEL {}\nRUN echo private > /made\n", stage.person_label());
    let folder = stage.write("base/Dockerfile", &dockerfile)?;
    let folder = folder.parent().and_then(|folder| folder.to_str()).context("a path in UTF-8")?;
    docker(&["build", "--quiet", "--tag", image, folder])?;
    docker(&["push", image])?;
    docker(&["rmi", image]).map(drop)
}

/// A helper that keeps logins, of the kind that `credsStore` names.
fn helper(stage: &Stage, script: &str) -> Result<()> {
    let path = stage.write("bin/docker-credential-jackin-e2e", &format!("#!/bin/sh\n{script}\n"))?;
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o755))?;
    Ok(())
}

/// Whether any file below the folder has the text in it.
fn is_kept_below(folder: &std::path::Path, text: &str) -> Result<bool> {
    let found = std::process::Command::new("grep").args(["-rqaF", text]).arg(folder).status()?;
    Ok(found.success())
}

#[test]
fn a_private_base_waits_for_a_login_and_the_helper_that_keeps_it_is_asked() -> Result<()> {
    play(|stage| {
        let mut registry = Registry::start()?;
        let base = registry.name("private:1");
        push(stage, &base)?;
        registry.ask_for_login()?;
        stage.write("client/config.json", r#"{"credsStore": "jackin-e2e"}"#)?;
        stage.set_variable("DOCKER_CONFIG", &stage.path("client").to_string_lossy());
        let programs = format!("{}:{}", stage.path("bin").display(), std::env::var("PATH")?);
        stage.set_variable("PATH", &programs);

        helper(stage, "echo 'the keychain is locked' >&2; exit 1")?;
        let role = format!(
            "apiVersion: jackin.dev/v1alpha1\nkind: Role\nmetadata: {{name: tiny}}\nspec:\n  source: {{inline: {{dockerfile: \"FROM {base}\\nRUN cp /made /copied\\n\"}}}}\n  agents: [shell]\n"
        );
        stage.submit(&desk_of(&role, &[MAIN]))?;
        let told = |words: &str| {
            eventually(&format!("the image to say: {words}"), || {
                let told = stage.condition("image", "tiny", "Ready")?;
                let message = told["message"].as_str().unwrap_or_default().to_owned();
                Ok(message.contains(words).then_some(message))
            })
        };
        let locked = told("the keychain is locked")?;
        let next = format!("`docker login {}`", registry.host());
        ensure!(locked.contains(&next), "{locked}");
        helper(stage, "echo 'credentials not found in native keychain'; exit 1")?;
        let stranger = told("refused it to this login")?;
        ensure!(stranger.contains(&next), "{stranger}");

        let answer = format!(r#"{{"ServerURL": "x", "Username": "operator", "Secret": "{PASSWORD}"}}"#);
        helper(stage, &format!("read server; [ \"$server\" = {} ] && echo '{answer}'", registry.host()))?;
        stage.wait_for("instance/desk-main", "Ready")?;
        assert_eq!(stage.jackin(&["exec", "desk-main", "--", "cat", "/copied"])?, "private\n");
        ensure!(!stage.dump()?.contains(PASSWORD), "the password is stored");
        ensure!(!is_kept_below(&stage.home(), PASSWORD)?, "the password is in a file");
        docker(&["rmi", &base]).map(drop)
    })
}
