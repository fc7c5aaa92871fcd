//! What can be kept of what is there, and every way in which it differs from what is wanted.

use jackin_api::words::{self as labels, Change, ChangeKind, DigestMap};

use crate::desired::ServingImage;
use crate::digest::{digest_of, digest_of_map};
use crate::launch;
use crate::observed::Capsule;
use crate::recipe;
use crate::world::{Container, ContainerState};

use super::{Situation, has_processes, live};

/// The container that serves the instance, or would.
pub(crate) struct Current<'a> {
    /// The container.
    pub(crate) container: &'a Container,
    /// Other containers of the instance: left behind by an interrupted replacement.
    pub(crate) others: Vec<&'a Container>,
    /// Of these one that fits and was never started: the replacement, if there is to be one.
    pub(crate) made: Option<Box<Current<'a>>>,
    /// How its launch differs from the desired one, as far as that is known.
    pub(crate) launch_changes: Vec<Change>,
    /// Fields of the recipe behind a changed `image`.
    pub(crate) recipe_changes: Vec<Change>,
    /// Whether its labels do not say what it was made from.
    pub(crate) launch_unreadable: bool,
    /// Mounts that show another file or folder than their source is now.
    pub(crate) replaced_mounts: Vec<Change>,
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

    /// What only ends with the processes that run: launch changes, and mounts that show what is no longer there.
    pub(crate) fn lasting_changes(&self) -> Vec<Change> {
        let mut all = self.all_launch_changes();
        all.extend(self.replaced_mounts.iter().cloned());
        all
    }

    /// Everything that differs.
    pub(crate) fn all_changes(&self) -> Vec<Change> {
        let mut all = self.lasting_changes();
        all.extend(self.live_changes.iter().cloned());
        all
    }
}

/// A container with what differs between its launch and the wanted one.
struct Candidate<'a> {
    container: &'a Container,
    changes: Vec<Change>,
    unreadable: bool,
}

/// The container that serves: of several one that runs, then one that differs least, then one under its final name.
pub(crate) fn current<'a>(situation: &Situation<'a>, image: Option<&ServingImage>) -> Option<Current<'a>> {
    let wanted = launch::fields(situation.site, situation.desired, situation.observed, image);
    let there = situation.observed.containers.iter().filter(|container| container.state != ContainerState::Removing);
    let candidates: Vec<_> = there.map(|container| candidate(situation, container, &wanted)).collect();
    let chosen = candidates.iter().max_by_key(|candidate| rank(situation, candidate))?;
    let made = candidates.iter().find(|made| {
        let new = made.container.state == ContainerState::Created && made.container.id != chosen.container.id;
        let asked = situation.desired.restart.is_some();
        let stays = |change: &Change| launch::is_version(change) && !launch::is_requested_build(change) && !asked;
        new && !made.unreadable && made.changes.iter().all(stays)
    });
    let mut current = about(situation, image, chosen, &candidates);
    current.made = made.map(|made| Box::new(about(situation, image, made, &candidates)));
    Some(current)
}

fn about<'a>(
    situation: &Situation<'a>,
    image: Option<&ServingImage>,
    chosen: &Candidate<'a>,
    all: &[Candidate<'a>],
) -> Current<'a> {
    let others = all.iter().map(|candidate| candidate.container);
    let (container, launch_changes) = (chosen.container, chosen.changes.clone());
    let recipe_changes = match image {
        Some(image) if launch_changes.iter().any(|change| change.field == "image") => recipe_changes(container, image),
        _ => Vec::new(),
    };
    Current {
        container,
        others: others.filter(|other| other.id != container.id).collect(),
        made: None,
        replaced_mounts: replaced_mounts(situation, container, &launch_changes),
        launch_changes,
        recipe_changes,
        launch_unreadable: chosen.unreadable,
        live_changes: live::changes(situation, container),
        answers: matches!(situation.observed.capsule, Capsule::Answers(_)),
    }
}

/// How well a container would serve.
///
/// A live one beats a replacement that was made and never started: whoever interrupted the swap may have changed the spec, and
/// sessions are in the live one.
fn rank(situation: &Situation<'_>, candidate: &Candidate<'_>) -> impl Ord + use<> {
    let key = &situation.desired.key;
    let Candidate { container, changes, unreadable } = candidate;
    let fits = !unreadable && changes.iter().all(launch::is_version);
    (
        has_processes(container.state),
        container.state != ContainerState::Dead,
        fits,
        changes.is_empty(),
        container.state == ContainerState::Running,
        container.name == situation.site.owner.container(&key.namespace, &key.name),
        container.created_at,
        container.id.clone(),
    )
}

/// How the launch of a container differs from the wanted one, and whether it does not say what it was made from.
fn candidate<'a>(situation: &Situation<'_>, container: &'a Container, wanted: &DigestMap) -> Candidate<'a> {
    let label = container.labels.get(labels::LAUNCH_FIELDS);
    if let Some(fields) = label.and_then(|text| serde_json::from_str::<DigestMap>(text).ok()) {
        let changes = launch::changes(&fields, wanted, situation.observed);
        return Candidate { container, changes, unreadable: false };
    }
    let change = if label.is_some() { ChangeKind::Changed } else { ChangeKind::Added };
    let new = Some(digest_of_map(wanted));
    let changes = vec![Change { field: "launch".to_owned(), change, old: label.map(digest_of), new }];
    Candidate { container, changes, unreadable: true }
}

fn recipe_changes(container: &Container, image: &ServingImage) -> Vec<Change> {
    let label = container.labels.get(labels::RECIPE_FIELDS);
    let Some(old) = label.and_then(|text| serde_json::from_str::<DigestMap>(text).ok()) else {
        return Vec::new();
    };
    let prefixed = |change: Change| Change { field: format!("image.{}", change.field), ..change };
    recipe::changes(&old, &image.fields).into_iter().map(prefixed).collect()
}

/// Mounts whose source became another file or folder since the container was started: it goes on showing the one that it has.
fn replaced_mounts(situation: &Situation<'_>, container: &Container, launch_changes: &[Change]) -> Vec<Change> {
    if container.state != ContainerState::Running {
        return Vec::new();
    }
    // A mount with another path, or none so far, is told as that.
    let moved = |target: &String| {
        let field = format!("mounts[{target}].source");
        launch_changes.iter().any(|change| change.field == field)
    };
    let seen = situation.observed.mounted.iter().filter(|(target, _)| !moved(target));
    seen.filter(|(_, mounted)| mounted.shown != mounted.source)
        .map(|(target, mounted)| Change {
            field: format!("mounts[{target}].file"),
            change: ChangeKind::Changed,
            old: Some(digest_of(&mounted.shown)),
            new: Some(digest_of(&mounted.source)),
        })
        .collect()
}
