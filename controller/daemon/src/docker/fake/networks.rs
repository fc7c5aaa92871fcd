//! Networks and volumes of the engine in memory.

use std::collections::{BTreeMap, BTreeSet};

use jackin_plan::world::{ContainerId, Labels, MountSource, Network, NetworkId, NetworkSpec, Volume};

use super::world::{FakeVolume, World, in_use};
use crate::docker::{EngineErrorCause, EventAction, EventKind, LabelFilter};

impl World {
    pub(super) fn list_networks(&self, filter: &LabelFilter) -> Vec<Network> {
        let mut networks: Vec<_> =
            self.networks.values().filter(|network| filter.matches(&network.labels)).cloned().collect();
        networks.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
        networks
    }

    pub(super) fn inspect_network(&self, name_or_id: &str) -> Option<Network> {
        let id = self.network_of_name(name_or_id).unwrap_or_else(|| NetworkId(name_or_id.to_owned()));
        let network = self.networks.get(&id)?;
        Some(Network { members: self.members(&id), ..network.clone() })
    }

    fn members(&self, id: &NetworkId) -> Vec<String> {
        let connected = self
            .containers
            .values()
            .filter(|container| container.is_alive() && container.connected.values().any(|network| network == id));
        let mut members: Vec<String> = connected.map(|container| container.found.name.clone()).collect();
        members.sort();
        members
    }

    pub(super) fn network_of_name(&self, name: &str) -> Option<NetworkId> {
        self.networks.values().find(|network| network.name == name).map(|network| network.id.clone())
    }

    pub(super) fn create_network(&mut self, spec: &NetworkSpec) -> NetworkId {
        if let Some(id) = self.network_of_name(&spec.name) {
            return id;
        }
        let id = NetworkId(self.next_id());
        let network = Network {
            id: id.clone(),
            name: spec.name.clone(),
            labels: spec.labels.clone(),
            internal: spec.internal,
            members: Vec::new(),
        };
        self.networks.insert(id.clone(), network);
        self.tell_of_network(&id, EventAction::Created, BTreeMap::new());
        id
    }

    pub(super) fn remove_network(&mut self, id: &NetworkId) -> Result<(), EngineErrorCause> {
        if !self.networks.contains_key(id) {
            return Ok(());
        }
        if let Some(member) = self.members(id).first() {
            return Err(in_use(format!("network {id} has active endpoints: {member}")));
        }
        self.tell_of_network(id, EventAction::Destroyed, BTreeMap::new());
        self.networks.remove(id);
        Ok(())
    }

    pub(super) fn connect_network(
        &mut self,
        id: &NetworkId,
        container: &ContainerId,
        aliases: &[String],
    ) -> Result<(), EngineErrorCause> {
        let name = self.networks.get(id).ok_or(EngineErrorCause::NotFound)?.name.clone();
        let connected = self.container_mut(container)?;
        let alive = connected.is_alive();
        connected.aliases.insert(name.clone(), aliases.to_vec());
        if connected.connected.insert(name, id.clone()).is_none() && alive {
            self.tell_of_connection(id, container, EventAction::Connected);
        }
        Ok(())
    }

    pub(super) fn disconnect_network(&mut self, id: &NetworkId, container: &ContainerId) {
        let Ok(connected) = self.container_mut(container) else {
            return;
        };
        let alive = connected.is_alive();
        let before = connected.connected.len();
        // One that does not run can also be taken off a network that is gone, by its name.
        let meant = |name: &String, network: &NetworkId| network == id || (!alive && *name == id.0);
        connected.connected.retain(|name, network| !meant(name, network));
        connected.unresolved.remove(&id.0);
        let still: BTreeSet<String> = connected.connected.keys().chain(&connected.unresolved).cloned().collect();
        connected.aliases.retain(|name, _| still.contains(name));
        if connected.connected.len() < before && alive {
            self.tell_of_connection(id, container, EventAction::Disconnected);
        }
    }

    pub(super) fn tell_of_connection(&mut self, id: &NetworkId, container: &ContainerId, action: EventAction) {
        self.tell_of_network(id, action, BTreeMap::from([("container".to_owned(), container.0.clone())]));
    }

    /// Tells of a network, without its labels, as engines do.
    fn tell_of_network(&mut self, id: &NetworkId, action: EventAction, mut attributes: BTreeMap<String, String>) {
        let Some(network) = self.networks.get(id) else { return };
        let name = network.name.clone();
        attributes.insert("name".to_owned(), name.clone());
        attributes.insert("type".to_owned(), "bridge".to_owned());
        self.tell(EventKind::Network, action, id.0.clone(), Some(name), attributes);
    }

    pub(super) fn list_volumes(&self, filter: &LabelFilter) -> Vec<Volume> {
        let shown = self.volumes.iter().filter(|(_, volume)| filter.matches(&volume.labels));
        shown.map(|(name, volume)| Volume { name: name.clone(), labels: volume.labels.clone() }).collect()
    }

    pub(super) fn inspect_volume(&self, name: &str) -> Option<Volume> {
        self.volumes.get(name).map(|volume| Volume { name: name.to_owned(), labels: volume.labels.clone() })
    }

    pub(super) fn create_volume(&mut self, name: &str, labels: &Labels) {
        if !self.volumes.contains_key(name) {
            let volume = FakeVolume { labels: labels.clone(), files: BTreeMap::new() };
            self.volumes.insert(name.to_owned(), volume);
            self.tell_of_volume(name, EventAction::Created);
        }
    }

    pub(super) fn remove_volume(&mut self, name: &str) -> Result<(), EngineErrorCause> {
        let mounts_it =
            |source: &MountSource| matches!(source, MountSource::Volume { name: mounted, .. } if mounted == name);
        let user = self.containers.values().find(|user| user.spec.mounts.iter().any(|mount| mounts_it(&mount.source)));
        if let Some(user) = user {
            return Err(in_use(format!("volume is in use by {}", user.found.name)));
        }
        if self.volumes.remove(name).is_some() {
            self.tell_of_volume(name, EventAction::Destroyed);
        }
        Ok(())
    }

    fn tell_of_volume(&mut self, name: &str, action: EventAction) {
        let attributes = BTreeMap::from([("driver".to_owned(), "local".to_owned())]);
        self.tell(EventKind::Volume, action, name.to_owned(), None, attributes);
    }
}
