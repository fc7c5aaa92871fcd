//! Making it so: observe, execute, reconcilers, docker, secrets, timing.

pub mod docker;
