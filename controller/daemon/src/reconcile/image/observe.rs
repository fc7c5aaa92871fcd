//! What is seen of a role's image: its source, and what the engine has. No registry is asked here.

use std::collections::BTreeMap;

use futures::future::try_join_all;
use jackin_api::kinds::{Image, ImageStatus, Role};
use jackin_api::words::{self as labels, Reason};
use jackin_plan::digest::digest_of;
use jackin_plan::image::{ObservedImage, counting};
use jackin_plan::names::ImageName;
use jackin_plan::status::{ImageOutcome, Unseen};
use jackin_plan::world;
use kube::ResourceExt;

use crate::context::Context;
use crate::docker::{EngineError, LabelFilter};
use crate::images::{ObservedSource, SourceError};
use crate::text::with_causes;

use super::unresolved;

/// What is seen of a role's source and of images that could serve, with nothing done about it.
pub(crate) async fn look(
    context: &Context,
    namespace: &str,
    role: &Role,
    object: &Image,
) -> Result<ObservedImage, ImageOutcome> {
    Ok(observe(context, namespace, object, role, None).await?.image)
}

/// What a pass sees.
pub(super) struct Observed {
    pub(super) source: ObservedSource,
    pub(super) image: ObservedImage,
    /// Images that bear our labels and no name.
    pub(super) nameless: Vec<world::Image>,
}

/// Reads the source and what the engine has for it.
pub(super) async fn observe(
    context: &Context,
    namespace: &str,
    object: &Image,
    role: &Role,
    asked: Option<&str>,
) -> Result<Observed, ImageOutcome> {
    let source = context.files.source(role, asked).await.map_err(|error| source_outcome(&error))?;
    let name = ImageName { owner: context.site.owner.clone(), namespace: namespace.to_owned(), role: role.name_any() };
    let none = ImageStatus::default();
    let status = object.status.as_ref().unwrap_or(&none);
    let served = status.image.as_ref().map(|image| image.id.as_str());
    let seen = engine_view(context, &source, role.spec.published_image.as_deref(), &name, served).await;
    let EngineView { platform, bases, published, built, kept, served, nameless } =
        seen.map_err(|error| ImageOutcome::Unknown(Unseen { reason: error.reason(), message: error.full_message() }))?;
    let mut fields = source.fields.clone();
    fields.0.insert("format".to_owned(), digest_of(&labels::FORMAT_VERSION));
    fields.0.insert("platform".to_owned(), digest_of(&platform));
    let (found, others) = built.into_iter().partition(|image| {
        let label = |key: &str| image.labels.get(key).map(String::as_str);
        label(labels::NAMESPACE) == Some(namespace) && label(labels::ROLE) == Some(name.role.as_str())
    });
    let commit = source.checkout.as_ref().map(|checkout| checkout.commit.clone());
    let image = ObservedImage {
        name,
        source: fields,
        commit,
        unfetched: source.unfetched(),
        unused: source.build.unused.clone(),
        build: source.is_built(),
        policy: role.spec.pull_policy,
        bases,
        published: role.spec.published_image.clone().map(|reference| (reference, published)),
        found,
        others,
        kept,
        served,
        looks: counting(&status.registry, context.clock.now()),
    };
    Ok(Observed { source, image, nameless })
}

/// What the engine has.
struct EngineView {
    platform: String,
    bases: BTreeMap<String, Option<world::Image>>,
    published: Option<world::Image>,
    /// Images that we built, the newest first.
    built: Vec<world::Image>,
    /// Images that were published for the role, the newest first.
    kept: Vec<world::Image>,
    served: Option<world::Image>,
    nameless: Vec<world::Image>,
}

async fn engine_view(
    context: &Context,
    source: &ObservedSource,
    published: Option<&str>,
    name: &ImageName,
    served: Option<&str>,
) -> Result<EngineView, EngineError> {
    let (engine, owner) = (&context.engine, &name.owner);
    // Those of others too: who published an image has labels of their own on it.
    let filter = LabelFilter::new().with(labels::COMPONENT, labels::COMPONENT_IMAGE);
    let bases = try_join_all(source.bases.iter().map(|base| engine.inspect_image(base)));
    let published = async {
        match published {
            Some(reference) => engine.inspect_image(reference).await,
            None => Ok(None),
        }
    };
    let (info, bases, published, mut found) =
        tokio::try_join!(engine.ping(), bases, published, engine.list_images(&filter))?;
    found.sort_by_key(|image| std::cmp::Reverse(image.created_at));
    let nameless = found.iter().filter(|image| owner.nameless(image)).cloned().collect();
    let served = match (served, found.iter().find(|image| Some(image.id.0.as_str()) == served)) {
        (Some(_), Some(image)) => Some(image.clone()),
        (Some(id), None) if source.is_built() => engine.inspect_image(id).await?,
        (_, None) | (None, Some(_)) => None,
    };
    let kept = found.iter().filter(|image| name.adopted(image)).cloned().collect();
    // What only inherits our labels may hold anything.
    let built = found.into_iter().filter(|image| owner.built(image)).collect();
    let bases = source.bases.iter().cloned().zip(bases).collect();
    let platform = format!("{}/{}", info.os, info.arch);
    Ok(EngineView { platform, bases, published, built, kept, served, nameless })
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
pub(super) fn kept(status: &ImageStatus, outcome: ImageOutcome) -> ImageOutcome {
    match outcome {
        ImageOutcome::Unresolved { reason: reason @ Reason::SourceUnreachable, message } if status.image.is_some() => {
            ImageOutcome::Unknown(Unseen { reason, message })
        }
        other => other,
    }
}
