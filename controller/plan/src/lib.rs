//! What should happen: pure functions over api types.
//!
//! Nothing here reads a clock, a file, the environment or a socket, and nothing here holds a secret: time and observations arrive
//! as arguments, references to secrets stay references. The neighbour that looks and acts is the daemon.
//!
//! The way through: [`resolve`] says what an instance should be, [`observed`] what was seen, [`ladder`] decides, [`check`] looks
//! the plan over, and [`status`] says what came of it. [`image`] and [`workspace`] do the same for the other two controllers.

pub mod acted;
pub mod backoff;
pub mod check;
pub mod damper;
pub mod desired;
pub mod digest;
pub mod disruption;
pub mod engine_write;
mod hooks;
pub mod image;
pub mod ladder;
pub mod launch;
pub mod model;
pub mod names;
pub mod network;
pub mod observed;
pub mod project;
pub mod recipe;
pub mod resolve;
pub mod sidecar;
pub mod status;
pub mod step;
pub mod strays;
pub mod workspace;
pub mod world;
