//! Networks: looking, making exactly one of a name, connecting, removing.

use std::collections::HashMap;
use std::sync::Arc;

use bollard::models::{
    Network as EngineNetwork, NetworkConnectRequest, NetworkCreateRequest, NetworkDisconnectRequest,
};
use bollard::query_parameters::{InspectNetworkOptions, ListNetworksOptions};
use jackin_plan::world::{ContainerId, Network, NetworkId, NetworkSpec};

use super::connect::{bounded, within};
use super::containers::settled;
use super::create::endpoint;
use super::failure::Failure;
use super::reference::is_full_id;
use super::{DockerEngine, limit, translate};
use crate::docker::{EngineError, EngineErrorCause, LabelFilter, Operation};

impl DockerEngine {
    pub(super) async fn networks(&self, filter: &LabelFilter) -> Result<Vec<Network>, EngineError> {
        let found = self.listed(Operation::ListNetworks, "", translate::filters(filter)).await?;
        let mut networks: Vec<_> = found.into_iter().filter_map(network).collect();
        networks.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
        Ok(networks)
    }

    pub(super) async fn network(&self, name_or_id: &str) -> Result<Option<Network>, EngineError> {
        let operation = Operation::InspectNetwork;
        let named = self.of_name(operation, name_or_id).await?;
        let id = match named.as_slice() {
            [one] => one.id.clone().unwrap_or_default(),
            // The engine also answers to the beginning of an id, which a name may happen to be.
            [] if is_full_id(name_or_id) => name_or_id.to_owned(),
            [] => return Ok(None),
            several => {
                let cause = EngineErrorCause::Ambiguous { count: several.len() };
                return Err(EngineError::new(operation, name_or_id, cause));
            }
        };
        let client = self.client(operation, name_or_id).await?;
        match within(limit::READ, client.inspect_network(&id, None::<InspectNetworkOptions>)).await {
            Ok(found) => {
                let members = found.containers.unwrap_or_default().into_values().filter_map(|member| member.name);
                let mut members: Vec<String> = members.collect();
                members.sort();
                let id = NetworkId(found.id.unwrap_or(id));
                Ok(Some(Network {
                    id,
                    name: found.name.unwrap_or_default(),
                    labels: translate::labels(found.labels),
                    internal: found.internal.unwrap_or(false),
                    members,
                }))
            }
            Err(failure) if failure.is_missing() => Ok(None),
            Err(failure) => Err(failure.into_error(operation, name_or_id)),
        }
    }

    /// Makes one network of the name, also when several ask at once, here or in another process.
    pub(super) async fn make_network(&self, spec: &NetworkSpec) -> Result<NetworkId, EngineError> {
        let lock = Arc::clone(self.network_locks.lock().await.entry(spec.name.clone()).or_default());
        let held = lock.lock().await;
        let made = self.make_network_alone(spec).await;
        drop(held);
        let mut locks = self.network_locks.lock().await;
        // Ours and the map's: nobody else waits.
        if Arc::strong_count(&lock) == 2 {
            locks.remove(&spec.name);
        }
        made
    }

    async fn make_network_alone(&self, spec: &NetworkSpec) -> Result<NetworkId, EngineError> {
        let operation = Operation::CreateNetwork;
        if let Some(first) = self.first_of_name(&spec.name).await? {
            return Ok(first);
        }
        let request = NetworkCreateRequest {
            name: spec.name.clone(),
            driver: Some("bridge".to_owned()),
            internal: Some(spec.internal),
            labels: Some(spec.labels.clone().into_iter().collect()),
            ..NetworkCreateRequest::default()
        };
        let client = self.client(operation, &spec.name).await?;
        let ours = match within(limit::WRITE, client.create_network(request)).await {
            Ok(made) => Some(NetworkId(made.id)),
            // Later engines refuse the second of a name.
            Err(failure) if failure.says(&["already exists"]) => None,
            Err(failure) => return Err(failure.into_error(operation, &spec.name)),
        };
        let first = self.first_of_name(&spec.name).await?;
        match (first, ours) {
            // Another process made one in between: all who look agree that the first stays.
            (Some(first), Some(ours)) if first != ours => {
                self.forget_network(&ours).await?;
                Ok(first)
            }
            (Some(first), _) => Ok(first),
            (None, _) => Err(EngineError::new(operation, &spec.name, EngineErrorCause::NotFound)),
        }
    }

    /// The oldest network of exactly this name.
    async fn first_of_name(&self, name: &str) -> Result<Option<NetworkId>, EngineError> {
        let mut found = self.of_name(Operation::CreateNetwork, name).await?;
        found.sort_by(|one, other| (&one.created, &one.id).cmp(&(&other.created, &other.id)));
        Ok(found.into_iter().find_map(|network| network.id).map(NetworkId))
    }

    /// Networks of exactly this name; the engine's filter also shows names that contain it.
    async fn of_name(&self, operation: Operation, name: &str) -> Result<Vec<EngineNetwork>, EngineError> {
        let filters = HashMap::from([("name".to_owned(), vec![name.to_owned()])]);
        let mut found = self.listed(operation, name, Some(filters)).await?;
        found.retain(|network| network.name.as_deref() == Some(name));
        Ok(found)
    }

    async fn listed(
        &self,
        operation: Operation,
        object: &str,
        filters: Option<HashMap<String, Vec<String>>>,
    ) -> Result<Vec<EngineNetwork>, EngineError> {
        let client = self.client(operation, object).await?;
        let options = ListNetworksOptions { filters };
        bounded(operation, object, limit::READ, client.list_networks(Some(options))).await
    }

    pub(super) async fn forget_network(&self, id: &NetworkId) -> Result<(), EngineError> {
        let operation = Operation::RemoveNetwork;
        let client = self.client(operation, &id.0).await?;
        let answer = within(limit::WRITE, client.remove_network(&id.0)).await;
        settled(answer, operation, &id.0, Failure::is_missing)
    }

    pub(super) async fn join_network(
        &self,
        id: &NetworkId,
        container: &ContainerId,
        aliases: &[String],
    ) -> Result<(), EngineError> {
        let operation = Operation::ConnectNetwork;
        let client = self.client(operation, &id.0).await?;
        let request =
            NetworkConnectRequest { container: container.0.clone(), endpoint_config: Some(endpoint("", aliases)) };
        match within(limit::WRITE, client.connect_network(&id.0, request)).await {
            // The engine says so of any endpoint of that name: is it this container's?
            Err(failure) if failure.says(&["already exists in network"]) => {
                let inspected = bounded(operation, &id.0, limit::READ, client.inspect_container(&container.0, None));
                let networks = inspected.await?.network_settings.and_then(|settings| settings.networks);
                let connected = |endpoint: &bollard::models::EndpointSettings| {
                    endpoint.network_id.as_deref() == Some(id.0.as_str())
                };
                match networks.unwrap_or_default().values().any(connected) {
                    true => Ok(()),
                    false => Err(failure.into_error(operation, &id.0)),
                }
            }
            answer => answer.map_err(|failure| failure.into_error(operation, &id.0)),
        }
    }

    pub(super) async fn leave_network(
        &self,
        id: &NetworkId,
        container: &ContainerId,
        force: bool,
    ) -> Result<(), EngineError> {
        let operation = Operation::DisconnectNetwork;
        let client = self.client(operation, &id.0).await?;
        let request = NetworkDisconnectRequest { container: container.0.clone(), force: Some(force) };
        let answer = within(limit::WRITE, client.disconnect_network(&id.0, request)).await;
        let already_so = |failure: &Failure| failure.is_missing() || failure.says(&["is not connected to"]);
        settled(answer, operation, &id.0, already_so)
    }
}

/// A listed network; `None` for one without an id.
fn network(found: EngineNetwork) -> Option<Network> {
    Some(Network {
        id: NetworkId(found.id?),
        name: found.name.unwrap_or_default(),
        labels: translate::labels(found.labels),
        internal: found.internal.unwrap_or(false),
        members: Vec::new(),
    })
}
