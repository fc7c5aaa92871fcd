//! Making it so: observe, execute, reconcilers, docker, secrets, timing.

pub mod agents;
pub mod capsule;
pub mod checkouts;
pub mod client;
pub mod docker;
pub mod home;
pub mod images;
pub mod kinds;
pub mod secrets;
mod tarball;
pub mod volumes;
mod context;
mod pass;
mod reconcile;
pub mod serve;
pub mod text;
