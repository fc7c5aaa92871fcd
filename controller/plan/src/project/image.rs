//! The passes over the image of a role.

use jackin_api::kinds::{Image, RegistryLook};
use jackin_api::words as labels;
use jiff::Timestamp;
use kube::ResourceExt;

use crate::desired::Site;
use crate::digest::digest_of_map;
use crate::image::{ImageAction, ImagePlan, ObservedImage, fetched, plan, recipe_labels};
use crate::status::{self, ImageOutcome};
use crate::world::{self, ImageId, Labels};

use super::MOST_PASSES;

/// The passes over the image of a role, and the image at their end.
#[derive(Clone, Debug)]
pub struct ProjectedImage {
    /// What each pass decides.
    pub passes: Vec<ImagePlan>,
    /// The Image object as it is before anything was done.
    pub first: Image,
    /// The Image object at the end.
    pub last: Image,
    /// Labels of the image that serves at the end, when one does.
    pub labels: Labels,
    /// Whether an image is fetched on the way: what is made from it has another digest than the one that is shown.
    pub provisional: bool,
}

/// The passes over an image until one of the current recipe serves.
pub fn image(site: &Site, image: &Image, observed: &ObservedImage, now: Timestamp) -> ProjectedImage {
    let (mut object, mut observed) = (image.clone(), observed.clone());
    let mut projected = ProjectedImage {
        passes: Vec::new(),
        first: image.clone(),
        last: image.clone(),
        labels: Labels::new(),
        provisional: false,
    };
    while projected.passes.len() < MOST_PASSES {
        let status = object.status.clone().unwrap_or_default();
        let decided = plan(&observed, object.spec.rebuild.as_ref(), &status);
        let built = match &decided.action {
            ImageAction::Build { .. } => Some(Vec::new()),
            ImageAction::Serve(_)
            | ImageAction::Name(_)
            | ImageAction::Ask { .. }
            | ImageAction::Pull { .. }
            | ImageAction::Missing { .. }
            | ImageAction::Refresh { .. } => None,
        };
        let outcome = ImageOutcome::Planned { plan: decided.clone(), begun: false };
        if projected.passes.is_empty() {
            projected.first.status = Some(status::image(&object, &outcome, None, now, 0.0));
        }
        object.status = Some(status::image(&object, &outcome, built, now, 0.0));
        projected.passes.push(decided.clone());
        if carry_out(site, &object, &mut observed, &decided, &mut projected, now) {
            break;
        }
    }
    projected.last = object;
    projected
}

/// Lets the model of the engine be as it is after what was decided; whether that was the last thing to do.
fn carry_out(
    site: &Site,
    object: &Image,
    observed: &mut ObservedImage,
    decided: &ImagePlan,
    projected: &mut ProjectedImage,
    now: Timestamp,
) -> bool {
    match &decided.action {
        ImageAction::Serve(serving) | ImageAction::Name(serving) => {
            let published = observed.published.iter().filter_map(|(_, here)| here.as_ref());
            let all = observed.found.iter().chain(published).chain(&observed.kept);
            let found = all.chain(&observed.served).chain(&observed.others).find(|image| image.id.0 == serving.id);
            projected.labels = found.map(|image| image.labels.clone()).unwrap_or_default();
            return true;
        }
        // Whoever looks asks no registry: what is here is taken for what it has.
        ImageAction::Ask { references } => {
            projected.provisional = true;
            for reference in references {
                let look = unmoved(observed, reference, now);
                observed.looks.insert(reference.clone(), look);
            }
        }
        ImageAction::Refresh { reference, .. } => {
            projected.provisional = true;
            let look = unmoved(observed, reference, now);
            observed.looks.insert(reference.clone(), look);
        }
        ImageAction::Pull { reference } => {
            projected.provisional = true;
            let id = ImageId(format!("{reference}, not fetched yet"));
            fetch(observed, reference, found(id, vec![reference.clone()], Labels::new()), decided);
        }
        ImageAction::Missing { .. } => return true,
        ImageAction::Build { recipe, .. } => {
            let namespace = object.namespace().unwrap_or_default();
            let name = site.owner.image(&namespace, &object.spec.role, recipe);
            let mut all = site.owner.labels(labels::COMPONENT_IMAGE);
            all.extend(recipe_labels(recipe, &decided.fields));
            all.insert(labels::NAMESPACE.to_owned(), namespace);
            all.insert(labels::ROLE.to_owned(), object.spec.role.clone());
            // The id of an image is only known once it is built.
            observed.found.insert(0, found(ImageId(format!("{name}, not built yet")), vec![name], all));
        }
    }
    false
}

/// The answer of a registry that has what is here.
fn unmoved(observed: &ObservedImage, reference: &str, now: Timestamp) -> RegistryLook {
    let published = observed.published.as_ref().filter(|(name, _)| name == reference);
    let here = published.and_then(|(_, here)| here.as_ref());
    let here = here.or_else(|| observed.bases.get(reference)?.as_ref());
    let none = RegistryLook { reference: reference.to_owned(), digest: None, checked_at: now, trouble: None };
    here.map_or(none, |image| fetched(reference, image, now))
}

/// An image that is fetched: a published one is taken for one of the recipe.
fn fetch(observed: &mut ObservedImage, reference: &str, image: world::Image, plan: &ImagePlan) {
    match &mut observed.published {
        Some((published, here)) if published == reference => {
            let recipe = plan.recipe.clone().unwrap_or_else(|| digest_of_map(&plan.fields));
            let tags = vec![reference.to_owned(), observed.name.of(&recipe)];
            *here = Some(world::Image { tags, labels: recipe_labels(&recipe, &plan.fields), ..image });
        }
        _ => _ = observed.bases.insert(reference.to_owned(), Some(image)),
    }
}

fn found(id: ImageId, tags: Vec<String>, labels: Labels) -> world::Image {
    world::Image { id, content: None, tags, labels, size_bytes: 0, repository_digests: Vec::new(), created_at: None }
}
