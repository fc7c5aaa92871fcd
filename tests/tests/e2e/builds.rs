//! What a role gives to its build: arguments, secrets, a stage; and the builder that takes them.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::stage::{EngineLog, Fault, MAIN, Proxy, Stage, desk_of, eventually, play};

/// A role of a Dockerfile and of these lines of `spec.build`, and `desk` with one instance of it.
fn manifest(dockerfile: &str, build: &[&str]) -> String {
    let dockerfile: String = dockerfile.lines().map(|line| format!("\n        {line}")).collect();
    let build: String = build.iter().map(|line| format!("\n    {line}")).collect();
    let role = format!(
        "apiVersion: jackin.dev/v1alpha1\nkind: Role\nmetadata: {{name: tiny}}\nspec:\n  source:\n    inline:\n      dockerfile: |-{dockerfile}\n  build:{build}\n  agents: [shell]\n"
    );
    desk_of(&role, &[MAIN])
}

/// Whether an apply builds something.
fn builds(stage: &Stage, manifest: &str) -> Result<bool> {
    let mut log = EngineLog::follow(stage)?;
    stage.apply(manifest)?;
    Ok(log.writes()?.iter().any(|write| write.starts_with("image tag")))
}

fn made(stage: &Stage) -> Result<String> {
    stage.jackin(&["exec", "desk-main", "--", "cat", "/made"])
}

fn changes(stage: &Stage) -> Result<Vec<String>> {
    let image = stage.object("image", "tiny")?;
    let reasons = image["status"]["reasons"].as_array().context("reasons")?;
    Ok(reasons.iter().map(|reason| format!("{} {}", reason["change"]["change"], reason["change"]["field"])).collect())
}

#[test]
fn a_declared_argument_is_an_input_and_one_that_nobody_declares_is_a_notice() -> Result<()> {
    play(|stage| {
        let dockerfile = "FROM jackin-tiny:1\nARG VERSION=0\nRUN echo version $VERSION > /made\n";
        let with = |version: &str, other: &str| {
            manifest(dockerfile, &[&format!("args: {{VERSION: \"{version}\", OTHER: \"{other}\"}}")])
        };
        stage.apply(&with("1", "a"))?;
        assert_eq!(made(stage)?, "version 1\n");
        let unused = stage.until_condition("image", "tiny", "BuildInputsUnused", "True")?;
        assert_eq!(unused["reason"], "NotAskedFor");
        ensure!(unused["message"].to_string().contains("spec.build.args.OTHER"), "{unused}");

        let before = stage.container("desk-main")?;
        ensure!(!builds(stage, &with("1", "b"))?, "an argument that nobody declares counts");
        assert_eq!(stage.container("desk-main")?.id, before.id);

        ensure!(builds(stage, &with("2", "b"))?, "a declared argument does not count");
        assert_eq!(made(stage)?, "version 2\n");
        let changes = changes(stage)?;
        ensure!(changes.len() == 1 && changes[0].contains("args[VERSION]"), "{changes:?}");

        stage.apply(&manifest(dockerfile, &["args: {VERSION: \"2\"}"]))?;
        assert_eq!(stage.condition("image", "tiny", "BuildInputsUnused")?, Value::Null);
        Ok(())
    })
}

#[test]
fn proxies_reach_the_build_and_are_no_input() -> Result<()> {
    play(|stage| {
        let with = |proxy: &str| {
            let dockerfile = "FROM jackin-tiny:1\nRUN echo via $HTTP_PROXY > /made\n";
            manifest(dockerfile, &[&format!("args: {{HTTP_PROXY: \"http://{proxy}:3128\"}}")])
        };
        stage.apply(&with("one"))?;
        assert_eq!(made(stage)?, "via http://one:3128\n");
        ensure!(!builds(stage, &with("other"))?, "a proxy counts");
        stage.stop_controller()?;
        stage.set_variable("HTTP_PROXY", "http://third:3128");
        stage.set_variable("https_proxy", "http://third:3128");
        ensure!(!builds(stage, &with("other"))?, "a proxy of the environment counts");
        Ok(())
    })
}

#[test]
fn only_the_stages_up_to_the_target_are_built() -> Result<()> {
    play(|stage| {
        let dockerfile = |last: &str| {
            format!("FROM jackin-tiny:1 AS tools\nRUN echo tools > /made\nFROM tools\nRUN echo {last} > /made\n")
        };
        stage.apply(&manifest(&dockerfile("last"), &["target: tools"]))?;
        assert_eq!(made(stage)?, "tools\n");
        stage.apply(&manifest(&dockerfile("last"), &["args: {}"]))?;
        assert_eq!(made(stage)?, "last\n");
        let ran =
            stage.try_apply(&manifest(&dockerfile("last"), &["target: none"]), &["--wait", "--timeout", "20s"])?;
        ensure!(ran.code != 0, "it built a stage that is not there");
        let stalled = stage.until_condition("image", "tiny", "Stalled", "True")?;
        ensure!(stalled["message"].to_string().contains("no stage of that name"), "{stalled}");
        Ok(())
    })
}

/// All regular files below a folder, with their content.
fn files(folder: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            found.extend(files(&entry.path())?);
        } else if kind.is_file() {
            found.push((entry.path().display().to_string(), std::fs::read(entry.path())?));
        }
    }
    Ok(found)
}

/// Everything that an image exports, layer by layer.
fn exported(stage: &Stage, image: &str) -> Result<Vec<(String, Vec<u8>)>> {
    let path = stage.path("exported.tar");
    stage.docker(&["save", "-o", path.to_str().context("a path in UTF-8")?, image])?;
    let mut archive = tar::Archive::new(std::fs::File::open(&path)?);
    let mut parts = Vec::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        ensure!(!content.starts_with(&[0x1f, 0x8b]), "a layer is compressed, in which nothing would be found");
        parts.push((format!("exported {}", entry.path()?.display()), content));
    }
    Ok(parts)
}

fn holds(content: &[u8], wanted: &str) -> bool {
    content.windows(wanted.len()).any(|window| window == wanted.as_bytes())
}

/// A step that prints a secret, and keeps only how long it is. No other run has it in the engine's cache, where the secret does not count.
fn reads_the_secret(stage: &Stage) -> String {
    let step = "cat /run/secrets/token && echo read && wc -c < /run/secrets/token > /made";
    format!("FROM jackin-tiny:1\nRUN --mount=type=secret,id=token,required : {} && {step}\n", stage.person("reads"))
}

#[test]
fn a_secret_reaches_its_step_and_is_in_no_layer_history_label_log_event_or_file_and_its_rotation_builds_nothing()
-> Result<()> {
    play(|stage| {
        let secret = "correct-horse-battery-staple";
        let file = stage.write("token", &format!("{secret}\n"))?;
        let manifest = manifest(
            &reads_the_secret(stage),
            &[&format!("secrets: {{token: {{from: \"file://{}\"}}}}", file.display())],
        );
        stage.apply(&manifest)?;
        assert_eq!(made(stage)?.trim(), secret.len().to_string(), "the step did not get it");
        let printed = stage.jackin(&["logs", "image/tiny"])?;
        ensure!(printed.contains("***read"), "what the step printed is not told: {printed}");

        let recipe = stage.object("image", "tiny")?["status"]["recipe"].clone();
        let rotated = "another-one";
        std::fs::write(&file, rotated)?;
        ensure!(!builds(stage, &manifest)?, "a secret's value counts");
        assert_eq!(stage.object("image", "tiny")?["status"]["recipe"], recipe);
        stage.jackin(&["restart", "desk-main", "--rebuild", "--recreate"])?;
        assert_eq!(made(stage)?.trim(), rotated.len().to_string(), "the value was kept");

        let image = stage.container("desk-main")?.image;
        let mut places = exported(stage, &image)?;
        places.extend(files(&stage.home())?);
        let texts = [
            ("history", stage.docker(&["history", "--no-trunc", &image])?),
            ("image", stage.docker(&["image", "inspect", &image])?),
            ("log of the build", stage.jackin(&["logs", "image/tiny"])?),
            ("description", stage.jackin(&["describe", "image", "tiny"])?),
            ("status", stage.object("image", "tiny")?.to_string()),
            ("events", stage.jackin(&["events"])?),
            ("dump", stage.dump()?),
        ];
        places.extend(texts.map(|(place, text)| (place.to_owned(), text.into_bytes())));
        ensure!(places.iter().any(|(place, _)| place.ends_with("daemon.log")), "the controller's log was not searched");
        ensure!(places.iter().any(|(_, content)| holds(content, "secrets[token]")), "its id is nowhere");
        for (place, content) in places {
            for value in [secret, rotated] {
                ensure!(!holds(&content, value), "the secret is in: {place}");
            }
        }
        Ok(())
    })
}

#[test]
fn a_required_secret_that_nobody_declares_or_can_read_is_told_before_the_build_begins() -> Result<()> {
    play(|stage| {
        let stalled = |manifest: &str| -> Result<String> {
            let ran = stage.try_apply(manifest, &["--wait", "--timeout", "20s"])?;
            ensure!(ran.code != 0, "it built without the secret: {}", ran.said());
            let stalled = stage.until_condition("image", "tiny", "Stalled", "True")?;
            assert_eq!(stalled["reason"], "BuildSecretMissing");
            Ok(stalled["message"].to_string())
        };
        let message = stalled(&manifest(&reads_the_secret(stage), &["args: {}"]))?;
        ensure!(message.contains("`token`") && message.contains("jackin apply"), "{message}");
        let unreadable =
            manifest(&reads_the_secret(stage), &["secrets: {token: {from: \"env://JACKIN_E2E_MISSING\"}}"]);
        let message = stalled(&unreadable)?;
        ensure!(message.contains("`token`") && message.contains("JACKIN_E2E_MISSING"), "{message}");
        let images = stage.our_images()?;
        ensure!(!images.iter().any(|image| image.contains("default/tiny")), "something was built: {images:?}");
        Ok(())
    })
}

#[test]
fn the_token_of_github_is_asked_for_only_by_a_build_whose_dockerfile_asks_for_it() -> Result<()> {
    play(|stage| {
        let asked = stage.path("asked");
        let program =
            stage.write("bin/gh", &format!("#!/bin/sh\necho \"$@\" >> {}\necho gho_e2e\n", asked.display()))?;
        std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        let path = std::env::var("PATH").unwrap_or_default();
        stage.set_variable("PATH", &format!("{}:{path}", stage.path("bin").display()));
        stage.apply(&manifest("FROM jackin-tiny:1\nRUN echo without > /made\n", &["args: {}"]))?;
        ensure!(!asked.exists(), "nobody asked for it");
        let step = "wc -c < /run/secrets/github_token > /made";
        let mark = stage.person("asks");
        let wants = format!("FROM jackin-tiny:1\nRUN --mount=type=secret,id=github_token : {mark} && {step}\n");
        stage.apply(&manifest(&wants, &["args: {}"]))?;
        assert_eq!(made(stage)?.trim(), "gho_e2e".len().to_string());
        assert_eq!(std::fs::read_to_string(&asked)?, "auth token\n");
        ensure!(!builds(stage, &manifest(&wants, &["args: {}"]))?, "it was built again");
        assert_eq!(std::fs::read_to_string(&asked)?, "auth token\n", "read though nothing was built");
        Ok(())
    })
}

#[test]
fn a_build_with_a_cache_mount_runs_is_described_step_by_step_and_leaves_nothing_without_a_name() -> Result<()> {
    play(|stage| {
        let mark = stage.person("cache");
        let dockerfile = |text: &str| {
            let mount = format!("--mount=type=cache,id={mark},target=/cache");
            format!("FROM jackin-tiny:1\nRUN {mount} echo {text} >> /cache/all && cp /cache/all /made\n")
        };
        stage.apply(&manifest(&dockerfile(&format!("{mark}-one")), &["args: {}"]))?;
        stage.apply(&manifest(&dockerfile(&format!("{mark}-two")), &["args: {}"]))?;
        let kept = made(stage)?;
        assert_eq!(kept, format!("{mark}-one\n{mark}-two\n"), "the cache was not kept");
        let described = stage.jackin(&["describe", "image", "tiny"])?;
        ensure!(described.contains("  RUN --mount=type=cache,id="), "{described}");
        ensure!(!described.contains("LABEL") && !described.contains("[internal]"), "{described}");
        let printed = stage.jackin(&["logs", "image/tiny"])?;
        ensure!(printed.contains("2/2] RUN --mount=type=cache") && printed.contains("#2 DONE "), "{printed}");

        stage.jackin(&["restart", "desk-main", "--rebuild", "--recreate"])?;
        eventually("what the repeated build replaced to be gone", || {
            Ok(stage.our_images()?.iter().all(|image| !image.contains("<none>")).then_some(()))
        })
    })
}

#[test]
fn a_failing_step_of_buildkit_is_told_with_its_last_lines_and_what_it_replaces_goes_on() -> Result<()> {
    play(|stage| {
        let with = |command: &str| {
            manifest(&format!("FROM jackin-tiny:1\nRUN --mount=type=tmpfs,target=/t {command}\n"), &["args: {}"])
        };
        stage.apply(&with("echo good > /made"))?;
        let before = stage.container("desk-main")?;
        let ran = stage.try_apply(&with("seq 1 40 && echo but no && exit 7"), &["--wait", "--timeout", "60s"])?;
        assert_eq!(ran.code, 1, "{}", ran.said());
        let stalled = stage.until_condition("image", "tiny", "Stalled", "True")?;
        assert_eq!(stalled["reason"], "BuildFailed");
        let message = stalled["message"].as_str().context("a message")?;
        for wanted in ["RUN --mount=type=tmpfs", "exited with 7", "\n22\n", "\nbut no"] {
            ensure!(message.contains(wanted), "no {wanted:?} in {message}");
        }
        ensure!(!message.contains("\n21\n"), "more than the last 20 lines: {message}");
        assert_eq!(stage.container("desk-main")?.pid, before.pid);
        Ok(())
    })
}

#[test]
fn a_build_of_buildkit_that_nobody_wants_any_more_really_stops() -> Result<()> {
    play(|stage| {
        let mark = format!("JACKIN_E2E_{}", stage.person("held").replace('-', "_"));
        let held = format!("FROM jackin-tiny:1\nRUN --mount=type=tmpfs,target=/t : {mark} && (sleep 1000 || true)\n");
        stage.submit(&manifest(&held, &["args: {}"]))?;
        eventually("the step to run", || Ok(runs(&mark)?.then_some(())))?;
        stage.apply(&manifest("FROM jackin-tiny:1\nRUN echo instead > /made\n", &["args: {}"]))?;
        eventually("the step to be stopped", || Ok((!runs(&mark)?).then_some(())))?;
        assert_eq!(made(stage)?, "instead\n");
        Ok(())
    })
}

/// Whether a process of this machine has the mark in its arguments.
fn runs(mark: &str) -> Result<bool> {
    let processes = std::fs::read_dir("/proc")?.filter_map(Result::ok);
    let mut arguments = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    Ok(arguments.any(|arguments| holds(&arguments, mark)))
}

#[test]
fn a_frontend_that_cannot_be_fetched_is_named_with_what_to_do() -> Result<()> {
    play(|stage| {
        let frontend = "# syntax=localhost:1/none/dockerfile:1\n";
        stage.apply(&manifest(&format!("{frontend}FROM jackin-tiny:1\nRUN echo classic > /made\n"), &["args: {}"]))?;
        assert_eq!(made(stage)?, "classic\n");
        let needs = format!("{frontend}FROM jackin-tiny:1\nRUN --mount=type=tmpfs,target=/t true\n");
        let ran = stage.try_apply(&manifest(&needs, &["args: {}"]), &["--wait", "--timeout", "60s"])?;
        assert_eq!(ran.code, 1, "{}", ran.said());
        let stalled = stage.until_condition("image", "tiny", "Stalled", "True")?;
        let message = stalled["message"].as_str().context("a message")?;
        ensure!(
            message.contains("`# syntax=`") && message.contains("docker pull localhost:1/none/dockerfile:1"),
            "{message}"
        );
        Ok(())
    })
}

#[test]
fn what_needs_buildkit_is_not_begun_on_an_engine_without_and_the_rest_is_built() -> Result<()> {
    play(|stage| {
        let proxy = Proxy::before_the_engine(stage)?;
        proxy.strike(|_, path| path.ends_with("/session"), Fault::Refused(404));
        stage.apply(&manifest("FROM jackin-tiny:1\nRUN echo classic > /made\n", &["args: {}"]))?;
        assert_eq!(
            (made(stage)?.as_str(), proxy.struck()),
            ("classic\n", 0),
            "the engine was asked what nobody needs to know"
        );
        let needs = manifest("FROM jackin-tiny:1\nRUN --mount=type=tmpfs,target=/t true\n", &["args: {}"]);
        let ran = stage.try_apply(&needs, &["--wait", "--timeout", "60s"])?;
        assert_eq!(ran.code, 1, "{}", ran.said());
        let stalled = stage.until_condition("image", "tiny", "Stalled", "True")?;
        assert_eq!(stalled["reason"], "BuilderMissing");
        let message = stalled["message"].as_str().context("a message")?;
        ensure!(message.contains("`RUN --mount`") && message.contains("jackin doctor"), "{message}");
        assert_eq!(made(stage)?, "classic\n");
        Ok(())
    })
}
