//! What a pass would see of one instance in this world.

use std::collections::BTreeMap;

use jackin_api::wire;
use jackin_api::words as labels;

use crate::desired::{Desired, InstanceKey, Site};
use crate::observed::{Capsule, Observed, Program};
use crate::resolve::{Snapshot, Wanted};
use crate::sidecar::sockets;
use crate::world::{Container, ContainerState};

use super::{Contained, World};

/// The version that capsules of the model say they have.
const CAPSULE_VERSION: &str = "model";

impl World {
    /// What a pass over this snapshot sees; the same as the daemon looks at.
    pub fn observe(&self, site: &Site, snapshot: &Snapshot, wanted: &Wanted) -> Observed {
        match wanted {
            Wanted::Run(desired) => self.observe_running(site, desired),
            Wanted::Stop | Wanted::Remove { .. } | Wanted::Unresolved(_) => {
                let namespace = snapshot.instance.metadata.namespace.clone().unwrap_or_default();
                let key = InstanceKey { namespace, name: snapshot.instance.identity().to_owned() };
                self.observe_ending(site, &key, &snapshot.run)
            }
        }
    }

    /// What a pass sees of an instance that should run.
    pub fn observe_running(&self, site: &Site, desired: &Desired) -> Observed {
        let Desired { key, home, run, .. } = desired;
        let final_name = site.owner.container(&key.namespace, &key.name);
        let holder = self.container_named(&final_name).filter(|holder| !site.owner.made(&holder.labels, &holder.image));
        let of_name = crate::network::name(&site.owner, desired);
        let of_name: Vec<_> = self.networks.values().filter(|network| network.name == of_name).collect();
        let (network, namesakes) = match of_name[..] {
            [] => (None, 0),
            [only] => (Some(only), 0),
            [..] => (None, of_name.len()),
        };
        let sources = desired.mounts.iter();
        let sources =
            sources.filter_map(|mount| Some((mount.target.clone(), self.sources.get(&mount.source)?.clone())));
        let programs = desired.agents.iter().map(|(agent, spec)| {
            let unknown = if spec.install.is_some() { Program::Unfetched } else { Program::InImage };
            (agent.clone(), self.programs.get(agent).cloned().unwrap_or(unknown))
        });
        Observed {
            containers: self.of_instance(site, key).map(|contained| contained.container.clone()).collect(),
            name_holder: holder.cloned(),
            network: network.map(|network| crate::world::Network { members: self.members(network), ..network.clone() }),
            namesakes,
            volumes: self.volumes.iter().filter(|(_, of)| site.owner.owns(of)).map(|(name, _)| name.clone()).collect(),
            capsule: self.capsule(site, key),
            // What programs print is not part of a world: no step depends on it.
            output: None,
            mounts: sources.collect::<BTreeMap<_, _>>(),
            mounted: self.running(site, key).map(|running| running.capsule.mounted.clone()).unwrap_or_default(),
            programs: programs.collect(),
            directories: [home, run]
                .into_iter()
                .chain(desired.sidecar.as_ref().map(|_| sockets(run)).as_ref())
                .all(|directory| self.directories.contains(directory)),
            sidecar: self.sidecar(site, key, desired.sidecar.as_ref()),
        }
    }

    /// What a pass sees of an instance that should be stopped or gone.
    pub fn observe_ending(&self, site: &Site, key: &InstanceKey, run: &str) -> Observed {
        Observed {
            containers: self.of_instance(site, key).map(|contained| contained.container.clone()).collect(),
            capsule: self.capsule(site, key),
            directories: self.directories.contains(run),
            sidecar: self.sidecar(site, key, None),
            ..Observed::default()
        }
    }

    /// Containers of ours for this instance, sorted by name, as the engine lists them.
    pub fn of_instance<'a>(&'a self, site: &Site, key: &InstanceKey) -> impl Iterator<Item = &'a Contained> + use<'a> {
        self.of_component(site, key, labels::COMPONENT_ROLE)
    }

    /// Containers of ours for this instance and this purpose, sorted by name.
    pub(super) fn of_component<'a>(
        &'a self,
        site: &Site,
        key: &InstanceKey,
        component: &str,
    ) -> impl Iterator<Item = &'a Contained> + use<'a> {
        let ours = |container: &Container| {
            let label = |name: &str| container.labels.get(name).map(String::as_str);
            site.owner.made(&container.labels, &container.image)
                && label(labels::NAMESPACE) == Some(&key.namespace)
                && label(labels::INSTANCE) == Some(&key.name)
                && label(labels::COMPONENT) == Some(component)
        };
        let mut found: Vec<_> = self.containers.values().filter(|contained| ours(&contained.container)).collect();
        found.sort_by(|one, other| one.container.name.cmp(&other.container.name));
        found.into_iter()
    }

    /// The running container of an instance, whose capsule is the one that is asked.
    pub(super) fn running(&self, site: &Site, key: &InstanceKey) -> Option<&Contained> {
        self.of_instance(site, key).find(|contained| contained.container.state == ContainerState::Running)
    }

    fn capsule(&self, site: &Site, key: &InstanceKey) -> Capsule {
        let Some(Contained { capsule, .. }) = self.running(site, key) else { return Capsule::NotAsked };
        match &capsule.silent {
            Some(tried) => Capsule::Silent(tried.clone()),
            None => Capsule::Answers(wire::Status {
                version: CAPSULE_VERSION.to_owned(),
                started_at: wire::Millis::default(),
                environment_digest: capsule.environment_digest.clone(),
                sessions: capsule.sessions.clone(),
                hooks: capsule.hooks.clone(),
            }),
        }
    }

    /// Names of the containers that run on a network, sorted.
    fn members(&self, network: &crate::world::Network) -> Vec<String> {
        let alive = |container: &&Container| {
            matches!(container.state, ContainerState::Running | ContainerState::Paused)
                && container.network_ids.values().any(|id| *id == network.id)
        };
        let all = self.containers.values().map(|contained| &contained.container);
        let mut members: Vec<_> = all.filter(alive).map(|container| container.name.clone()).collect();
        members.sort();
        members
    }
}
