//! Steps that change volumes.

use crate::engine_write::EngineWrite;
use crate::world::VolumeSpec;

use super::{Refused, World};

impl World {
    /// Removes a volume that no container mounts, with what it holds.
    pub(super) fn remove_volume(&mut self, name: &str) -> Result<(), Refused> {
        if self.mounts.values().any(|mounted| mounted.contains(name)) {
            return Err(Refused::VolumeInUse(name.to_owned()));
        }
        if self.volumes.remove(name).is_some() {
            self.wrote(EngineWrite::VolumeDestroy, name);
        }
        Ok(())
    }

    /// Makes a volume and fills it; one that is there is kept.
    pub(super) fn fill_volume(&mut self, volume: &VolumeSpec) -> Result<(), Refused> {
        if self.volumes.contains_key(&volume.name) {
            return Ok(());
        }
        self.volumes.insert(volume.name.clone(), volume.labels.clone());
        self.wrote(EngineWrite::VolumeCreate, &volume.name);
        Ok(())
    }
}
