//! The role's hooks: which files they are. Nothing runs them here.

use std::collections::BTreeMap;

use camino::Utf8Path;
use jackin_api::kinds::Hooks;
use jackin_api::words::Digest;

use super::SourceError;
use super::error::says_missing;
use super::fingerprint::{digest_of, fingerprint};

/// Digests of the hooks by path: what each is for, and its content.
pub(super) fn hooks(root: &Utf8Path, hooks: &Hooks) -> Result<BTreeMap<String, Digest>, SourceError> {
    let Hooks { setup_once, source, preflight } = hooks;
    let mut parts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (purpose, path) in [("setupOnce", setup_once), ("source", source), ("preflight", preflight)] {
        if let Some(path) = path {
            parts.entry(path).or_default().push(purpose);
        }
    }
    let mut digests = BTreeMap::new();
    for (path, purposes) in parts {
        let content = content(root, path)?;
        digests.insert(path.to_owned(), digest_of(&[purposes.join(",").as_bytes(), content.0.as_bytes()]));
    }
    Ok(digests)
}

fn content(root: &Utf8Path, hook: &str) -> Result<Digest, SourceError> {
    let path = root.join(hook);
    let real = match path.canonicalize_utf8() {
        Ok(real) => real,
        Err(error) if says_missing(&error) => return Err(SourceError::HookMissing { hook: hook.to_owned() }),
        Err(error) => return Err(SourceError::unreadable(&path, error)),
    };
    if !real.starts_with(root) {
        return Err(SourceError::HookOutside { hook: hook.to_owned() });
    }
    let unreadable = |error| SourceError::unreadable(&path, error);
    let metadata = std::fs::metadata(&real).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(SourceError::HookMissing { hook: hook.to_owned() });
    }
    fingerprint(&real, &metadata).map_err(unreadable)
}
