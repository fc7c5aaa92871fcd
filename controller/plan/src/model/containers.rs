//! Steps that change containers.

use std::collections::BTreeMap;

use jackin_api::wire::{self, SessionState};
use jiff::Timestamp;

use crate::engine_write::EngineWrite;
use crate::world::{
    Container, ContainerId, ContainerSpec, ContainerState, Exit, Limits, MountSource, NetworkId, RestartPolicy,
};

use super::{CapsuleState, Contained, Refused, World};

/// The exit code of a capsule that was asked to end.
const ENDED_ON_REQUEST: i64 = 143;

impl World {
    pub(super) fn contained(&mut self, id: &ContainerId) -> Result<&mut Contained, Refused> {
        self.containers.get_mut(id).ok_or_else(|| Refused::NotFound(format!("container {id}")))
    }

    fn name_is_free(&self, name: &str, except: Option<&ContainerId>) -> Result<(), Refused> {
        match self.container_named(name).filter(|holder| Some(&holder.id) != except) {
            Some(holder) => Err(Refused::NameTaken { name: name.to_owned(), holder: holder.id.clone() }),
            None => Ok(()),
        }
    }

    pub(super) fn create_role(&mut self, spec: &ContainerSpec, now: Timestamp) -> Result<(), Refused> {
        self.created = Some(self.create_container(spec, now)?);
        Ok(())
    }

    pub(super) fn create_container(&mut self, spec: &ContainerSpec, now: Timestamp) -> Result<ContainerId, Refused> {
        self.name_is_free(&spec.name, None)?;
        let image = self.images.get(&spec.image);
        let image = image.ok_or_else(|| Refused::NotFound(format!("image {}", spec.image)))?;
        let volumes = spec.mounts.iter().filter_map(|mount| match &mount.source {
            MountSource::Volume { name, .. } => Some(name),
            MountSource::Bind { .. } | MountSource::Tmpfs { .. } => None,
        });
        if let Some(missing) = volumes.clone().find(|name| !self.volumes.contains_key(*name)) {
            return Err(Refused::VolumeNotFilled(missing.clone()));
        }
        let id = ContainerId(self.next_id());
        let container = Container {
            id: id.clone(),
            name: spec.name.clone(),
            image: spec.image.clone(),
            state: ContainerState::Created,
            labels: image.labels.clone().into_iter().chain(spec.labels.clone()).collect(),
            limits: spec.limits,
            restart: spec.restart,
            networks: spec.networks.clone(),
            // A container that never ran is connected to names; the ids are looked up when it starts.
            network_ids: BTreeMap::new(),
            aliases: spec.networks.iter().map(|network| (network.clone(), spec.aliases.clone())).collect(),
            pid: None,
            created_at: Some(now),
            started_at: None,
            exit: None,
        };
        self.insert(container, CapsuleState::default());
        self.wrote(EngineWrite::ContainerCreate, &spec.name);
        self.mounts.insert(id.clone(), volumes.into_iter().cloned().collect());
        Ok(id)
    }

    pub(super) fn start_container(&mut self, id: &ContainerId, now: Timestamp) -> Result<(), Refused> {
        let container = &self.contained(id)?.container;
        match container.state {
            ContainerState::Running | ContainerState::Restarting => return Ok(()),
            ContainerState::Paused | ContainerState::Dead | ContainerState::Removing => {
                return Err(Refused::State { container: id.clone(), state: container.state });
            }
            ContainerState::Created | ContainerState::Exited => {}
        }
        let (names, known) = (container.networks.clone(), container.network_ids.clone());
        let mut networks = BTreeMap::new();
        for name in names {
            let there = match known.get(&name) {
                Some(id) => Some(id.clone()).filter(|id| self.networks.contains_key(id)),
                None => self.network_named(&name).map(|network| network.id.clone()),
            };
            let there: NetworkId = there.ok_or_else(|| Refused::NotFound(format!("network {name}")))?;
            networks.insert(name, there);
        }
        let pid = u32::try_from(1000 + self.writes.len()).unwrap_or(u32::MAX);
        let Contained { container, capsule } = self.contained(id)?;
        container.network_ids = networks;
        container.state = ContainerState::Running;
        container.started_at = Some(now);
        container.exit = None;
        container.pid = Some(pid);
        *capsule = CapsuleState::default();
        let name = container.name.clone();
        self.wrote(EngineWrite::ContainerStart, &name);
        Ok(())
    }

    pub(super) fn stop_container(&mut self, id: &ContainerId, now: Timestamp) -> Result<(), Refused> {
        match self.contained(id)?.container.state {
            ContainerState::Running | ContainerState::Paused | ContainerState::Restarting => {}
            ContainerState::Created | ContainerState::Exited | ContainerState::Dead | ContainerState::Removing => {
                return Ok(());
            }
        }
        self.end(id, ENDED_ON_REQUEST, now)?;
        let name = self.contained(id)?.container.name.clone();
        self.wrote(EngineWrite::ContainerStop, &name);
        Ok(())
    }

    /// Ends PID 1 and with it every session, as a stop or a crash does.
    ///
    /// # Errors
    /// When there is no such container.
    pub fn end(&mut self, id: &ContainerId, code: i64, now: Timestamp) -> Result<(), Refused> {
        let Contained { container, capsule } = self.contained(id)?;
        container.state = ContainerState::Exited;
        container.pid = None;
        container.exit = Some(Exit { code, out_of_memory: false, error: None, finished_at: Some(now) });
        let sessions = std::mem::take(capsule).sessions;
        let busy = |session: &wire::Session| {
            session.is_live() && (session.attached > 0 || session.state != SessionState::Idle)
        };
        self.ended.extend(sessions.into_iter().filter(busy));
        Ok(())
    }

    pub(super) fn remove_container(&mut self, id: &ContainerId) -> Result<(), Refused> {
        let Some(Contained { container, .. }) = self.containers.get(id) else { return Ok(()) };
        match container.state {
            ContainerState::Running | ContainerState::Paused | ContainerState::Restarting => {
                return Err(Refused::State { container: id.clone(), state: container.state });
            }
            ContainerState::Created | ContainerState::Exited | ContainerState::Dead | ContainerState::Removing => {}
        }
        let name = container.name.clone();
        self.containers.remove(id);
        self.mounts.remove(id);
        self.wrote(EngineWrite::ContainerDestroy, &name);
        Ok(())
    }

    pub(super) fn rename_container(&mut self, id: &ContainerId, name: &str) -> Result<(), Refused> {
        self.name_is_free(name, Some(id))?;
        let old = std::mem::replace(&mut self.contained(id)?.container.name, name.to_owned());
        if old != name {
            self.wrote(EngineWrite::ContainerRename, &old);
        }
        Ok(())
    }

    pub(super) fn unpause_container(&mut self, id: &ContainerId) -> Result<(), Refused> {
        let container = &mut self.contained(id)?.container;
        match container.state {
            ContainerState::Running | ContainerState::Restarting => return Ok(()),
            ContainerState::Paused => {}
            ContainerState::Created | ContainerState::Exited | ContainerState::Dead | ContainerState::Removing => {
                return Err(Refused::State { container: id.clone(), state: container.state });
            }
        }
        container.state = ContainerState::Running;
        let name = container.name.clone();
        self.wrote(EngineWrite::ContainerUnpause, &name);
        Ok(())
    }

    pub(super) fn update_container(
        &mut self,
        id: &ContainerId,
        limits: Limits,
        restart: RestartPolicy,
    ) -> Result<(), Refused> {
        let container = &mut self.contained(id)?.container;
        if matches!(container.state, ContainerState::Dead | ContainerState::Removing) {
            return Err(Refused::State { container: id.clone(), state: container.state });
        }
        (container.limits, container.restart) = (limits, restart);
        let name = container.name.clone();
        self.wrote(EngineWrite::ContainerUpdate, &name);
        Ok(())
    }
}
