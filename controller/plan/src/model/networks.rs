//! Steps that change networks, and who is connected to them.

use crate::engine_write::EngineWrite;
use crate::world::{ContainerId, Network, NetworkId, NetworkSpec};

use super::{Refused, World};

impl World {
    /// Makes a network, or leaves the one that has the name.
    pub(super) fn create_network(&mut self, spec: &NetworkSpec) -> Result<(), Refused> {
        if self.network_named(&spec.name).is_some() {
            return Ok(());
        }
        let id = NetworkId(self.next_id());
        let network = Network {
            id: id.clone(),
            name: spec.name.clone(),
            labels: spec.labels.clone(),
            internal: spec.internal,
            members: Vec::new(),
        };
        self.networks.insert(id, network);
        self.wrote(EngineWrite::NetworkCreate, &spec.name);
        Ok(())
    }

    /// Connects a container. One that knew another network of the name forgets it.
    pub(super) fn connect_network(&mut self, id: &ContainerId, name: &str, aliases: &[String]) -> Result<(), Refused> {
        let network = self.network_named(name).map(|network| network.id.clone());
        let network = network.ok_or_else(|| Refused::NotFound(format!("network {name}")))?;
        let container = &mut self.contained(id)?.container;
        if container.networks.iter().any(|known| known == name) && container.network_ids.get(name) == Some(&network) {
            return Ok(());
        }
        if !container.networks.iter().any(|known| known == name) {
            container.networks.push(name.to_owned());
            container.networks.sort();
        }
        container.network_ids.insert(name.to_owned(), network);
        container.aliases.insert(name.to_owned(), aliases.to_vec());
        let container = container.name.clone();
        self.wrote(EngineWrite::NetworkConnect, &container);
        Ok(())
    }

    /// Disconnects a container. The network itself may be gone already.
    pub(super) fn disconnect_network(&mut self, id: &ContainerId, name: &str) -> Result<(), Refused> {
        let container = &mut self.contained(id)?.container;
        let before = container.networks.len();
        container.networks.retain(|known| known != name);
        container.network_ids.remove(name);
        container.aliases.remove(name);
        if container.networks.len() < before {
            let container = container.name.clone();
            self.wrote(EngineWrite::NetworkDisconnect, &container);
        }
        Ok(())
    }
}
