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

/// One entry of a folder, whose content was not read yet.
pub(super) struct Found {
    /// Path relative to the folder.
    pub(super) path: Utf8PathBuf,
    /// Whether it is not ignored.
    pub(super) counts: bool,
    metadata: Metadata,
}

struct Walk<'a> {
    root: &'a Utf8Path,
    ignore: &'a Ignore,
    /// Paths that are kept when they are ignored, and then do not count.
    always: &'a [&'a str],
    found: Vec<Found>,
}

/// Everything below `root` that is not ignored, sorted by path.
pub(super) fn walk(root: &Utf8Path, ignore: &Ignore, always: &[&str]) -> Result<Vec<Found>, SourceError> {
    let mut walk = Walk { root, ignore, always, found: Vec::new() };
    walk.folder(Utf8Path::new(""), &ignore.root())?;
    let mut found = walk.found;
    found.sort_by(|left, right| left.path.as_str().cmp(right.path.as_str()));
    Ok(found)
}

/// Everything below `root` with its content, sorted by path.
pub(crate) fn walk_everything(root: &Utf8Path) -> Result<Vec<ContextEntry>, SourceError> {
    walk(root, &Ignore::default(), &[])?.into_iter().map(|found| found.read(root)).collect()
}

impl Found {
    /// Where it leads, when it is a link that can be read.
    pub(super) fn link(&self, root: &Utf8Path) -> Option<Utf8PathBuf> {
        self.metadata.is_symlink().then(|| root.join(&self.path).read_link_utf8().ok()).flatten()
    }

    /// The entry with the digest of its content.
    pub(super) fn read(self, root: &Utf8Path) -> Result<ContextEntry, SourceError> {
        let Self { path, counts, metadata } = self;
        let at = root.join(&path);
        let unreadable = |error| SourceError::unreadable(&at, error);
        let (kind, digest) = if metadata.is_dir() {
            (EntryKind::Folder, digest_of(&[b"folder"]))
        } else if metadata.is_symlink() {
            let target = at.read_link_utf8().map_err(unreadable)?;
            let digest = digest_of(&[b"link", target.as_str().as_bytes()]);
            (EntryKind::Link { target }, digest)
        } else {
            let digest = fingerprint(&at, &metadata).map_err(unreadable)?;
            (EntryKind::File { executable: is_executable(&metadata), size: metadata.size() }, digest)
        };
        Ok(ContextEntry { path, kind, digest, counts })
    }
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
                found |= self.inner(path, metadata, ignored, &matched)?;
            } else if (!ignored || kept) && (metadata.is_file() || metadata.is_symlink()) {
                // No build copies sockets, pipes and devices.
                self.push(Found { path, counts: !ignored, metadata })?;
                found = true;
            }
        }
        Ok(found)
    }

    fn inner(
        &mut self,
        path: Utf8PathBuf,
        metadata: Metadata,
        ignored: bool,
        matched: &Matched,
    ) -> Result<bool, SourceError> {
        if ignored && !self.ignore.may_take_back_inside(path.as_str()) {
            return Ok(false);
        }
        let found = self.folder(&path, matched)?;
        if !found && !ignored {
            self.push(Found { path, counts: true, metadata })?;
            return Ok(true);
        }
        Ok(found)
    }

    fn push(&mut self, found: Found) -> Result<(), SourceError> {
        if self.found.len() >= LIMIT {
            return Err(SourceError::TooManyFiles { path: self.root.to_owned(), limit: LIMIT });
        }
        self.found.push(found);
        Ok(())
    }
}
