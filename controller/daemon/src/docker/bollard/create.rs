//! Making a container: the whole of a spec in the engine's terms.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, EndpointSettings, HostConfig, HostConfigLogConfig, Mount as EngineMount, MountBindOptions,
    MountBindOptionsPropagationEnum, MountType, MountVolumeOptions, NetworkConnectRequest, NetworkingConfig,
};
use bollard::query_parameters::CreateContainerOptions;
use jackin_plan::world::{Confinement, ContainerId, ContainerSpec, Mount, MountSource, Security};

use super::connect::bounded;
use super::translate::restart_policy_name;
use super::{DockerEngine, HostFacts, capabilities, limit, limits};
use crate::docker::{EngineError, Operation};

/// The engine's own bridge, on which it refuses aliases.
const DEFAULT_BRIDGE: &str = "bridge";

impl DockerEngine {
    pub(super) async fn create(&self, spec: &ContainerSpec) -> Result<ContainerId, EngineError> {
        let operation = Operation::CreateContainer;
        let client = self.client(operation, &spec.name).await?;
        let host = self.host_facts(operation, &spec.name).await?;
        let options = CreateContainerOptions { name: Some(spec.name.clone()), ..CreateContainerOptions::default() };
        let created = client.create_container(Some(options), body(spec, host));
        let id = ContainerId(bounded(operation, &spec.name, limit::WRITE, created).await?.id);
        // Engines before API 1.44 take one network at creation.
        for network in spec.networks.iter().skip(1) {
            let request = NetworkConnectRequest {
                container: id.0.clone(),
                endpoint_config: Some(endpoint(network, &spec.aliases)),
            };
            let connected = client.connect_network(network, request);
            if let Err(error) = bounded(operation, &spec.name, limit::WRITE, connected).await {
                // The error that is told is the first one; what could not be removed shows up in the next list.
                let _ = self.remove(&id, true).await;
                return Err(error);
            }
        }
        if let Err(error) = self.introduce_user(&id, spec).await {
            let _ = self.remove(&id, true).await;
            return Err(error);
        }
        Ok(id)
    }
}

fn body(spec: &ContainerSpec, host: &HostFacts) -> ContainerCreateBody {
    let ContainerSpec {
        name: _,
        image,
        command,
        env,
        user,
        workdir,
        hostname,
        labels,
        mounts,
        networks,
        aliases,
        limits,
        restart,
        security,
        stop_timeout_seconds,
    } = spec;
    let mut host_config = HostConfig {
        mounts: Some(mounts.iter().filter_map(mount).collect()),
        tmpfs: Some(mounts.iter().filter_map(tmpfs).collect()),
        network_mode: Some(networks.first().cloned().unwrap_or_else(|| "none".to_owned())),
        restart_policy: Some(restart_policy_name(*restart)),
        init: Some(false),
        log_config: bounded_logs(host),
        ..HostConfig::default()
    };
    limits::at_creation(limits, &mut host_config);
    secure(security, &mut host_config);
    let endpoints = networks.first().map(|network| HashMap::from([(network.clone(), endpoint(network, aliases))]));
    ContainerCreateBody {
        image: Some(image.0.clone()),
        entrypoint: Some(command.clone()),
        // The image's own command would be appended to the entrypoint.
        cmd: Some(Vec::new()),
        env: Some(env.iter().map(|(name, value)| format!("{name}={value}")).collect()),
        user: user.clone(),
        working_dir: workdir.clone(),
        hostname: hostname.clone(),
        labels: Some(labels.clone().into_iter().collect()),
        open_stdin: Some(false),
        tty: Some(false),
        stop_timeout: Some((*stop_timeout_seconds).into()),
        host_config: Some(host_config),
        networking_config: endpoints.map(|endpoints| NetworkingConfig { endpoints_config: Some(endpoints) }),
        ..ContainerCreateBody::default()
    }
}

fn secure(security: &Security, host: &mut HostConfig) {
    let Security { capabilities, read_only_rootfs, no_new_privileges, confinement } = security;
    host.privileged = Some(false);
    host.cap_drop = Some(vec!["ALL".to_owned()]);
    host.cap_add = Some(capabilities.clone());
    host.readonly_rootfs = Some(*read_only_rootfs);
    host.security_opt = no_new_privileges.then(|| vec!["no-new-privileges:true".to_owned()]);
    match confinement {
        Confinement::Engine => {}
        Confinement::NestedEngine => open_for_nesting(host),
    }
}

/// What an inner engine needs, without `privileged`: that asks for every capability that the kernel knows, and fails where the host
/// lacks one.
fn open_for_nesting(host: &mut HostConfig) {
    let options = ["seccomp=unconfined", "apparmor=unconfined"].map(str::to_owned);
    host.security_opt.get_or_insert_default().extend(options);
    // Present and empty means none, which the command line calls `systempaths=unconfined`.
    host.masked_paths = Some(Vec::new());
    host.readonly_paths = Some(Vec::new());
    host.device_cgroup_rules = Some(vec!["a *:* rwm".to_owned()]);
    host.cap_add.get_or_insert_default().retain(|name| capabilities::host_has(name));
}

/// Bounds on the log of PID 1, where the engine keeps logs in files that would grow for ever.
fn bounded_logs(host: &HostFacts) -> Option<HostConfigLogConfig> {
    let options = [("max-size", "4m"), ("max-file", "2")];
    (host.logging_driver == "json-file").then(|| HostConfigLogConfig {
        typ: Some(host.logging_driver.clone()),
        config: Some(options.map(|(key, value)| (key.to_owned(), value.to_owned())).into()),
    })
}

/// Aliases, where the network has them.
pub(super) fn endpoint(network: &str, aliases: &[String]) -> EndpointSettings {
    let aliases = (network != DEFAULT_BRIDGE && !aliases.is_empty()).then(|| aliases.to_vec());
    EndpointSettings { aliases, ..EndpointSettings::default() }
}

fn mount(mount: &Mount) -> Option<EngineMount> {
    let base =
        EngineMount { target: Some(mount.target.clone()), read_only: Some(mount.read_only), ..EngineMount::default() };
    match &mount.source {
        // Unlike `Binds`, a mount whose source is missing is an error and not a new directory of root's.
        MountSource::Bind { path } => Some(EngineMount {
            typ: Some(MountType::BIND),
            source: Some(path.clone()),
            bind_options: Some(MountBindOptions {
                propagation: Some(MountBindOptionsPropagationEnum::RPRIVATE),
                ..MountBindOptions::default()
            }),
            ..base
        }),
        MountSource::Volume { name, labels } => Some(EngineMount {
            typ: Some(MountType::VOLUME),
            source: Some(name.clone()),
            volume_options: Some(MountVolumeOptions {
                // A volume holds what was put there, never what some image had at its target.
                no_copy: Some(true),
                labels: Some(labels.clone().into_iter().collect()),
                ..MountVolumeOptions::default()
            }),
            ..base
        }),
        MountSource::Tmpfs { .. } => None,
    }
}

/// Target and options of a tmpfs; the engine's `Mounts` cannot express `exec` before API 1.46.
fn tmpfs(mount: &Mount) -> Option<(String, String)> {
    let MountSource::Tmpfs { size_bytes, exec } = &mount.source else {
        return None;
    };
    let mut options = vec!["nosuid".to_owned(), "nodev".to_owned(), "mode=1777".to_owned()];
    options.push(if *exec { "exec" } else { "noexec" }.to_owned());
    options.push(if mount.read_only { "ro" } else { "rw" }.to_owned());
    options.extend(size_bytes.map(|size| format!("size={size}")));
    Some((mount.target.clone(), options.join(",")))
}
