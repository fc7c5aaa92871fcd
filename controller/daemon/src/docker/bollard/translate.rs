//! The engine's models in our words, and label filters in the engine's.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{
    ContainerInspectResponse, ContainerStateStatusEnum, ContainerSummaryStateEnum, EndpointSettings, HostConfig,
    ImageInspect, ImageSummary, RestartPolicyNameEnum,
};
use jackin_api::words::Digest;
use jackin_plan::digest::digest_of;
use jackin_plan::world::{
    Container, ContainerId, ContainerState, Exit, Image, ImageId, Labels, NetworkId, RestartPolicy,
};
use jiff::Timestamp;

use super::limits;
use crate::docker::{ContainerSummary, LabelFilter};

/// The engine's filter map for these labels; `None` when there are none.
pub(super) fn filters(filter: &LabelFilter) -> Option<HashMap<String, Vec<String>>> {
    let demands = filter.demands().iter().map(|(key, value)| match value {
        Some(value) => format!("{key}={value}"),
        None => key.clone(),
    });
    let demands: Vec<String> = demands.collect();
    (!demands.is_empty()).then(|| HashMap::from([("label".to_owned(), demands)]))
}

pub(super) fn labels(found: Option<HashMap<String, String>>) -> Labels {
    found.unwrap_or_default().into_iter().collect()
}

/// A container of a list; `None` for one without an id.
pub(super) fn summary(found: bollard::models::ContainerSummary) -> Option<ContainerSummary> {
    let networks = found.network_settings.and_then(|settings| settings.networks);
    // Links of other containers show up as further names, with two slashes.
    let names = found.names.unwrap_or_default();
    let mounts = found.mounts.unwrap_or_default().into_iter();
    let mut volumes: Vec<_> = mounts.filter_map(|mount| mount.name.filter(|name| !name.is_empty())).collect();
    volumes.sort();
    let own = names.iter().map(|name| name.trim_start_matches('/')).find(|name| !name.contains('/'));
    Some(ContainerSummary {
        id: ContainerId(found.id?),
        name: own.unwrap_or_default().to_owned(),
        state: found.state.map_or(ContainerState::Dead, summary_state),
        labels: labels(found.labels),
        image: ImageId(found.image_id.unwrap_or_default()),
        networks: network_names(networks),
        volumes,
    })
}

/// An inspected container; `None` for one without an id.
pub(super) fn container(found: ContainerInspectResponse) -> Option<Container> {
    let state = found.state.unwrap_or_default();
    let networks = found.network_settings.and_then(|settings| settings.networks);
    let status = state.status.map_or(ContainerState::Dead, inspected_state);
    let host = found.host_config.unwrap_or_default();
    let error = state.error.filter(|error| !error.is_empty());
    let ended = match status {
        ContainerState::Exited | ContainerState::Dead | ContainerState::Restarting => true,
        // A start that failed leaves it as it was made, with the error.
        ContainerState::Created => error.is_some(),
        ContainerState::Running | ContainerState::Paused | ContainerState::Removing => false,
    };
    let exit = ended.then(|| Exit {
        code: state.exit_code.unwrap_or_default(),
        out_of_memory: state.oom_killed.unwrap_or(false),
        error,
        finished_at: state.finished_at.as_deref().and_then(timestamp),
    });
    Some(Container {
        id: ContainerId(found.id?),
        name: found.name.unwrap_or_default().trim_start_matches('/').to_owned(),
        image: ImageId(found.image.unwrap_or_default()),
        state: status,
        labels: labels(found.config.and_then(|config| config.labels)),
        limits: limits::in_force(&host),
        restart: restart_policy(&host),
        network_ids: network_ids(networks.as_ref()),
        aliases: aliases(networks.as_ref()),
        networks: network_names(networks),
        pid: state.pid.and_then(|pid| u32::try_from(pid).ok()).filter(|pid| *pid != 0),
        created_at: found.created.as_deref().and_then(timestamp),
        started_at: state.started_at.as_deref().and_then(timestamp),
        exit,
    })
}

pub(super) fn listed_image(found: ImageSummary) -> Image {
    Image {
        id: ImageId(found.id),
        // A list does not tell layers.
        content: None,
        tags: names(found.repo_tags),
        labels: found.labels.into_iter().collect(),
        size_bytes: u64::try_from(found.size).unwrap_or_default(),
        repository_digests: names(found.repo_digests),
        created_at: Timestamp::from_second(found.created).ok().filter(|time| *time > Timestamp::UNIX_EPOCH),
    }
}

/// An inspected image; `None` for one without an id.
pub(super) fn image(found: ImageInspect) -> Option<Image> {
    let content = content(&found);
    Some(Image {
        id: ImageId(found.id?),
        content,
        tags: names(found.repo_tags.unwrap_or_default()),
        labels: labels(found.config.and_then(|config| config.labels)),
        size_bytes: found.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
        repository_digests: names(found.repo_digests.unwrap_or_default()),
        created_at: found.created.as_deref().and_then(timestamp),
    })
}

/// The instruction of an entry of a history. The classic builder writes one that runs nothing as a comment for its shell.
pub(super) fn instruction(created_by: &str) -> String {
    created_by.split_once("#(nop)").map_or(created_by, |(_, instruction)| instruction).trim().to_owned()
}

/// Digest of what is in an image, without the times and commands of its build; `None` where the engine tells no layers.
fn content(found: &ImageInspect) -> Option<Digest> {
    let layers = found.root_fs.as_ref()?.layers.as_ref().filter(|layers| !layers.is_empty())?;
    Some(digest_of(&(layers, &found.config, &found.os, &found.architecture, &found.variant)))
}

pub(super) fn restart_policy_name(policy: RestartPolicy) -> bollard::models::RestartPolicy {
    let name = match policy {
        RestartPolicy::No => RestartPolicyNameEnum::NO,
        RestartPolicy::OnFailure => RestartPolicyNameEnum::ON_FAILURE,
        RestartPolicy::UnlessStopped => RestartPolicyNameEnum::UNLESS_STOPPED,
    };
    bollard::models::RestartPolicy { name: Some(name), maximum_retry_count: None }
}

fn restart_policy(host: &HostConfig) -> RestartPolicy {
    match host.restart_policy.as_ref().and_then(|policy| policy.name) {
        Some(RestartPolicyNameEnum::ON_FAILURE) => RestartPolicy::OnFailure,
        Some(RestartPolicyNameEnum::UNLESS_STOPPED | RestartPolicyNameEnum::ALWAYS) => RestartPolicy::UnlessStopped,
        Some(RestartPolicyNameEnum::NO | RestartPolicyNameEnum::EMPTY) | None => RestartPolicy::No,
    }
}

/// Names without the engine's `<none>:<none>`, sorted.
fn names(mut found: Vec<String>) -> Vec<String> {
    found.retain(|name| !name.contains("<none>"));
    found.sort();
    found
}

/// Ids of joined networks, by name; a container that never ran has none.
fn network_ids(found: Option<&HashMap<String, EndpointSettings>>) -> BTreeMap<String, NetworkId> {
    let id = |endpoint: &EndpointSettings| endpoint.network_id.clone().filter(|id| !id.is_empty()).map(NetworkId);
    let all = found.into_iter().flatten().filter_map(|(name, endpoint)| Some((name.clone(), id(endpoint)?)));
    all.collect()
}

/// Aliases on joined networks, by name, sorted.
fn aliases(found: Option<&HashMap<String, EndpointSettings>>) -> BTreeMap<String, Vec<String>> {
    let sorted = |endpoint: &EndpointSettings| {
        let mut aliases = endpoint.aliases.clone().unwrap_or_default();
        aliases.sort();
        aliases
    };
    found.into_iter().flatten().map(|(name, endpoint)| (name.clone(), sorted(endpoint))).collect()
}

/// Names of joined networks, sorted; the engine lists "no network at all" as one named `none`.
fn network_names(found: Option<HashMap<String, EndpointSettings>>) -> Vec<String> {
    let mut names: Vec<String> = found.unwrap_or_default().into_keys().filter(|name| name != "none").collect();
    names.sort();
    names
}

/// A time; the engine writes "never" as the first instant of year 1.
pub(super) fn timestamp(text: &str) -> Option<Timestamp> {
    text.parse::<Timestamp>().ok().filter(|time| *time > Timestamp::UNIX_EPOCH)
}

fn summary_state(state: ContainerSummaryStateEnum) -> ContainerState {
    match state {
        ContainerSummaryStateEnum::CREATED => ContainerState::Created,
        ContainerSummaryStateEnum::RUNNING | ContainerSummaryStateEnum::STOPPING => ContainerState::Running,
        ContainerSummaryStateEnum::PAUSED => ContainerState::Paused,
        ContainerSummaryStateEnum::RESTARTING => ContainerState::Restarting,
        ContainerSummaryStateEnum::EXITED => ContainerState::Exited,
        ContainerSummaryStateEnum::REMOVING => ContainerState::Removing,
        ContainerSummaryStateEnum::DEAD | ContainerSummaryStateEnum::EMPTY => ContainerState::Dead,
    }
}

fn inspected_state(state: ContainerStateStatusEnum) -> ContainerState {
    match state {
        ContainerStateStatusEnum::CREATED => ContainerState::Created,
        ContainerStateStatusEnum::RUNNING | ContainerStateStatusEnum::STOPPING => ContainerState::Running,
        ContainerStateStatusEnum::PAUSED => ContainerState::Paused,
        ContainerStateStatusEnum::RESTARTING => ContainerState::Restarting,
        ContainerStateStatusEnum::EXITED => ContainerState::Exited,
        ContainerStateStatusEnum::REMOVING => ContainerState::Removing,
        ContainerStateStatusEnum::DEAD | ContainerStateStatusEnum::EMPTY => ContainerState::Dead,
    }
}
