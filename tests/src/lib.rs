//! What the suites on real processes share: a home of their own, and the sweeping afterwards.

mod home;
mod registry;
mod sweep;

pub use home::{Daemon, PATIENCE, TestHome, program};
pub use registry::{PASSWORD, Registry};
pub use sweep::sweep;
