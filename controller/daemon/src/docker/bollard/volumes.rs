//! Volumes: looking, making, removing. They are filled through a container that mounts them.

use std::collections::HashMap;

use bollard::models::VolumeCreateRequest;
use bollard::query_parameters::{ListVolumesOptions, RemoveVolumeOptions};
use futures::TryFutureExt;
use jackin_plan::world::{Volume, VolumeMedium, VolumeSpec};

use super::connect::{bounded, within};
use super::containers::settled;
use super::failure::Failure;
use super::{DockerEngine, limit, translate};
use crate::docker::{EngineError, LabelFilter, Operation};

impl DockerEngine {
    pub(super) async fn volumes(&self, filter: &LabelFilter) -> Result<Vec<Volume>, EngineError> {
        let (operation, object) = (Operation::ListVolumes, "");
        let options = ListVolumesOptions { filters: translate::filters(filter) };
        let client = self.client(operation, object).await?;
        let found = bounded(operation, object, limit::READ, client.list_volumes(Some(options))).await?;
        let mut volumes: Vec<_> = found.volumes.unwrap_or_default().into_iter().map(volume).collect();
        volumes.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(volumes)
    }

    pub(super) async fn volume(&self, name: &str) -> Result<Option<Volume>, EngineError> {
        let operation = Operation::InspectVolume;
        let client = self.client(operation, name).await?;
        match within(limit::READ, client.inspect_volume(name)).await {
            Ok(found) => Ok(Some(volume(found))),
            Err(failure) if failure.is_missing() => Ok(None),
            Err(failure) => Err(failure.into_error(operation, name)),
        }
    }

    pub(super) async fn make_volume(&self, spec: &VolumeSpec) -> Result<(), EngineError> {
        let operation = Operation::CreateVolume;
        let request = VolumeCreateRequest {
            name: Some(spec.name.clone()),
            labels: Some(spec.labels.clone().into_iter().collect()),
            driver_opts: options(spec.medium),
            ..VolumeCreateRequest::default()
        };
        let client = self.client(operation, &spec.name).await?;
        bounded(operation, &spec.name, limit::WRITE, client.create_volume(request).map_ok(drop)).await
    }

    pub(super) async fn forget_volume(&self, name: &str) -> Result<(), EngineError> {
        let operation = Operation::RemoveVolume;
        let client = self.client(operation, name).await?;
        let answer = within(limit::WRITE, client.remove_volume(name, None::<RemoveVolumeOptions>)).await;
        settled(answer, operation, name, Failure::is_missing)
    }
}

/// The options of the engine's own volume driver.
fn options(medium: VolumeMedium) -> Option<HashMap<String, String>> {
    match medium {
        VolumeMedium::Disk => None,
        VolumeMedium::Memory { size_bytes } => {
            let size = size_bytes.map(|size| format!("size={size},")).unwrap_or_default();
            let options = [("type", "tmpfs"), ("device", "tmpfs"), ("o", &format!("{size}mode=0711"))];
            Some(options.map(|(key, value)| (key.to_owned(), value.to_owned())).into())
        }
    }
}

fn volume(found: bollard::models::Volume) -> Volume {
    Volume { name: found.name, labels: found.labels.into_iter().collect() }
}
