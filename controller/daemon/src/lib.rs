//! Making it so: observe, execute, reconcilers, docker, secrets, timing.

pub mod agents;
pub mod capsule;
pub mod checkouts;
pub mod client;
mod context;
#[cfg(any(test, feature = "simulation"))]
mod dice;
pub mod docker;
pub mod doctor;
#[cfg(any(test, feature = "simulation"))]
pub mod fuzz;
pub mod git;
pub mod home;
pub mod images;
pub mod kinds;
mod metrics;
mod pass;
mod reconcile;
pub mod secrets;
pub mod serve;
mod sidecar;
#[cfg(feature = "simulation")]
pub mod simulation;
mod strays;
mod surroundings;
mod tarball;
pub mod text;
mod trust;
pub mod volumes;
