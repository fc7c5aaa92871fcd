//! What can be kept of what is there.

use jackin_api::words::{self as labels, Change, DigestMap, RejectionReason};

use crate::backoff::STEADY_SECONDS;
use crate::desired::ServingImage;
use crate::digest::digest_of_map;
use crate::launch;
use crate::observed::Capsule;
use crate::recipe;
use crate::world::{Container, ContainerState};

use super::{Situation, has_processes};

/// Quick ends in a row after which a container is replaced instead of started again.
const MOST_START_FAILURES: u32 = 6;

/// The container that serves the instance, or would.
pub(crate) struct Current<'a> {
    /// The container.
    pub(crate) container: &'a Container,
    /// Other containers of the instance: left behind by an interrupted replacement.
    pub(crate) others: Vec<&'a Container>,
    /// How its launch differs from the desired one; empty also while the desired one is not known.
    pub(crate) launch_changes: Vec<Change>,
    /// Fields of the recipe behind a changed `image`.
    pub(crate) recipe_changes: Vec<Change>,
    /// Whether its labels do not say what it was made from.
    pub(crate) launch_unreadable: bool,
    /// What differs and can change under it.
    pub(crate) live_changes: Vec<Change>,
    /// Whether its capsule answers.
    pub(crate) answers: bool,
}

impl Current<'_> {
    pub(crate) fn state(&self) -> ContainerState {
        self.container.state
    }

    /// Whether there are processes that a replacement would end.
    pub(crate) fn is_alive(&self) -> bool {
        has_processes(self.state())
    }

    /// Launch changes, with the recipe's fields behind a changed image.
    pub(crate) fn all_launch_changes(&self) -> Vec<Change> {
        self.launch_changes.iter().chain(&self.recipe_changes).cloned().collect()
    }

    /// Everything that differs.
    pub(crate) fn all_changes(&self) -> Vec<Change> {
        let mut all = self.all_launch_changes();
        all.extend(self.live_changes.iter().cloned());
        all
    }
}

/// The container that serves: of several, the one whose launch is the desired one, then a running one, then one under its final
/// name.
pub(crate) fn current<'a>(situation: &Situation<'a>, image: Option<&ServingImage>) -> Option<Current<'a>> {
    let owner = &situation.site.owner;
    let name = owner.container(&situation.desired.key.namespace, &situation.desired.key.name);
    let wanted = image.map(|image| launch::fields(situation.site, situation.desired, situation.observed, image));
    let digest = wanted.as_ref().map(|fields| digest_of_map(fields).0);
    let rank = |container: &&Container| {
        let desired = digest.is_some() && container.labels.get(labels::LAUNCH) == digest.as_ref();
        let usable = !matches!(container.state, ContainerState::Dead | ContainerState::Removing);
        (
            usable,
            desired,
            container.state == ContainerState::Running,
            container.name == name,
            container.created_at,
            container.id.clone(),
        )
    };
    // A live container beats a replacement that was made and never started: whoever interrupted the swap may have changed the
    // spec, and sessions are in the live one.
    let there = || situation.observed.containers.iter().filter(|container| container.state != ContainerState::Removing);
    let alive = there().filter(|container| has_processes(container.state)).max_by_key(rank);
    let container = alive.or_else(|| there().max_by_key(rank))?;
    let others = there().filter(|other| other.id != container.id).collect();
    let fields = container.labels.get(labels::LAUNCH_FIELDS).map(|text| serde_json::from_str::<DigestMap>(text));
    let (launch_changes, launch_unreadable) = match (&fields, &wanted) {
        (Some(Ok(fields)), Some(wanted)) => (launch::changes(fields, wanted, situation.observed), false),
        (Some(Ok(_)), None) => (Vec::new(), false),
        (Some(Err(_)) | None, _) => (Vec::new(), true),
    };
    let recipe_changes = match image {
        Some(image) if launch_changes.iter().any(|change| change.field == "image") => recipe_changes(container, image),
        _ => Vec::new(),
    };
    let answers = matches!(situation.observed.capsule, Capsule::Answers(_));
    let live_changes = super::steps::live_changes(situation, container);
    Some(Current { container, others, launch_changes, recipe_changes, launch_unreadable, live_changes, answers })
}

fn recipe_changes(container: &Container, image: &ServingImage) -> Vec<Change> {
    let label = container.labels.get(labels::RECIPE_FIELDS);
    let Some(old) = label.and_then(|text| serde_json::from_str::<DigestMap>(text).ok()) else {
        return Vec::new();
    };
    let prefixed = |change: Change| Change { field: format!("image.{}", change.field), ..change };
    recipe::changes(&old, &image.fields).into_iter().map(prefixed).collect()
}

type Obstacle = (RejectionReason, String);

/// Why the container cannot simply be kept.
pub(crate) fn attach_obstacle(
    current: Option<&Current<'_>>,
    replace: Option<&Obstacle>,
    requested: bool,
) -> Option<Obstacle> {
    let Some(current) = current else {
        return Some((RejectionReason::ContainerMissing, "there is no container".to_owned()));
    };
    match current.state() {
        ContainerState::Running | ContainerState::Restarting => {}
        ContainerState::Paused => return Some((RejectionReason::ContainerPaused, "it is paused".to_owned())),
        ContainerState::Dead | ContainerState::Removing => {
            return Some((RejectionReason::ContainerDead, "it is half removed".to_owned()));
        }
        ContainerState::Created => {
            return Some((RejectionReason::ContainerNotRunning, "it was never started".to_owned()));
        }
        ContainerState::Exited => {
            let how = current.container.exit.as_ref().map_or_else(String::new, |exit| format!(" with {}", exit.code));
            return Some((RejectionReason::ContainerNotRunning, format!("it exited{how}")));
        }
    }
    let restart = || (RejectionReason::RestartRequested, "somebody asked for a restart".to_owned());
    replace.cloned().or_else(|| requested.then(restart))
}

/// Why starting the container would not do.
pub(crate) fn start_obstacle(
    situation: &Situation<'_>,
    current: Option<&Current<'_>>,
    replace: Option<&Obstacle>,
) -> Option<Obstacle> {
    let Some(current) = current else {
        return Some((RejectionReason::ContainerMissing, "there is no container".to_owned()));
    };
    match current.state() {
        ContainerState::Dead | ContainerState::Removing => {
            return Some((RejectionReason::ContainerDead, "it is half removed".to_owned()));
        }
        ContainerState::Created | ContainerState::Exited if starts_in_vain(situation, current) => {
            return Some((RejectionReason::StartFailed, "it was started often and never stayed up".to_owned()));
        }
        ContainerState::Created
        | ContainerState::Exited
        | ContainerState::Paused
        | ContainerState::Running
        | ContainerState::Restarting => {}
    }
    replace.cloned()
}

/// Whether this container was started often enough and never stayed up, so that only another one can help.
fn starts_in_vain(situation: &Situation<'_>, current: &Current<'_>) -> bool {
    let retry = situation.memory.status.retry.as_ref();
    let failures =
        retry.filter(|retry| retry.generation == situation.memory.generation).map_or(0, |retry| retry.failures);
    let made = current.container.created_at;
    // A replacement that fails as well is not replaced again and again: its own failures have to add up first.
    failures > 0
        && failures.is_multiple_of(MOST_START_FAILURES)
        && made.is_some_and(|made| situation.now.duration_since(made).as_secs() > STEADY_SECONDS)
}
