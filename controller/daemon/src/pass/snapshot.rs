//! The objects of one key, as the store has them.

use std::collections::BTreeMap;

use jackin_api::SYSTEM_NAMESPACE;
use jackin_api::kinds::{Agent, Image, Instance, Role};
use jackin_plan::desired::InstanceKey;
use jackin_plan::ladder::Memory;
use jackin_plan::resolve::Snapshot;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};

use crate::context::Context;

use super::Overlay;

/// A snapshot, with the key that it was taken for.
pub(crate) struct Taken {
    /// The key.
    pub(crate) key: InstanceKey,
    /// The snapshot.
    pub(crate) snapshot: Snapshot,
}

impl Taken {
    /// What earlier passes left.
    pub(crate) fn memory(&self) -> Memory {
        let instance = &self.snapshot.instance;
        Memory {
            status: instance.status.clone().unwrap_or_default(),
            generation: instance.metadata.generation.unwrap_or_default(),
        }
    }
}

/// The identity of an instance, which it keeps for as long as it is there; `None` when it is gone.
pub(super) async fn identity(context: &Context, key: &InstanceKey) -> Result<Option<String>, kube::Error> {
    let instances: Api<Instance> = Api::namespaced(context.client.clone(), &key.namespace);
    Ok(instances.get_opt(&key.name).await?.map(|instance| instance.identity().to_owned()))
}

/// Takes the snapshot of an instance; `None` when it is gone.
pub(crate) async fn take(context: &Context, key: &InstanceKey) -> Result<Option<Taken>, kube::Error> {
    let instances: Api<Instance> = Api::namespaced(context.client.clone(), &key.namespace);
    let Some(instance) = instances.get_opt(&key.name).await? else { return Ok(None) };
    let snapshot = around(context, instance).await?;
    Ok(Some(Taken { key: key.clone(), snapshot }))
}

/// The snapshot around an instance, which need not be in the store.
pub(crate) async fn around(context: &Context, instance: Instance) -> Result<Snapshot, kube::Error> {
    around_under(context, &Overlay::default(), instance).await
}

/// The snapshot around an instance as it would be with these objects over those of the store.
pub(crate) async fn around_under(
    context: &Context,
    overlay: &Overlay,
    instance: Instance,
) -> Result<Snapshot, kube::Error> {
    let namespace = instance.namespace().unwrap_or_default();
    let roles: Api<Role> = Api::namespaced(context.client.clone(), &namespace);
    let images: Api<Image> = Api::namespaced(context.client.clone(), &namespace);
    let (role, image, mut agents) = tokio::try_join!(
        roles.get_opt(&instance.spec.role),
        images.get_opt(&instance.spec.role),
        agents_seen_by(&context.client, &namespace),
    )?;
    let role = overlay.role(&namespace, &instance.spec.role).cloned().or(role);
    overlay.over_agents(&namespace, &mut agents);
    let home = context.home.instance_home(&namespace, instance.identity()).into_string();
    let run = context.home.instance_run(&namespace, instance.identity()).into_string();
    Ok(Snapshot { instance, role, agents, image, home, run })
}

/// Agents that a namespace sees: its own, and the built-in ones that it does not replace.
pub(crate) async fn agents_seen_by(client: &Client, namespace: &str) -> Result<BTreeMap<String, Agent>, kube::Error> {
    let list = |namespace: &str| {
        let agents: Api<Agent> = Api::namespaced(client.clone(), namespace);
        async move { agents.list(&ListParams::default()).await }
    };
    let (system, own) = tokio::try_join!(list(SYSTEM_NAMESPACE), list(namespace))?;
    let all = system.items.into_iter().chain(own.items);
    Ok(all.map(|agent| (agent.name_any(), agent)).collect())
}
