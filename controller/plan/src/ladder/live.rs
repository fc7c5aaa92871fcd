//! What differs from the desired state and can change under running processes.

use jackin_api::words::{Change, ChangeKind, Digest};

use crate::digest::digest_of;
use crate::launch;
use crate::observed::Capsule;
use crate::world::Container;

use super::Situation;
use super::network::{self, NETWORK};

/// The field of a live change that is about what new sessions get: variables, references and modes of credentials.
const ENVIRONMENT: &str = "sessions.environment";

/// Whether a change is one that the engine's update of a container brings.
pub(super) fn is_update(change: &Change) -> bool {
    change.field != NETWORK && !is_environment(change)
}

/// Whether a change is about what new sessions get.
pub(super) fn is_environment(change: &Change) -> bool {
    change.field == ENVIRONMENT
}

/// Every live change of a container.
pub(super) fn changes(situation: &Situation<'_>, container: &Container) -> Vec<Change> {
    let desired = situation.desired;
    let change = |field: &str, old: String, new: String| {
        (old != new).then(|| Change {
            field: field.to_owned(),
            change: ChangeKind::Changed,
            old: Some(digest_of(&old)),
            new: Some(digest_of(&new)),
        })
    };
    let text = |limit: Option<i64>| limit.map_or_else(|| "none".to_owned(), |limit| limit.to_string());
    let (is, wanted) = (container.limits, desired.limits);
    [
        change("resources.cpus", text(is.nano_cpus), text(wanted.nano_cpus)),
        change("resources.memory", text(is.memory_bytes), text(wanted.memory_bytes)),
        change("resources.pids", text(is.pids), text(wanted.pids)),
        change("lifecycle.restartPolicy", format!("{:?}", container.restart), format!("{:?}", desired.restart_policy)),
        network::change(situation, container),
        environment(situation),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What new sessions get, where the capsule says that it has something else.
fn environment(situation: &Situation<'_>) -> Option<Change> {
    let Capsule::Answers(status) = &situation.observed.capsule else { return None };
    let new = launch::personalisation(situation.desired).digest;
    let old = status.environment_digest.clone().map(Digest);
    let change = if old.is_some() { ChangeKind::Changed } else { ChangeKind::Added };
    (old.as_ref() != Some(&new)).then(|| Change { field: ENVIRONMENT.to_owned(), change, old, new: Some(new) })
}
