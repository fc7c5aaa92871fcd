//! What a role's source holds.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use jackin_api::kinds::{Hooks, Role, RoleBuild, RoleSource};
use jackin_api::words::{Digest, DigestMap};

use crate::git::Checkout;

use super::SourceError;
use super::copies::Copies;
use super::demand::BuildDemand;
use super::dockerfile::Dockerfile;
use super::dockerignore::Ignore;
use super::error::says_missing;
use super::fields::digest_of_fields;
use super::fingerprint::sha256;
use super::hooks::{self, HookFile};
use super::walk::{ContextEntry, Found, walk};

/// Name of the Dockerfile in a source.
const DOCKERFILE: &str = "Dockerfile";

/// Names of the ignore file; the first that exists counts.
const IGNORE_FILES: [&str; 2] = ["Dockerfile.dockerignore", ".dockerignore"];

/// A role's source as it was found.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservedSource {
    /// What kind of source, and what is sent to the engine for a build.
    pub kind: SourceKind,
    /// Digests of what the source itself gives: `dockerfile`, `files[…]`, `hooks[…]`.
    pub fields: DigestMap,
    /// References of the images that it starts from, sorted.
    pub bases: Vec<String>,
    /// What its build is given.
    pub build: BuildDemand,
    declared: Declared,
    /// The hooks, which are sent beside what the Dockerfile copies.
    pub(super) hooks: Vec<HookFile>,
    /// The commit that it was read from.
    pub(crate) checkout: Option<Checkout>,
}

/// What a role says of its image beside the source.
#[derive(Clone, Debug, Default, PartialEq)]
struct Declared {
    hooks: Hooks,
    build: RoleBuild,
}

impl Declared {
    fn of(role: &Role) -> Self {
        Self { hooks: role.spec.hooks.clone().unwrap_or_default(), build: role.spec.build.clone().unwrap_or_default() }
    }
}

/// Kinds of sources.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceKind {
    /// A folder with a Dockerfile.
    Folder {
        /// Where it lies, links resolved.
        root: Utf8PathBuf,
        /// What is sent, sorted by path.
        entries: Vec<ContextEntry>,
    },
    /// A Dockerfile alone.
    Inline {
        /// Its text.
        dockerfile: String,
    },
    /// An image that is used as it is.
    Image {
        /// Its reference.
        reference: String,
    },
}

impl ObservedSource {
    /// One digest of what the source itself gives.
    pub fn content(&self) -> Digest {
        digest_of_fields(&self.fields)
    }

    /// Whether there is something to build.
    pub fn is_built(&self) -> bool {
        !matches!(self.kind, SourceKind::Image { .. })
    }

    /// Path of the Dockerfile inside the context.
    pub fn dockerfile(&self) -> &'static str {
        DOCKERFILE
    }

    /// Reads the same source once more.
    ///
    /// # Errors
    /// As [`observe_source`].
    pub fn observe_again(&self) -> Result<Self, SourceError> {
        match &self.kind {
            SourceKind::Folder { root, .. } => folder(root, &self.declared),
            SourceKind::Inline { .. } | SourceKind::Image { .. } => Ok(self.clone()),
        }
    }
}

/// Reads a role's source. Blocks on the file system: call it where that may be.
///
/// # Errors
/// When the source is not there, cannot be read, or is in a repository: [`observe_checkout`] reads those.
pub fn observe_source(role: &Role) -> Result<ObservedSource, SourceError> {
    let RoleSource { path, git, image, inline } = &role.spec.source;
    if let Some(path) = path {
        let path = Utf8Path::new(path);
        if !path.is_absolute() {
            return Err(SourceError::Relative { path: path.to_string() });
        }
        return folder(path, &Declared::of(role));
    }
    if let Some(inline) = inline {
        return from_inline(&inline.dockerfile, Declared::of(role));
    }
    if let Some(reference) = image {
        return Ok(from_image(reference));
    }
    if git.is_some() {
        return Err(SourceError::NotFetched);
    }
    Err(SourceError::NoSource)
}

/// Reads the source of a role that comes from a repository, where its files were put. Blocks on the file system.
///
/// # Errors
/// As [`observe_source`].
pub(crate) fn observe_checkout(role: &Role, checkout: Checkout) -> Result<ObservedSource, SourceError> {
    let source = folder(&checkout.folder, &Declared::of(role))?;
    Ok(ObservedSource { checkout: Some(checkout), ..source })
}

/// One digest of the files of a folder with a Dockerfile, as `jackin apply` writes it to the role's annotation.
///
/// # Errors
/// As [`observe_source`].
pub fn source_digest(path: &Utf8Path) -> Result<Digest, SourceError> {
    Ok(folder(path, &Declared::default())?.content())
}

/// [`source_digest`] of a role that has files, hooks included; `None` for the other sources.
///
/// # Errors
/// As [`observe_source`].
pub fn role_source_digest(role: &Role) -> Result<Option<Digest>, SourceError> {
    match role.spec.source.path {
        Some(_) => observe_source(role).map(|source| Some(source.content())),
        None => Ok(None),
    }
}

fn from_inline(text: &str, declared: Declared) -> Result<ObservedSource, SourceError> {
    let (dockerfile, build) = BuildDemand::read(text, &declared.build)?;
    let mut fields = build.fields();
    fields.insert("dockerfile".to_owned(), sha256(text));
    Ok(ObservedSource {
        kind: SourceKind::Inline { dockerfile: text.to_owned() },
        fields: DigestMap(fields),
        bases: dockerfile.bases(),
        build,
        declared,
        hooks: Vec::new(),
        checkout: None,
    })
}

fn from_image(reference: &str) -> ObservedSource {
    ObservedSource {
        kind: SourceKind::Image { reference: reference.to_owned() },
        fields: DigestMap::default(),
        bases: vec![reference.to_owned()],
        build: BuildDemand::default(),
        declared: Declared::default(),
        hooks: Vec::new(),
        checkout: None,
    }
}

fn folder(path: &Utf8Path, declared: &Declared) -> Result<ObservedSource, SourceError> {
    let root = match path.canonicalize_utf8() {
        Ok(root) => root,
        Err(error) if says_missing(&error) => return Err(SourceError::Missing { path: path.to_owned() }),
        Err(error) => return Err(SourceError::unreadable(path, error)),
    };
    let dockerfile =
        read(&root.join(DOCKERFILE))?.ok_or_else(|| SourceError::NoDockerfile { path: root.join(DOCKERFILE) })?;
    let ignore = ignore(&root)?;
    let mut always = vec![DOCKERFILE];
    always.extend(IGNORE_FILES);
    let (parsed, build) = BuildDemand::read(&dockerfile, &declared.build)?;
    let hooks = hooks::hooks(&root, &declared.hooks)?;
    let mut found = walk(&root, &ignore, &always)?;
    if !hooks.is_empty() {
        found.retain(|found| !found.path.starts_with(hooks::FOLDER));
    }
    let entries = sent(&root, found, &parsed, &always)?;
    let mut fields = copied(&entries);
    fields.extend(build.fields());
    fields.insert("dockerfile".to_owned(), sha256(&dockerfile));
    fields.extend(hooks::fields(&hooks));
    Ok(ObservedSource {
        kind: SourceKind::Folder { root, entries },
        fields: DigestMap(fields),
        bases: parsed.bases(),
        build,
        declared: declared.clone(),
        hooks,
        checkout: None,
    })
}

/// What is sent of a folder: what the build copies, which counts, what only a stage that nothing is taken from copies, and what the
/// engine itself wants to see. Nothing else is read.
fn sent(
    root: &Utf8Path,
    found: Vec<Found>,
    dockerfile: &Dockerfile,
    always: &[&str],
) -> Result<Vec<ContextEntry>, SourceError> {
    let links: BTreeMap<Utf8PathBuf, Utf8PathBuf> =
        found.iter().filter_map(|found| Some((found.path.clone(), found.link(root)?))).collect();
    let counted = Copies::of(&dockerfile.copied(), &links);
    let sent = Copies::of(&dockerfile.copied_by_any(), &links);
    let wanted = found.into_iter().filter_map(|mut found| {
        let wanted = sent.have(&found.path) || always.contains(&found.path.as_str());
        found.counts &= counted.have(&found.path);
        wanted.then_some(found)
    });
    wanted.map(|found| found.read(root)).collect()
}

/// The fields of the files that count, apart from the Dockerfile, which has a field of its own.
fn copied(entries: &[ContextEntry]) -> BTreeMap<String, Digest> {
    let counted = entries.iter().filter(|entry| entry.counts && entry.path != DOCKERFILE);
    counted.map(|entry| (format!("files[{}]", entry.path), entry.digest.clone())).collect()
}

fn ignore(root: &Utf8Path) -> Result<Ignore, SourceError> {
    for name in IGNORE_FILES {
        let path = root.join(name);
        if let Some(text) = read(&path)? {
            return Ignore::parse(&text, &path);
        }
    }
    Ok(Ignore::default())
}

/// The text of a file; `None` when there is none.
fn read(path: &Utf8Path) -> Result<Option<String>, SourceError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if says_missing(&error) => Ok(None),
        Err(error) => Err(SourceError::unreadable(path, error)),
    }
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
