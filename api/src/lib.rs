//! What things are: kinds, conditions, reasons, plans, events, and the capsule's wire types.
//!
//! Types and the rules that a single object must obey. What should happen lives in `jackin-plan`, making it so in
//! `jackin-daemon`. Without the feature `kinds` only [`wire`] remains, which is all that the capsule sees.

#[cfg(feature = "kinds")]
pub mod kinds;
#[cfg(feature = "kinds")]
pub mod validate;
pub mod wire;
#[cfg(feature = "kinds")]
pub mod words;

/// API group of every kind.
pub const GROUP: &str = "jackin.dev";

/// API version of every kind.
pub const VERSION: &str = "v1alpha1";

/// Namespace of the built-in agents, which serve every namespace.
pub const SYSTEM_NAMESPACE: &str = "jackin-system";

/// Finalizer of objects whose deletion removes engine objects first.
pub const FINALIZER: &str = "jackin.dev/engine-objects";

/// Annotation with the digest of a role source's files, written by `jackin apply` so that a changed file is a changed Role.
pub const SOURCE_DIGEST_ANNOTATION: &str = "jackin.dev/source-digest";

/// Annotation with the object as the file last said it, for the three-way merge of `jackin apply`.
pub const LAST_APPLIED_ANNOTATION: &str = "jackin.dev/last-applied-configuration";
