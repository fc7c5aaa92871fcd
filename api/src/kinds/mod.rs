//! The five kinds, Kubernetes objects in every respect.
//!
//! One file a kind, and the value types that several share. The generated schemas of these types are the contract; they are
//! written to `manifests/` by a test that fails when they drift.

mod agent;
mod build;
mod image;
mod instance;
mod plugins;
mod quantity;
mod recognition;
mod reference;
mod role;
mod shared;
mod status;
mod workspace;

pub use agent::*;
pub use build::{BuildSecret, RoleBuild};
pub use image::*;
pub use instance::*;
pub use plugins::{Marketplace, NoPluginId, PluginId, RolePlugins};
pub use quantity::{DurationText, Quantity, QuantityError};
pub use recognition::*;
pub use reference::{Reference, ReferenceError, ReferenceTarget, ValueSource};
pub use role::*;
pub use shared::*;
pub use status::*;
pub use workspace::*;
