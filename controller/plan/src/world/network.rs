//! Networks.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Labels;

/// The engine's id of a network.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NetworkId(pub String);

impl fmt::Display for NetworkId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A network to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkSpec {
    /// Its name. The engine allows two of one name; the port serialises creation so that we never make two.
    pub name: String,
    /// Labels.
    pub labels: Labels,
    /// Whether nothing outside can be reached.
    pub internal: bool,
}

/// A network as the engine reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Its id.
    pub id: NetworkId,
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// Whether nothing outside can be reached from it.
    pub internal: bool,
    /// Names of connected running containers, sorted. Only filled by an inspection of one network.
    pub members: Vec<String>,
}
