//! Status of an image.

use jackin_api::kinds::{Image, ImageReference, ImageStatus, RegistryLook, StepTiming};
use jackin_api::words::{ConditionStatus, ConditionType, Conditions, Reason};
use jiff::Timestamp;

use crate::backoff;
use crate::desired::ServingImage;
use crate::image::{ImageAction, ImagePlan, Unfetched};

use super::retry::next_try;
use super::{Unseen, next_command, unread_words};

/// What came of a pass over an image.
#[derive(Clone, Debug)]
pub enum ImageOutcome {
    /// The plan was to serve what is there, or the action has only begun.
    Planned {
        /// The plan.
        plan: ImagePlan,
        /// Whether its action is under way.
        begun: bool,
    },
    /// The action failed.
    Failed {
        /// The plan.
        plan: ImagePlan,
        /// In one word.
        reason: Reason,
        /// With names, and what to do.
        message: String,
        /// Steps that the build got through.
        steps: Vec<StepTiming>,
    },
    /// The source could not be read or is not supported.
    Unresolved {
        /// In one word.
        reason: Reason,
        /// With names, and what to do.
        message: String,
    },
    /// Registries were asked, or gave what they were asked for; what follows is for the next pass to say.
    Heard {
        /// What they said, with what is known from before.
        registry: Vec<RegistryLook>,
    },
    /// The engine could not be read.
    Unknown(Unseen),
    /// The action was given up on our side, as nobody wants it any more; nothing is known that was not known before.
    GivenUp,
}

/// Status of an image after a pass.
pub fn image(
    object: &Image,
    outcome: &ImageOutcome,
    built: Option<Vec<StepTiming>>,
    now: Timestamp,
    jitter: f64,
) -> ImageStatus {
    let generation = object.metadata.generation.unwrap_or_default();
    let before = object.status.clone().unwrap_or_default();
    let mut conditions = Conditions::new(&before.conditions, generation, now);
    let mut status = before.clone();
    status.observed_generation = generation;
    status.unread = None;
    if let Some(steps) = built {
        status.steps = steps;
        // Whoever asked for a build has been served by this one.
        status.rebuilt.clone_from(&object.spec.rebuild);
    }
    match outcome {
        ImageOutcome::Planned { plan, begun } => {
            take_plan(&mut status, &mut conditions, plan);
            planned(&mut status, &mut conditions, plan, *begun);
        }
        ImageOutcome::Failed { plan, reason, message, steps } => {
            take_plan(&mut status, &mut conditions, plan);
            status.steps.clone_from(steps);
            status.retry = Some(backoff::after_failure(before.retry.as_ref(), generation, now, jitter));
            match plan.action.serving() {
                Some(serving) => {
                    serves(&mut status, &mut conditions, serving);
                    not_refreshed(&mut conditions, &status, *reason, message);
                }
                None => failed(&mut conditions, &status, *reason, message),
            }
        }
        ImageOutcome::Unresolved { reason, message } => {
            // Who waits for somebody's word has nothing to try again.
            let again = *reason != Reason::Untrusted;
            status.retry = again.then(|| backoff::after_failure(before.retry.as_ref(), generation, now, jitter));
            conditions.set(ConditionType::RecipeResolved, false, *reason, message.clone());
            failed(&mut conditions, &status, *reason, message);
        }
        ImageOutcome::Unknown(unseen) => return unknown(&before, unseen, generation, now, jitter),
        ImageOutcome::Heard { registry } => return ImageStatus { registry: registry.clone(), ..before },
        ImageOutcome::GivenUp => return before,
    }
    status.conditions = conditions.finish();
    status
}

/// What the plan is, and whether it is under way.
fn planned(status: &mut ImageStatus, conditions: &mut Conditions, plan: &ImagePlan, begun: bool) {
    if let Some(serving) = plan.action.serving() {
        serves(status, conditions, serving);
        moving(conditions, plan);
        if let ImageAction::Serve(_) | ImageAction::Name(_) = &plan.action {
            status.retry = None;
        }
        return;
    }
    let (reason, message) = doing(&plan.action);
    conditions.set(ConditionType::Ready, false, reason, message.clone());
    conditions.set(ConditionType::Built, false, reason, message.clone());
    stale(conditions, status);
    if let ImageAction::Missing { .. } = &plan.action {
        conditions.set(ConditionType::Stalled, true, reason, message);
    } else if begun {
        conditions.set(ConditionType::Reconciling, true, reason, message);
    }
}

/// This image serves.
fn serves(status: &mut ImageStatus, conditions: &mut Conditions, serving: &ServingImage) {
    status.image = Some(ImageReference { id: serving.id.clone(), name: serving.name.clone() });
    status.image_recipe = Some(serving.recipe.clone());
    status.image_fields = serving.fields.clone();
    conditions.set(ConditionType::Ready, true, Reason::ImageValid, "");
    conditions.set(ConditionType::Built, true, Reason::ImageValid, "");
}

/// Whether what the image that serves came from moved, as far as that is known.
fn moving(conditions: &mut Conditions, plan: &ImagePlan) {
    let type_ = ConditionType::Stale;
    match &plan.action {
        ImageAction::Refresh { reference, .. } => {
            let message =
                format!("`{reference}` moved at its registry and is being fetched; the image that is here serves");
            conditions.set(type_, true, Reason::Refreshing, message)
        }
        ImageAction::Build { recipe, .. } => {
            let message = format!("recipe {} is being built; the image of the older base serves", recipe.short());
            conditions.set(type_, true, Reason::Refreshing, message)
        }
        ImageAction::Serve(_)
        | ImageAction::Name(_)
        | ImageAction::Ask { .. }
        | ImageAction::Pull { .. }
        | ImageAction::Missing { .. } => match &plan.follows.trouble {
            Some(trouble) => {
                conditions.set(type_, ConditionStatus::Unknown, Reason::RegistryUnreachable, trouble.clone())
            }
            None => conditions.set(type_, false, Reason::AsDesired, ""),
        },
    };
}

/// What was to take the place of the image that serves could not be fetched or built.
fn not_refreshed(conditions: &mut Conditions, status: &ImageStatus, reason: Reason, message: &str) {
    let message = format!("{message}{}{}", next_command(reason), next_try(status.retry.as_ref()));
    let stale = if reason.is_unknown() { ConditionStatus::Unknown } else { ConditionStatus::True };
    conditions.set(ConditionType::Stale, stale, reason, message);
}

/// What was known is kept, and nothing is claimed. Before the next try is due, what was said of the last one stays.
fn unknown(before: &ImageStatus, unseen: &Unseen, generation: i64, now: Timestamp, jitter: f64) -> ImageStatus {
    let record = backoff::after_unread(before.unread.as_ref(), now, jitter);
    if before.observed_generation == generation && before.unread.as_ref() == Some(&record) {
        return before.clone();
    }
    let message = unread_words(unseen, &record);
    let mut conditions = Conditions::new(&before.conditions, generation, now);
    for known in &before.conditions {
        conditions.keep(known);
    }
    conditions.remove(ConditionType::Stalled);
    conditions.remove(ConditionType::Reconciling);
    for type_ in [ConditionType::Ready, ConditionType::Built, ConditionType::Stale] {
        conditions.set(type_, ConditionStatus::Unknown, unseen.reason, message.clone());
    }
    ImageStatus {
        observed_generation: generation,
        conditions: conditions.finish(),
        unread: Some(record),
        ..before.clone()
    }
}

fn recipe_resolved(conditions: &mut Conditions, plan: &ImagePlan) {
    let type_ = ConditionType::RecipeResolved;
    match &plan.action {
        ImageAction::Pull { reference } if plan.recipe.is_none() => {
            let message = format!("image `{reference}` must be there first");
            conditions.set(type_, false, Reason::DependenciesNotReady, message)
        }
        _ => match &plan.unfetched {
            Some(Unfetched { commit, why }) => {
                let message = format!("{why}; commit {commit}, which was fetched before, serves meanwhile");
                conditions.set(type_, plan.recipe.is_some(), Reason::SourceUnreachable, message)
            }
            None => conditions.set(type_, plan.recipe.is_some(), Reason::RecipeComputed, ""),
        },
    };
}

/// What the role gives to the build and nothing asks for: told, and no reason to build.
fn inputs_unused(conditions: &mut Conditions, plan: &ImagePlan) {
    if !plan.unused.is_empty() {
        let message = format!("the Dockerfile does not ask for {}", plan.unused.join(", "));
        conditions.set(ConditionType::BuildInputsUnused, true, Reason::NotAskedFor, message);
    }
}

fn take_plan(status: &mut ImageStatus, conditions: &mut Conditions, plan: &ImagePlan) {
    recipe_resolved(conditions, plan);
    inputs_unused(conditions, plan);
    // A valid image says nothing about how it came to be; the decision that made it stays readable.
    let moved = status.recipe != plan.recipe && status.image_recipe != plan.recipe;
    let quiet = match &plan.action {
        ImageAction::Serve(_) => true,
        ImageAction::Name(_) => plan.reasons.is_empty(),
        ImageAction::Ask { .. }
        | ImageAction::Pull { .. }
        | ImageAction::Missing { .. }
        | ImageAction::Refresh { .. }
        | ImageAction::Build { .. } => false,
    };
    if !quiet || status.decision.is_none() || moved {
        status.decision = Some(plan.decision);
        status.reasons.clone_from(&plan.reasons);
    }
    status.recipe.clone_from(&plan.recipe);
    status.source_commit.clone_from(&plan.commit);
}

fn doing(action: &ImageAction) -> (Reason, String) {
    match action {
        ImageAction::Ask { references } => {
            (Reason::Pulling, format!("the registry is asked for `{}`", references.join("`, `")))
        }
        ImageAction::Pull { reference } => (Reason::Pulling, format!("image `{reference}` is being fetched")),
        ImageAction::Build { recipe, .. } => (Reason::Building, format!("recipe {} is being built", recipe.short())),
        ImageAction::Missing { reference } => (Reason::ImageMissing, missing(reference)),
        ImageAction::Serve(_) | ImageAction::Name(_) | ImageAction::Refresh { .. } => {
            (Reason::ImageValid, String::new())
        }
    }
}

/// What is told of an image that is needed and may not be fetched.
pub(crate) fn missing(reference: &str) -> String {
    format!(
        "image `{reference}` is not on the engine, and `pullPolicy: never` lets nobody fetch it; `docker pull {reference}` does, or leave `pullPolicy` out"
    )
}

fn failed(conditions: &mut Conditions, status: &ImageStatus, reason: Reason, message: &str) {
    let wait = next_try(status.retry.as_ref());
    let message = format!("{message}{}", next_command(reason));
    if reason.is_unknown() {
        // It may even have been made.
        for type_ in [ConditionType::Ready, ConditionType::Built] {
            conditions.set(type_, ConditionStatus::Unknown, reason, format!("{message}{wait}"));
        }
    } else {
        conditions.set(ConditionType::Ready, false, reason, message.clone());
        conditions.set(ConditionType::Built, false, reason, message.clone());
        conditions.set(ConditionType::Stalled, true, reason, format!("{message}{wait}"));
    }
    stale(conditions, status);
}

/// Whether an image of an older recipe serves.
fn stale(conditions: &mut Conditions, status: &ImageStatus) {
    let older = status.image_recipe.is_some() && status.image_recipe != status.recipe;
    let (reason, message) = if older {
        (Reason::RecipeChanged, "instances that run keep the older image")
    } else {
        (Reason::AsDesired, "")
    };
    conditions.set(ConditionType::Stale, older, reason, message);
}
