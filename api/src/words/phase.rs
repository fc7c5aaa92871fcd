//! The one-word summary of an instance.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One word for where an instance is. Conditions say why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Phase {
    /// Nothing was done yet, or something that it needs is missing.
    #[default]
    Pending,
    /// It waits for its image.
    Building,
    /// Its container is being made or started, or the capsule does not answer yet.
    Starting,
    /// Its container runs and the capsule answers.
    Running,
    /// It is ready and waits in a pool. Not said by this version, which keeps no pool.
    Standby,
    /// It is being stopped.
    Stopping,
    /// It is stopped on purpose.
    Stopped,
    /// It cannot run until somebody changes something, or the next try is due.
    Failed,
    /// The engine could not be read.
    Unknown,
}

impl fmt::Display for Phase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, formatter)
    }
}
