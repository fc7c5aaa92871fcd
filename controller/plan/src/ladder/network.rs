//! How a container gets to the network that its spec wants, under its running processes.

use jackin_api::words::{Change, ChangeKind};

use crate::digest::digest_of;
use crate::network::{self, Fitness, NetworkTrouble};
use crate::step::{Step, StepReason};
use crate::world::Container;

use super::Situation;
use super::steps::Steps;
use super::validity::Current;

/// The field of a live change that is about the network.
pub(super) const NETWORK: &str = "network";

/// Adds the step that makes the wanted network, when none has the name and no step makes it yet, and gives its index.
pub(super) fn ensure(situation: &Situation<'_>, steps: &mut Steps) -> Option<usize> {
    let Situation { site, desired, observed, .. } = *situation;
    let missing = network::fitness(&site.owner, desired, observed) == Fitness::Missing;
    let planned = steps.find(|step| matches!(step, Step::CreateNetwork(_)));
    let step = || Step::CreateNetwork(network::spec(&site.owner, desired));
    missing.then(|| planned.unwrap_or_else(|| steps.add(step(), vec![], StepReason::Missing)))
}

/// What keeps the wanted network from being used.
pub(super) fn trouble(situation: &Situation<'_>) -> Option<NetworkTrouble> {
    match network::fitness(&situation.site.owner, situation.desired, situation.observed) {
        Fitness::Unfit(trouble) => Some(trouble),
        Fitness::Missing | Fitness::Ours | Fitness::NotOurs => None,
    }
}

/// How the networks of a running container differ from the wanted one.
///
/// A container that does not run is brought to its network when it is started: see [`rejoin`].
pub(super) fn change(situation: &Situation<'_>, container: &Container) -> Option<Change> {
    if !matches!(container.state, crate::world::ContainerState::Running) {
        return None;
    }
    let wanted = network::name(&situation.site.owner, situation.desired);
    let mut on = left(situation, container, &situation.desired.key.name);
    let lets_out = matches!(trouble(situation), Some(NetworkTrouble::LetsOut { .. }));
    let joined = is_joined(situation, container);
    if joined && on.is_empty() && !lets_out {
        return None;
    }
    if joined {
        on.push(wanted.clone());
    }
    Some(Change {
        field: NETWORK.to_owned(),
        change: ChangeKind::Changed,
        old: Some(digest_of(&on)),
        new: Some(digest_of(&(wanted, situation.desired.network.internal))),
    })
}

/// Adds the steps that bring a running container to the wanted network: on the new one before off the old one.
pub(super) fn reconnect(situation: &Situation<'_>, current: &Current<'_>, steps: &mut Steps) {
    if let Some(change) = current.live_changes.iter().find(|change| change.field == NETWORK) {
        move_over(situation, current.container, &situation.desired.key.name, change, steps);
    }
}

/// The same for a container whose live changes nobody looked at, which the others find under this alias.
pub(super) fn keep_joined(situation: &Situation<'_>, container: &Container, alias: &str, steps: &mut Steps) {
    if matches!(container.state, crate::world::ContainerState::Running) {
        rejoin(situation, container, alias, steps);
    }
}

/// Adds the steps that let a container that does not run be started: a network that is gone, or was made anew since it last ran, is
/// joined again, and one that it should not be on is left. The engine starts it only then.
pub(super) fn rejoin(situation: &Situation<'_>, container: &Container, alias: &str, steps: &mut Steps) -> Vec<usize> {
    let wanted = network::name(&situation.site.owner, situation.desired);
    if is_joined(situation, container) && left(situation, container, alias).is_empty() {
        return ensure(situation, steps).into_iter().collect();
    }
    let change = Change {
        field: NETWORK.to_owned(),
        change: ChangeKind::Changed,
        old: container.network_ids.get(&wanted).map(digest_of),
        new: situation.observed.network.as_ref().map(|network| digest_of(&network.id)),
    };
    move_over(situation, container, alias, &change, steps)
}

fn move_over(
    situation: &Situation<'_>,
    container: &Container,
    alias: &str,
    change: &Change,
    steps: &mut Steps,
) -> Vec<usize> {
    let Situation { site, desired, .. } = *situation;
    let wanted = network::name(&site.owner, desired);
    let id = &container.id;
    let mut needs: Vec<usize> = ensure(situation, steps).into_iter().collect();
    if !is_joined(situation, container) {
        let aliases = vec![alias.to_owned()];
        let step = Step::ConnectNetwork { id: id.clone(), network: wanted.clone(), aliases };
        needs = vec![steps.add(step, needs, StepReason::Differs(change.clone()))];
    }
    let mut done = needs.clone();
    for network in left(situation, container, alias) {
        let network_id = container.network_ids.get(&network).cloned();
        let step = Step::DisconnectNetwork { id: id.clone(), network, network_id, stays_on: wanted.clone() };
        done.push(steps.add(step, needs.clone(), StepReason::Differs(change.clone())));
    }
    done
}

/// Whether the container is on the wanted network, and not on an earlier one of its name.
fn is_joined(situation: &Situation<'_>, container: &Container) -> bool {
    let wanted = network::name(&situation.site.owner, situation.desired);
    let there = situation.observed.network.as_ref().map(|network| &network.id);
    let known = container.network_ids.get(&wanted);
    // One that never ran knows no ids yet, and finds its network by name.
    container.networks.contains(&wanted) && known.is_none_or(|known| Some(known) == there)
}

/// Other networks that we connected the container to. Those that a person connected it to by hand are that person's business.
fn left(situation: &Situation<'_>, container: &Container, alias: &str) -> Vec<String> {
    let wanted = network::name(&situation.site.owner, situation.desired);
    let by_us = |network: &&String| {
        let aliases = container.aliases.get(*network);
        aliases.is_some_and(|aliases| aliases.iter().any(|known| known == alias))
    };
    container.networks.iter().filter(|network| **network != wanted).filter(by_us).cloned().collect()
}
