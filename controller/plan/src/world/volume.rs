//! Volumes.

use serde::{Deserialize, Serialize};

use super::Labels;

/// A volume to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeSpec {
    /// Its name, unique on the engine.
    pub name: String,
    /// Labels.
    pub labels: Labels,
    /// Where it lies.
    pub medium: VolumeMedium,
}

/// Where a volume lies. Fixed when it is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum VolumeMedium {
    /// On the engine's disk.
    #[default]
    Disk,
    /// In memory, of at most so many bytes; what it holds is gone when no container that mounts it runs.
    Memory {
        /// Bytes; half of the machine's memory when absent.
        size_bytes: Option<i64>,
    },
}

/// A volume as the engine reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
}
