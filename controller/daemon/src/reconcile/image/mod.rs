//! The controller of images: recognises the image of a role by the recipe of its content, and builds it when there is none.

mod act;
mod leftovers;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::try_join_all;
use jackin_api::kinds::{Image, ImageStatus, Role, StepTiming};
use jackin_api::words::{self as labels, Reason};
use jackin_plan::digest::digest_of;
use jackin_plan::image::{ImageAction, ImagePlan, ObservedImage, SourceCommit, plan};
use jackin_plan::status::{ImageOutcome, Unseen, image as image_status};
use jackin_plan::world::ImageId;
use jackin_plan::{backoff, world};
use kube::api::PostParams;
use kube::runtime::controller::{Action, Controller};
use kube::runtime::events::{Event, EventType};
use kube::runtime::watcher;
use kube::{Api, Resource, ResourceExt};
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::docker::{EngineError, LabelFilter};
use crate::git::Checkout;
use crate::images::{ObservedSource, SourceError};
use crate::pass::{Next, PassError};
use crate::text::with_causes;

use super::wake::Wakes;

use act::act;
use leftovers::tidy;

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
    context.failures.guard(&text(&image), pass(&context, &namespace, &name)).await
}

pub(crate) fn again(image: Arc<Image>, error: &PassError, context: Arc<Context>) -> Next {
    context.failures.again(&text(&image), error, context.chance.jitter())
}

fn text(image: &Image) -> String {
    format!("image/{}/{}", image.namespace().unwrap_or_default(), image.name_any())
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
            observe(context, namespace, &role, asked).await.map_err(|outcome| kept(&status, outcome))
        }
        None => Err(unresolved(Reason::ReferenceMissing, format!("role `{}` does not exist", image.spec.role))),
    };
    let Observed { source, image: observed, nameless } = match seen {
        Ok(seen) => seen,
        Err(outcome) => return conclude(context, &image, &outcome, None).await,
    };
    let plan = plan(&observed, image.spec.rebuild.as_ref(), &status);
    if let ImageAction::Serve(_) = &plan.action {
        let moves = source.checkout.as_ref().and_then(|checkout| checkout.again);
        let again = tidy(context, &nameless).await.into_iter().chain(moves).min();
        let next = conclude(context, &image, &ImageOutcome::Planned { plan, begun: false }, None).await?;
        return Ok(match (next, again) {
            (Next::OnChange, Some(wait)) => Next::After(wait),
            (next, _) => next,
        });
    }
    let begun = ImageOutcome::Planned { plan: plan.clone(), begun: true };
    conclude(context, &image, &begun, None).await?;
    tell(context, &image, EventType::Normal, &plan.decision.to_string(), reasons(&plan)).await;
    let begun = images.get_opt(name).await?.unwrap_or(image);
    let (outcome, steps) = act(context, &begun, source, &plan).await;
    if let ImageOutcome::Failed { reason, message, .. } = &outcome {
        tell(context, &begun, EventType::Warning, &reason.to_string(), message.clone()).await;
    }
    conclude(context, &begun, &outcome, steps).await
}

/// What is seen of a role's source and of images that could serve, with nothing done about it.
pub(crate) async fn look(context: &Context, namespace: &str, role: &Role) -> Result<ObservedImage, ImageOutcome> {
    Ok(observe(context, namespace, role, None).await?.image)
}

/// What a pass sees.
struct Observed {
    source: ObservedSource,
    image: ObservedImage,
    /// Images that bear our labels and no name.
    nameless: Vec<ImageId>,
}

/// Reads the source and what the engine has for it.
async fn observe(
    context: &Context,
    namespace: &str,
    role: &Role,
    asked: Option<&str>,
) -> Result<Observed, ImageOutcome> {
    let source = context.files.source(role, asked).await.map_err(|error| source_outcome(&error))?;
    let seen = engine_view(context, &source).await;
    let EngineView { platform, bases, built, nameless } =
        seen.map_err(|error| ImageOutcome::Unknown(Unseen { reason: error.reason(), message: error.full_message() }))?;
    let mut fields = source.fields.clone();
    fields.0.insert("format".to_owned(), digest_of(&labels::FORMAT_VERSION));
    fields.0.insert("platform".to_owned(), digest_of(&platform));
    let (found, others) = built.into_iter().partition(|image| {
        let label = |key: &str| image.labels.get(key).map(String::as_str);
        label(labels::NAMESPACE) == Some(namespace) && label(labels::ROLE) == Some(role.name_any().as_str())
    });
    let commit = source
        .checkout
        .as_ref()
        .map(|Checkout { commit, unfetched, .. }| SourceCommit { id: commit.clone(), unfetched: unfetched.clone() });
    let (unused, build) = (source.build.unused.clone(), source.is_built());
    let image = ObservedImage { source: fields, commit, unused, build, bases, found, others };
    Ok(Observed { source, image, nameless })
}

/// What the engine has.
struct EngineView {
    platform: String,
    bases: BTreeMap<String, Option<world::Image>>,
    /// Images that we built, the newest first.
    built: Vec<world::Image>,
    nameless: Vec<ImageId>,
}

async fn engine_view(context: &Context, source: &ObservedSource) -> Result<EngineView, EngineError> {
    let engine = &context.engine;
    let filter = LabelFilter::new().with(labels::OWNER, &context.site.owner.0);
    let bases = try_join_all(source.bases.iter().map(|base| engine.inspect_image(base)));
    let (info, bases, found) = tokio::try_join!(engine.ping(), bases, engine.list_images(&filter))?;
    let owner = &context.site.owner;
    let nameless = found.iter().filter(|image| owner.nameless(image)).map(|image| image.id.clone()).collect();
    // What only inherits our labels may hold anything.
    let mut built: Vec<_> = found.into_iter().filter(|image| owner.built(image)).collect();
    built.sort_by_key(|image| std::cmp::Reverse(image.created_at));
    let bases = source.bases.iter().cloned().zip(bases).collect();
    Ok(EngineView { platform: format!("{}/{}", info.os, info.arch), bases, built, nameless })
}

fn source_outcome(error: &SourceError) -> ImageOutcome {
    let reason = match error {
        SourceError::Untrusted { .. } => Reason::Untrusted,
        SourceError::SecretUndeclared { .. } => Reason::BuildSecretMissing,
        SourceError::Git(error) if error.is_unknown() => Reason::SourceUnreachable,
        _ => Reason::SourceUnreadable,
    };
    unresolved(reason, with_causes(error))
}

/// A repository that cannot be reached says nothing about an image that serves.
fn kept(status: &ImageStatus, outcome: ImageOutcome) -> ImageOutcome {
    match outcome {
        ImageOutcome::Unresolved { reason: reason @ Reason::SourceUnreachable, message } if status.image.is_some() => {
            ImageOutcome::Unknown(Unseen { reason, message })
        }
        other => other,
    }
}

fn unresolved(reason: Reason, message: String) -> ImageOutcome {
    ImageOutcome::Unresolved { reason, message }
}

fn reasons(plan: &ImagePlan) -> String {
    let texts: Vec<_> = plan
        .reasons
        .iter()
        .map(|reason| reason.change.as_ref().map_or_else(|| reason.reason.to_string(), ToString::to_string))
        .collect();
    texts.join(", ")
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
        ImageOutcome::GivenUp => Next::After(Duration::ZERO),
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
