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
}

/// A volume as the engine reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
}
