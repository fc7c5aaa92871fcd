//! Where branches and tags of roles' repositories are now, so that one that moved is a changed object, as an edited folder is.

use jackin_api::SOURCE_DIGEST_ANNOTATION;

use super::{Manifest, Object};
use crate::command_error::CommandError;
use crate::context::Controller;

/// Notes the commit that each role's branch or tag is at now. Where that is not known, as nobody trusts the repository or nobody can
/// reach it, nothing is noted.
///
/// # Errors
/// When the controller does not answer.
pub(crate) async fn note_commits(controller: Controller<'_>, manifests: &mut [Manifest]) -> Result<(), CommandError> {
    for manifest in manifests {
        let Object::Role(role) = &mut manifest.object else { continue };
        let Some(source) = role.spec.source.git.as_ref().filter(|source| source.commit.is_none()) else { continue };
        let commit = controller.commit(source).await?;
        let annotations = role.metadata.annotations.get_or_insert_default();
        annotations.extend(commit.map(|commit| (SOURCE_DIGEST_ANNOTATION.to_owned(), commit)));
    }
    Ok(())
}
