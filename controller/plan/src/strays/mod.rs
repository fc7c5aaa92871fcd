//! What of ours nothing refers to, and what it takes to remove it.
//!
//! # Flow
//! [`strays`] compares everything that the engine has with everything that the store's objects refer to. What is left over is
//! shown; pruning removes what [`Options`] allow, and nothing else ever removes it.
//!
//! # Guarantees
//! Pure. Only what this installation made is a stray: see [`Owner::made`], [`Owner::built`] and
//! [`is_ours`](crate::network::is_ours). What a container that stays uses is no stray, whoever's container that is, and whether
//! it runs or not. A container with processes takes `force`, as sessions may live in it; a volume that may hold data takes
//! `volumes`; a named image, which could save a build, takes `images`, and is kept while it is young or there is room, as asked.
//!
//! # Assumptions
//! Both sides were read whole. A list that failed must not reach this function: what could not be read would look unreferenced.

mod images;

use std::collections::BTreeSet;
use std::fmt;

use jackin_api::words as labels;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::names::Owner;
use crate::network::is_ours;
use crate::world::{ContainerId, ContainerState, Image, ImageId, Labels, Network, Volume};

use images::images;

/// A container as far as pruning looks at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenContainer {
    /// Its id.
    pub id: ContainerId,
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: ContainerState,
    /// Its labels, the image's included.
    pub labels: Labels,
    /// The image that it was made from.
    pub image: ImageId,
    /// Names of its networks.
    pub networks: Vec<String>,
    /// Names of the volumes that it mounts.
    pub volumes: Vec<String>,
}

/// Everything that the engine has: all containers, networks and volumes with our owner id, and images that a jackin built.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inventory {
    /// Everybody's containers: they say what is in use.
    pub containers: Vec<SeenContainer>,
    /// Networks.
    pub networks: Vec<Network>,
    /// Volumes.
    pub volumes: Vec<Volume>,
    /// Images.
    pub images: Vec<Image>,
    /// When all this was looked at.
    pub at: Timestamp,
}

/// Everything that the store's objects refer to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct References {
    /// Namespace and identity of each instance.
    pub instances: BTreeSet<(String, String)>,
    /// Names of the networks that workspaces ask for.
    pub networks: BTreeSet<String>,
    /// Names of the volumes that an instance made now would mount.
    pub volumes: BTreeSet<String>,
    /// Agents whose program could not be told: all their volumes count as referred to.
    pub unread_agents: BTreeSet<String>,
    /// Ids of the images that serve.
    pub images: BTreeSet<String>,
    /// Recipes that are wanted or being built: an image of one may serve at any moment.
    pub recipes: BTreeSet<String>,
}

/// What pruning may remove besides what cannot be missed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Options {
    /// Volumes that may hold data.
    pub volumes: bool,
    /// Images that have their name.
    pub images: bool,
    /// Containers with processes.
    pub force: bool,
    /// Nothing but images.
    #[serde(default)]
    pub only_images: bool,
    /// Of the images, only those that were made so many seconds ago or longer. What keeps no time of its making is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub older_than_seconds: Option<u64>,
    /// Images go, the oldest first, only until those that remain of the unused ones take so many bytes together.
    ///
    /// Layers that several images share count in each of them, as in the engine's own lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_bytes: Option<u64>,
}

/// Kinds of strays, in the order in which they are removed: what uses others first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StrayKind {
    /// A container.
    Container,
    /// A network.
    Network,
    /// A volume.
    Volume,
    /// An image.
    Image,
}

impl fmt::Display for StrayKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Container => "container",
            Self::Network => "network",
            Self::Volume => "volume",
            Self::Image => "image",
        })
    }
}

/// Why something is a stray.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum StrayReason {
    /// The instance that it served does not exist.
    NoInstance,
    /// No workspace asks for it.
    NoWorkspace,
    /// It was made to fill a volume, and the filling was cut off.
    CutOff,
    /// It holds a program that no instance would be given now.
    NotMounted,
    /// No Image object serves it.
    NotServed,
}

/// What it takes to remove a stray.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Needs {
    /// [`Options::force`]: it has processes, and sessions may live in them.
    Force,
    /// [`Options::volumes`]: it may hold data.
    Volumes,
    /// [`Options::images`]: another build may have a use for it.
    Images,
    /// A lower [`Options::older_than_seconds`]: it is younger, or its age is not known.
    Age,
    /// A lower [`Options::keep_bytes`]: there is room for it.
    Room,
    /// These containers must leave it.
    Users(Vec<String>),
}

/// Something of ours that nothing refers to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stray {
    /// What it is.
    pub kind: StrayKind,
    /// The engine's id; the name, for a volume.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Why nothing refers to it.
    pub reason: StrayReason,
    /// What it takes to remove it, where being asked to prune is not enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs: Option<Needs>,
    /// Bytes, where the engine tells them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    /// When it was made, where the engine tells that of an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
}

impl Stray {
    /// Whether pruning with these options removes it.
    pub fn is_pruned(&self, options: Options) -> bool {
        match &self.needs {
            None => true,
            Some(Needs::Force) => options.force,
            Some(Needs::Volumes) => options.volumes,
            Some(Needs::Images) => options.images,
            Some(Needs::Age | Needs::Room | Needs::Users(_)) => false,
        }
    }
}

/// Everything of ours that nothing refers to, in the order in which it is removed.
pub fn strays(owner: &Owner, inventory: &Inventory, references: &References, options: Options) -> Vec<Stray> {
    if options.only_images {
        let stay: Vec<_> = inventory.containers.iter().collect();
        return images(owner, inventory, references, &stay, options);
    }
    let containers: Vec<_> =
        inventory.containers.iter().filter_map(|found| container(owner, found, references)).collect();
    let goes =
        |found: &&SeenContainer| containers.iter().any(|stray| stray.id == found.id.0 && stray.is_pruned(options));
    // What uses others: every container but those that go themselves.
    let stay: Vec<_> = inventory.containers.iter().filter(|found| !goes(found)).collect();
    let networks = inventory.networks.iter().filter_map(|found| network(owner, found, references, &stay));
    let networks: Vec<_> = networks.collect();
    let volumes = inventory.volumes.iter().filter_map(|found| volume(owner, found, references, &stay));
    let volumes: Vec<_> = volumes.collect();
    let images = images(owner, inventory, references, &stay, options);
    [containers, networks, volumes, images].concat()
}

fn container(owner: &Owner, found: &SeenContainer, references: &References) -> Option<Stray> {
    if !owner.made(&found.labels, &found.image) {
        return None;
    }
    let label = |key: &str| found.labels.get(key).cloned();
    let reason = match (label(labels::NAMESPACE), label(labels::INSTANCE)) {
        (Some(namespace), Some(instance)) => {
            (!references.instances.contains(&(namespace, instance))).then_some(StrayReason::NoInstance)?
        }
        _ if label(labels::COMPONENT).as_deref() == Some(labels::COMPONENT_FILLER) => StrayReason::CutOff,
        // Of a kind that this version does not know.
        _ => return None,
    };
    let needs = has_processes(found.state).then_some(Needs::Force);
    let (id, name) = (found.id.0.clone(), found.name.clone());
    Some(Stray { kind: StrayKind::Container, id, name, reason, needs, size_bytes: None, created_at: None })
}

fn network(owner: &Owner, found: &Network, references: &References, stay: &[&SeenContainer]) -> Option<Stray> {
    if !is_ours(owner, &found.labels) || references.networks.contains(&found.name) {
        return None;
    }
    let users = users(stay, |container| container.networks.contains(&found.name));
    let needs = (!users.is_empty()).then_some(Needs::Users(users));
    let (id, name) = (found.id.0.clone(), found.name.clone());
    Some(Stray {
        kind: StrayKind::Network,
        id,
        name,
        reason: StrayReason::NoWorkspace,
        needs,
        size_bytes: None,
        created_at: None,
    })
}

fn volume(owner: &Owner, found: &Volume, references: &References, stay: &[&SeenContainer]) -> Option<Stray> {
    let label = |key: &str| found.labels.get(key).cloned();
    let in_use = !users(stay, |container| container.volumes.contains(&found.name)).is_empty();
    if !owner.owns(&found.labels) || references.volumes.contains(&found.name) || in_use {
        return None;
    }
    let (reason, needs) = match label(labels::COMPONENT).as_deref() {
        Some(labels::COMPONENT_CAPSULE) => (StrayReason::NotMounted, None),
        Some(labels::COMPONENT_AGENT) => {
            let unread = label(labels::AGENT).is_none_or(|agent| references.unread_agents.contains(&agent));
            (!unread).then_some((StrayReason::NotMounted, None))?
        }
        // Everything else may hold data, and is kept for as long as its instance is there.
        Some(_) | None => {
            let instance = label(labels::NAMESPACE).zip(label(labels::INSTANCE));
            let kept = instance.is_none_or(|instance| references.instances.contains(&instance));
            (!kept).then_some((StrayReason::NoInstance, Some(Needs::Volumes)))?
        }
    };
    let name = found.name.clone();
    Some(Stray { kind: StrayKind::Volume, id: name.clone(), name, reason, needs, size_bytes: None, created_at: None })
}

fn users(containers: &[&SeenContainer], uses: impl Fn(&SeenContainer) -> bool) -> Vec<String> {
    containers.iter().filter(|container| uses(container)).map(|container| container.name.clone()).collect()
}

pub(crate) fn has_processes(state: ContainerState) -> bool {
    matches!(state, ContainerState::Running | ContainerState::Paused | ContainerState::Restarting)
}
