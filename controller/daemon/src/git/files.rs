//! The files of a commit, written into a folder as they are in it.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use fs_err::tokio as fs;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::ChildStdout;

use super::GitError;
use super::links::{self, stays};
use super::program::{Group, git, run, within};
use super::repository::Repository;

/// More files than this are a source that was not meant.
const LIMIT: usize = 200_000;

/// One file or link of a commit.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    path: Utf8PathBuf,
    object: String,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    File,
    Executable,
    Link,
}

/// Writes the files of a commit into a folder that is not there yet. It appears whole.
pub(super) async fn write(repository: &Repository, commit: &str, folder: &Utf8Path) -> Result<(), GitError> {
    let listed = run(git(Some(&repository.path), &["ls-tree", "-r", "-z", "--full-tree", commit])).await;
    let entries = entries(commit, &listed.map_err(|said| GitError::Command { said })?)?;
    // Another repository may have the same commit.
    let temporary = folder.with_extension(repository.path.file_name().unwrap_or("new"));
    let failed = |error| GitError::io(folder, error);
    _ = fs::remove_dir_all(&temporary).await;
    fs::create_dir_all(&temporary).await.map_err(failed)?;
    let written = within(contents(repository, commit, &entries, &temporary)).await;
    written.map_err(|said| GitError::Command { said })??;
    on_disk(&temporary).map_err(failed)?;
    match fs::rename(&temporary, folder).await {
        Err(_) if folder.is_dir() => fs::remove_dir_all(&temporary).await.map_err(failed),
        renamed => renamed.map_err(failed),
    }
}

/// It must be there whole after a crash, once it has its name.
fn on_disk(folder: &Utf8Path) -> std::io::Result<()> {
    rustix::fs::syncfs(std::fs::File::open(folder)?).map_err(Into::into)
}

/// What a listing has. Submodules are left out, as nobody fetches them.
fn entries(commit: &str, listed: &[u8]) -> Result<Vec<Entry>, GitError> {
    let mut entries = Vec::new();
    for line in listed.split(|byte| *byte == 0).filter(|line| !line.is_empty()) {
        let text = String::from_utf8_lossy(line);
        let bad = || GitError::BadPath { commit: commit.to_owned(), path: text.clone().into_owned() };
        let (head, path) = std::str::from_utf8(line).ok().and_then(|line| line.split_once('\t')).ok_or_else(bad)?;
        let mut head = head.split(' ');
        let (mode, _, object) = (head.next(), head.next(), head.next().ok_or_else(bad)?);
        let kind = match mode {
            Some("100644" | "100664") => Kind::File,
            Some("100755") => Kind::Executable,
            Some("120000") => Kind::Link,
            Some(_) | None => continue,
        };
        let path = Utf8PathBuf::from(path);
        if !path.components().all(|part| matches!(part, Utf8Component::Normal(name) if name != ".git")) {
            return Err(GitError::BadPath { commit: commit.to_owned(), path: path.into_string() });
        }
        entries.push(Entry { path, object: object.to_owned(), kind });
        if entries.len() > LIMIT {
            return Err(GitError::TooManyFiles { commit: commit.to_owned(), limit: LIMIT });
        }
    }
    match in_the_way(&entries) {
        Some(path) => Err(GitError::PathTwice { commit: commit.to_owned(), path: path.to_string() }),
        None => Ok(entries),
    }
}

/// A path that is there twice, or that is a folder by another path. Git keeps a tree with two entries of one name as it is, and then a
/// link would be a folder as well.
fn in_the_way(entries: &[Entry]) -> Option<&Utf8Path> {
    let mut seen = BTreeSet::new();
    let twice = entries.iter().find(|entry| !seen.insert(entry.path.as_path()));
    let above = |entry: &&Entry| entry.path.ancestors().skip(1).any(|folder| seen.contains(folder));
    twice.or_else(|| entries.iter().find(above)).map(|entry| entry.path.as_path())
}

/// Writes every entry, links last: nothing is written through one.
async fn contents(repository: &Repository, commit: &str, entries: &[Entry], folder: &Utf8Path) -> Result<(), GitError> {
    let failed = |error| GitError::io(folder, error);
    let mut child = git(Some(&repository.path), &["cat-file", "--batch"])
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    let _group = Group::of(&child);
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(GitError::Command { said: "`git` has no output".to_owned() });
    };
    let ask = async {
        for entry in entries {
            input.write_all(format!("{}\n", entry.object).as_bytes()).await.map_err(failed)?;
        }
        drop(input);
        Ok(())
    };
    let answers = async {
        let mut output = BufReader::new(output);
        let mut links = BTreeMap::new();
        for entry in entries {
            let size = size(&mut output, entry).await?;
            match entry.kind {
                Kind::File | Kind::Executable => file(&mut output, entry, size, folder).await?,
                Kind::Link => {
                    let mut target = Vec::new();
                    (&mut output).take(size).read_to_end(&mut target).await.map_err(failed)?;
                    links.insert(&entry.path, target);
                }
            }
            // Each answer ends in a line break of its own.
            output.read_u8().await.map_err(failed)?;
        }
        Ok(links)
    };
    let ((), links) = tokio::try_join!(ask, answers)?;
    make_links(commit, folder, links).await
}

/// Makes the links once every folder of the commit is there, so that none is made through another.
async fn make_links(commit: &str, folder: &Utf8Path, links: BTreeMap<&Utf8PathBuf, Vec<u8>>) -> Result<(), GitError> {
    let mut inside = Vec::new();
    for (path, target) in links {
        let target = String::from_utf8(target).ok().map(Utf8PathBuf::from).filter(|target| stays(path, target));
        let outside = || GitError::LinkOutside { commit: commit.to_owned(), path: path.to_string() };
        parent_of(folder, path).await?;
        inside.push((path, target.ok_or_else(outside)?));
    }
    for (path, target) in inside {
        links::make(folder, path, &target).map_err(|error| GitError::io(&folder.join(path), error))?;
    }
    Ok(())
}

/// The size of the next answer, which must be of this entry.
async fn size(output: &mut BufReader<ChildStdout>, entry: &Entry) -> Result<u64, GitError> {
    let mut head = String::new();
    let read = output.read_line(&mut head).await;
    let parts: Vec<_> = head.split_whitespace().collect();
    match (read, parts.as_slice()) {
        (Ok(_), [object, "blob", size]) if *object == entry.object => size.parse().ok(),
        _ => None,
    }
    .ok_or_else(|| GitError::Command { said: format!("the content of `{}` is not there", entry.path) })
}

async fn file(
    output: &mut BufReader<ChildStdout>,
    entry: &Entry,
    size: u64,
    folder: &Utf8Path,
) -> Result<(), GitError> {
    let path = parent_of(folder, &entry.path).await?;
    let failed = |error| GitError::io(&path, error);
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true).mode(if entry.kind == Kind::Executable { 0o755 } else { 0o644 });
    let mut file = options.open(&path).await.map_err(failed)?;
    let copied = tokio::io::copy(&mut output.take(size), &mut file).await.map_err(failed)?;
    file.flush().await.map_err(failed)?;
    if copied == size { Ok(()) } else { Err(failed(std::io::ErrorKind::UnexpectedEof.into())) }
}

/// Where an entry lies, with the folders above it made.
async fn parent_of(folder: &Utf8Path, path: &Utf8Path) -> Result<Utf8PathBuf, GitError> {
    let at = folder.join(path);
    let parent = at.parent().unwrap_or(folder);
    fs::create_dir_all(parent).await.map_err(|error| GitError::io(parent, error))?;
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_no_inner_paths_are_refused_and_submodules_are_left_out() {
        let listed = |path: &str| entries("c", format!("100755 blob 0a\t{path}\0160000 commit 0b\tsub\0").as_bytes());
        let found = listed("bin/run").unwrap();
        assert_eq!(found, [Entry { path: "bin/run".into(), object: "0a".to_owned(), kind: Kind::Executable }]);
        for path in ["../x", "a/../x", "/x", ".git/config", "a/.git/config"] {
            assert!(matches!(listed(path), Err(GitError::BadPath { .. })), "{path}");
        }
    }

    #[test]
    fn a_path_that_is_there_twice_or_is_a_folder_as_well_is_refused() {
        let listed = |first: (&str, &str), second: (&str, &str)| {
            let line = |(mode, path): (&str, &str)| format!("{mode} blob 0a\t{path}\0");
            entries("c", [line(first), line(second)].concat().as_bytes())
        };
        assert!(listed(("120000", "a"), ("100644", "ab/c")).is_ok());
        for (first, second) in [("a", "a"), ("a", "a/b/c"), ("a/b/c", "a/b"), ("a/b", "a//b"), ("a/b", "a/./b/c")] {
            for mode in ["100644", "120000"] {
                let refused = listed((mode, first), ("120000", second));
                assert!(matches!(refused, Err(GitError::PathTwice { .. })), "{first} {second}");
            }
        }
    }
}
