//! Images: what a role's source holds, and building it once.
//!
//! Here lives the observation of sources (which files, which content, which bases), the archive that is sent to the engine, and
//! the builds that are running. Whether to build at all is the planner's decision; the engine is behind [`crate::docker`].
//!
//! # Flow
//!
//! [`observe_source`] reads a role's source into an [`ObservedSource`]; with the format, the platform and the ids of its bases that
//! gives the fields of the recipe ([`jackin_plan::image`]). When the planner wants a build, [`Builds::build`] runs one for
//! each recipe however many ask, and tells whether the source changed meanwhile.
//!
//! What a role adds to what its Dockerfile makes, hooks and plugins, is put on top of the finished image in a build of its own.
//!
//! # Guarantees
//!
//! - Equal content gives equal fields: not the place, the times, the owner or the order in which files were found.
//! - What is hashed is what the image gets from the context. Sent with it are the Dockerfile, `.dockerignore`, and what stages copy that
//!   the image takes nothing from.
//! - Files that only a trigger (`ONBUILD`) of a base image copies are not seen.
//! - A file that cannot be read is an error, never an absent file.

mod additions;
mod build;
mod builds;
mod context;
mod copies;
mod demand;
mod dockerfile;
mod dockerignore;
mod error;
mod fields;
mod fingerprint;
mod glob;
mod hooks;
mod log;
mod plugins;
mod secrets;
mod source;
mod walk;

pub use build::{BuildError, BuildInputs, BuiltImage, build};
pub use builds::Builds;
pub use context::context_archive;
pub use demand::{BuildDemand, SecretOrigin};
pub use error::SourceError;
pub use secrets::SecretFailure;
pub use source::{ObservedSource, SourceKind, observe_source, role_source_digest, source_digest};
pub use walk::{ContextEntry, EntryKind};

pub use jackin_plan::recipe::{fields_for_label, fold_like};

pub(crate) use context::add;
pub(crate) use error::says_missing;
pub(crate) use fingerprint::{digest_of, file_hash, fingerprint, finish, is_executable};
pub(crate) use plugins::look_up;
pub(crate) use source::{Repositories, folder_of, observe_role};
pub(crate) use walk::walk_everything;
