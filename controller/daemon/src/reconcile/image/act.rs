//! What is done about an image: named, fetched, or built.

use jackin_api::kinds::{Image, StepTiming};
use jackin_api::words::Reason;
use jackin_plan::desired::ServingImage;
use jackin_plan::image::{ImageAction, ImagePlan, ObservedImage};
use jackin_plan::status::ImageOutcome;
use jackin_plan::world::{self, ImageId};
use kube::runtime::wait::await_condition;
use kube::{Api, ResourceExt};

use crate::context::Context;
use crate::docker::{EngineError, EngineErrorCause};
use crate::images::{BuildError, BuildInputs, ObservedSource};
use crate::text::{printable, with_causes};

use super::ask::{ask, look_of_pull};

/// What came of it, with the timings of a build's steps.
type Acted = (ImageOutcome, Option<Vec<StepTiming>>);

/// Fetches or builds, unless the image is wanted otherwise meanwhile: then what is under way is stopped.
pub(super) async fn act(
    context: &Context,
    image: &Image,
    source: ObservedSource,
    observed: &ObservedImage,
    plan: &ImagePlan,
) -> Acted {
    let acting = async {
        match &plan.action {
            ImageAction::Serve(_) | ImageAction::Missing { .. } => {
                (ImageOutcome::Planned { plan: plan.clone(), begun: false }, None)
            }
            ImageAction::Name(serving) => name(context, plan, serving).await,
            ImageAction::Ask { references } => (ask(context, image, observed, references).await, None),
            ImageAction::Pull { reference } if observed.bases.contains_key(reference) && !observed.here(reference) => {
                pull(context, plan, reference).await
            }
            ImageAction::Pull { reference } | ImageAction::Refresh { reference, .. } => {
                let pulled = context.engine.pull_image(reference).await.map(drop);
                match look_of_pull(context, image, observed, reference, pulled).await {
                    Ok(outcome) => (outcome, None),
                    Err(error) => not_pulled(plan, reference, &error),
                }
            }
            ImageAction::Build { recipe, no_cache, serving: _ } => {
                let inputs = BuildInputs {
                    source,
                    owner: context.site.owner.clone(),
                    namespace: image.namespace().unwrap_or_default(),
                    role: image.spec.role.clone(),
                    recipe: recipe.clone(),
                    fields: plan.fields.clone(),
                    no_cache: *no_cache,
                    references: context.references.clone(),
                };
                build(context, plan, inputs).await
            }
        }
    };
    tokio::select! {
        biased;
        acted = acting => acted,
        () = superseded(context, image) => (ImageOutcome::GivenUp, None),
    }
}

/// Waits until the image has another spec or is being deleted.
async fn superseded(context: &Context, image: &Image) {
    let images: Api<Image> = Api::namespaced(context.client.clone(), &image.namespace().unwrap_or_default());
    let generation = image.metadata.generation;
    let moved_on = move |now: Option<&Image>| {
        now.is_none_or(|now| now.metadata.generation != generation || now.metadata.deletion_timestamp.is_some())
    };
    if let Err(error) = await_condition(images, &image.name_any(), moved_on).await {
        // Then it goes on to its end, as it would without anybody watching.
        tracing::debug!(%error, "an image that is being made is not watched");
        std::future::pending::<()>().await;
    }
}

/// Gives an image our name, taking it from whatever has it.
async fn name(context: &Context, plan: &ImagePlan, serving: &ServingImage) -> Acted {
    match context.engine.tag_image(&ImageId(serving.id.clone()), &serving.name).await {
        Ok(()) => (ImageOutcome::Planned { plan: plan.clone(), begun: true }, None),
        // It was removed meanwhile: the next pass sees that.
        Err(error) if error.is_not_found() => (ImageOutcome::GivenUp, None),
        Err(error) => failed(plan, error.reason(), error.full_message()),
    }
}

async fn pull(context: &Context, plan: &ImagePlan, reference: &str) -> Acted {
    match context.engine.pull_image(reference).await {
        Ok(_) => (ImageOutcome::Planned { plan: plan.clone(), begun: true }, None),
        Err(error) => not_pulled(plan, reference, &error),
    }
}

fn not_pulled(plan: &ImagePlan, reference: &str, error: &EngineError) -> Acted {
    let reason = engine_reason(error).unwrap_or(Reason::PullFailed);
    let hint = match (&error.cause, reason) {
        // They name the command themselves.
        (EngineErrorCause::LoginNeeded { .. } | EngineErrorCause::LoginUnreadable { .. }, _) => String::new(),
        (_, Reason::PullFailed) => format!("; make it with `docker pull {reference}`, or name one that is there"),
        _ => String::new(),
    };
    failed(plan, reason, format!("{}{hint}", error.full_message()))
}

async fn build(context: &Context, plan: &ImagePlan, inputs: BuildInputs) -> Acted {
    let log = context.builds.logs().begin(&inputs.namespace, &inputs.role);
    let newer = inputs.source.build.newer.clone();
    let error = match context.builds.build(inputs, |news| log.hear(&news)).await {
        // What was built of a source that changed meanwhile is gone again, and the next pass builds what is there now.
        Ok(built) => {
            let steps = built.steps.iter().map(timing).collect();
            return (ImageOutcome::Planned { plan: plan.clone(), begun: true }, Some(steps));
        }
        Err(error) => error,
    };
    match &*error {
        BuildError::Secret { .. } => failed(plan, Reason::BuildSecretMissing, with_causes(&*error)),
        BuildError::Engine { source, .. } if matches!(source.cause, EngineErrorCause::NoBuildKit) => {
            failed(plan, Reason::BuilderMissing, without_buildkit(newer.as_deref(), source))
        }
        BuildError::Engine { source, .. } if matches!(source.cause, EngineErrorCause::Cancelled) => {
            (ImageOutcome::GivenUp, None)
        }
        BuildError::Engine { source, .. } => match engine_reason(source) {
            Some(reason) => failed(plan, reason, source.full_message()),
            None => failed(plan, Reason::BuildFailed, build_text(source)),
        },
        BuildError::NothingToBuild { .. } | BuildError::Source { .. } | BuildError::GivenUp { .. } => {
            failed(plan, Reason::BuildFailed, with_causes(&*error))
        }
    }
}

fn failed(plan: &ImagePlan, reason: Reason, message: String) -> Acted {
    (ImageOutcome::Failed { plan: plan.clone(), reason, message, steps: Vec::new() }, None)
}

/// The word for a cause that has nothing to do with what was to be made.
fn engine_reason(error: &EngineError) -> Option<Reason> {
    let reason = error.reason();
    (reason.is_unknown() || matches!(reason, Reason::EngineNoSpace | Reason::EngineReadOnly)).then_some(reason)
}

fn without_buildkit(newer: Option<&str>, error: &EngineError) -> String {
    let newer = newer.unwrap_or("the Dockerfile");
    format!(
        "{}, and `{newer}` needs it; take it out, or use an engine with BuildKit; `jackin doctor` tells what the one that is asked has",
        error.full_message()
    )
}

fn build_text(error: &EngineError) -> String {
    let tail = match &error.cause {
        EngineErrorCause::BuildFailed { tail, .. } => printable(&tail.join("\n")),
        _ => String::new(),
    };
    format!("{}; last lines:\n{tail}", error.full_message())
}

fn timing(step: &world::BuildStep) -> StepTiming {
    let cached = if step.cached { " (cached)" } else { "" };
    StepTiming { step: format!("{}{cached}", step.instruction), duration_ms: step.duration_ms }
}
