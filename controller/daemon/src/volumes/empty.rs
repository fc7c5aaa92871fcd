//! The image of fillers: nothing at all, so that no registry is needed.

use jackin_plan::names::Owner;
use jackin_plan::world::ImageId;

use crate::docker::{Engine, EngineError};

/// [`COMPONENT`](jackin_api::words::COMPONENT) of this image.
const COMPONENT_EMPTY: &str = "empty";

/// The image, made when it is not there.
pub(super) async fn ensure(engine: &dyn Engine, owner: &Owner) -> Result<ImageId, EngineError> {
    let reference = format!("jackin-{}/empty:1", owner.0.get(..6).unwrap_or(&owner.0));
    if let Some(image) = engine.inspect_image(&reference).await? {
        return Ok(image.id);
    }
    // The end of an archive and nothing before it: two blocks of zeros.
    let archive = vec![0_u8; 1024].into();
    engine.import_image(archive, &reference, &owner.labels(COMPONENT_EMPTY)).await
}
