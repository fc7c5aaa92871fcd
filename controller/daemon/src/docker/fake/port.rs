//! The port, each call a line: what it does is the world's, and how it may go wrong is [`FakeEngine::call`]'s.

use async_trait::async_trait;
use jackin_plan::world::{
    BuildRequest, Container, ContainerId, ContainerSpec, Image, ImageId, Labels, Limits, Network, NetworkId,
    NetworkSpec, RestartPolicy, Volume, VolumeSpec,
};
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::super::{
    Archive, BuildMaterial, BuildProgress, ContainerSummary, Engine, EngineError, EngineErrorCause, EngineInfo,
    EventStream, ExecStream, LabelFilter, Operation,
};
use super::FakeEngine;
use super::build::{Outcome, Plan};
use super::events::follow;
use super::world::World;

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
        follow(self, filter, since)
    }
}
