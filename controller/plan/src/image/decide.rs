//! What follows from what was seen of a role's image.

use jackin_api::kinds::{ImageDecisionReason, ImageStatus, PullPolicy};
use jackin_api::words::{self as labels, Change, ChangeKind, Digest, ImageDecision, ImageReason};

use super::recognise::{Wanted, base_field, fields_of, recipe_of, valid};
use super::registry::{Looked, followed_bases, follows, look_at, moved};
use super::{Follows, ImageAction, ImagePlan, ObservedImage};
use crate::desired::ServingImage;
use crate::recipe::fields_for_label;
use crate::world::Image;

/// What to do about the image of a role.
pub fn plan(observed: &ObservedImage, rebuild: Option<&String>, status: &ImageStatus) -> ImagePlan {
    let rebuild = rebuild.is_some_and(|rebuild| status.rebuilt.as_ref() != Some(rebuild));
    let wanted = Wanted::of(observed);
    let decider = Decider { observed, status, wanted: &wanted };
    if !observed.build {
        return decider.as_it_is();
    }
    match valid(observed, &wanted) {
        Some((image, recipe)) if !rebuild => decider.keep(image, recipe),
        _ => decider.obtain(rebuild),
    }
}

struct Decider<'a> {
    observed: &'a ObservedImage,
    status: &'a ImageStatus,
    wanted: &'a Wanted<'a>,
}

/// A decision, before it is put together.
struct Decided {
    decision: ImageDecision,
    reasons: Vec<ImageDecisionReason>,
    recipe: Option<Digest>,
    action: ImageAction,
    follows: Follows,
}

impl Decider<'_> {
    fn decided(&self, decided: Decided) -> ImagePlan {
        let Decided { decision, reasons, recipe, action, follows } = decided;
        let fields = self.wanted.fields.clone();
        let ObservedImage { commit, unfetched, unused, .. } = self.observed;
        let (commit, unfetched, unused) = (commit.clone(), unfetched.clone(), unused.clone());
        ImagePlan { decision, reasons, recipe, fields, commit, unfetched, unused, action, follows }
    }

    /// An image of the recipe is here.
    fn keep(&self, image: &Image, recipe: Digest) -> ImagePlan {
        let observed = self.observed;
        let ours = observed.name.of(&recipe);
        let published = observed.published.as_ref().and_then(|(_, here)| here.as_ref());
        let is_published = published.is_some_and(|here| here.id == image.id);
        let named = image.tags.contains(&ours) || observed.others.iter().any(|other| other.id == image.id);
        let name = match (named, image.tags.first()) {
            (true, _) if image.tags.contains(&ours) => ours,
            (true, Some(name)) => name.clone(),
            (true, None) => image.id.0.clone(),
            (false, _) => ours,
        };
        let serving = self.serving(image, name, recipe);
        if !named {
            let reasons = if is_published { Vec::new() } else { vec![self.name_moved(image)] };
            return self.serve(ImageAction::Name(serving), reasons, Follows::default());
        }
        let fetched = is_published || !observed.name.owner.owns(&image.labels);
        self.follow(serving, Vec::new(), follows(observed, fetched))
    }

    /// It serves, and what it came from is fetched when that moved.
    fn follow(&self, serving: ServingImage, reasons: Vec<ImageDecisionReason>, follows: Follows) -> ImagePlan {
        let Some(reference) = moved(self.observed, &follows.names) else {
            return self.serve(ImageAction::Serve(serving), reasons, follows);
        };
        let published = self.observed.published.as_ref().is_some_and(|(published, _)| published == reference);
        let reason = if published {
            because(ImageReason::PublishedImageMoved)
        } else {
            ImageDecisionReason { reason: ImageReason::BaseImageMoved, change: Some(changed(base_field(reference))) }
        };
        self.decided(Decided {
            decision: ImageDecision::RefreshInBackground,
            reasons: vec![reason],
            recipe: Some(serving.recipe.clone()),
            action: ImageAction::Refresh { reference: reference.clone(), serving },
            follows,
        })
    }

    fn serve(&self, action: ImageAction, reasons: Vec<ImageDecisionReason>, follows: Follows) -> ImagePlan {
        let recipe = action.serving().map(|serving| serving.recipe.clone());
        self.decided(Decided { decision: ImageDecision::Reuse, reasons, recipe, action, follows })
    }

    /// The image, called by this name.
    fn serving(&self, image: &Image, name: String, recipe: Digest) -> ServingImage {
        // What it says of a base that is not here is all that is known of it.
        let told = (!self.wanted.missing.is_empty()).then(|| fields_of(image)).flatten();
        let fields = told.unwrap_or_else(|| fields_for_label(&self.wanted.fields));
        ServingImage { id: image.id.0.clone(), name, recipe, fields }
    }

    /// The source is an image, which is used as it is.
    fn as_it_is(&self) -> ImagePlan {
        let recipe = self.wanted.recipe.clone();
        let (name, here) = match self.observed.bases.iter().next() {
            Some((name, here)) => (name.clone(), here.as_ref()),
            // The source of such a role always names one.
            None => ("scratch".to_owned(), None),
        };
        let (Some(image), Some(recipe)) = (here, recipe) else { return self.fetch(&name, Vec::new()) };
        let other = self.status.image_recipe.as_ref().is_some_and(|before| *before != recipe);
        let reasons = match other {
            true => self.wanted.differences(&self.status.image_fields, ImageReason::RecipeFieldChanged),
            false => Vec::new(),
        };
        let serving = self.serving(image, name, recipe);
        self.follow(serving, reasons, follows(self.observed, false))
    }

    /// No image of the recipe is here, or a new one is asked for.
    fn obtain(&self, rebuild: bool) -> ImagePlan {
        let mut reasons = self.build_reasons(rebuild);
        if !rebuild && let Some(action) = self.published(&mut reasons) {
            return self.take_published(action, reasons);
        }
        if let Some(missing) = self.wanted.missing.first() {
            return self.fetch(missing, reasons);
        }
        let bases = followed_bases(self.observed);
        let due: Vec<_> = bases.iter().filter(|name| !self.observed.looks.contains_key(*name)).cloned().collect();
        let older = self.of_older_bases();
        let decision = match older {
            Some(_) => ImageDecision::RefreshInBackground,
            None => ImageDecision::BuildFromWorkspace,
        };
        let (recipe, follows) = (self.wanted.recipe.clone(), Follows::default());
        let action = match (&recipe, moved(self.observed, &bases)) {
            _ if !due.is_empty() && older.is_none() => ImageAction::Ask { references: due },
            (_, Some(reference)) if older.is_none() => ImageAction::Pull { reference: reference.clone() },
            (Some(recipe), _) => ImageAction::Build { recipe: recipe.clone(), no_cache: rebuild, serving: older },
            (None, _) => return self.fetch("scratch", reasons),
        };
        self.decided(Decided { decision, reasons, recipe, action, follows })
    }

    fn take_published(&self, action: ImageAction, reasons: Vec<ImageDecisionReason>) -> ImagePlan {
        let (recipe, follows) = (self.wanted.recipe.clone(), Follows::default());
        self.decided(Decided { decision: ImageDecision::BuildFromPublished, reasons, recipe, action, follows })
    }

    /// What to do about the published image, which is not of the recipe as far as it is here; nothing, where it is of no use: why.
    fn published(&self, reasons: &mut Vec<ImageDecisionReason>) -> Option<ImageAction> {
        let (reference, here) = self.observed.published.as_ref()?;
        let looked = look_at(&self.observed.looks, reference, here.as_ref());
        let may_fetch = self.observed.policy != PullPolicy::Never;
        match (here, looked) {
            (None, Looked::NotYet | Looked::Same | Looked::Moved) if may_fetch => {
                return Some(ImageAction::Pull { reference: reference.clone() });
            }
            (Some(_), Looked::NotYet) if may_fetch => {
                return Some(ImageAction::Ask { references: vec![reference.clone()] });
            }
            (Some(_), Looked::Moved) if may_fetch => {
                reasons.push(because(ImageReason::PublishedImageMoved));
                return Some(ImageAction::Pull { reference: reference.clone() });
            }
            (_, Looked::Missing) => reasons.push(because(ImageReason::PublishedImageMissing)),
            (_, Looked::Unreachable) => reasons.push(because(ImageReason::RegistryUnreachable)),
            (_, Looked::NotYet | Looked::Same | Looked::Moved) => {}
        }
        if let Some(here) = here {
            match fields_of(here) {
                Some(fields) => {
                    reasons.extend(self.wanted.differences(&fields, ImageReason::PublishedImageStale));
                }
                None => reasons.push(because(ImageReason::PublishedImageStale)),
            }
        }
        None
    }

    /// An image that the source names is not here.
    fn fetch(&self, reference: &str, mut reasons: Vec<ImageDecisionReason>) -> ImagePlan {
        if reasons.is_empty() {
            reasons.push(because(ImageReason::LocalImageMissing));
        }
        let reference = reference.to_owned();
        let action = match self.observed.policy {
            PullPolicy::Always | PullPolicy::IfNotPresent => ImageAction::Pull { reference },
            PullPolicy::Never => ImageAction::Missing { reference },
        };
        let (decision, follows) = (ImageDecision::BuildFromWorkspace, Follows::default());
        self.decided(Decided { decision, reasons, recipe: None, action, follows })
    }

    /// The image that serves, when it only lacks what its bases became since they are followed.
    fn of_older_bases(&self) -> Option<ServingImage> {
        if self.observed.policy != PullPolicy::Always {
            return None;
        }
        let served = self.observed.served.as_ref()?;
        let before = fields_of(served)?;
        let differences = self.wanted.differences(&before, ImageReason::RecipeFieldChanged);
        let of_base = |change: &Change| change.field.starts_with("base[") && change.change == ChangeKind::Changed;
        let only = differences.iter().all(|reason| reason.change.as_ref().is_some_and(of_base));
        if !only || differences.is_empty() {
            return None;
        }
        let name = self.status.image.as_ref().map(|image| image.name.clone())?;
        Some(ServingImage { id: served.id.0.clone(), name, recipe: recipe_of(served)?, fields: before })
    }

    /// Every reason why the image before does not serve.
    fn build_reasons(&self, rebuild: bool) -> Vec<ImageDecisionReason> {
        let mut reasons = Vec::new();
        if rebuild {
            reasons.push(because(ImageReason::ExplicitRebuild));
        }
        let Some(before) = self.before() else {
            reasons.push(because(ImageReason::LocalImageMissing));
            return reasons;
        };
        if before.labels.get(labels::FORMAT).is_some_and(|format| format != labels::FORMAT_VERSION) {
            reasons.push(because(ImageReason::RecipeVersionChanged));
        }
        match fields_of(before) {
            Some(before) => reasons.extend(self.wanted.differences(&before, ImageReason::RecipeFieldChanged)),
            None => reasons.push(because(ImageReason::MissingRecipeLabel)),
        }
        reasons
    }

    /// The image that the current recipe is compared with: the one that serves, else the newest of the role.
    fn before(&self) -> Option<&Image> {
        let ours = || self.observed.found.iter().chain(&self.observed.kept);
        let serves = self.status.image.as_ref();
        let served = serves.and_then(|serves| ours().find(|image| image.id.0 == serves.id));
        served.or_else(|| ours().next())
    }

    fn name_moved(&self, image: &Image) -> ImageDecisionReason {
        let change = Change { old: None, new: Some(Digest(image.id.0.clone())), ..changed("image".to_owned()) };
        ImageDecisionReason { reason: ImageReason::ImageNameMoved, change: Some(change) }
    }
}

fn changed(field: String) -> Change {
    Change { field, change: ChangeKind::Changed, old: None, new: None }
}

fn because(reason: ImageReason) -> ImageDecisionReason {
    ImageDecisionReason { reason, change: None }
}
