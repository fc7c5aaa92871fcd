//! Steps that are about a sidecar, and what a pass sees of one.

use jackin_api::words as labels;
use jiff::Timestamp;

use crate::desired::{DesiredSidecar, InstanceKey, Site};
use crate::observed::{SidecarEngine, SidecarSeen};
use crate::step::Target;
use crate::world::{ContainerId, ContainerSpec, ContainerState, Labels, Volume};

use super::{Contained, Refused, World};

impl World {
    pub(super) fn create_sidecar(&mut self, spec: &ContainerSpec, now: Timestamp) -> Result<(), Refused> {
        self.created_sidecar = Some(self.create_container(spec, now)?);
        Ok(())
    }

    pub(super) fn sidecar_target(&self, target: &Target) -> Result<ContainerId, Refused> {
        match target {
            Target::Existing(id) => Ok(id.clone()),
            Target::Created => self.created_sidecar.clone().ok_or(Refused::NothingCreated),
        }
    }

    /// Waits for the engine inside, which answers at once unless it is said to be silent.
    pub(super) fn await_sidecar(&mut self, id: &ContainerId) -> Result<(), Refused> {
        let Contained { container, capsule } = self.contained(id)?;
        match container.state {
            ContainerState::Running if capsule.silent.is_some() => Err(Refused::SidecarSilent(id.clone())),
            ContainerState::Running => Ok(()),
            state => Err(Refused::State { container: id.clone(), state }),
        }
    }

    /// What a pass sees of an instance's sidecar. Without one that is wanted, nobody asks for its image, its volumes or its engine.
    pub(super) fn sidecar(&self, site: &Site, key: &InstanceKey, wanted: Option<&DesiredSidecar>) -> SidecarSeen {
        let running = || self.sidecars(site, key).find(|found| found.container.state == ContainerState::Running);
        let engine = match (wanted, running()) {
            (Some(_), Some(Contained { capsule, .. })) => match &capsule.silent {
                Some(tried) => SidecarEngine::Silent(tried.clone()),
                None => SidecarEngine::Answers,
            },
            _ => SidecarEngine::NotAsked,
        };
        let named = |wanted: &DesiredSidecar| self.images.values().find(|image| image.tags.contains(&wanted.image));
        SidecarSeen {
            containers: self.sidecars(site, key).map(|found| found.container.clone()).collect(),
            image: wanted.and_then(named).cloned(),
            volumes: self.data_volumes(site, key),
            engine,
        }
    }

    /// Containers that are a sidecar of this instance, sorted by name.
    pub fn sidecars<'a>(&'a self, site: &Site, key: &InstanceKey) -> impl Iterator<Item = &'a Contained> + use<'a> {
        self.of_component(site, key, labels::COMPONENT_SIDECAR)
    }

    /// Volumes with data of this instance.
    pub fn data_volumes(&self, site: &Site, key: &InstanceKey) -> Vec<Volume> {
        let of_it = |of: &Labels| {
            let is = |label: &str, value: &str| of.get(label).is_some_and(|found| found == value);
            site.owner.owns(of)
                && is(labels::COMPONENT, labels::COMPONENT_DATA)
                && is(labels::NAMESPACE, &key.namespace)
                && is(labels::INSTANCE, &key.name)
        };
        let volumes = self.volumes.iter().filter(|(_, of)| of_it(of));
        volumes.map(|(name, of)| Volume { name: name.clone(), labels: of.clone() }).collect()
    }
}
