//! The files of a commit, written into a folder as they are in it.

use std::collections::BTreeMap;
use std::process::Stdio;

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use fs_err::tokio as fs;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::ChildStdout;

use super::GitError;
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
    Ok(entries)
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
    for (path, target) in links {
        let target = String::from_utf8(target).ok().map(Utf8PathBuf::from).filter(|target| stays(path, target));
        let outside = || GitError::LinkOutside { commit: commit.to_owned(), path: path.to_string() };
        let at = parent_of(folder, path).await?;
        fs::symlink(target.ok_or_else(outside)?, at).await.map_err(failed)?;
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

/// Whether a link stays inside. Steps upwards count at its start only, where they lead through real folders: later ones could start
/// from wherever another link leads.
pub(crate) fn stays(path: &Utf8Path, target: &Utf8Path) -> bool {
    let mut depth = path.components().count().saturating_sub(1);
    let mut down = false;
    for part in target.components() {
        match part {
            Utf8Component::ParentDir if down || depth == 0 => return false,
            Utf8Component::ParentDir => depth -= 1,
            Utf8Component::Normal(_) => down = true,
            Utf8Component::CurDir => {}
            Utf8Component::RootDir | Utf8Component::Prefix(_) => return false,
        }
    }
    !target.as_str().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_stays_inside_or_is_refused() {
        let stays = |path: &str, target: &str| stays(Utf8Path::new(path), Utf8Path::new(target));
        assert!(stays("a", "b") && stays("d/a", "../b") && stays("d/e/a", "../../b/c") && stays("d/a", "./e"));
        assert!(!stays("a", "../b") && !stays("d/a", "../../b") && !stays("a", "/etc/passwd") && !stays("a", ""));
        // `d/up` may be a link to the top, and then this is beside it.
        assert!(!stays("a", "d/up/../x"));
    }

    #[test]
    fn names_that_are_no_inner_paths_are_refused_and_submodules_are_left_out() {
        let listed = |path: &str| entries("c", format!("100755 blob 0a\t{path}\0160000 commit 0b\tsub\0").as_bytes());
        let found = listed("bin/run").unwrap();
        assert_eq!(found, [Entry { path: "bin/run".into(), object: "0a".to_owned(), kind: Kind::Executable }]);
        for path in ["../x", "a/../x", "/x", ".git/config", "a/.git/config"] {
            assert!(matches!(listed(path), Err(GitError::BadPath { .. })), "{path}");
        }
    }
}
