//! Where branches and tags of roles' repositories are now, so that one that moved is a changed object, as an edited folder is.

use jackin_api::SOURCE_DIGEST_ANNOTATION;
use jackin_daemon::client::Connection;
use serde::Deserialize;

use super::{Manifest, Object};
use crate::command_error::CommandError;

/// Notes the commit that each role's branch or tag is at now. Where that is not known, as nobody trusts the repository or nobody can
/// reach it, nothing is noted.
///
/// # Errors
/// When the controller does not answer.
pub(crate) async fn note_commits(connection: &Connection, manifests: &mut [Manifest]) -> Result<(), CommandError> {
    #[derive(Deserialize)]
    struct Answer {
        commit: Option<String>,
    }
    for manifest in manifests {
        let Object::Role(role) = &mut manifest.object else { continue };
        let Some(source) = role.spec.source.git.as_ref().filter(|source| source.commit.is_none()) else { continue };
        let Answer { commit } = connection.post_json("/jackin/v1/commit", source).await?;
        let annotations = role.metadata.annotations.get_or_insert_default();
        annotations.extend(commit.map(|commit| (SOURCE_DIGEST_ANNOTATION.to_owned(), commit)));
    }
    Ok(())
}
