//! Making it so: observe, execute, reconcilers, docker, secrets, timing.

pub mod capsule;
pub mod client;
pub mod docker;
pub mod home;
pub mod images;
pub mod kinds;
