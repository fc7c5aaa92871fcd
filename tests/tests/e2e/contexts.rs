//! Generated contexts: what the engine copies into an image is what the recipe names, file by file.
//!
//! The engine's own client sends the context, so that the rules on both sides are independent. Its one difference, which is named in
//! `dockerignore`, is not generated.

use std::collections::BTreeSet;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use jackin_api::kinds::Role;
use jackin_daemon::images::observe_source;

use crate::stage::{Dice, docker};

/// Contexts that are compared. Those whose build the engine refuses, because nothing matches, are not among them.
const CONTEXTS: usize = 24;

/// Seeds that are tried for them.
const SEEDS: u64 = 400;

/// No two have the same last name, so that none takes another's place in the image.
const FILES: [&str; 10] = [
    "a",
    "b.txt",
    "c.md",
    "src/d",
    "src/e.txt",
    "src/deep/f",
    "src/deep/g.md",
    "docs/h.md",
    "docs/deep/i.txt",
    "srcs/j",
];

const LINKS: [(&str, &str); 5] =
    [("to-a", "a"), ("to-src", "src"), ("src/up", "../docs"), ("docs/rooted", "/src/deep"), ("to-none", "none")];

const IGNORED: [&str; 15] = [
    "*.md",
    "**/*.md",
    "docs",
    "src/deep",
    "src/*",
    "*",
    "**/[adf]",
    "!a",
    "!src/deep/f",
    "s?c",
    "[a-b]*",
    "/src/e.txt",
    "docs/**",
    "!docs/deep",
    "to-*",
];

const COPIED: [&str; 20] = [
    ".",
    "./",
    "a",
    "/a",
    "src",
    "src/",
    "./src/deep",
    "src/*",
    "*",
    "*.txt",
    "s*",
    "src*/[dj]",
    "src/../docs",
    "to-a",
    "to-src",
    "to-src/deep",
    "src/up/h.md",
    "docs/rooted/f",
    "[ab]*",
    "$DIR/deep",
];

/// A context: a file of each name holds that name, and nothing else does.
fn context(folder: &Path, dice: &mut Dice) -> Result<()> {
    for name in FILES.iter().filter(|_| dice.below(4) != 0) {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().context("a folder")?)?;
        std::fs::write(path, name)?;
    }
    for (name, target) in LINKS.iter().filter(|_| dice.below(3) == 0) {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().context("a folder")?)?;
        symlink(target, path)?;
    }
    let ignored: Vec<_> = (0..dice.below(4)).map(|_| dice.of(&IGNORED)).collect();
    std::fs::write(folder.join(".dockerignore"), ignored.join("\n"))?;
    let mut dockerfile = "FROM scratch\nARG DIR=src\n".to_owned();
    for copy in 0..=dice.below(2) {
        let sources: Vec<_> = (0..=dice.below(2)).map(|_| dice.of(&COPIED)).collect();
        dockerfile += &format!("COPY {} /{copy}/\n", sources.join(" "));
    }
    std::fs::write(folder.join("Dockerfile"), dockerfile)?;
    Ok(())
}

/// The names of the context's files that the recipe counts.
fn counted(folder: &Path) -> Result<BTreeSet<String>> {
    let mut role = Role::default();
    role.spec.source.path = Some(folder.to_str().context("a path in UTF-8")?.to_owned());
    let fields = observe_source(&role)?.fields.0;
    let files = fields.keys().filter_map(|field| field.strip_prefix("files[")?.strip_suffix(']'));
    Ok(files.filter(|file| FILES.contains(file)).map(str::to_owned).collect())
}

/// The names of the context's files that are in the image which the engine builds of all of it; `None` when it builds none.
fn copied(folder: &Path) -> Result<Option<BTreeSet<String>>> {
    let built = Command::new("docker").args(["build", "-q"]).arg(folder).env("DOCKER_BUILDKIT", "0").output()?;
    if !built.status.success() {
        let said = String::from_utf8_lossy(&built.stderr);
        ensure!(
            said.contains("no source files") || said.contains("not found") || said.contains("no such file"),
            "{said}"
        );
        return Ok(None);
    }
    let image = String::from_utf8(built.stdout)?;
    let container = docker(&["create", image.trim(), "none"])?;
    let exported = Command::new("docker").args(["export", &container]).output()?;
    docker(&["rm", &container])?;
    docker(&["rmi", image.trim()])?;
    ensure!(exported.status.success(), "the image is not exported");
    let mut contents = BTreeSet::new();
    for entry in tar::Archive::new(exported.stdout.as_slice()).entries()? {
        let mut content = String::new();
        entry?.read_to_string(&mut content)?;
        contents.extend(FILES.contains(&content.as_str()).then_some(content));
    }
    Ok(Some(contents))
}

#[test]
fn what_the_engine_copies_of_a_context_is_what_the_recipe_counts() -> Result<()> {
    let mut compared = 0;
    for seed in 0..SEEDS {
        let folder = tempfile::tempdir()?;
        context(folder.path(), &mut Dice(seed))?;
        let Some(copied) = copied(folder.path())? else { continue };
        let told = || {
            let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap_or_default();
            format!("seed {seed}\n.dockerignore:\n{}\nDockerfile:\n{}", read(".dockerignore"), read("Dockerfile"))
        };
        assert_eq!(counted(folder.path()).with_context(told)?, copied, "{}", told());
        compared += 1;
        if compared == CONTEXTS {
            return Ok(());
        }
    }
    anyhow::bail!("the engine built {compared} of {SEEDS} contexts only")
}
