//! Which steps change the engine, in the words of its event stream.
//!
//! Budgets count these: what a plan is said to cost, what the cheapest sequence of [`crate::model`] costs, and what a test reads
//! from the engine's events are the same words.

use std::fmt;

use serde::Serialize;

use crate::step::Step;

/// A change of the engine, as its events tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum EngineWrite {
    /// A container is made.
    ContainerCreate,
    /// A container is started.
    ContainerStart,
    /// A container is stopped.
    ContainerStop,
    /// A container is removed.
    ContainerDestroy,
    /// A container gets another name.
    ContainerRename,
    /// Limits or restart policy of a container change.
    ContainerUpdate,
    /// A container is unfrozen.
    ContainerUnpause,
    /// A network is made.
    NetworkCreate,
    /// A container is connected to a network. The connections that a start brings with it are not counted.
    NetworkConnect,
    /// A container is disconnected from a network. The disconnections that a stop brings with it are not counted.
    NetworkDisconnect,
    /// A volume is made. The container through which it is filled, which never runs, is not counted.
    VolumeCreate,
    /// A volume is removed.
    VolumeDestroy,
}

impl EngineWrite {
    /// The kind of object and the action, as the engine's events name them.
    ///
    /// ```
    /// use jackin_plan::engine_write::EngineWrite;
    /// assert_eq!(EngineWrite::ContainerDestroy.event(), ("container", "destroy"));
    /// ```
    pub fn event(self) -> (&'static str, &'static str) {
        match self {
            Self::ContainerCreate => ("container", "create"),
            Self::ContainerStart => ("container", "start"),
            Self::ContainerStop => ("container", "stop"),
            Self::ContainerDestroy => ("container", "destroy"),
            Self::ContainerRename => ("container", "rename"),
            Self::ContainerUpdate => ("container", "update"),
            Self::ContainerUnpause => ("container", "unpause"),
            Self::NetworkCreate => ("network", "create"),
            Self::NetworkConnect => ("network", "connect"),
            Self::NetworkDisconnect => ("network", "disconnect"),
            Self::VolumeCreate => ("volume", "create"),
            Self::VolumeDestroy => ("volume", "destroy"),
        }
    }
}

impl fmt::Display for EngineWrite {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, action) = self.event();
        write!(formatter, "{kind} {action}")
    }
}

impl Step {
    /// The change of the engine that the step asks for; `None` for a step that changes the host, the capsule or nothing.
    pub fn engine_write(&self) -> Option<EngineWrite> {
        match self {
            Self::FillVolume { .. } | Self::CreateVolume(_) => Some(EngineWrite::VolumeCreate),
            Self::RemoveVolume { .. } => Some(EngineWrite::VolumeDestroy),
            Self::CreateNetwork(_) => Some(EngineWrite::NetworkCreate),
            Self::CreateContainer(_) | Self::CreateSidecar(_) => Some(EngineWrite::ContainerCreate),
            Self::StopContainer { .. } => Some(EngineWrite::ContainerStop),
            Self::RemoveContainer { .. } => Some(EngineWrite::ContainerDestroy),
            Self::RenameContainer { .. } => Some(EngineWrite::ContainerRename),
            Self::StartContainer { .. } | Self::StartSidecar { .. } => Some(EngineWrite::ContainerStart),
            Self::UnpauseContainer { .. } => Some(EngineWrite::ContainerUnpause),
            Self::UpdateContainer { .. } => Some(EngineWrite::ContainerUpdate),
            Self::ConnectNetwork { .. } => Some(EngineWrite::NetworkConnect),
            Self::DisconnectNetwork { .. } => Some(EngineWrite::NetworkDisconnect),
            Self::PrepareDirectories { .. }
            | Self::FetchProgram { .. }
            | Self::AwaitSidecar { .. }
            | Self::AwaitCapsule { .. }
            | Self::Personalise(_)
            | Self::SpawnSession(_)
            | Self::RemoveDirectories { .. } => None,
        }
    }
}
