//! What registries said of names: how long it counts, and what follows from it.

use std::collections::BTreeMap;
use std::time::Duration;

use jackin_api::kinds::{PullPolicy, RegistryLook};
use jiff::Timestamp;

use super::{Follows, ObservedImage};
use crate::world::Image;

/// How long the answer of a registry counts.
pub const WINDOW: Duration = Duration::from_mins(10);

/// How long it counts that a registry could not be asked.
const FAILED_WINDOW: Duration = Duration::from_mins(1);

/// The looks that still count, by name.
pub fn counting(looks: &[RegistryLook], now: Timestamp) -> BTreeMap<String, RegistryLook> {
    let counts = looks.iter().filter(|look| left(look, now) > Duration::ZERO);
    counts.map(|look| (look.reference.clone(), look.clone())).collect()
}

/// How long a look still counts. One from later than now is of a clock that was set back, and does not.
fn left(look: &RegistryLook, now: Timestamp) -> Duration {
    let window = if look.trouble.is_none() { WINDOW } else { FAILED_WINDOW };
    let passed = Duration::try_from(now.duration_since(look.checked_at)).unwrap_or(window);
    window.saturating_sub(passed)
}

/// Milliseconds until the first of these names is to be asked about again; `None` when there is none.
pub fn next_look_ms(names: &[String], looks: &[RegistryLook], now: Timestamp) -> Option<u64> {
    let of = |name: &String| {
        looks.iter().find(|look| look.reference == *name).map_or(Duration::ZERO, |look| left(look, now))
    };
    let wait = names.iter().map(of).min()?;
    Some(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1))
}

/// The looks with newer ones, as far as the source still names what they are of.
pub fn with_looks(observed: &ObservedImage, before: &[RegistryLook], new: &[RegistryLook]) -> Vec<RegistryLook> {
    let published = observed.published.as_ref().map(|(reference, _)| reference);
    let named =
        |look: &&RegistryLook| observed.bases.contains_key(&look.reference) || published == Some(&look.reference);
    let newer = |look: &&RegistryLook| !new.iter().any(|new| new.reference == look.reference);
    let mut all: Vec<_> = before.iter().filter(newer).chain(new).filter(named).cloned().collect();
    all.sort_by(|one, other| one.reference.cmp(&other.reference));
    all
}

/// What a look at a name says of the image that the engine has under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Looked {
    /// The registry was not asked, or it was too long ago.
    NotYet,
    /// It is the one that the registry has.
    Same,
    /// The registry has another one.
    Moved,
    /// The registry has none of the name.
    Missing,
    /// The registry could not be asked.
    Unreachable,
}

/// What is known of a name.
pub(super) fn look_at(looks: &BTreeMap<String, RegistryLook>, reference: &str, here: Option<&Image>) -> Looked {
    let Some(look) = looks.get(reference) else { return Looked::NotYet };
    match (&look.digest, &look.trouble) {
        (_, Some(_)) => Looked::Unreachable,
        (None, None) => Looked::Missing,
        (Some(digest), None) => {
            let same = here.is_some_and(|here| has_digest(here, digest));
            if same { Looked::Same } else { Looked::Moved }
        }
    }
}

/// Whether the engine knows an image by this digest of a registry.
fn has_digest(image: &Image, digest: &str) -> bool {
    let mut digests = image.repository_digests.iter().filter_map(|name| name.split_once('@'));
    digests.any(|(_, known)| known == digest) || image.id.0 == digest
}

/// What is known of a name once it was fetched: the registry has what is here now.
pub fn fetched(reference: &str, image: &Image, now: Timestamp) -> RegistryLook {
    let repository = repository(reference);
    let digests = || image.repository_digests.iter().filter_map(|name| name.split_once('@'));
    let digest = digests().find(|(of, _)| *of == repository).or_else(|| digests().next());
    let digest = digest.map_or_else(|| image.id.0.clone(), |(_, digest)| digest.to_owned());
    RegistryLook { reference: reference.to_owned(), digest: Some(digest), checked_at: now, trouble: None }
}

/// A name without its tag.
fn repository(reference: &str) -> &str {
    match reference.rsplit_once(':') {
        // A colon before the last slash belongs to the registry's port.
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => reference,
    }
}

/// Whether what a name points to can change.
fn moves(reference: &str) -> bool {
    !reference.contains('@') && reference != "scratch"
}

/// The names that are asked about, of which the image that serves came.
pub(super) fn follows(observed: &ObservedImage, from_published: bool) -> Follows {
    let published = observed.published.as_ref().filter(|_| from_published && observed.policy != PullPolicy::Never);
    let names: Vec<_> =
        published.map(|(reference, _)| reference.clone()).into_iter().chain(followed_bases(observed)).collect();
    let due = names.iter().filter(|name| !observed.looks.contains_key(*name)).cloned().collect();
    let trouble = names.iter().find_map(|name| Some((name, observed.looks.get(name)?.trouble.as_ref()?)));
    let trouble = trouble.map(|(name, why)| {
        format!("whether `{name}` moved is not known: {why}; the image that is here serves; `docker pull {name}` asks once more")
    });
    Follows { names, due, trouble }
}

/// Bases that are here and may move, where they are to be followed.
pub(super) fn followed_bases(observed: &ObservedImage) -> Vec<String> {
    if observed.policy != PullPolicy::Always {
        return Vec::new();
    }
    let here = observed.bases.iter().filter(|(name, here)| here.is_some() && moves(name));
    here.map(|(name, _)| name.clone()).collect()
}

/// Of these names the first that moved.
pub(super) fn moved<'a>(observed: &ObservedImage, names: &'a [String]) -> Option<&'a String> {
    names.iter().find(|name| look_at(&observed.looks, name, here(observed, name)) == Looked::Moved)
}

fn here<'a>(observed: &'a ObservedImage, name: &str) -> Option<&'a Image> {
    let published = observed.published.as_ref().filter(|(reference, _)| reference == name);
    published.and_then(|(_, here)| here.as_ref()).or_else(|| observed.bases.get(name)?.as_ref())
}
