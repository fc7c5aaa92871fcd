//! Who begins to work while a repair is under way: a program is fetched for minutes, and what was idle when it began is not idle at its end.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use anyhow::{Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha512};

use crate::stage::{MAIN, Stage, Terminal, desk_of, eventually, play};

/// An npm whose downloads arrive once the file `arrives` is there, and which notes that it was asked.
fn slow_npm(stage: &Stage) -> Result<()> {
    for version in ["1.0.0", "2.0.0"] {
        let program = stage.write("package/tool", &format!("#!/bin/sh\necho {version}\n"))?;
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755))?;
        let archive = stage.path(version);
        let mut packing = Command::new("tar");
        let packed = packing.arg("-C").arg(stage.path("")).arg("-czf").arg(&archive).arg("package").status()?;
        ensure!(packed.success(), "the package could not be made");
        stage.write(&format!("{version}.integrity"), &STANDARD.encode(Sha512::digest(std::fs::read(&archive)?)))?;
    }
    let folder = stage.path("");
    let script = format!(
        r#"#!/bin/sh
cd {folder}
version=${{2#*@}}
case $1 in
view) echo "{{\"version\": \"$version\", \"dist\": {{\"integrity\": \"sha512-$(cat $version.integrity)\"}}}}" ;;
pack)
  touch asked
  while ! [ -e arrives ]; do sleep 0.02; done
  cp $version "$6/tool.tgz" ;;
esac
"#,
        folder = folder.display()
    );
    let npm = stage.write("bin/npm", &script)?;
    Ok(std::fs::set_permissions(npm, PermissionsExt::from_mode(0o755))?)
}

/// The workspace with a version of the tool, and a folder mounted.
fn desk(stage: &Stage, version: &str, folder: &str) -> Result<String> {
    stage.write(&format!("{folder}/which"), folder)?;
    let agent = format!(
        "apiVersion: jackin.dev/v1alpha1\nkind: Agent\nmetadata: {{name: tool}}\nspec:\n  install: {{npm: {{package: tool, version: {version}, program: tool}}}}\n  command: [tool]\n---\n"
    );
    let role = "apiVersion: jackin.dev/v1alpha1\nkind: Role\nmetadata: {name: tiny}\nspec:\n  source: {image: \"jackin-tiny:1\"}\n  agents: [shell, tool]\n";
    let mount = format!("mounts: [{{source: ./{folder}, target: /work}}]");
    Ok(format!("{agent}{}", desk_of(role, &[&mount, MAIN])))
}

#[test]
fn who_attaches_while_a_program_is_fetched_is_not_ended_by_the_repair_that_needs_it() -> Result<()> {
    play(|stage| {
        slow_npm(stage)?;
        let programs = format!("{}:{}", stage.path("bin").display(), std::env::var("PATH")?);
        stage.set_variable("PATH", &programs);
        let arrives = stage.write("arrives", "")?;
        stage.apply(&desk(stage, "1.0.0", "first")?)?;
        stage.settle("desk-main")?;
        let before = stage.container("desk-main")?;

        std::fs::remove_file(&arrives)?;
        std::fs::remove_file(stage.path("asked"))?;
        stage.submit(&desk(stage, "2.0.0", "second")?)?;
        eventually("the program to be asked for", || Ok(stage.path("asked").exists().then_some(())))?;
        let mut terminal = Terminal::start(stage, &["attach", "desk-main"])?;
        terminal.wait_until("the prompt to show", |screen| !screen.trim().is_empty())?;
        std::fs::write(&arrives, "")?;
        let pending = stage.until_condition("instance", "desk-main", "RepairPending", "True")?;
        assert_eq!(pending["reason"], "SessionsLive", "{pending}");
        terminal.type_text("echo al''ive\n")?;
        terminal.wait_until("the shell to answer", |screen| screen.contains("alive"))?;
        let now = stage.container("desk-main")?;
        assert_eq!((&now.id, now.pid), (&before.id, before.pid), "it was ended under who attached");
        terminal.detach()?;
        stage.until_container("desk-main", "replaced", |found| found.id != before.id && found.state == "running")?;
        assert_eq!(stage.jackin(&["exec", "desk-main", "--", "cat", "/work/which"])?, "second");
        Ok(())
    })
}
