//! Images that builds left without a name: found, told from those of others, and removed.

use std::time::Duration;

use jackin_plan::names::is_label_of_ours;
use jackin_plan::world::Image;

use crate::context::Context;
use crate::docker::EngineError;

/// How long what cannot be removed yet is left alone.
const TIDY_AGAIN: Duration = Duration::from_secs(15);

/// Removes those of the images without a name that our builds left; when to look again for those that cannot be removed yet.
///
/// One that a container was made from stays, as the engine refuses; so does everything while a build runs, whose own steps look the
/// same. Nobody wakes the image when that has changed.
pub(super) async fn tidy(context: &Context, nameless: &[Image]) -> Option<Duration> {
    if nameless.is_empty() {
        return None;
    }
    if !context.builds.running().is_empty() {
        return Some(TIDY_AGAIN);
    }
    let mut again = None;
    for image in nameless {
        if let Err(error) = remove_leftover(context, image).await {
            tracing::debug!(error = %error.full_message(), "image kept");
            again = Some(TIDY_AGAIN);
        }
    }
    again
}

/// Removes an image without a name, unless somebody else made it from one of ours.
async fn remove_leftover(context: &Context, image: &Image) -> Result<(), EngineError> {
    if context.site.owner.unfinished(image) {
        return context.engine.remove_image(&image.id.0).await;
    }
    match context.engine.last_instruction(&image.id).await? {
        Some(instruction) if is_label_of_ours(&instruction) => context.engine.remove_image(&image.id.0).await,
        Some(_) | None => Ok(()),
    }
}
