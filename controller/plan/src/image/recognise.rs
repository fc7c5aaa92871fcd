//! Which image is of the recipe.

use jackin_api::kinds::ImageDecisionReason;
use jackin_api::words::{self as labels, Change, Digest, DigestMap, ImageReason};

use super::ObservedImage;
use crate::digest::digest_of_map;
use crate::recipe::changes;
use crate::world::Image;

/// The field of the format's version.
const FORMAT_FIELD: &str = "format";

/// The recipe as far as it is known.
pub(super) struct Wanted<'a> {
    /// Its fields, without those of bases that are not here.
    pub(super) fields: DigestMap,
    /// Bases that are not here.
    pub(super) missing: Vec<&'a str>,
    /// Digest of the recipe, when every base is here.
    pub(super) recipe: Option<Digest>,
}

impl<'a> Wanted<'a> {
    pub(super) fn of(observed: &'a ObservedImage) -> Self {
        let (mut fields, mut missing) = (observed.source.clone(), Vec::new());
        for (reference, base) in &observed.bases {
            match base {
                Some(image) => _ = fields.0.insert(base_field(reference), image.content()),
                None => missing.push(reference.as_str()),
            }
        }
        // Once: it goes over every field, and each image is compared with it.
        let recipe = missing.is_empty().then(|| digest_of_map(&fields));
        Self { fields, missing, recipe }
    }

    /// The recipe of an image, when that is the wanted one.
    ///
    /// Equal digests are equal recipes. An image of another format is compared field by field, as equal names mean the same in every
    /// format; it goes on being called by its own digest, or whatever was made from it would have to be made anew. So is one that is
    /// of a base which is not here: what it says of that base counts.
    pub(super) fn agrees(&self, image: &Image) -> Option<Digest> {
        let recipe = recipe_of(image)?;
        if self.recipe.as_ref() == Some(&recipe) {
            return Some(recipe);
        }
        let format = image.labels.get(labels::FORMAT);
        let of_today = format.is_none_or(|format| format == labels::FORMAT_VERSION);
        if of_today && self.missing.is_empty() {
            return None;
        }
        let counts = |change: &Change| {
            let base = self.missing.iter().any(|missing| change.field == base_field(missing));
            !base && (of_today || change.field != FORMAT_FIELD)
        };
        let differs = changes(&fields_of(image)?, &self.fields).iter().any(counts);
        (!differs).then_some(recipe)
    }

    /// Every field in which an image differs; fields of bases that are not here do not.
    pub(super) fn differences(&self, before: &DigestMap, reason: ImageReason) -> Vec<ImageDecisionReason> {
        let known = |change: &Change| !self.missing.iter().any(|missing| change.field == base_field(missing));
        let told = |change| ImageDecisionReason { reason, change: Some(change) };
        changes(before, &self.fields).into_iter().filter(known).map(told).collect()
    }
}

/// The recipe's field of a base.
pub(super) fn base_field(reference: &str) -> String {
    format!("base[{reference}]")
}

/// The fields of the recipe that an image was built of, when it says so.
pub(super) fn fields_of(image: &Image) -> Option<DigestMap> {
    serde_json::from_str(image.labels.get(labels::RECIPE_FIELDS)?).ok()
}

/// Digest of the recipe that an image was built of, when it says so.
pub fn recipe_of(image: &Image) -> Option<Digest> {
    image.labels.get(labels::RECIPE).cloned().map(Digest)
}

/// The image of the wanted recipe that serves, with the recipe as the image calls it.
///
/// Of several: one that we built for this role, then the published one, then one that was published before, then the one that served
/// last and lost its names, then one that we built for another role.
pub(super) fn valid<'a>(observed: &'a ObservedImage, wanted: &Wanted<'_>) -> Option<(&'a Image, Digest)> {
    let published = observed.published.iter().filter_map(|(_, here)| here.as_ref());
    let all =
        observed.found.iter().chain(published).chain(&observed.kept).chain(&observed.served).chain(&observed.others);
    all.into_iter().find_map(|image| Some((image, wanted.agrees(image)?)))
}
