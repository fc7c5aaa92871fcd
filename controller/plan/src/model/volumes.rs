//! Steps that change volumes.

use crate::engine_write::EngineWrite;
use crate::world::VolumeSpec;

use super::{Refused, World};

impl World {
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
