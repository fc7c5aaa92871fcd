//! Programs of the host, copied by content.

use camino::{Utf8Path, Utf8PathBuf};
use jackin_api::kinds::HostPathInstall;
use jackin_api::words::Digest;

use crate::images::{
    ContextEntry, EntryKind, SourceError, digest_of, fingerprint, is_executable, says_missing, walk_everything,
};

use super::InstallError;
use super::archive::{inner, stays_inside};

/// Files of the host as they were found.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct HostProgram {
    /// The folder, links resolved.
    pub(super) root: Utf8PathBuf,
    /// What of it goes into the volume, sorted by path.
    pub(super) entries: Vec<ContextEntry>,
}

impl HostProgram {
    pub(super) fn digest(&self) -> Digest {
        let parts = self.entries.iter().flat_map(|entry| [entry.path.as_str().as_bytes(), entry.digest.0.as_bytes()]);
        digest_of(&parts.collect::<Vec<_>>())
    }
}

/// Reads the files, and the program's path among them. Blocks on the file system.
pub(super) fn observe(install: &HostPathInstall) -> Result<(HostProgram, Utf8PathBuf), InstallError> {
    let path = Utf8Path::new(&install.path);
    if !path.is_absolute() {
        return Err(InstallError::Host(SourceError::Relative { path: install.path.clone() }));
    }
    let failed = |error| match says_missing(&error) {
        true => InstallError::Host(SourceError::Missing { path: path.to_owned() }),
        false => InstallError::io(install.path.as_str(), error),
    };
    let real = path.canonicalize_utf8().map_err(failed)?;
    let metadata = std::fs::metadata(&real).map_err(failed)?;
    if metadata.is_dir() {
        let program = install.program.as_ref().ok_or_else(|| InstallError::ProgramNotNamed { path: real.clone() })?;
        return folder(real, program);
    }
    let missing = || InstallError::ProgramMissing { program: install.path.clone(), place: "the host".to_owned() };
    if !metadata.is_file() {
        return Err(missing());
    }
    let (root, name) = real.parent().zip(real.file_name()).ok_or_else(missing)?;
    if !is_executable(&metadata) {
        return Err(InstallError::NotExecutable { path: real.clone() });
    }
    let digest = fingerprint(&real, &metadata).map_err(failed)?;
    let kind = EntryKind::File { executable: true, size: metadata.len() };
    let entry = ContextEntry { path: name.into(), kind, digest, counts: true };
    Ok((HostProgram { root: root.to_owned(), entries: vec![entry] }, name.into()))
}

fn folder(root: Utf8PathBuf, program: &str) -> Result<(HostProgram, Utf8PathBuf), InstallError> {
    let entries = walk_everything(&root).map_err(InstallError::Host)?;
    let place = || format!("`{root}`");
    for entry in &entries {
        if let EntryKind::Link { target } = &entry.kind
            && !stays_inside(&entry.path, target)
        {
            return Err(InstallError::Unsafe { entry: entry.path.to_string(), place: place() });
        }
    }
    let missing = || InstallError::ProgramMissing { program: program.to_owned(), place: place() };
    let path = inner(Utf8Path::new(program)).ok_or_else(missing)?;
    let entry = entries.iter().find(|entry| entry.path == path).ok_or_else(missing)?;
    match entry.kind {
        EntryKind::Folder => return Err(missing()),
        EntryKind::File { executable: false, .. } => return Err(InstallError::NotExecutable { path: root.join(path) }),
        EntryKind::File { .. } | EntryKind::Link { .. } => {}
    }
    Ok((HostProgram { root, entries }, path))
}
