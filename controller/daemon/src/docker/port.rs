//! The port: everything that the daemon may ask of an engine, in our words.
//!
//! Guarantees, held by the conformance suite against the real engine and the one in memory alike:
//!
//! - "Already so" is success: starting what runs, stopping what is stopped, pausing what is paused, unpausing what runs, removing
//!   what is gone, connecting what is connected, disconnecting what is not, creating a volume or network that exists.
//! - Every call ends: each has a time limit of ours, and a build ends when it is cancelled.
//! - "Missing" is told from "cannot tell": an inspection answers `None` only when the engine said that it has no such object.
//! - Two networks of one name are never made by us, however many callers ask at once.

use async_trait::async_trait;
use futures::stream::BoxStream;
use jackin_plan::world::{
    BuildRequest, Container, ContainerId, ContainerSpec, ContainerState, Image, ImageId, Labels, Limits, Network,
    NetworkId, NetworkSpec, RestartPolicy, Volume, VolumeSpec,
};
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Archive, BuildMaterial, BuildProgress, EngineError, EngineEvent, ExecStream, LabelFilter};

/// Events until the connection ends; the last item is an error unless the engine closed it in order.
pub type EventStream = BoxStream<'static, Result<EngineEvent, EngineError>>;

/// Who answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineInfo {
    /// Name that the engine gives itself (`Docker Engine - Community`, `Podman Engine`); never a host name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Version of the API that we speak with it.
    pub api_version: String,
    /// Operating system of its containers.
    pub os: String,
    /// Architecture, in the engine's word (`amd64`).
    pub arch: String,
    /// Whether it is reached through a Unix socket of this machine, so that paths of this machine can be mounted.
    pub host_reachable: bool,
}

/// A container as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerSummary {
    /// Its id.
    pub id: ContainerId,
    /// Its name, without the engine's leading slash.
    pub name: String,
    /// Its state.
    pub state: ContainerState,
    /// Its labels, the image's included.
    pub labels: Labels,
    /// The image that it was created from.
    pub image: ImageId,
    /// Names of the networks that it is connected to, sorted.
    pub networks: Vec<String>,
    /// Names of the volumes that it mounts, sorted.
    pub volumes: Vec<String>,
}

/// An engine. The methods' order is: itself, containers, images, networks, volumes, events.
#[async_trait]
pub trait Engine: Send + Sync + 'static {
    /// Asks who answers.
    async fn ping(&self) -> Result<EngineInfo, EngineError>;

    /// Whether it has BuildKit beside its classic builder.
    async fn has_buildkit(&self) -> Result<bool, EngineError>;

    /// Containers in every state, sorted by name.
    async fn list_containers(&self, filter: &LabelFilter) -> Result<Vec<ContainerSummary>, EngineError>;

    /// One container by name or full id; `None` when the engine says that it has none.
    async fn inspect_container(&self, name_or_id: &str) -> Result<Option<Container>, EngineError>;

    /// Makes a container and does not start it.
    ///
    /// A failure leaves nothing behind. A missing source of a bind is `Refused`, a missing image `ImageMissing`. A volume starts empty,
    /// whatever the image has at its target. Whether the networks exist shows at the start only, which is then `Refused`.
    async fn create_container(&self, spec: &ContainerSpec) -> Result<ContainerId, EngineError>;

    /// Starts it.
    async fn start_container(&self, id: &ContainerId) -> Result<(), EngineError>;

    /// Freezes its processes. One that does not run is `Refused`.
    async fn pause_container(&self, id: &ContainerId) -> Result<(), EngineError>;

    /// Lets its processes run again.
    async fn unpause_container(&self, id: &ContainerId) -> Result<(), EngineError>;

    /// Asks it to end, kills it after so many seconds, and answers when it has ended.
    async fn stop_container(&self, id: &ContainerId, timeout_seconds: u32) -> Result<(), EngineError>;

    /// Sends a signal (`SIGKILL`, `SIGHUP`) to PID 1. One that does not run is `Refused`.
    async fn kill_container(&self, id: &ContainerId, signal: &str) -> Result<(), EngineError>;

    /// Removes it. Without `force` a running one is `InUse`, and its unnamed volumes stay: somebody may have put something there.
    async fn remove_container(&self, id: &ContainerId, force: bool) -> Result<(), EngineError>;

    /// Gives it another name.
    async fn rename_container(&self, id: &ContainerId, name: &str) -> Result<(), EngineError>;

    /// Sets all limits and the restart policy, whether it runs or not; processes stay. `None` takes a limit away.
    async fn update_container(
        &self,
        id: &ContainerId,
        limits: &Limits,
        restart: RestartPolicy,
    ) -> Result<(), EngineError>;

    /// Unpacks an archive into a directory of the container, which need not run.
    ///
    /// Never onto a tmpfs: it would land in the writable layer beneath.
    async fn put_archive(&self, id: &ContainerId, path: &str, archive: Archive) -> Result<(), EngineError>;

    /// The last lines that PID 1 printed, both streams in the engine's order.
    async fn container_logs(&self, id: &ContainerId, tail: usize) -> Result<String, EngineError>;

    /// Runs a program beside PID 1, as its user, and gives its streams. A container that does not run, or is paused, is `Refused`.
    async fn exec(&self, id: &ContainerId, command: &[String]) -> Result<ExecStream, EngineError>;

    /// Images, sorted by id; those between the layers of a build are left out.
    async fn list_images(&self, filter: &LabelFilter) -> Result<Vec<Image>, EngineError>;

    /// One image by name or id; `None` when the engine says that it has none.
    async fn inspect_image(&self, reference: &str) -> Result<Option<Image>, EngineError>;

    /// The instruction that an image ends with, as its history tells it; `None` where the engine has no such image or no history.
    ///
    /// Labels are inherited, this is not: who builds from an image, or commits a container of it, adds an instruction.
    async fn last_instruction(&self, image: &ImageId) -> Result<Option<String>, EngineError>;

    /// Builds an image from an archive with the builder that the request names, telling progress on the way.
    ///
    /// Without BuildKit, a build that is to be done by it is `NoBuildKit`, before anything is sent. Secrets reach the steps that ask for
    /// them and nothing else: no layer, history or label.
    /// Nobody need listen to `progress`. After `cancel` it answers `Cancelled` at once and the engine stops the running step.
    /// A failure leaves no container behind.
    async fn build_image(
        &self,
        request: &BuildRequest,
        material: BuildMaterial,
        progress: mpsc::UnboundedSender<BuildProgress>,
        cancel: CancellationToken,
    ) -> Result<ImageId, EngineError>;

    /// Pulls an image from its registry; a reference without tag or digest means `latest`, never all tags.
    async fn pull_image(&self, reference: &str) -> Result<ImageId, EngineError>;

    /// Digest of what a reference points to at its registry now, asked for without fetching it; `None` when the registry says that it has
    /// no such image. One that cannot be asked is `Refused` by the engine.
    async fn registry_digest(&self, reference: &str) -> Result<Option<String>, EngineError>;

    /// Makes an image of one layer from an archive of a root file system, named `reference`.
    async fn import_image(&self, archive: Archive, reference: &str, labels: &Labels) -> Result<ImageId, EngineError>;

    /// Gives an image one more name, taking it from another image where needed.
    async fn tag_image(&self, image: &ImageId, reference: &str) -> Result<(), EngineError>;

    /// Takes a name away, and the image with its last one. By id: the image, unless a container uses it (`InUse`).
    async fn remove_image(&self, reference: &str) -> Result<(), EngineError>;

    /// Networks, sorted by name; members are not filled.
    async fn list_networks(&self, filter: &LabelFilter) -> Result<Vec<Network>, EngineError>;

    /// One network by its exact name or full id; `Ambiguous` when several have the name.
    async fn inspect_network(&self, name_or_id: &str) -> Result<Option<Network>, EngineError>;

    /// Makes a network, or answers the one that has the name.
    ///
    /// Whose that one is, is not looked at: the caller inspects before it decides to create.
    async fn create_network(&self, spec: &NetworkSpec) -> Result<NetworkId, EngineError>;

    /// Removes a network; `InUse` while a container is connected.
    async fn remove_network(&self, id: &NetworkId) -> Result<(), EngineError>;

    /// Connects a container, which may run, under these names.
    async fn connect_network(
        &self,
        network: &NetworkId,
        container: &ContainerId,
        aliases: &[String],
    ) -> Result<(), EngineError>;

    /// Disconnects a container, which may run.
    async fn disconnect_network(
        &self,
        network: &NetworkId,
        container: &ContainerId,
        force: bool,
    ) -> Result<(), EngineError>;

    /// Volumes, sorted by name.
    async fn list_volumes(&self, filter: &LabelFilter) -> Result<Vec<Volume>, EngineError>;

    /// One volume by name; `None` when the engine says that it has none.
    async fn inspect_volume(&self, name: &str) -> Result<Option<Volume>, EngineError>;

    /// Makes a volume; one that exists keeps its labels.
    async fn create_volume(&self, spec: &VolumeSpec) -> Result<(), EngineError>;

    /// Removes a volume; `InUse` while a container mounts it, running or not.
    async fn remove_volume(&self, name: &str) -> Result<(), EngineError>;

    /// Follows events of objects with these labels, from `since` on or from now.
    ///
    /// Engines do not say the labels of networks, volumes and removed images in their events: those come whosever they are.
    /// The stream connects when it is first polled, so `since` is how nothing in between is missed. Events get lost all the same:
    /// who relies on them lists everything now and then.
    fn events(&self, filter: &LabelFilter, since: Option<Timestamp>) -> EventStream;
}
