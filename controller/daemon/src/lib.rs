//! Making it so: observe, execute, reconcilers, docker, secrets, timing.

pub mod capsule;
pub mod docker;
pub mod home;
