//! What containers that ended printed last.

use jackin_plan::resolve::Snapshot;
use jackin_plan::status::ended_early;
use jackin_plan::world::{Container, ContainerId};

use crate::context::Context;
use crate::text::printable;

/// Lines of a container's log that a failure shows.
const LOG_LINES: usize = 20;

/// What the newest container printed, where it ended soon after its start and nobody has read that yet; what
/// was stopped on purpose has nothing to tell.
pub(super) async fn output(context: &Context, snapshot: &Snapshot, containers: &[Container]) -> Option<String> {
    if snapshot.instance.rests() {
        return None;
    }
    let newest = containers.iter().max_by_key(|container| container.created_at)?;
    let ended = newest.exit.as_ref().filter(|_| ended_early(newest, context.clock.now()))?;
    let retry = snapshot.instance.status.as_ref().and_then(|status| status.retry.as_ref());
    let known = retry.and_then(|retry| retry.last_exit.as_ref());
    match known {
        Some(known) if known.at == ended.finished_at => None,
        Some(_) | None => Some(last_lines(context, &newest.id).await),
    }
}

/// The last lines that a container printed, fit to be shown; why they cannot be read, where they cannot.
pub(super) async fn last_lines(context: &Context, id: &ContainerId) -> String {
    match context.engine.container_logs(id, LOG_LINES).await {
        Ok(log) => printable(&log),
        Err(error) => format!("({})", error.full_message()),
    }
}
