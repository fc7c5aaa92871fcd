//! What to do about the image of a role: recognised by the recipe of its content, built only when nothing of that recipe is there.

use std::collections::BTreeMap;

use jackin_api::kinds::{ImageDecisionReason, ImageStatus};
use jackin_api::words::{self as labels, Digest, DigestMap, ImageDecision, ImageReason};

use crate::desired::ServingImage;
use crate::digest::digest_of_map;
use crate::recipe::{changes, fields_for_label};
use crate::world::{Image, Labels};

/// What was seen of a role's source and of images that could serve.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservedImage {
    /// Fields of the recipe that come from the source.
    pub source: DigestMap,
    /// What the source is a commit of; absent for sources that are none.
    pub commit: Option<SourceCommit>,
    /// Fields of the role's `spec.build` that the Dockerfile does not ask for.
    pub unused: Vec<String>,
    /// Whether there is something to build, or an image that is used as it is.
    pub build: bool,
    /// Images that the source names (what it is built on, or what is used), with what the engine has under each name.
    pub bases: BTreeMap<String, Option<Image>>,
    /// Images of ours for this role, the newest first.
    pub found: Vec<Image>,
    /// Images of ours for other roles: one of the same recipe serves as well.
    pub others: Vec<Image>,
}

/// The commit that a source was read from. It is told, and is no part of the recipe: equal content is equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceCommit {
    /// Its id.
    pub id: String,
    /// Why nobody could be asked whether it is still the one that is wanted; it was, the last time that somebody could.
    pub unfetched: Option<String>,
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
    pub commit: Option<SourceCommit>,
    /// Fields of the role's `spec.build` that the Dockerfile does not ask for.
    pub unused: Vec<String>,
    /// What is to be done.
    pub action: ImageAction,
}

/// What is to be done about an image.
#[derive(Clone, Debug, PartialEq)]
pub enum ImageAction {
    /// Nothing: this one serves.
    Serve(ServingImage),
    /// An image that the source names is fetched.
    Pull {
        /// Its name.
        reference: String,
    },
    /// The image is built.
    Build {
        /// Digest of the recipe.
        recipe: Digest,
        /// Whether every step runs, also where the engine has its result: somebody asked for a new build.
        no_cache: bool,
    },
}

/// What to do about the image of a role.
pub fn plan(observed: &ObservedImage, rebuild: Option<&String>, status: &ImageStatus) -> ImagePlan {
    ImagePlan { commit: observed.commit.clone(), unused: observed.unused.clone(), ..decide(observed, rebuild, status) }
}

fn decide(observed: &ObservedImage, rebuild: Option<&String>, status: &ImageStatus) -> ImagePlan {
    let mut fields = observed.source.clone();
    for (reference, base) in &observed.bases {
        match base {
            Some(image) => _ = fields.0.insert(format!("base[{reference}]"), image.content()),
            None => return pull(reference, fields),
        }
    }
    let recipe = digest_of_map(&fields);
    if !observed.build {
        return serve_as_it_is(observed, recipe, fields, status);
    }
    let rebuild = rebuild.is_some_and(|rebuild| status.rebuilt.as_ref() != Some(rebuild));
    let of_recipe = |image: &&Image| recipe_of(image).as_ref() == Some(&recipe);
    let valid = observed.found.iter().chain(&observed.others).find(of_recipe);
    match valid {
        Some(image) if !rebuild => {
            let name = image.tags.first().cloned().unwrap_or_else(|| image.id.0.clone());
            serve(image, name, Vec::new(), recipe, fields)
        }
        _ => {
            let reasons = build_reasons(before(observed, status), &fields, rebuild);
            let action = ImageAction::Build { recipe: recipe.clone(), no_cache: rebuild };
            let decision = ImageDecision::BuildFromWorkspace;
            ImagePlan { decision, reasons, recipe: Some(recipe), fields, commit: None, unused: vec![], action }
        }
    }
}

fn pull(reference: &str, fields: DigestMap) -> ImagePlan {
    ImagePlan {
        decision: ImageDecision::BuildFromWorkspace,
        reasons: vec![because(ImageReason::LocalImageMissing)],
        recipe: None,
        fields,
        commit: None,
        unused: vec![],
        action: ImageAction::Pull { reference: reference.to_owned() },
    }
}

fn serve_as_it_is(observed: &ObservedImage, recipe: Digest, fields: DigestMap, status: &ImageStatus) -> ImagePlan {
    let reasons = if status.image_recipe.as_ref().is_some_and(|before| *before != recipe) {
        field_reasons(&status.image_fields, &fields)
    } else {
        Vec::new()
    };
    let (name, image) = match observed.bases.iter().next() {
        Some((name, Some(image))) => (name.clone(), image),
        // Without a base there would have been nothing to resolve: the source of such a role always names one.
        Some((name, None)) => return pull(name, fields),
        None => return pull("scratch", fields),
    };
    serve(image, name, reasons, recipe, fields)
}

/// This image serves.
fn serve(
    image: &Image,
    name: String,
    reasons: Vec<ImageDecisionReason>,
    recipe: Digest,
    fields: DigestMap,
) -> ImagePlan {
    let serving =
        ServingImage { id: image.id.0.clone(), name, recipe: recipe.clone(), fields: fields_for_label(&fields) };
    ImagePlan {
        decision: ImageDecision::Reuse,
        reasons,
        recipe: Some(recipe),
        fields,
        commit: None,
        unused: vec![],
        action: ImageAction::Serve(serving),
    }
}

/// The image that the current recipe is compared with: the one that serves, else the newest of the role.
fn before<'a>(observed: &'a ObservedImage, status: &ImageStatus) -> Option<&'a Image> {
    let served = status.image.as_ref().and_then(|served| observed.found.iter().find(|image| image.id.0 == served.id));
    served.or_else(|| observed.found.first())
}

/// Every reason why the image before does not serve.
fn build_reasons(before: Option<&Image>, fields: &DigestMap, rebuild: bool) -> Vec<ImageDecisionReason> {
    let mut reasons = Vec::new();
    if rebuild {
        reasons.push(because(ImageReason::ExplicitRebuild));
    }
    let Some(before) = before else {
        reasons.push(because(ImageReason::LocalImageMissing));
        return reasons;
    };
    if before.labels.get(labels::FORMAT).is_some_and(|format| format != labels::FORMAT_VERSION) {
        reasons.push(because(ImageReason::RecipeVersionChanged));
    }
    match before.labels.get(labels::RECIPE_FIELDS).and_then(|text| serde_json::from_str::<DigestMap>(text).ok()) {
        Some(before) => reasons.extend(field_reasons(&before, fields)),
        None => reasons.push(because(ImageReason::MissingRecipeLabel)),
    }
    reasons
}

fn field_reasons(before: &DigestMap, now: &DigestMap) -> Vec<ImageDecisionReason> {
    let reason = |change| ImageDecisionReason { reason: ImageReason::RecipeFieldChanged, change: Some(change) };
    changes(before, now).into_iter().map(reason).collect()
}

fn because(reason: ImageReason) -> ImageDecisionReason {
    ImageDecisionReason { reason, change: None }
}

/// Digest of the recipe that an image was built of, when it says so.
pub fn recipe_of(image: &Image) -> Option<Digest> {
    image.labels.get(labels::RECIPE).cloned().map(Digest)
}

/// Labels of an image of this recipe, to be added to those that every object of ours bears. Many fields are folded.
pub fn recipe_labels(recipe: &Digest, fields: &DigestMap) -> Labels {
    // Serialising a map of strings cannot fail.
    let text = serde_json::to_string(&fields_for_label(fields)).unwrap_or_default();
    [(labels::RECIPE.to_owned(), recipe.0.clone()), (labels::RECIPE_FIELDS.to_owned(), text)].into()
}
