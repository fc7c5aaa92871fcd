//! The engine's objects in our words: what the planner sees and what a step asks for.
//!
//! Nothing here knows the engine's API. The daemon's `docker` module translates at its edge, in both directions; the planner and
//! the steps of a plan speak only these types. Names are `String`s as the engine takes them; how they are formed is
//! [`crate::names`].

mod container;
mod image;
mod network;
mod volume;

pub use container::{
    Confinement, Container, ContainerId, ContainerSpec, ContainerState, Exit, Limits, Mount, MountSource,
    RestartPolicy, Security,
};
pub use image::{BuildRequest, BuildStep, Builder, Image, ImageId};
pub use network::{Network, NetworkId, NetworkSpec};
pub use volume::{Volume, VolumeMedium, VolumeSpec};

use std::collections::BTreeMap;

/// Labels of an engine object, ordered.
pub type Labels = BTreeMap<String, String>;
