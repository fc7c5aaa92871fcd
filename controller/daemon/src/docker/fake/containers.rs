//! Containers of the engine in memory.

use std::collections::{BTreeMap, BTreeSet};

use jackin_plan::world::{
    Container, ContainerId, ContainerSpec, ContainerState, Exit, Labels, Limits, Mount, MountSource, NetworkId,
    RestartPolicy,
};

use super::process::{self, Files};
use super::world::{World, in_use, refused};
use crate::docker::{ContainerSummary, EngineErrorCause, EventAction, EventKind, ExecStream, LabelFilter};

/// One container.
pub(super) struct FakeContainer {
    pub(super) found: Container,
    pub(super) spec: ContainerSpec,
    /// Networks that it is to be connected to, by name; the id is looked up at each start.
    pub(super) connected: BTreeMap<String, NetworkId>,
    pub(super) unresolved: BTreeSet<String>,
    /// Names under which it is found, by network.
    pub(super) aliases: BTreeMap<String, Vec<String>>,
    /// Files of its writable layer.
    pub(super) files: BTreeMap<String, Vec<u8>>,
    pub(super) logs: String,
    on_terminate: Option<i64>,
}

impl FakeContainer {
    pub(super) fn is_alive(&self) -> bool {
        matches!(self.found.state, ContainerState::Running | ContainerState::Paused)
    }

    fn network_names(&self) -> Vec<String> {
        self.connected.keys().chain(&self.unresolved).cloned().collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn volume_names(&self) -> Vec<String> {
        let named = self.spec.mounts.iter().filter_map(|mount| match &mount.source {
            MountSource::Volume { name, .. } => Some(name.clone()),
            MountSource::Bind { .. } | MountSource::Tmpfs { .. } => None,
        });
        named.collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn view(&self) -> Container {
        let networks = self.network_names();
        let aliases = |name: &String| (name.clone(), self.aliases.get(name).cloned().unwrap_or_default());
        let aliases = networks.iter().map(aliases).collect();
        Container { networks, network_ids: self.connected.clone(), aliases, ..self.found.clone() }
    }
}

impl World {
    pub(super) fn list_containers(&self, filter: &LabelFilter) -> Vec<ContainerSummary> {
        let shown = self.containers.values().filter(|container| filter.matches(&container.found.labels));
        let mut summaries: Vec<_> = shown
            .map(|container| ContainerSummary {
                id: container.found.id.clone(),
                name: container.found.name.clone(),
                state: container.found.state,
                labels: container.found.labels.clone(),
                image: container.found.image.clone(),
                networks: container.network_names(),
                volumes: container.volume_names(),
            })
            .collect();
        summaries.sort_by(|one, other| one.name.cmp(&other.name));
        summaries
    }

    pub(super) fn inspect_container(&self, name_or_id: &str) -> Option<Container> {
        let by_name = || self.containers.values().find(|container| container.found.name == name_or_id);
        self.containers.get(&ContainerId(name_or_id.to_owned())).or_else(by_name).map(FakeContainer::view)
    }

    pub(super) fn create_container(&mut self, spec: &ContainerSpec) -> Result<ContainerId, EngineErrorCause> {
        self.name_is_free(&spec.name, None)?;
        let missing = || EngineErrorCause::ImageMissing { image: spec.image.0.clone() };
        let image = self.image(&spec.image.0).ok_or_else(missing)?.found.clone();
        for Mount { source, .. } in &spec.mounts {
            if let MountSource::Bind { path } = source
                && !self.path_exists(path)
            {
                return Err(refused(400, format!("bind source path does not exist: {path}")));
            }
        }
        let mut connected = BTreeMap::new();
        let mut unresolved = BTreeSet::new();
        for name in &spec.networks {
            match self.network_of_name(name) {
                Some(id) => drop(connected.insert(name.clone(), id)),
                None => drop(unresolved.insert(name.clone())),
            }
        }
        for Mount { source, .. } in &spec.mounts {
            if let MountSource::Volume { name, labels } = source {
                self.create_volume(name, labels);
            }
        }
        let id = ContainerId(self.next_id());
        let labels: Labels = image.labels.into_iter().chain(spec.labels.clone()).collect();
        let found = Container {
            id: id.clone(),
            name: spec.name.clone(),
            image: image.id,
            state: ContainerState::Created,
            labels,
            limits: spec.limits,
            restart: spec.restart,
            networks: Vec::new(),
            network_ids: BTreeMap::new(),
            aliases: BTreeMap::new(),
            pid: None,
            created_at: Some(self.now()),
            started_at: None,
            exit: None,
        };
        let container = FakeContainer {
            found,
            spec: spec.clone(),
            connected,
            unresolved,
            aliases: spec.networks.iter().map(|network| (network.clone(), spec.aliases.clone())).collect(),
            files: BTreeMap::new(),
            logs: String::new(),
            on_terminate: None,
        };
        self.containers.insert(id.clone(), container);
        self.tell_of(&id, EventAction::Created, []);
        Ok(id)
    }

    fn name_is_free(&self, name: &str, except: Option<&ContainerId>) -> Result<(), EngineErrorCause> {
        let holder = self.containers.values().find(|container| container.found.name == name);
        match holder.map(|container| &container.found.id).filter(|id| Some(*id) != except) {
            Some(id) => Err(EngineErrorCause::NameConflict { holder: Some(id.0.clone()) }),
            None => Ok(()),
        }
    }

    pub(super) fn start_container(&mut self, id: &ContainerId) -> Result<(), EngineErrorCause> {
        match self.container(id)?.found.state {
            ContainerState::Running | ContainerState::Restarting => return Ok(()),
            ContainerState::Paused => {
                return Err(refused(409, "cannot start a paused container, try unpause instead".into()));
            }
            ContainerState::Created | ContainerState::Exited => {}
            ContainerState::Dead | ContainerState::Removing => {
                return Err(refused(409, "container is marked for removal and cannot be started".into()));
            }
        }
        for (name, network) in self.container(id)?.connected.clone() {
            if !self.networks.contains_key(&network) {
                return Err(refused(404, format!("network {name} not found")));
            }
        }
        for name in std::mem::take(&mut self.container_mut(id)?.unresolved) {
            let Some(network) = self.network_of_name(&name) else {
                self.container_mut(id)?.unresolved.insert(name.clone());
                return Err(refused(404, format!("network {name} not found")));
            };
            self.container_mut(id)?.connected.insert(name, network);
        }
        self.launch(id)
    }

    /// Runs PID 1, and tells what an engine tells.
    fn launch(&mut self, id: &ContainerId) -> Result<(), EngineErrorCause> {
        let pid = self.next_pid();
        let command = self.container(id)?.spec.command.clone();
        let process = process::run(&command, &mut ContainerFiles { world: self, id: id.clone() });
        let now = self.now();
        let container = self.container_mut(id)?;
        container.found.state = ContainerState::Running;
        container.found.pid = Some(pid);
        container.found.started_at = Some(now);
        container.found.exit = None;
        container.logs.push_str(&process.output);
        container.on_terminate = process.on_terminate;
        let networks: Vec<_> = container.connected.values().cloned().collect();
        for network in networks {
            self.tell_of_connection(&network, id, EventAction::Connected);
        }
        self.tell_of(id, EventAction::Started, []);
        if let Some(code) = process.ended {
            self.end(id, code)?;
            let container = self.container_mut(id)?;
            if restarts(container.found.restart, code) {
                container.found.state = ContainerState::Restarting;
            }
        }
        Ok(())
    }

    /// Ends PID 1.
    pub(super) fn end(&mut self, id: &ContainerId, code: i64) -> Result<(), EngineErrorCause> {
        let now = self.now();
        let container = self.container_mut(id)?;
        container.found.state = ContainerState::Exited;
        container.found.pid = None;
        container.found.exit = Some(Exit { code, out_of_memory: false, error: None, finished_at: Some(now) });
        let networks: Vec<_> = container.connected.values().cloned().collect();
        self.tell_of(id, EventAction::Died { exit_code: Some(code) }, [("exitCode", code.to_string())]);
        for network in networks {
            self.tell_of_connection(&network, id, EventAction::Disconnected);
        }
        Ok(())
    }

    /// Ends PID 1 as if by itself, so that the restart policy acts.
    pub(super) fn crash(&mut self, id: &ContainerId, code: i64) -> Result<(), EngineErrorCause> {
        if !self.container(id)?.is_alive() {
            return Err(not_running(id));
        }
        self.end(id, code)?;
        match restarts(self.container(id)?.found.restart, code) {
            true => self.launch(id),
            false => Ok(()),
        }
    }

    /// Ends PID 1 for want of memory.
    pub(super) fn starve(&mut self, id: &ContainerId) -> Result<(), EngineErrorCause> {
        if !self.container(id)?.is_alive() {
            return Err(not_running(id));
        }
        self.tell_of(id, EventAction::OutOfMemory, []);
        self.crash(id, 137)?;
        if let Some(exit) = &mut self.container_mut(id)?.found.exit {
            exit.out_of_memory = true;
        }
        Ok(())
    }

    /// Ends every PID 1, and starts those that their restart policy brings back.
    pub(super) fn restart(&mut self) {
        let alive: Vec<_> = self.containers.values().filter(|container| container.is_alive()).collect();
        let alive: Vec<_> = alive.into_iter().map(|container| container.found.id.clone()).collect();
        for id in alive {
            // Both can only fail for a container that is not there.
            _ = self.crash(&id, 137);
        }
    }

    pub(super) fn containers_with_specs(&self) -> Vec<(Container, ContainerSpec)> {
        self.containers.values().map(|container| (container.view(), container.spec.clone())).collect()
    }

    pub(super) fn pause_container(&mut self, id: &ContainerId) -> Result<(), EngineErrorCause> {
        match self.container(id)?.found.state {
            ContainerState::Paused => Ok(()),
            ContainerState::Running => {
                self.container_mut(id)?.found.state = ContainerState::Paused;
                self.tell_of(id, EventAction::Paused, []);
                Ok(())
            }
            _ => Err(not_running(id)),
        }
    }

    pub(super) fn unpause_container(&mut self, id: &ContainerId) -> Result<(), EngineErrorCause> {
        if self.container(id)?.found.state == ContainerState::Paused {
            self.container_mut(id)?.found.state = ContainerState::Running;
            self.tell_of(id, EventAction::Unpaused, []);
        }
        Ok(())
    }

    pub(super) fn stop_container(&mut self, id: &ContainerId) -> Result<(), EngineErrorCause> {
        let container = self.container(id)?;
        if !container.is_alive() {
            if container.found.state == ContainerState::Restarting {
                self.container_mut(id)?.found.state = ContainerState::Exited;
            }
            return Ok(());
        }
        let code = container.on_terminate;
        self.tell_of(id, EventAction::Killed, [("signal", "15".to_owned())]);
        if code.is_none() {
            self.tell_of(id, EventAction::Killed, [("signal", "9".to_owned())]);
        }
        self.end(id, code.unwrap_or(137))?;
        self.tell_of(id, EventAction::Stopped, []);
        Ok(())
    }

    pub(super) fn kill_container(&mut self, id: &ContainerId, signal: &str) -> Result<(), EngineErrorCause> {
        let container = self.container(id)?;
        if !container.is_alive() {
            return Err(not_running(id));
        }
        let code = match signal.trim_start_matches("SIG") {
            "KILL" | "9" => Some(137),
            "TERM" | "15" => container.on_terminate,
            _ => None,
        };
        self.tell_of(id, EventAction::Killed, [("signal", signal.to_owned())]);
        code.map_or(Ok(()), |code| self.end(id, code))
    }

    pub(super) fn exec(&mut self, id: &ContainerId, command: &[String]) -> Result<ExecStream, EngineErrorCause> {
        match self.container(id)?.found.state {
            ContainerState::Running => Ok(process::beside(command)),
            ContainerState::Paused => Err(refused(409, format!("container {id} is paused"))),
            _ => Err(not_running(id)),
        }
    }

    pub(super) fn remove_container(&mut self, id: &ContainerId, force: bool) -> Result<(), EngineErrorCause> {
        let Some(container) = self.containers.get(id) else {
            return Ok(());
        };
        if container.is_alive() {
            if !force {
                return Err(in_use(format!("cannot remove the running container {id}")));
            }
            self.tell_of(id, EventAction::Killed, [("signal", "9".to_owned())]);
            self.end(id, 137)?;
        }
        self.tell_of(id, EventAction::Destroyed, []);
        self.containers.remove(id);
        Ok(())
    }

    pub(super) fn rename_container(&mut self, id: &ContainerId, name: &str) -> Result<(), EngineErrorCause> {
        self.container(id)?;
        self.name_is_free(name, Some(id))?;
        let old = std::mem::replace(&mut self.container_mut(id)?.found.name, name.to_owned());
        if old != name {
            self.tell_of(id, EventAction::Renamed, [("oldName", format!("/{old}"))]);
        }
        Ok(())
    }

    pub(super) fn update_container(
        &mut self,
        id: &ContainerId,
        limits: &Limits,
        restart: RestartPolicy,
    ) -> Result<(), EngineErrorCause> {
        let container = self.container_mut(id)?;
        container.found.limits = *limits;
        container.found.restart = restart;
        self.tell_of(id, EventAction::Updated, []);
        Ok(())
    }

    pub(super) fn put_archive(&mut self, id: &ContainerId, path: &str, archive: &[u8]) -> Result<(), EngineErrorCause> {
        self.container(id)?;
        let entries = super::archive::files(archive)?;
        let mut files = ContainerFiles { world: self, id: id.clone() };
        for (name, content) in entries {
            let target = format!("{}/{name}", path.trim_end_matches('/'));
            if !files.write(&target, content) {
                return Err(refused(403, "mounted volume is marked read-only".into()));
            }
        }
        Ok(())
    }

    pub(super) fn container_logs(&self, id: &ContainerId, tail: usize) -> Result<String, EngineErrorCause> {
        let lines: Vec<&str> = self.container(id)?.logs.split_inclusive('\n').collect();
        Ok(lines[lines.len().saturating_sub(tail)..].concat())
    }

    pub(super) fn container(&self, id: &ContainerId) -> Result<&FakeContainer, EngineErrorCause> {
        self.containers.get(id).ok_or(EngineErrorCause::NotFound)
    }

    pub(super) fn container_mut(&mut self, id: &ContainerId) -> Result<&mut FakeContainer, EngineErrorCause> {
        self.containers.get_mut(id).ok_or(EngineErrorCause::NotFound)
    }

    /// Tells of a container, with its labels.
    pub(super) fn tell_of<const N: usize>(&mut self, id: &ContainerId, action: EventAction, more: [(&str, String); N]) {
        let Some(container) = self.containers.get(id) else {
            return;
        };
        let mut attributes = container.found.labels.clone();
        attributes.insert("name".to_owned(), container.found.name.clone());
        attributes.insert("image".to_owned(), container.found.image.0.clone());
        attributes.extend(more.map(|(key, value)| (key.to_owned(), value)));
        let name = Some(container.found.name.clone());
        self.tell(EventKind::Container, action, id.0.clone(), name, attributes);
    }
}

fn not_running(id: &ContainerId) -> EngineErrorCause {
    refused(409, format!("Container {id} is not running"))
}

fn restarts(policy: RestartPolicy, code: i64) -> bool {
    match policy {
        RestartPolicy::No => false,
        RestartPolicy::OnFailure => code != 0,
        RestartPolicy::UnlessStopped => true,
    }
}

/// The files that PID 1 of a container sees.
struct ContainerFiles<'world> {
    world: &'world mut World,
    id: ContainerId,
}

impl ContainerFiles<'_> {
    /// The volume at a path, with the rest of the path, and whether writing is refused.
    fn volume_at(&self, path: &str) -> Option<(String, String, bool)> {
        let mounts = &self.world.containers.get(&self.id)?.spec.mounts;
        mounts.iter().find_map(|Mount { target, source, read_only }| {
            let MountSource::Volume { name, .. } = source else {
                return None;
            };
            let rest = path.strip_prefix(target.trim_end_matches('/'))?.strip_prefix('/')?;
            Some((name.clone(), rest.to_owned(), *read_only))
        })
    }

    fn write(&mut self, path: &str, content: Vec<u8>) -> bool {
        match self.volume_at(path) {
            Some((_, _, true)) => false,
            Some((name, rest, false)) => {
                let volume = self.world.volumes.get_mut(&name);
                volume.is_some_and(|volume| {
                    volume.files.insert(rest, content);
                    true
                })
            }
            None => self.world.containers.get_mut(&self.id).is_some_and(|container| {
                let writable = !container.spec.security.read_only_rootfs;
                if writable {
                    container.files.insert(path.to_owned(), content);
                }
                writable
            }),
        }
    }
}

impl Files for ContainerFiles<'_> {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        match self.volume_at(path) {
            Some((name, rest, _)) => self.world.volumes.get(&name)?.files.get(&rest).cloned(),
            None => self.world.containers.get(&self.id)?.files.get(path).cloned(),
        }
    }

    fn touch(&mut self, path: &str) -> bool {
        self.write(path, Vec::new())
    }
}
