//! What registries are asked: which content a name points to there.

use futures::future::join_all;
use jackin_api::kinds::{Image, RegistryLook};
use jackin_plan::image::{ObservedImage, fetched, with_looks};
use jackin_plan::status::{ImageOutcome, Unseen};

use crate::context::Context;
use crate::docker::{EngineError, EngineErrorCause};

/// Asks about each of these names, all at once.
pub(super) async fn ask(
    context: &Context,
    image: &Image,
    observed: &ObservedImage,
    references: &[String],
) -> ImageOutcome {
    let answers = join_all(references.iter().map(|reference| context.engine.registry_digest(reference))).await;
    let mut looks = Vec::new();
    for (reference, answer) in references.iter().zip(answers) {
        let (digest, trouble) = match answer {
            Ok(digest) => (digest, None),
            Err(error) if is_of_registry(&error) => (None, Some(error.full_message())),
            Err(error) => return unknown(&error),
        };
        let checked_at = context.clock.now();
        looks.push(RegistryLook { reference: reference.clone(), digest, checked_at, trouble });
    }
    heard(image, observed, &looks)
}

/// What follows from a name that was fetched, or was to be: the registry gave it, has none, or could not be asked.
pub(super) async fn look_of_pull(
    context: &Context,
    image: &Image,
    observed: &ObservedImage,
    reference: &str,
    pulled: Result<(), EngineError>,
) -> Result<ImageOutcome, EngineError> {
    let none = || RegistryLook {
        reference: reference.to_owned(),
        digest: None,
        checked_at: context.clock.now(),
        trouble: None,
    };
    let look = match pulled {
        Ok(()) => match context.engine.inspect_image(reference).await? {
            Some(found) => fetched(reference, &found, context.clock.now()),
            // Somebody took it away at once: then it is fetched again.
            None => return Ok(ImageOutcome::GivenUp),
        },
        Err(EngineError { cause: EngineErrorCause::ImageMissing { .. }, .. }) => none(),
        Err(error) if is_of_registry(&error) => RegistryLook { trouble: Some(error.full_message()), ..none() },
        Err(error) => return Err(error),
    };
    Ok(heard(image, observed, &[look]))
}

fn heard(image: &Image, observed: &ObservedImage, looks: &[RegistryLook]) -> ImageOutcome {
    let before = image.status.as_ref().map_or(&[][..], |status| &status.registry);
    ImageOutcome::Heard { registry: with_looks(observed, before, looks) }
}

/// Whether it is the registry that did not do what the engine asked of it; an engine that waits for one does not answer either.
fn is_of_registry(error: &EngineError) -> bool {
    match &error.cause {
        EngineErrorCause::Refused { .. }
        | EngineErrorCause::Timeout { .. }
        | EngineErrorCause::NotFound
        | EngineErrorCause::LoginNeeded { .. }
        | EngineErrorCause::LoginUnreadable { .. } => true,
        EngineErrorCause::Unreachable { .. }
        | EngineErrorCause::NotSupported { .. }
        | EngineErrorCause::NameConflict { .. }
        | EngineErrorCause::InUse { .. }
        | EngineErrorCause::Ambiguous { .. }
        | EngineErrorCause::BuildFailed { .. }
        | EngineErrorCause::NoBuildKit
        | EngineErrorCause::Cancelled
        | EngineErrorCause::NoSpace { .. }
        | EngineErrorCause::ReadOnly { .. }
        | EngineErrorCause::ImageMissing { .. }
        | EngineErrorCause::BadArchive { .. }
        | EngineErrorCause::BadAnswer { .. } => false,
    }
}

fn unknown(error: &EngineError) -> ImageOutcome {
    ImageOutcome::Unknown(Unseen { reason: error.reason(), message: error.full_message() })
}
