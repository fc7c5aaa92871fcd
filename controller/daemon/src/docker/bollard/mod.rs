//! The real engine: our port on top of bollard.
//!
//! One file per kind of object; `translate` turns the engine's models into our words, `failure` its errors, `connect` finds the
//! engine, and `limits` holds what updating limits takes. The client is made when the first call needs it, so that a daemon can be
//! started before its engine.

mod accounts;
mod build;
mod buildkit;
mod capabilities;
mod connect;
mod containers;
mod context;
mod create;
mod events;
mod exec;
mod failure;
mod http;
mod images;
mod limits;
mod logins;
mod networks;
mod reference;
mod translate;
mod upload;
mod volumes;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use async_trait::async_trait;
use bollard::Docker;
use jackin_plan::world::{
    BuildRequest, Container, ContainerId, ContainerSpec, Image, ImageId, Labels, Limits, Network, NetworkId,
    NetworkSpec, RestartPolicy, Volume, VolumeSpec,
};
use jiff::Timestamp;
use tokio::sync::{Mutex, OnceCell, mpsc};
use tokio_util::sync::CancellationToken;

pub use context::EngineAddress;

use logins::Logins;

use super::{
    Archive, BuildMaterial, BuildProgress, ContainerSummary, Engine, EngineError, EngineInfo, EventStream, ExecStream,
    LabelFilter,
};

/// Time limits of ours. The engine has none, and bollard's covers only the head of an answer.
mod limit {
    use std::time::Duration;

    /// For what only reads.
    pub(super) const READ: Duration = Duration::from_secs(10);
    /// For what changes something.
    pub(super) const WRITE: Duration = Duration::from_secs(60);
    /// For archives, whose size is not ours to know.
    pub(super) const ARCHIVE: Duration = Duration::from_secs(600);
    /// Added to the time that a container is given to stop.
    pub(super) const STOP_GRACE: Duration = Duration::from_secs(10);
    /// For the engine's own question to a registry.
    pub(super) const REGISTRY: Duration = Duration::from_secs(30);
    /// For the helper that keeps a login.
    pub(super) const LOGIN: Duration = Duration::from_secs(20);
    /// Between two signs of life of a pull.
    pub(super) const PULL_SILENCE: Duration = Duration::from_secs(120);
    /// Of a build's silence, after which the engine is asked whether it is there at all.
    pub(super) const BUILD_SILENCE: Duration = Duration::from_secs(30);
    /// Of the silence of a build whose engine is there: a step may compile for long without a word.
    pub(super) const BUILD: Duration = Duration::from_secs(2 * 3600);
    /// Of the silence of an event stream, after which it is opened anew: one that is quiet cannot be told from one that is dead.
    pub(super) const EVENTS_SILENCE: Duration = Duration::from_secs(300);
}

/// An engine that speaks the Docker Engine API, through a Unix socket or plain TCP.
pub struct DockerEngine {
    address: EngineAddress,
    client: OnceCell<Docker>,
    /// Minor version of the API that requests ask for; 0 until the engine told which ones it has.
    api_minor: Arc<AtomicUsize>,
    host: OnceCell<HostFacts>,
    /// What registries are asked with.
    logins: Logins,
    /// Whether it has BuildKit.
    buildkit: OnceCell<bool>,
    /// What lists of users lack, by image, user and group.
    accounts: Mutex<HashMap<(String, u32, u32), accounts::Lists>>,
    /// One lock per network name in creation: engines allow two networks of one name.
    network_locks: Mutex<HashMap<String, Arc<Mutex<()>>>>,
}

/// What we need to know of the engine's host, asked once.
#[derive(Clone, Debug)]
struct HostFacts {
    logging_driver: String,
    processors: i64,
}

#[async_trait]
impl Engine for DockerEngine {
    async fn ping(&self) -> Result<EngineInfo, EngineError> {
        self.who_answers().await
    }

    async fn has_buildkit(&self) -> Result<bool, EngineError> {
        self.finds_buildkit().await
    }

    async fn list_containers(&self, filter: &LabelFilter) -> Result<Vec<ContainerSummary>, EngineError> {
        self.containers(filter).await
    }

    async fn inspect_container(&self, name_or_id: &str) -> Result<Option<Container>, EngineError> {
        self.container(name_or_id).await
    }

    async fn create_container(&self, spec: &ContainerSpec) -> Result<ContainerId, EngineError> {
        self.create(spec).await
    }

    async fn start_container(&self, id: &ContainerId) -> Result<(), EngineError> {
        self.start(id).await
    }

    async fn pause_container(&self, id: &ContainerId) -> Result<(), EngineError> {
        self.pause(id).await
    }

    async fn unpause_container(&self, id: &ContainerId) -> Result<(), EngineError> {
        self.unpause(id).await
    }

    async fn stop_container(&self, id: &ContainerId, timeout_seconds: u32) -> Result<(), EngineError> {
        self.stop(id, timeout_seconds).await
    }

    async fn kill_container(&self, id: &ContainerId, signal: &str) -> Result<(), EngineError> {
        self.kill(id, signal).await
    }

    async fn remove_container(&self, id: &ContainerId, force: bool) -> Result<(), EngineError> {
        self.remove(id, force).await
    }

    async fn rename_container(&self, id: &ContainerId, name: &str) -> Result<(), EngineError> {
        self.rename(id, name).await
    }

    async fn update_container(
        &self,
        id: &ContainerId,
        limits: &Limits,
        restart: RestartPolicy,
    ) -> Result<(), EngineError> {
        self.update(id, limits, restart).await
    }

    async fn put_archive(&self, id: &ContainerId, path: &str, archive: Archive) -> Result<(), EngineError> {
        self.unpack(id, path, archive).await
    }

    async fn container_logs(&self, id: &ContainerId, tail: usize) -> Result<String, EngineError> {
        self.logs(id, tail).await
    }

    async fn exec(&self, id: &ContainerId, command: &[String]) -> Result<ExecStream, EngineError> {
        Self::exec(self, id, command).await
    }

    async fn list_images(&self, filter: &LabelFilter) -> Result<Vec<Image>, EngineError> {
        self.images(filter).await
    }

    async fn inspect_image(&self, reference: &str) -> Result<Option<Image>, EngineError> {
        self.image(reference).await
    }

    async fn last_instruction(&self, image: &ImageId) -> Result<Option<String>, EngineError> {
        self.newest_history(image).await
    }

    async fn build_image(
        &self,
        request: &BuildRequest,
        material: BuildMaterial,
        progress: mpsc::UnboundedSender<BuildProgress>,
        cancel: CancellationToken,
    ) -> Result<ImageId, EngineError> {
        self.build(request, material, progress, cancel).await
    }

    async fn pull_image(&self, reference: &str) -> Result<ImageId, EngineError> {
        self.pull(reference).await
    }

    async fn registry_digest(&self, reference: &str) -> Result<Option<String>, EngineError> {
        self.digest_at_registry(reference).await
    }

    async fn import_image(&self, archive: Archive, reference: &str, labels: &Labels) -> Result<ImageId, EngineError> {
        self.import(archive, reference, labels).await
    }

    async fn tag_image(&self, image: &ImageId, reference: &str) -> Result<(), EngineError> {
        self.tag(image, reference).await
    }

    async fn remove_image(&self, reference: &str) -> Result<(), EngineError> {
        self.forget_image(reference).await
    }

    async fn list_networks(&self, filter: &LabelFilter) -> Result<Vec<Network>, EngineError> {
        self.networks(filter).await
    }

    async fn inspect_network(&self, name_or_id: &str) -> Result<Option<Network>, EngineError> {
        self.network(name_or_id).await
    }

    async fn create_network(&self, spec: &NetworkSpec) -> Result<NetworkId, EngineError> {
        self.make_network(spec).await
    }

    async fn remove_network(&self, id: &NetworkId) -> Result<(), EngineError> {
        self.forget_network(id).await
    }

    async fn connect_network(
        &self,
        network: &NetworkId,
        container: &ContainerId,
        aliases: &[String],
    ) -> Result<(), EngineError> {
        self.join_network(network, container, aliases).await
    }

    async fn disconnect_network(
        &self,
        network: &NetworkId,
        container: &ContainerId,
        force: bool,
    ) -> Result<(), EngineError> {
        self.leave_network(network, container, force).await
    }

    async fn list_volumes(&self, filter: &LabelFilter) -> Result<Vec<Volume>, EngineError> {
        self.volumes(filter).await
    }

    async fn inspect_volume(&self, name: &str) -> Result<Option<Volume>, EngineError> {
        self.volume(name).await
    }

    async fn create_volume(&self, spec: &VolumeSpec) -> Result<(), EngineError> {
        self.make_volume(spec).await
    }

    async fn remove_volume(&self, name: &str) -> Result<(), EngineError> {
        self.forget_volume(name).await
    }

    fn events(&self, filter: &LabelFilter, since: Option<Timestamp>) -> EventStream {
        self.follow(filter, since)
    }
}
