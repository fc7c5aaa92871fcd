//! Walking a folder: what is in it, in one order, with what is ignored left out.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;

use camino::{Utf8Path, Utf8PathBuf};
use jackin_api::words::Digest;

use super::SourceError;
use super::dockerignore::{Ignore, Matched};
use super::fingerprint::{digest_of, fingerprint, is_executable};

/// More files than this are a folder that was not meant.
const LIMIT: usize = 200_000;

/// One entry of a folder that is sent somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextEntry {
    /// Path relative to the folder.
    pub path: Utf8PathBuf,
    /// What it is.
    pub kind: EntryKind,
    /// Digest of type, exec bit, link target and content.
    pub digest: Digest,
    /// Whether it is part of the content, rather than only sent because the engine wants to see it.
    pub counts: bool,
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A folder in which nothing was found.
    Folder,
    /// A regular file.
    File {
        /// Whether it may be run.
        executable: bool,
        /// Bytes.
        size: u64,
    },
    /// A symbolic link.
    Link {
        /// Where it leads, as written.
        target: Utf8PathBuf,
    },
}

struct Walk<'a> {
    root: &'a Utf8Path,
    ignore: &'a Ignore,
    /// Paths that are kept when they are ignored, and then do not count.
    always: &'a [&'a str],
    entries: Vec<ContextEntry>,
}

/// Everything below `root` that is not ignored, sorted by path.
pub(super) fn walk(root: &Utf8Path, ignore: &Ignore, always: &[&str]) -> Result<Vec<ContextEntry>, SourceError> {
    let mut walk = Walk { root, ignore, always, entries: Vec::new() };
    walk.folder(Utf8Path::new(""), &ignore.root())?;
    let mut entries = walk.entries;
    entries.sort_by(|left, right| left.path.as_str().cmp(right.path.as_str()));
    Ok(entries)
}

/// Everything below `root`, sorted by path.
pub(crate) fn walk_everything(root: &Utf8Path) -> Result<Vec<ContextEntry>, SourceError> {
    walk(root, &Ignore::default(), &[])
}

impl Walk<'_> {
    /// Walks one folder; true when something of it was kept.
    fn folder(&mut self, folder: &Utf8Path, above: &Matched) -> Result<bool, SourceError> {
        let at = self.root.join(folder);
        let unreadable = |error| SourceError::unreadable(&at, error);
        let mut found = false;
        for item in std::fs::read_dir(&at).map_err(unreadable)? {
            let item = item.map_err(unreadable)?;
            let name = item.file_name();
            let Some(name) = name.to_str() else {
                let name = name.to_string_lossy().into_owned();
                return Err(SourceError::NameNotUtf8 { path: at, name });
            };
            let path = folder.join(name);
            let (ignored, matched) = self.ignore.look(path.as_str(), above);
            let kept = ignored && self.always.contains(&path.as_str());
            let metadata = match item.metadata() {
                Ok(metadata) => metadata,
                // It went away between the list and the look.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(SourceError::unreadable(&self.root.join(&path), error)),
            };
            if metadata.is_dir() {
                found |= self.inner(path, ignored, &matched)?;
            } else if (!ignored || kept)
                && let Some((kind, digest)) = self.entry(&path, &metadata)?
            {
                self.push(ContextEntry { path, kind, digest, counts: !ignored })?;
                found = true;
            }
        }
        Ok(found)
    }

    fn inner(&mut self, path: Utf8PathBuf, ignored: bool, matched: &Matched) -> Result<bool, SourceError> {
        if ignored && !self.ignore.may_take_back_inside(path.as_str()) {
            return Ok(false);
        }
        let found = self.folder(&path, matched)?;
        if !found && !ignored {
            let (kind, digest) = (EntryKind::Folder, digest_of(&[b"folder"]));
            self.push(ContextEntry { path, kind, digest, counts: true })?;
            return Ok(true);
        }
        Ok(found)
    }

    /// What an entry is and its digest; `None` for sockets, pipes and devices, which no build copies.
    fn entry(&self, path: &Utf8Path, metadata: &Metadata) -> Result<Option<(EntryKind, Digest)>, SourceError> {
        let at = self.root.join(path);
        if metadata.is_symlink() {
            let target = at.read_link_utf8().map_err(|error| SourceError::unreadable(&at, error))?;
            let digest = digest_of(&[b"link", target.as_str().as_bytes()]);
            return Ok(Some((EntryKind::Link { target }, digest)));
        }
        if !metadata.is_file() {
            return Ok(None);
        }
        let digest = fingerprint(&at, metadata).map_err(|error| SourceError::unreadable(&at, error))?;
        let kind = EntryKind::File { executable: is_executable(metadata), size: metadata.size() };
        Ok(Some((kind, digest)))
    }

    fn push(&mut self, entry: ContextEntry) -> Result<(), SourceError> {
        if self.entries.len() >= LIMIT {
            return Err(SourceError::TooManyFiles { path: self.root.to_owned(), limit: LIMIT });
        }
        self.entries.push(entry);
        Ok(())
    }
}
