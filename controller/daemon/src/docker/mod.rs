//! The engine: one port in our words, bollard behind it, and an engine in memory for tests.
//!
//! [`Engine`] is what the rest of the daemon holds, as `Arc<dyn Engine>`. Its types are those of [`jackin_plan::world`]; no type of
//! bollard leaves this module. Nothing here decides: a call does one thing, tells "already so" from "refused", and says whether a
//! failure lets anything be concluded ([`EngineError::is_unknown`]). What should be done is the planner's business.

mod archive;
mod bollard;
mod error;
mod event;
mod exec;
#[cfg(feature = "fake")]
pub mod fake;
mod filter;
mod material;
mod port;

pub use self::bollard::{DockerEngine, EngineAddress};
pub use archive::Archive;
pub use error::{EngineError, EngineErrorCause, Operation};
pub use event::{BuildProgress, EngineEvent, EventAction, EventKind};
pub use exec::ExecStream;
pub use filter::LabelFilter;
pub use material::BuildMaterial;
pub use port::{ContainerSummary, Engine, EngineInfo, EventStream};
