//! Builds that nobody wants any more: given up while they run, and what they left removed afterwards.

use std::time::Duration;

use jackin_api::kinds::Image;
use jackin_plan::world::ImageId;
use kube::Api;
use kube::runtime::wait::await_condition;

use crate::context::Context;

/// Waits until the image is wanted otherwise than by this generation, or not any more.
pub(super) async fn superseded(images: &Api<Image>, name: &str, generation: i64) {
    let otherwise = move |now: Option<&Image>| {
        let same = |now: &Image| now.metadata.generation.unwrap_or_default() == generation;
        !now.is_some_and(|now| same(now) && now.metadata.deletion_timestamp.is_none())
    };
    if await_condition(images.clone(), name, otherwise).await.is_err() {
        // Who cannot tell does not interrupt.
        std::future::pending().await
    }
}

/// How long what cannot be removed yet is left alone.
const TIDY_AGAIN: Duration = Duration::from_secs(15);

/// Removes images that builds have left; when to look again for those that cannot be removed yet.
///
/// One that a container was made from stays, as the engine refuses; so does everything while a build runs. Nobody wakes the image
/// when that has changed.
pub(super) async fn tidy(context: &Context, leftovers: Vec<ImageId>) -> Option<Duration> {
    let mut again = None;
    let building = !context.builds.running().is_empty();
    for image in leftovers {
        if building {
            return Some(TIDY_AGAIN);
        }
        if let Err(error) = context.engine.remove_image(&image.0).await {
            tracing::debug!(error = %error.full_message(), "image kept");
            again = Some(TIDY_AGAIN);
        }
    }
    again
}
