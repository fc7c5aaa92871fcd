//! An engine in memory, with the behaviour of a real one, for tests.
//!
//! The conformance suite holds it against a real engine: a rule that is not in that suite is not a promise of the fake. Beside the
//! port it offers what tests need: the log of operations, failures on demand, and crashes.

mod archive;
mod build;
mod containers;
mod images;
mod interference;
mod networks;
mod process;
mod world;

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::StreamExt;
use jackin_plan::world::{
    BuildRequest, Container, ContainerId, ContainerSpec, Image, ImageId, Labels, Limits, Network, NetworkId,
    NetworkSpec, RestartPolicy, Volume, VolumeSpec,
};
use jiff::Timestamp;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::CancellationToken;

use self::build::{Outcome, Plan};
use self::interference::Undisturbed;
pub use self::interference::{Delivery, Interference};
use self::world::World;

use super::{
    Archive, BuildMaterial, BuildProgress, ContainerSummary, Engine, EngineError, EngineErrorCause, EngineEvent,
    EngineInfo, EventStream, ExecStream, LabelFilter, Operation,
};

/// When an injected failure strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureTime {
    /// Before the call had an effect.
    BeforeEffect,
    /// After it; the caller cannot know that.
    AfterEffect,
}

/// One call that reached the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedOperation {
    /// What was asked for.
    pub operation: Operation,
    /// What it was asked of, as the caller named it.
    pub object: String,
}

/// An engine in memory; clones are the same engine.
#[derive(Clone)]
pub struct FakeEngine {
    shared: Arc<Shared>,
    interference: Arc<dyn Interference>,
}

struct Shared {
    world: Mutex<World>,
    record: Mutex<Record>,
    reachable: AtomicBool,
    /// Tells event streams that the engine is taken away. Who follows is told in the order in which they began to: what a seed
    /// simulates hangs on it.
    taken_away: broadcast::Sender<()>,
}

#[derive(Default)]
struct Record {
    operations: Vec<RecordedOperation>,
    failures: VecDeque<(Operation, EngineErrorCause, FailureTime)>,
}

impl Default for FakeEngine {
    fn default() -> Self {
        Self::new()
    }
}

impl FakeEngine {
    /// An engine that holds nothing but its own three networks.
    pub fn new() -> Self {
        Self::interfered_with(Arc::new(Undisturbed))
    }

    /// An engine between whose calls and effects something comes.
    pub fn interfered_with(interference: Arc<dyn Interference>) -> Self {
        let world = Mutex::new(World::new(interference.clone()));
        let (reachable, taken_away) = (AtomicBool::new(true), broadcast::channel(1).0);
        let shared = Shared { world, record: Mutex::default(), reachable, taken_away };
        Self { shared: Arc::new(shared), interference }
    }

    /// The same engine as seen by somebody with whom nothing interferes, as an operator at its own terminal.
    #[must_use]
    pub fn undisturbed(&self) -> Self {
        Self { shared: self.shared.clone(), interference: Arc::new(Undisturbed) }
    }

    /// Calls that reached the engine, in their order, since the start or the last [`Self::clear_operations`].
    pub fn operations(&self) -> Vec<RecordedOperation> {
        self.record().operations.clone()
    }

    /// Those of them that ask for a change.
    pub fn writes(&self) -> Vec<RecordedOperation> {
        let mut operations = self.operations();
        operations.retain(|recorded| recorded.operation.is_write());
        operations
    }

    /// Forgets the calls so far.
    pub fn clear_operations(&self) {
        self.record().operations.clear();
    }

    /// Makes the next call of this kind fail, once.
    pub fn fail_next(&self, operation: Operation, cause: EngineErrorCause, time: FailureTime) {
        self.record().failures.push_back((operation, cause, time));
    }

    /// Ends PID 1 as if by itself, so that the restart policy acts.
    ///
    /// # Errors
    /// As a kill of that container.
    pub fn crash_container(&self, id: &ContainerId, code: i64) -> Result<(), EngineError> {
        let crashed = self.world().crash(id, code);
        crashed.map_err(|cause| EngineError::new(Operation::KillContainer, &id.0, cause))
    }

    /// Ends PID 1 as the kernel does for want of memory, so that the restart policy acts.
    ///
    /// # Errors
    /// As a kill of that container.
    pub fn starve_container(&self, id: &ContainerId) -> Result<(), EngineError> {
        let crashed = self.world().starve(id);
        crashed.map_err(|cause| EngineError::new(Operation::KillContainer, &id.0, cause))
    }

    /// Starts the engine anew: every container dies, and those come back whose restart policy says so.
    pub fn restart(&self) {
        self.world().restart();
    }

    /// Every container with what it was made from, sorted by id.
    pub fn containers(&self) -> Vec<(Container, ContainerSpec)> {
        self.world().containers_with_specs()
    }

    /// Takes the engine away, or brings it back with all that it held; event streams end.
    pub fn set_unreachable(&self, unreachable: bool) {
        self.shared.reachable.store(!unreachable, Ordering::Relaxed);
        if unreachable {
            // Nobody need listen.
            _ = self.shared.taken_away.send(());
        }
    }

    /// Puts an image into the registry that pulls look into.
    pub fn seed_registry(&self, reference: &str, labels: &Labels) {
        self.world().registry.insert(images::with_tag(reference), labels.clone());
    }

    /// Takes the registry away from the engine, or brings it back with all that it held.
    pub fn set_registry_unreachable(&self, unreachable: bool) {
        self.world().registry_unreachable = unreachable;
    }

    /// Puts an image into the engine itself.
    pub fn seed_image(&self, reference: &str, labels: &Labels) -> ImageId {
        self.world().import_image(reference.as_bytes(), reference, labels)
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.shared.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.shared.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a call in: notes it, and strikes it down where that was asked for before its effect.
    async fn enter(&self, operation: Operation, object: &str) -> Result<(), EngineError> {
        let told = |cause| EngineError::new(operation, object, cause);
        self.interference.before(operation, object).await.map_err(told)?;
        if !self.shared.reachable.load(Ordering::Relaxed) {
            return Err(told(unreachable()));
        }
        let mut record = self.record();
        if let Some(cause) = record.failure(operation, FailureTime::BeforeEffect) {
            return Err(told(cause));
        }
        record.operations.push(RecordedOperation { operation, object: object.to_owned() });
        Ok(())
    }

    /// Lets an answer out, or strikes it down where that was asked for after the effect.
    async fn leave<T: Send>(
        &self,
        operation: Operation,
        object: &str,
        answer: Result<T, EngineErrorCause>,
    ) -> Result<T, EngineError> {
        let hidden = self.interference.after(operation, object).await.err();
        let struck = hidden.or_else(|| self.record().failure(operation, FailureTime::AfterEffect));
        let answer = struck.map_or(answer, Err);
        answer.map_err(|cause| EngineError::new(operation, object, cause))
    }

    async fn call<T: Send>(
        &self,
        operation: Operation,
        object: &str,
        act: impl FnOnce(&mut World) -> Result<T, EngineErrorCause> + Send,
    ) -> Result<T, EngineError> {
        self.enter(operation, object).await?;
        let answer = act(&mut self.world());
        self.leave(operation, object, answer).await
    }

    /// Reads an archive to its end, as the engine does before it acts.
    async fn received(
        &self,
        operation: Operation,
        object: &str,
        archive: Archive,
    ) -> Result<bytes::Bytes, EngineError> {
        let unreadable =
            |error| EngineError::new(operation, object, EngineErrorCause::BadArchive { source: Arc::new(error) });
        archive.collect().await.map_err(unreadable)
    }
}

impl Record {
    fn failure(&mut self, operation: Operation, time: FailureTime) -> Option<EngineErrorCause> {
        let index = self.failures.iter().position(|(meant, _, when)| (*meant, *when) == (operation, time))?;
        self.failures.remove(index).map(|(_, cause, _)| cause)
    }
}

fn unreachable() -> EngineErrorCause {
    EngineErrorCause::Unreachable { source: Arc::new(io::Error::from(io::ErrorKind::ConnectionRefused)) }
}

#[async_trait]
impl Engine for FakeEngine {
    async fn ping(&self) -> Result<EngineInfo, EngineError> {
        self.call(Operation::Ping, "memory", |_| {
            Ok(EngineInfo {
                name: "Memory".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                api_version: "1.41".to_owned(),
                os: "linux".to_owned(),
                arch: "amd64".to_owned(),
                host_reachable: true,
            })
        })
        .await
    }

    async fn has_buildkit(&self) -> Result<bool, EngineError> {
        self.call(Operation::Ping, "memory", |_| Ok(true)).await
    }

    async fn list_containers(&self, filter: &LabelFilter) -> Result<Vec<ContainerSummary>, EngineError> {
        self.call(Operation::ListContainers, "", |world| Ok(world.list_containers(filter))).await
    }

    async fn inspect_container(&self, name_or_id: &str) -> Result<Option<Container>, EngineError> {
        self.call(Operation::InspectContainer, name_or_id, |world| Ok(world.inspect_container(name_or_id))).await
    }

    async fn create_container(&self, spec: &ContainerSpec) -> Result<ContainerId, EngineError> {
        self.call(Operation::CreateContainer, &spec.name, |world| world.create_container(spec)).await
    }

    async fn start_container(&self, id: &ContainerId) -> Result<(), EngineError> {
        self.call(Operation::StartContainer, &id.0, |world| world.start_container(id)).await
    }

    async fn pause_container(&self, id: &ContainerId) -> Result<(), EngineError> {
        self.call(Operation::PauseContainer, &id.0, |world| world.pause_container(id)).await
    }

    async fn unpause_container(&self, id: &ContainerId) -> Result<(), EngineError> {
        self.call(Operation::UnpauseContainer, &id.0, |world| world.unpause_container(id)).await
    }

    async fn stop_container(&self, id: &ContainerId, _timeout_seconds: u32) -> Result<(), EngineError> {
        self.call(Operation::StopContainer, &id.0, |world| world.stop_container(id)).await
    }

    async fn kill_container(&self, id: &ContainerId, signal: &str) -> Result<(), EngineError> {
        self.call(Operation::KillContainer, &id.0, |world| world.kill_container(id, signal)).await
    }

    async fn remove_container(&self, id: &ContainerId, force: bool) -> Result<(), EngineError> {
        self.call(Operation::RemoveContainer, &id.0, |world| world.remove_container(id, force)).await
    }

    async fn rename_container(&self, id: &ContainerId, name: &str) -> Result<(), EngineError> {
        self.call(Operation::RenameContainer, &id.0, |world| world.rename_container(id, name)).await
    }

    async fn update_container(
        &self,
        id: &ContainerId,
        limits: &Limits,
        restart: RestartPolicy,
    ) -> Result<(), EngineError> {
        self.call(Operation::UpdateContainer, &id.0, |world| world.update_container(id, limits, restart)).await
    }

    async fn put_archive(&self, id: &ContainerId, path: &str, archive: Archive) -> Result<(), EngineError> {
        let archive = self.received(Operation::PutArchive, &id.0, archive).await?;
        self.call(Operation::PutArchive, &id.0, |world| world.put_archive(id, path, &archive)).await
    }

    async fn container_logs(&self, id: &ContainerId, tail: usize) -> Result<String, EngineError> {
        self.call(Operation::ContainerLogs, &id.0, |world| world.container_logs(id, tail)).await
    }

    async fn exec(&self, id: &ContainerId, command: &[String]) -> Result<ExecStream, EngineError> {
        self.call(Operation::Exec, &id.0, |world| world.exec(id, command)).await
    }

    async fn list_images(&self, filter: &LabelFilter) -> Result<Vec<Image>, EngineError> {
        self.call(Operation::ListImages, "", |world| Ok(world.list_images(filter))).await
    }

    async fn inspect_image(&self, reference: &str) -> Result<Option<Image>, EngineError> {
        let found = |world: &mut World| Ok(world.image(reference).map(|image| image.found.clone()));
        self.call(Operation::InspectImage, reference, found).await
    }

    async fn last_instruction(&self, image: &ImageId) -> Result<Option<String>, EngineError> {
        let last = |world: &mut World| Ok(world.image(&image.0).and_then(|image| image.last_instruction.clone()));
        self.call(Operation::ImageHistory, &image.0, last).await
    }

    async fn build_image(
        &self,
        request: &BuildRequest,
        material: BuildMaterial,
        progress: mpsc::UnboundedSender<BuildProgress>,
        cancel: CancellationToken,
    ) -> Result<ImageId, EngineError> {
        let operation = Operation::BuildImage;
        let object = request.tags.first().map_or("", String::as_str);
        let told = |cause| EngineError::new(operation, object, cause);
        let BuildMaterial { context, secrets } = material;
        let context = self.received(operation, object, context).await?;
        self.enter(operation, object).await?;
        let plan = Plan::read(request, &context, &secrets).map_err(told)?;
        for index in 0..plan.instructions().len() {
            if cancel.is_cancelled() {
                return Err(told(EngineErrorCause::Cancelled));
            }
            let outcomes = self.world().build_step(&plan, index);
            for outcome in outcomes {
                match outcome {
                    // Nobody need listen.
                    Outcome::Done(news) => drop(progress.send(news)),
                    Outcome::Failed(cause) => return Err(told(cause)),
                    Outcome::Hangs => {
                        cancel.cancelled().await;
                        return Err(told(EngineErrorCause::Cancelled));
                    }
                }
            }
            tokio::task::yield_now().await;
        }
        let id = self.world().finish_build(&plan, request);
        self.leave(operation, object, Ok(id)).await
    }

    async fn pull_image(&self, reference: &str) -> Result<ImageId, EngineError> {
        self.call(Operation::PullImage, reference, |world| world.pull_image(reference)).await
    }

    async fn registry_digest(&self, reference: &str) -> Result<Option<String>, EngineError> {
        self.call(Operation::RegistryDigest, reference, |world| world.registry_digest(reference)).await
    }

    async fn import_image(&self, archive: Archive, reference: &str, labels: &Labels) -> Result<ImageId, EngineError> {
        let archive = self.received(Operation::ImportImage, reference, archive).await?;
        self.call(Operation::ImportImage, reference, |world| Ok(world.import_image(&archive, reference, labels))).await
    }

    async fn tag_image(&self, image: &ImageId, reference: &str) -> Result<(), EngineError> {
        self.call(Operation::TagImage, &image.0, |world| world.tag_image(image, reference)).await
    }

    async fn remove_image(&self, reference: &str) -> Result<(), EngineError> {
        self.call(Operation::RemoveImage, reference, |world| world.remove_image(reference)).await
    }

    async fn list_networks(&self, filter: &LabelFilter) -> Result<Vec<Network>, EngineError> {
        self.call(Operation::ListNetworks, "", |world| Ok(world.list_networks(filter))).await
    }

    async fn inspect_network(&self, name_or_id: &str) -> Result<Option<Network>, EngineError> {
        self.call(Operation::InspectNetwork, name_or_id, |world| Ok(world.inspect_network(name_or_id))).await
    }

    async fn create_network(&self, spec: &NetworkSpec) -> Result<NetworkId, EngineError> {
        self.call(Operation::CreateNetwork, &spec.name, |world| Ok(world.create_network(spec))).await
    }

    async fn remove_network(&self, id: &NetworkId) -> Result<(), EngineError> {
        self.call(Operation::RemoveNetwork, &id.0, |world| world.remove_network(id)).await
    }

    async fn connect_network(
        &self,
        network: &NetworkId,
        container: &ContainerId,
        aliases: &[String],
    ) -> Result<(), EngineError> {
        self.call(Operation::ConnectNetwork, &network.0, |world| world.connect_network(network, container, aliases))
            .await
    }

    async fn disconnect_network(
        &self,
        network: &NetworkId,
        container: &ContainerId,
        _force: bool,
    ) -> Result<(), EngineError> {
        let disconnect = |world: &mut World| {
            world.disconnect_network(network, container);
            Ok(())
        };
        self.call(Operation::DisconnectNetwork, &network.0, disconnect).await
    }

    async fn list_volumes(&self, filter: &LabelFilter) -> Result<Vec<Volume>, EngineError> {
        self.call(Operation::ListVolumes, "", |world| Ok(world.list_volumes(filter))).await
    }

    async fn inspect_volume(&self, name: &str) -> Result<Option<Volume>, EngineError> {
        self.call(Operation::InspectVolume, name, |world| Ok(world.inspect_volume(name))).await
    }

    async fn create_volume(&self, spec: &VolumeSpec) -> Result<(), EngineError> {
        let create = |world: &mut World| {
            world.create_volume(&spec.name, &spec.labels);
            Ok(())
        };
        self.call(Operation::CreateVolume, &spec.name, create).await
    }

    async fn remove_volume(&self, name: &str) -> Result<(), EngineError> {
        self.call(Operation::RemoveVolume, name, |world| world.remove_volume(name)).await
    }

    fn events(&self, filter: &LabelFilter, since: Option<Timestamp>) -> EventStream {
        let engine = self.clone();
        let filter = filter.clone();
        let interference = self.interference.clone();
        let shown = all_events(engine, since).filter(move |event| {
            let shown = event.as_ref().map_or(true, |event| event.may_match(&filter));
            futures::future::ready(shown)
        });
        shown.flat_map(move |event| delivered(interference.clone(), event)).boxed()
    }
}

/// An event as it arrives: once as a rule.
fn delivered(
    interference: Arc<dyn Interference>,
    event: Result<EngineEvent, EngineError>,
) -> impl futures::Stream<Item = Result<EngineEvent, EngineError>> + Send {
    let copies = async move {
        let delivery = match &event {
            Ok(event) => interference.deliver(event).await,
            Err(_) => Delivery::Times(1),
        };
        match delivery {
            Delivery::Times(times) => vec![event; times],
            Delivery::StreamEnds => vec![Err(EngineError::new(Operation::Events, "memory", unreachable()))],
        }
    };
    futures::stream::once(copies).flat_map(futures::stream::iter)
}

/// Past events, then those to come, until the engine is taken away.
fn all_events(engine: FakeEngine, since: Option<Timestamp>) -> EventStream {
    let failed = |cause| EngineError::new(Operation::Events, "memory", cause);
    let opened = async move {
        engine.enter(Operation::Events, "memory").await?;
        let (past, receiver) = engine.world().follow(since);
        Ok((past, receiver, engine.shared.taken_away.subscribe()))
    };
    futures::stream::once(opened)
        .flat_map(move |opened: Result<_, EngineError>| match opened {
            Err(error) => futures::stream::once(async move { Err(error) }).boxed(),
            Ok((past, receiver, taken_away)) => {
                let past = futures::stream::iter(past).map(Ok);
                let coming = futures::stream::unfold(Some((receiver, taken_away)), move |open| async move {
                    let (mut receiver, mut taken_away) = open?;
                    let next = tokio::select! {
                        biased;
                        _ = taken_away.recv() => Err(failed(unreachable())),
                        next = receiver.recv() => match next {
                            Ok(event) => Ok(event),
                            Err(RecvError::Closed) => return None,
                            Err(RecvError::Lagged(_)) => Err(failed(unreachable())),
                        },
                    };
                    let open = next.is_ok().then_some((receiver, taken_away));
                    Some((next, open))
                });
                past.chain(coming).boxed()
            }
        })
        .boxed()
}
