//! The role's hooks: which files they are. The capsule runs them.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use jackin_api::kinds::Hooks;
use jackin_api::wire::Hook;
use jackin_api::words::Digest;
use jackin_plan::launch::HOOKS;

use super::SourceError;
use super::error::says_missing;
use super::fingerprint::{digest_of, fingerprint, is_executable};

/// A hook as it was found.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct HookFile {
    /// Which hook.
    pub(super) hook: Hook,
    /// Path inside the source, as the role says it.
    path: String,
    /// Where its file lies, links resolved.
    pub(super) file: Utf8PathBuf,
    /// Bytes.
    pub(super) size: u64,
    /// Whether the file may be run. In the image, each hook may be.
    pub(super) executable: bool,
    /// Digest of its content.
    pub(super) digest: Digest,
}

/// The hooks of a role with this source.
pub(super) fn hooks(root: &Utf8Path, hooks: &Hooks) -> Result<Vec<HookFile>, SourceError> {
    let Hooks { setup_once, source, preflight } = hooks;
    let all = [(Hook::SetupOnce, setup_once), (Hook::Source, source), (Hook::Preflight, preflight)];
    let declared = all.into_iter().filter_map(|(hook, path)| Some((hook, path.as_ref()?)));
    declared.map(|(hook, path)| find(root, hook, path)).collect()
}

/// Digests of the hooks by path: what each is for, where it lies in the image, and its content.
pub(super) fn fields(hooks: &[HookFile]) -> BTreeMap<String, Digest> {
    let mut purposes: BTreeMap<&str, (Vec<&str>, &Digest)> = BTreeMap::new();
    for hook in hooks {
        purposes.entry(&hook.path).or_insert_with(|| (Vec::new(), &hook.digest)).0.push(hook.hook.name());
    }
    let digest = |(path, (purposes, content)): (&str, (Vec<&str>, &Digest))| {
        let parts = [purposes.join(","), HOOKS.to_owned(), content.0.clone()];
        (format!("hooks[{path}]"), digest_of(&parts.each_ref().map(|part| part.as_bytes())))
    };
    purposes.into_iter().map(digest).collect()
}

fn find(root: &Utf8Path, hook: Hook, declared: &str) -> Result<HookFile, SourceError> {
    let path = root.join(declared);
    let missing = || SourceError::HookMissing { hook: declared.to_owned() };
    let file = match path.canonicalize_utf8() {
        Ok(file) => file,
        Err(error) if says_missing(&error) => return Err(missing()),
        Err(error) => return Err(SourceError::unreadable(&path, error)),
    };
    if !file.starts_with(root) {
        return Err(SourceError::HookOutside { hook: declared.to_owned() });
    }
    let unreadable = |error| SourceError::unreadable(&path, error);
    let metadata = std::fs::metadata(&file).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(missing());
    }
    let digest = fingerprint(&file, &metadata).map_err(unreadable)?;
    let (size, executable) = (metadata.len(), is_executable(&metadata));
    Ok(HookFile { hook, path: declared.to_owned(), file, size, executable, digest })
}
