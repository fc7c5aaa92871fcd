//! The rungs, from the cheapest: what keeps each from reaching the desired state.

use jackin_api::words::{Change, PlanKind, Rejection, RejectionReason};

use crate::backoff::last_failure;
use crate::desired::DesiredImage;
use crate::launch;
use crate::world::ContainerState;

use super::validity::Current;
use super::{Situation, sidecar};

/// Quick ends in a row after which a container is replaced instead of started again.
const MOST_START_FAILURES: u32 = 4;

/// What somebody asks for beyond the spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Nothing.
    Nothing,
    /// That what runs is started anew, with the versions of now.
    Restart,
    /// The same, in another container.
    Recreate,
}

impl Asked {
    /// What is asked for and was not served yet.
    pub(super) fn of(situation: &Situation<'_>) -> Self {
        match &situation.desired.restart {
            None => Self::Nothing,
            Some(request) if request.recreate => Self::Recreate,
            Some(_) => Self::Restart,
        }
    }
}

/// The lowest rung that reaches the desired state, with every lower one and why it does not.
#[derive(Clone, Debug)]
pub(super) struct Repair {
    pub(super) plan: PlanKind,
    pub(super) rejected: Vec<Rejection>,
}

type Obstacle = (RejectionReason, String);

/// Climbs until a rung has no obstacle. Who is in the way is not asked here: that decides when, not what.
pub(super) fn climb(situation: &Situation<'_>, current: Option<&Current<'_>>, asked: Asked) -> Repair {
    let rungs = [
        (PlanKind::AttachExisting, attach_obstacle(situation, current, asked)),
        (PlanKind::StartStopped, start_obstacle(situation, current, asked)),
        (PlanKind::ClaimWarm, Some((RejectionReason::NoWarmPool, "the workspace keeps no ready instances".to_owned()))),
        (PlanKind::CreateFromValidImage, image_obstacle(situation)),
    ];
    let mut rejected = Vec::new();
    for (plan, obstacle) in rungs {
        let Some((reason, message)) = obstacle else { return Repair { plan, rejected } };
        rejected.push(Rejection { plan, reason, message });
    }
    Repair { plan: PlanKind::BuildAndCreate, rejected }
}

/// Why the container cannot simply be kept.
fn attach_obstacle(situation: &Situation<'_>, current: Option<&Current<'_>>, asked: Asked) -> Option<Obstacle> {
    let Some(current) = current else { return Some(nothing_there(situation)) };
    match current.state() {
        ContainerState::Paused => Some((RejectionReason::ContainerPaused, "it is paused".to_owned())),
        ContainerState::Dead | ContainerState::Removing => Some(half_removed()),
        ContainerState::Created => Some((RejectionReason::ContainerNotRunning, "it was never started".to_owned())),
        ContainerState::Exited => {
            let how = current.container.exit.as_ref().map_or_else(String::new, |exit| format!(" with {}", exit.code));
            Some((RejectionReason::ContainerNotRunning, format!("it exited{how}")))
        }
        ContainerState::Running | ContainerState::Restarting => fixed(current).or_else(|| {
            let message = || "somebody asked for a restart".to_owned();
            match (asked, &situation.desired.restart) {
                (Asked::Nothing, _) => None,
                (Asked::Restart | Asked::Recreate, Some(_)) => Some((RejectionReason::RestartRequested, message())),
                (Asked::Restart | Asked::Recreate, None) => Some(left_to_a_restart(situation, current)),
            }
        }),
    }
}

/// Why starting the container, after ending what runs in it, would not do.
fn start_obstacle(situation: &Situation<'_>, current: Option<&Current<'_>>, asked: Asked) -> Option<Obstacle> {
    let Some(current) = current else { return Some(nothing_there(situation)) };
    match current.state() {
        ContainerState::Dead | ContainerState::Removing => Some(half_removed()),
        // What is frozen is thawed before anything else is decided: only then can it be asked about its sessions.
        ContainerState::Paused if asked == Asked::Nothing => None,
        ContainerState::Created | ContainerState::Exited if starts_in_vain(situation, current) => {
            Some((RejectionReason::StartFailed, "it was started often and never stayed up".to_owned()))
        }
        ContainerState::Created | ContainerState::Exited => {
            fixed(current).or_else(|| outdated(current, asked)).or_else(|| built_again(current))
        }
        ContainerState::Paused | ContainerState::Running | ContainerState::Restarting => {
            fixed(current).or_else(|| outdated(current, asked))
        }
    }
}

/// What a restart would bring to a container that runs, while nobody has asked for one.
fn left_to_a_restart(situation: &Situation<'_>, current: &Current<'_>) -> Obstacle {
    if !current.launch_changes.is_empty() {
        return (RejectionReason::VersionChanged, fields(current.launch_changes.iter().collect()));
    }
    if !current.replaced_mounts.is_empty() {
        return (RejectionReason::MountReplaced, fields(current.replaced_mounts.iter().collect()));
    }
    let mut changes = Vec::new();
    sidecar::look(situation).add_differences(&mut changes);
    (RejectionReason::VersionChanged, fields(changes.iter().collect()))
}

/// Why no container can be made from an image that is there.
fn image_obstacle(situation: &Situation<'_>) -> Option<Obstacle> {
    match &situation.desired.image {
        DesiredImage::Valid(_) => None,
        DesiredImage::Invalid { why, .. } => Some((RejectionReason::ImageInvalid, why.clone())),
    }
}

fn nothing_there(situation: &Situation<'_>) -> Obstacle {
    // The only ones that are not a current container are those that are going.
    match situation.observed.containers.iter().min_by_key(|container| &container.id) {
        Some(going) => (RejectionReason::ContainerRemoving, format!("the engine is removing `{}`", going.name)),
        None => (RejectionReason::ContainerMissing, "there is no container".to_owned()),
    }
}

fn half_removed() -> Obstacle {
    (RejectionReason::ContainerDead, "it is half removed".to_owned())
}

/// What its creation fixed and is not as wanted, apart from versions.
fn fixed(current: &Current<'_>) -> Option<Obstacle> {
    if current.launch_unreadable {
        let message = "the container does not say what it was made from";
        return Some((RejectionReason::LaunchUnreadable, message.to_owned()));
    }
    let changes: Vec<_> = current.launch_changes.iter().filter(|change| !launch::is_version(change)).collect();
    (!changes.is_empty()).then(|| (RejectionReason::LaunchChanged, fields(changes)))
}

/// What a restart brings that the container cannot be given.
fn outdated(current: &Current<'_>, asked: Asked) -> Option<Obstacle> {
    match asked {
        Asked::Nothing => None,
        // One that was never started is as new as another one.
        Asked::Recreate if current.state() != ContainerState::Created => {
            Some((RejectionReason::RestartRequested, "somebody asked for another container".to_owned()))
        }
        Asked::Restart | Asked::Recreate => (!current.launch_changes.is_empty())
            .then(|| (RejectionReason::VersionChanged, fields(current.launch_changes.iter().collect()))),
    }
}

/// A build of its image that somebody asked for, which no start of this container would bring.
fn built_again(current: &Current<'_>) -> Option<Obstacle> {
    let changes: Vec<_> = current.launch_changes.iter().filter(|change| launch::is_requested_build(change)).collect();
    (!changes.is_empty()).then(|| (RejectionReason::VersionChanged, fields(changes)))
}

fn fields(changes: Vec<&Change>) -> String {
    let fields: Vec<_> = changes.into_iter().map(ToString::to_string).collect();
    fields.join(", ")
}

/// Whether this container was started often enough and never stayed up, so that only another one can help.
fn starts_in_vain(situation: &Situation<'_>, current: &Current<'_>) -> bool {
    let retry = situation.memory.status.retry.as_ref();
    let Some(retry) = retry.filter(|retry| retry.generation == situation.memory.generation) else { return false };
    // A replacement has tries of its own before it is replaced as well: it was made after the failures that led to it.
    let tried = current.container.created_at.is_some_and(|made| made < last_failure(retry));
    tried && retry.ends > 0 && retry.ends.is_multiple_of(MOST_START_FAILURES)
}
