//! What a role's source holds.

use std::collections::BTreeMap;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use jackin_api::kinds::{GitSource, Hooks, Role, RoleBuild, RolePlugins, RoleSource, RoleSpec};
use jackin_api::words::{Digest, DigestMap};
use jackin_plan::image::Unfetched;

use crate::git::Checkout;

use super::SourceError;
use super::additions::Additions;
use super::copies::Copies;
use super::demand::BuildDemand;
use super::dockerfile::Dockerfile;
use super::dockerignore::Ignore;
use super::error::says_missing;
use super::fields::digest_of_fields;
use super::fingerprint::sha256;
use super::hooks;
use super::plugins::{self, Fetched, Lookup};
use super::walk::{ContextEntry, Found, walk};

/// Name of the Dockerfile in a source.
pub(super) const DOCKERFILE: &str = "Dockerfile";

/// Names of the ignore file; the first that exists counts.
const IGNORE_FILES: [&str; 2] = ["Dockerfile.dockerignore", ".dockerignore"];

/// A role's source as it was found.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservedSource {
    /// What kind of source, and what is sent to the engine for a build.
    pub kind: SourceKind,
    /// Digests of what the source itself gives: `dockerfile`, `files[…]`, `hooks[…]`, `plugins[…]`.
    pub fields: DigestMap,
    /// References of the images that it starts from, sorted.
    pub bases: Vec<String>,
    /// What its build is given.
    pub build: BuildDemand,
    declared: Declared,
    /// What is put on top of what the Dockerfile makes.
    pub(super) additions: Additions,
    /// The repositories that plugins were read from.
    fetched: Vec<Fetched>,
    /// The commit that it was read from.
    pub(crate) checkout: Option<Checkout>,
}

/// What a role says of its image beside the source.
#[derive(Clone, Debug, Default, PartialEq)]
struct Declared {
    hooks: Hooks,
    plugins: BTreeMap<String, RolePlugins>,
    build: RoleBuild,
}

/// What was fetched for a role.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Repositories {
    /// The commit that its source is.
    pub(crate) source: Option<Checkout>,
    /// Those that its plugins come from.
    pub(crate) plugins: Vec<Fetched>,
}

impl Declared {
    fn of(role: &Role) -> Self {
        let RoleSpec { hooks, plugins, build, .. } = &role.spec;
        Self {
            hooks: hooks.clone().unwrap_or_default(),
            plugins: plugins.clone(),
            build: build.clone().unwrap_or_default(),
        }
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

    /// When to look again whether a branch or tag that it was read from is elsewhere by now.
    pub(crate) fn moves(&self) -> Option<Duration> {
        self.checkouts().filter_map(|checkout| checkout.again).min()
    }

    /// The first commit that it was read from of which nobody could be asked whether its branch or tag is elsewhere by now.
    pub(crate) fn unfetched(&self) -> Option<Unfetched> {
        let unfetched = |checkout: &Checkout| {
            let why = checkout.unfetched.clone()?;
            Some(Unfetched { commit: checkout.commit.clone(), why })
        };
        self.checkouts().find_map(unfetched)
    }

    fn checkouts(&self) -> impl Iterator<Item = &Checkout> {
        self.checkout.iter().chain(self.fetched.iter().map(|(_, checkout)| checkout))
    }

    /// Reads the same source once more.
    ///
    /// # Errors
    /// As [`observe_source`].
    pub fn observe_again(&self) -> Result<Self, SourceError> {
        match &self.kind {
            SourceKind::Folder { root, .. } => {
                folder(root, &self.declared, self.fetched.clone()).map(|(source, _)| source)
            }
            SourceKind::Inline { .. } | SourceKind::Image { .. } => Ok(self.clone()),
        }
    }
}

/// Reads a role's source. Blocks on the file system: call it where that may be.
///
/// # Errors
/// When the source is not there, cannot be read, or something of it is in a repository: [`observe_role`] reads those.
pub fn observe_source(role: &Role) -> Result<ObservedSource, SourceError> {
    observe_role(role, Repositories::default())
}

/// Reads the source of a role of which this was fetched. Blocks on the file system.
///
/// # Errors
/// As [`observe_source`], and when not everything was fetched.
pub(crate) fn observe_role(role: &Role, repositories: Repositories) -> Result<ObservedSource, SourceError> {
    let Repositories { source: checkout, plugins } = repositories;
    let (source, wanted) = observe(role, checkout.as_ref(), plugins)?;
    if wanted.is_empty() { Ok(ObservedSource { checkout, ..source }) } else { Err(SourceError::NotFetched) }
}

/// One digest of the files of a folder with a Dockerfile, as `jackin apply` writes it to the role's annotation.
///
/// # Errors
/// As [`observe_source`].
pub fn source_digest(path: &Utf8Path) -> Result<Digest, SourceError> {
    Ok(folder(path, &Declared::default(), Vec::new())?.0.content())
}

/// [`source_digest`] of a role that has files, hooks and plugins among them included; `None` for the other sources.
///
/// # Errors
/// As [`observe_source`].
pub fn role_source_digest(role: &Role) -> Result<Option<Digest>, SourceError> {
    match role.spec.source.path {
        // What is in repositories is the controller's to look for.
        Some(_) => observe(role, None, Vec::new()).map(|(source, _)| Some(source.content())),
        None => Ok(None),
    }
}

/// The folder of a role's own source, where it is one that can be read now.
pub(crate) fn folder_of<'a>(role: &'a Role, checkout: Option<&'a Checkout>) -> Option<&'a Utf8Path> {
    let path = role.spec.source.path.as_deref().map(Utf8Path::new);
    path.or(checkout.map(|checkout| checkout.folder.as_path()))
}

/// The source, and the repositories of plugins that were not fetched; it lacks what is in those.
fn observe(
    role: &Role,
    checkout: Option<&Checkout>,
    fetched: Vec<Fetched>,
) -> Result<(ObservedSource, Vec<GitSource>), SourceError> {
    if let Some(path) = folder_of(role, checkout) {
        if !path.is_absolute() {
            return Err(SourceError::Relative { path: path.to_string() });
        }
        return folder(path, &Declared::of(role), fetched);
    }
    let RoleSource { path: _, git, image, inline } = &role.spec.source;
    if let Some(inline) = inline {
        return from_inline(&inline.dockerfile, Declared::of(role), fetched);
    }
    if let Some(reference) = image {
        return Ok((from_image(reference), Vec::new()));
    }
    Err(if git.is_some() { SourceError::NotFetched } else { SourceError::NoSource })
}

fn from_inline(
    text: &str,
    declared: Declared,
    fetched: Vec<Fetched>,
) -> Result<(ObservedSource, Vec<GitSource>), SourceError> {
    let (dockerfile, build) = BuildDemand::read(text, &declared.build)?;
    let Lookup { found, wanted } = plugins::look_up(None, &declared.plugins, &fetched)?;
    let additions = Additions { hooks: Vec::new(), plugins: plugins::read(found)? };
    let mut fields = build.fields();
    fields.insert("dockerfile".to_owned(), sha256(text));
    fields.extend(additions.fields());
    let source = ObservedSource {
        kind: SourceKind::Inline { dockerfile: text.to_owned() },
        fields: DigestMap(fields),
        bases: dockerfile.bases(),
        build,
        declared,
        additions,
        fetched,
        checkout: None,
    };
    Ok((source, wanted))
}

fn from_image(reference: &str) -> ObservedSource {
    ObservedSource {
        kind: SourceKind::Image { reference: reference.to_owned() },
        fields: DigestMap::default(),
        bases: vec![reference.to_owned()],
        build: BuildDemand::default(),
        declared: Declared::default(),
        additions: Additions::default(),
        fetched: Vec::new(),
        checkout: None,
    }
}

fn folder(
    path: &Utf8Path,
    declared: &Declared,
    fetched: Vec<Fetched>,
) -> Result<(ObservedSource, Vec<GitSource>), SourceError> {
    let root = match path.canonicalize_utf8() {
        Ok(root) => root,
        Err(error) if says_missing(&error) => return Err(SourceError::Missing { path: path.to_owned() }),
        Err(error) => return Err(SourceError::unreadable(path, error)),
    };
    let dockerfile =
        read_text(&root.join(DOCKERFILE))?.ok_or_else(|| SourceError::NoDockerfile { path: root.join(DOCKERFILE) })?;
    let ignore = ignore(&root)?;
    let mut always = vec![DOCKERFILE];
    always.extend(IGNORE_FILES);
    let (parsed, build) = BuildDemand::read(&dockerfile, &declared.build)?;
    let Lookup { found, wanted } = plugins::look_up(Some(&root), &declared.plugins, &fetched)?;
    let additions = Additions { hooks: hooks::hooks(&root, &declared.hooks)?, plugins: plugins::read(found)? };
    let entries = sent(&root, walk(&root, &ignore, &always)?, &parsed, &always)?;
    let mut fields = copied(&entries);
    fields.extend(build.fields());
    fields.insert("dockerfile".to_owned(), sha256(&dockerfile));
    fields.extend(additions.fields());
    let source = ObservedSource {
        kind: SourceKind::Folder { root, entries },
        fields: DigestMap(fields),
        bases: parsed.bases(),
        build,
        declared: declared.clone(),
        additions,
        fetched,
        checkout: None,
    };
    Ok((source, wanted))
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
        if let Some(text) = read_text(&path)? {
            return Ignore::parse(&text, &path);
        }
    }
    Ok(Ignore::default())
}

/// The text of a file; `None` when there is none.
pub(super) fn read_text(path: &Utf8Path) -> Result<Option<String>, SourceError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if says_missing(&error) => Ok(None),
        Err(error) => Err(SourceError::unreadable(path, error)),
    }
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
