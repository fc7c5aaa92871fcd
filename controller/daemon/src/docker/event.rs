//! What the engine tells by itself: events of its objects, and the progress of a build.

use std::collections::BTreeMap;

use jackin_plan::world::BuildStep;
use jiff::Timestamp;

use super::LabelFilter;

/// The kind of object that an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// A container.
    Container,
    /// An image.
    Image,
    /// A network.
    Network,
    /// A volume.
    Volume,
}

/// What happened to an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventAction {
    /// It was made.
    Created,
    /// Its processes were started.
    Started,
    /// PID 1 ended, for whatever reason.
    Died {
        /// Exit code of PID 1; `None` when the engine did not say.
        exit_code: Option<i64>,
    },
    /// A stop that somebody asked for is done; follows [`EventAction::Died`].
    Stopped,
    /// A signal was sent to PID 1; it need not have died.
    Killed,
    /// Its processes were frozen.
    Paused,
    /// Its processes run again.
    Unpaused,
    /// It is gone.
    Destroyed,
    /// It has another name.
    Renamed,
    /// Its limits or restart policy changed.
    Updated,
    /// The kernel killed one of its processes for want of memory.
    OutOfMemory,
    /// A container was connected to this network.
    Connected,
    /// A container was disconnected from this network.
    Disconnected,
    /// Anything else, in the engine's word.
    Other(String),
}

/// One event of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineEvent {
    /// The kind of object.
    pub kind: EventKind,
    /// What happened.
    pub action: EventAction,
    /// Id of the object; the name, for a volume.
    pub id: String,
    /// Name of the object, when the engine said it.
    pub name: Option<String>,
    /// Attributes: the object's labels, and what the engine adds (for a network's `Connected`, `container` is the container's id).
    pub attributes: BTreeMap<String, String>,
    /// When, by the engine's clock.
    pub at: Timestamp,
}

impl EngineEvent {
    /// Whether it can be about an object that the filter shows.
    ///
    /// Engines say an object's labels in the events of containers, and of images that still exist. All other events pass: whoever
    /// follows them looks at the object before concluding anything.
    pub(super) fn may_match(&self, filter: &LabelFilter) -> bool {
        match (self.kind, &self.action) {
            (EventKind::Network | EventKind::Volume, _) | (EventKind::Image, EventAction::Destroyed) => true,
            (EventKind::Container | EventKind::Image, _) => filter.matches(&self.attributes),
        }
    }
}

/// One piece of news of a running build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuildProgress {
    /// A line of output, without its line break.
    Line(String),
    /// A step that ended well.
    Step(BuildStep),
}
