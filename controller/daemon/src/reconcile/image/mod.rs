//! The controller of images: recognises the image of a role by the recipe of its content, and builds it when there is none.

mod act;
mod ask;
mod leftovers;
mod observe;

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use jackin_api::kinds::{Image, ImageDecisionReason, ImageStatus, Role, StepTiming};
use jackin_api::words::{ImageReason, Reason};
use jackin_plan::backoff;
use jackin_plan::image::{ImageAction, ImagePlan, ObservedImage, next_look_ms, plan};
use jackin_plan::status::{ImageOutcome, image as image_status};
use kube::api::PostParams;
use kube::runtime::controller::{Action, Controller};
use kube::runtime::events::{Event, EventType};
use kube::runtime::watcher;
use kube::{Api, Resource, ResourceExt};
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::pass::{Next, PassError};

use super::wake::Wakes;

use act::act;
use ask::ask;
use leftovers::tidy;
use observe::{Observed, kept, observe};

pub(crate) use observe::look;

/// When to look again for an image that somebody else has to fetch: engines tell of it, and what they tell gets lost.
const UNWATCHED: Duration = Duration::from_secs(5);

/// Runs the controller until `stop`.
pub(super) async fn run(context: Arc<Context>, wakes: Wakes, stop: CancellationToken) {
    Controller::new(Api::<Image>::all(context.client.clone()), watcher::Config::default())
        .reconcile_on(wakes.images())
        .graceful_shutdown_on(async move { stop.cancelled().await })
        .run(
            async |object, context| reconcile(object, context).await.map(Action::from),
            |object, error, context| again(object, error, context).into(),
            context.clone(),
        )
        .for_each(|_| std::future::ready(()))
        .await;
}

pub(crate) async fn reconcile(image: Arc<Image>, context: Arc<Context>) -> Result<Next, PassError> {
    let (namespace, name) = (image.namespace().unwrap_or_default(), image.name_any());
    context.failures.guard(&*image, pass(&context, &namespace, &name)).await
}

pub(crate) fn again(image: Arc<Image>, error: &PassError, context: Arc<Context>) -> Next {
    context.failures.again(&*image, error, context.chance.jitter())
}

/// One pass: snapshot, observe, plan, record, act, status.
async fn pass(context: &Context, namespace: &str, name: &str) -> Result<Next, PassError> {
    let images: Api<Image> = Api::namespaced(context.client.clone(), namespace);
    let Some(image) = images.get_opt(name).await? else { return Ok(Next::OnChange) };
    if image.metadata.deletion_timestamp.is_some() {
        return Ok(Next::OnChange);
    }
    let status = image.status.clone().unwrap_or_default();
    let generation = image.metadata.generation.unwrap_or_default();
    if let Some(wait) = backoff::remaining_ms(status.retry.as_ref(), generation, context.clock.now()) {
        return Ok(Next::After(Duration::from_millis(wait)));
    }
    let roles: Api<Role> = Api::namespaced(context.client.clone(), namespace);
    let seen = match roles.get_opt(&image.spec.role).await? {
        Some(role) => {
            // Who asks for a build asks for what is there now.
            let asked = image.spec.rebuild.as_deref().filter(|rebuild| status.rebuilt.as_deref() != Some(rebuild));
            observe(context, namespace, &image, &role, asked).await.map_err(|outcome| kept(&status, outcome))
        }
        None => Err(unresolved(Reason::ReferenceMissing, format!("role `{}` does not exist", image.spec.role))),
    };
    let Observed { source, image: observed, nameless } = match seen {
        Ok(seen) => seen,
        Err(outcome) => return conclude(context, &image, &outcome, None).await,
    };
    let plan = plan(&observed, image.spec.rebuild.as_ref(), &status);
    match &plan.action {
        ImageAction::Serve(_) => {
            let again = tidy(context, &nameless).await.into_iter().chain(source.moves()).min();
            return serve(context, image, &observed, plan, again).await;
        }
        ImageAction::Missing { .. } => {
            conclude(context, &image, &ImageOutcome::Planned { plan, begun: false }, None).await?;
            return Ok(Next::After(UNWATCHED));
        }
        ImageAction::Name(_)
        | ImageAction::Ask { .. }
        | ImageAction::Pull { .. }
        | ImageAction::Refresh { .. }
        | ImageAction::Build { .. } => {}
    }
    let begun = ImageOutcome::Planned { plan: plan.clone(), begun: true };
    conclude(context, &image, &begun, None).await?;
    tell(context, &image, EventType::Normal, &plan.decision.to_string(), reasons(&plan)).await;
    let begun = images.get_opt(name).await?.unwrap_or(image);
    let (outcome, steps) = act(context, &begun, source, &observed, &plan).await;
    if let ImageOutcome::Failed { reason, message, .. } = &outcome {
        tell(context, &begun, EventType::Warning, &reason.to_string(), message.clone()).await;
    }
    conclude(context, &begun, &outcome, steps).await
}

/// The image serves. Only then are the registries asked that it came from, and when that is due.
async fn serve(
    context: &Context,
    image: Image,
    observed: &ObservedImage,
    plan: ImagePlan,
    again: Option<Duration>,
) -> Result<Next, PassError> {
    let follows = plan.follows.clone();
    let next = conclude(context, &image, &ImageOutcome::Planned { plan, begun: false }, None).await?;
    if !follows.due.is_empty() {
        let images: Api<Image> = Api::namespaced(context.client.clone(), &image.namespace().unwrap_or_default());
        let image = images.get_opt(&image.name_any()).await?.unwrap_or(image);
        let heard = ask(context, &image, observed, &follows.due).await;
        return conclude(context, &image, &heard, None).await;
    }
    let looks = image.status.as_ref().map_or(&[][..], |status| &status.registry);
    let look = next_look_ms(&follows.names, looks, context.clock.now()).map(Duration::from_millis);
    Ok(match (next, again.into_iter().chain(look).min()) {
        (Next::OnChange, Some(wait)) => Next::After(wait),
        (next, _) => next,
    })
}

fn unresolved(reason: Reason, message: String) -> ImageOutcome {
    ImageOutcome::Unresolved { reason, message }
}

fn reasons(plan: &ImagePlan) -> String {
    let text = |told: &ImageDecisionReason| match (&told.change, told.reason) {
        (Some(change), ImageReason::RecipeFieldChanged) => change.to_string(),
        (Some(change), reason) => format!("{reason}: {change}"),
        (None, reason) => reason.to_string(),
    };
    plan.reasons.iter().map(text).collect::<Vec<_>>().join(", ")
}

/// Writes the status and says when to look again.
async fn conclude(
    context: &Context,
    image: &Image,
    outcome: &ImageOutcome,
    steps: Option<Vec<StepTiming>>,
) -> Result<Next, PassError> {
    let acted = steps.is_some() || matches!(outcome, ImageOutcome::Planned { begun: true, .. });
    let status = image_status(image, outcome, steps, context.clock.now(), context.chance.jitter());
    write(context, image, status.clone()).await?;
    let generation = image.metadata.generation.unwrap_or_default();
    Ok(match outcome {
        ImageOutcome::Unknown(_) => {
            let wait = backoff::unread_ms(status.unread.as_ref(), context.clock.now()).unwrap_or_default();
            Next::After(Duration::from_millis(wait))
        }
        ImageOutcome::Heard { .. } | ImageOutcome::GivenUp => Next::After(Duration::ZERO),
        ImageOutcome::Planned { .. } | ImageOutcome::Failed { .. } | ImageOutcome::Unresolved { .. } => {
            match backoff::remaining_ms(status.retry.as_ref(), generation, context.clock.now()) {
                Some(wait) => Next::After(Duration::from_millis(wait)),
                None if acted => Next::After(Duration::ZERO),
                None => Next::OnChange,
            }
        }
    })
}

async fn write(context: &Context, image: &Image, status: ImageStatus) -> Result<(), kube::Error> {
    if image.status.as_ref() == Some(&status) {
        return Ok(());
    }
    let images: Api<Image> = Api::namespaced(context.client.clone(), &image.namespace().unwrap_or_default());
    let mut changed = image.clone();
    changed.metadata.resource_version = None;
    changed.status = Some(status);
    match images.replace_status(&image.name_any(), &PostParams::default(), &changed).await {
        Err(kube::Error::Api(answer)) if answer.is_not_found() || answer.is_conflict() => Ok(()),
        other => other.map(drop),
    }
}

async fn tell(context: &Context, image: &Image, type_: EventType, reason: &str, note: String) {
    let note = Some(note.chars().take(1000).collect());
    let event = Event { type_, reason: reason.to_owned(), note, action: "Reconcile".to_owned(), secondary: None };
    if let Err(error) = context.recorder.publish(&event, &image.object_ref(&())).await {
        tracing::debug!(%error, "event not written");
    }
}
