//! The network of a workspace: what it is called, how it is made, and whether one that has the name will do.
//!
//! # Guarantees
//! A network is changed by making the other one beside it, connecting containers to that, and only then disconnecting them: at no
//! moment is a running container without a network. What is left of the old one is removed by the workspace's controller, when it
//! is ours and nobody is on it: see [`surplus`].
//!
//! # Caveats
//! A network of somebody else's is used as it is where the name says so, as users of Compose expect of an external one. It is
//! refused only where it would give instances a way out that their spec denies them.

use std::collections::BTreeSet;
use std::fmt;

use jackin_api::kinds::{Workspace, WorkspaceNetwork};
use jackin_api::words as labels;
use kube::ResourceExt;

use crate::desired::Desired;
use crate::names::Owner;
use crate::observed::Observed;
use crate::strays::{SeenContainer, has_processes};
use crate::world::{Labels, Network, NetworkSpec};

/// Name of the network that an instance should be on.
pub fn name(owner: &Owner, desired: &Desired) -> String {
    name_for(owner, &desired.key.namespace, &desired.workspace, &desired.network)
}

/// Name of the network of a workspace that asks for this one.
pub fn name_for(owner: &Owner, namespace: &str, workspace: &str, wanted: &WorkspaceNetwork) -> String {
    match (&wanted.name, wanted.internal) {
        (Some(name), _) => name.clone(),
        (None, false) => owner.network(namespace, workspace),
        (None, true) => owner.internal_network(namespace, workspace),
    }
}

/// The network to make for an instance, when none has the name.
pub fn spec(owner: &Owner, desired: &Desired) -> NetworkSpec {
    let mut all = owner.labels(labels::COMPONENT_NETWORK);
    all.insert(labels::NAMESPACE.to_owned(), desired.key.namespace.clone());
    all.insert(labels::WORKSPACE.to_owned(), desired.workspace.clone());
    NetworkSpec { name: name(owner, desired), labels: all, internal: desired.network.internal }
}

/// Whether a network with these labels was made by this installation.
pub fn is_ours(owner: &Owner, found: &Labels) -> bool {
    owner.owns(found) && found.get(labels::COMPONENT).map(String::as_str) == Some(labels::COMPONENT_NETWORK)
}

/// What there is of the wanted name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fitness {
    /// Nothing: it is made.
    Missing,
    /// A network of ours.
    Ours,
    /// A network of somebody else's, which is used as it is, told of, and never removed.
    NotOurs,
    /// Nothing that could be used.
    Unfit(NetworkTrouble),
}

/// Why the network of the wanted name cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetworkTrouble {
    /// It has the name that only ours should have, and bears the owner id of another installation.
    LookAlike {
        /// Its name.
        name: String,
        /// The owner id that it bears.
        owner: String,
    },
    /// Several networks have the name.
    Ambiguous {
        /// The name.
        name: String,
        /// How many.
        count: usize,
    },
    /// The spec wants no way out, and it has one.
    LetsOut {
        /// Its name.
        name: String,
    },
}

impl NetworkTrouble {
    /// The trouble in one word.
    pub fn reason(&self) -> labels::Reason {
        match self {
            Self::LookAlike { .. } => labels::Reason::NameConflict,
            Self::Ambiguous { .. } => labels::Reason::NetworkAmbiguous,
            Self::LetsOut { .. } => labels::Reason::NetworkNotInternal,
        }
    }
}

impl fmt::Display for NetworkTrouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LookAlike { name, owner } => write!(
                formatter,
                "network `{name}` belongs to another installation (owner {owner}) and is not touched; `docker network rm {name}` \
                 when nobody needs it, or choose another with `spec.network.name`"
            ),
            Self::Ambiguous { name, count } => write!(
                formatter,
                "{count} networks are called `{name}`; `docker network ls --filter name={name}` lists them, and \
                 `docker network rm ID` removes the surplus ones"
            ),
            Self::LetsOut { name } => write!(
                formatter,
                "network `{name}` has a way out and `spec.network.internal` denies it; name another, or `docker network rm {name}` \
                 when nobody needs it"
            ),
        }
    }
}

/// Whether what there is of the wanted name will do.
pub fn fitness(owner: &Owner, desired: &Desired, observed: &Observed) -> Fitness {
    let name = name(owner, desired);
    if observed.namesakes > 1 {
        return Fitness::Unfit(NetworkTrouble::Ambiguous { name, count: observed.namesakes });
    }
    let Some(network) = &observed.network else { return Fitness::Missing };
    if desired.network.internal && !network.internal {
        return Fitness::Unfit(NetworkTrouble::LetsOut { name });
    }
    if is_ours(owner, &network.labels) {
        return Fitness::Ours;
    }
    match network.labels.get(labels::OWNER) {
        // Only our own names can be mistaken for ours; one that the spec names is meant, whoever made it.
        Some(other) if desired.network.name.is_none() => {
            Fitness::Unfit(NetworkTrouble::LookAlike { name, owner: other.clone() })
        }
        Some(_) | None => Fitness::NotOurs,
    }
}

/// Networks of ours that were made for this workspace, or are the one it asks for, and that no workspace asks for any more.
///
/// `workspaces` are all that there are; those that are being deleted ask for nothing.
pub fn surplus<'a>(
    owner: &Owner,
    workspace: &Workspace,
    workspaces: &[Workspace],
    networks: &'a [Network],
) -> Vec<&'a Network> {
    let wanted = |of: &Workspace| {
        let network = of.spec.network.clone().unwrap_or_default();
        name_for(owner, &of.namespace().unwrap_or_default(), &of.name_any(), &network)
    };
    let stays = |of: &&Workspace| of.metadata.deletion_timestamp.is_none();
    let in_use: BTreeSet<String> = workspaces.iter().filter(stays).map(wanted).collect();
    let own = wanted(workspace);
    let serves = |network: &&Network| {
        let label = |key: &str| network.labels.get(key).map(String::as_str);
        let made_for = label(labels::NAMESPACE) == workspace.metadata.namespace.as_deref()
            && label(labels::WORKSPACE) == workspace.metadata.name.as_deref();
        is_ours(owner, &network.labels) && (made_for || network.name == own)
    };
    networks.iter().filter(serves).filter(|network| !in_use.contains(&network.name)).collect()
}

/// What becomes of a network of ours that no workspace asks for any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// Nobody is on it: it is removed.
    Removed,
    /// A container of ours that runs is on it, and is still to be moved.
    Waits,
    /// It stays, as these containers are on it, which are not ours.
    Kept(Vec<String>),
}

/// What becomes of a surplus network, with everybody's containers: an engine tells of a network's running members only, and a
/// container that is stopped would not start again without it.
pub fn leaving(owner: &Owner, network: &Network, containers: &[SeenContainer]) -> Leaving {
    let users: Vec<_> = containers.iter().filter(|container| container.networks.contains(&network.name)).collect();
    let is_ours = |user: &SeenContainer| owner.made(&user.labels, &user.image);
    if users.iter().any(|user| is_ours(user) && has_processes(user.state)) {
        return Leaving::Waits;
    }
    let others: Vec<_> = users.iter().filter(|user| !is_ours(user)).map(|user| user.name.clone()).collect();
    if others.is_empty() { Leaving::Removed } else { Leaving::Kept(others) }
}
