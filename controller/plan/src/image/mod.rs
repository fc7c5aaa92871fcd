//! What to do about the image of a role: recognised by the recipe of its content, built only when nothing of that recipe is there.
//!
//! [`recipe`](crate::recipe) folds fields for labels; [`mod@recognise`] says which image is of the recipe, [`mod@decide`] what follows, and
//! [`mod@registry`] what an answer of a registry is worth.
//!
//! # Published images
//!
//! A role's `publishedImage` is an image that somebody built of it already. What it is of, its own label says: it is **fresh** when its
//! recipe is today's, and then it serves as it is, as if it had been built here. Nothing is ever built on top of it: agents and the
//! capsule are in no image, so there is nothing of ours to add.
//!
//! - An image of the recipe is here, whoever built it: it serves (`Reuse`). Nothing is fetched, and nobody is asked before it serves.
//! - None is here: the published one is fetched (`BuildFromPublished`), or asked for by its digest where one is here already. Fresh, it
//!   serves. Of another recipe, it is `PublishedImageStale` with each field that differs, and the role is built (`BuildFromWorkspace`).
//!   So it is where the registry has none (`PublishedImageMissing`) or cannot be asked (`RegistryUnreachable`).
//! - The one that serves came from the registry, which is asked for the name's digest once in [`WINDOW`]. Another one is fetched while
//!   the old one serves (`RefreshInBackground`, `PublishedImageMoved`). Fresh, it serves from then on; what runs keeps its container, as
//!   an image counts by its recipe. Of another recipe, it is left alone, and the old one serves on.
//! - That a registry cannot be asked takes nothing away from an image that serves: `Stale` is `Unknown`, with the cause.
//!
//! A base that is not here counts as the published image says of itself, so that a fresh one needs no base. An image that came from a
//! registry gets our name for its recipe, and is kept by it when the published name moves on.
//!
//! # Bases
//!
//! `pullPolicy` says when images that the source names are fetched. `always` asks for each base as for a published image; one that moved
//! is fetched and built on in the background (`BaseImageMoved`, then the field `base[…]`) while the image of the older one serves. A name
//! with a digest never moves. `never` fetches nothing, and a base that is not here is a cause of its own.

mod decide;
mod recognise;
mod registry;

use std::collections::BTreeMap;

use jackin_api::kinds::{ImageDecisionReason, PullPolicy, RegistryLook};
use jackin_api::words::{self as labels, Digest, DigestMap, ImageDecision};

use crate::desired::ServingImage;
use crate::names::ImageName;
use crate::recipe::fields_for_label;
use crate::world::{Image, Labels};

pub use decide::plan;
pub use recognise::recipe_of;
pub use registry::{WINDOW, counting, fetched, next_look_ms, with_looks};

/// What was seen of a role's source and of images that could serve.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservedImage {
    /// What its images are called.
    pub name: ImageName,
    /// Fields of the recipe that come from the source.
    pub source: DigestMap,
    /// The commit that the source was read from; absent for sources that are none. It is no part of the recipe: equal content is equal.
    pub commit: Option<String>,
    /// What it was read from that may be old by now.
    pub unfetched: Option<Unfetched>,
    /// Fields of the role's `spec.build` that the Dockerfile does not ask for.
    pub unused: Vec<String>,
    /// Whether there is something to build, or an image that is used as it is.
    pub build: bool,
    /// When images that the source names are fetched.
    pub policy: PullPolicy,
    /// Images that the source names (what it is built on, or what is used), with what the engine has under each name.
    pub bases: BTreeMap<String, Option<Image>>,
    /// The role's published image, by name, with what the engine has under it.
    pub published: Option<(String, Option<Image>)>,
    /// Images of ours for this role, the newest first.
    pub found: Vec<Image>,
    /// Images of ours for other roles: one of the same recipe serves as well.
    pub others: Vec<Image>,
    /// Images that were published for this role and fetched before, and kept by our name.
    pub kept: Vec<Image>,
    /// The image that served last, whatever it is called now.
    pub served: Option<Image>,
    /// What registries said, as far as it still counts, by name.
    pub looks: BTreeMap<String, RegistryLook>,
}

impl ObservedImage {
    /// Whether the engine has an image that the source names.
    pub fn here(&self, base: &str) -> bool {
        self.bases.get(base).is_some_and(Option::is_some)
    }
}

/// A commit of which nobody could be asked whether it is still the one that is wanted; it was, the last time that somebody could.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfetched {
    /// Its id.
    pub commit: String,
    /// Why nobody could be asked.
    pub why: String,
}

/// What to do about an image.
#[derive(Clone, Debug, PartialEq)]
pub struct ImagePlan {
    /// The decision.
    pub decision: ImageDecision,
    /// Every reason.
    pub reasons: Vec<ImageDecisionReason>,
    /// Digest of the current recipe; absent while an image that it names is not there.
    pub recipe: Option<Digest>,
    /// Fields of the current recipe.
    pub fields: DigestMap,
    /// The commit that the source was read from.
    pub commit: Option<String>,
    /// What it was read from that may be old by now.
    pub unfetched: Option<Unfetched>,
    /// Fields of the role's `spec.build` that the Dockerfile does not ask for.
    pub unused: Vec<String>,
    /// What is to be done.
    pub action: ImageAction,
    /// Names that what serves came from: their registries are asked now and then.
    pub follows: Follows,
}

/// Names whose registries are asked whether they moved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Follows {
    /// All of them.
    pub names: Vec<String>,
    /// Those that are to be asked about now, once the image serves.
    pub due: Vec<String>,
    /// Why one of them could not be asked about.
    pub trouble: Option<String>,
}

/// What is to be done about an image.
#[derive(Clone, Debug, PartialEq)]
pub enum ImageAction {
    /// Nothing: this one serves.
    Serve(ServingImage),
    /// This one serves, and gets our name.
    Name(ServingImage),
    /// Registries are asked what these names point to: what to do hangs on it.
    Ask {
        /// The names.
        references: Vec<String>,
    },
    /// An image that is needed is fetched.
    Pull {
        /// Its name.
        reference: String,
    },
    /// An image that the source names is not there, and nothing may be fetched.
    Missing {
        /// Its name.
        reference: String,
    },
    /// An image that moved is fetched, while this one serves.
    Refresh {
        /// Its name.
        reference: String,
        /// The one that serves.
        serving: ServingImage,
    },
    /// The image is built.
    Build {
        /// Digest of the recipe.
        recipe: Digest,
        /// Whether every step runs, also where the engine has its result: somebody asked for a new build.
        no_cache: bool,
        /// The one of an older base that serves meanwhile.
        serving: Option<ServingImage>,
    },
}

impl ImageAction {
    /// The image that serves while this is done, or because nothing is.
    pub fn serving(&self) -> Option<&ServingImage> {
        match self {
            Self::Serve(serving) | Self::Name(serving) | Self::Refresh { serving, .. } => Some(serving),
            Self::Build { serving, .. } => serving.as_ref(),
            Self::Ask { .. } | Self::Pull { .. } | Self::Missing { .. } => None,
        }
    }
}

/// Labels of an image of this recipe, to be added to those that every object of ours bears. Many fields are folded.
pub fn recipe_labels(recipe: &Digest, fields: &DigestMap) -> Labels {
    // Serialising a map of strings cannot fail.
    let text = serde_json::to_string(&fields_for_label(fields)).unwrap_or_default();
    [(labels::RECIPE.to_owned(), recipe.0.clone()), (labels::RECIPE_FIELDS.to_owned(), text)].into()
}
