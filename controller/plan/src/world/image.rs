//! Images: what was found, and what to build.

use std::fmt;

use jackin_api::words::Digest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Labels;
use crate::digest::digest_of;

/// The engine's id of an image (`sha256:…`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ImageId(pub String);

impl fmt::Display for ImageId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// An image as the engine reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Its id.
    pub id: ImageId,
    /// Digest of its layers and configuration, when the engine was asked for it: the same for two images that were built from equal
    /// content, whose ids differ by the time of the build.
    pub content: Option<Digest>,
    /// Names that point to it (`repository:tag`), sorted.
    pub tags: Vec<String>,
    /// Its labels.
    pub labels: Labels,
    /// Size in bytes.
    pub size_bytes: u64,
    /// Names by digest (`repository@sha256:…`), sorted.
    pub repository_digests: Vec<String>,
    /// When it was made, when the engine says so; what is built again from its cache keeps the time of the first build.
    pub created_at: Option<Timestamp>,
}

impl Image {
    /// What tells it from other images: its content, else its id.
    pub fn content(&self) -> Digest {
        self.content.clone().unwrap_or_else(|| digest_of(&self.id))
    }
}

/// What to build. The context travels beside it, as an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildRequest {
    /// Names for the result.
    pub tags: Vec<String>,
    /// Path of the Dockerfile inside the context.
    pub dockerfile: String,
    /// Labels for the result.
    pub labels: Labels,
    /// Whether every step runs, also where the engine has its result.
    pub no_cache: bool,
    /// Values of build arguments.
    pub build_args: std::collections::BTreeMap<String, String>,
    /// Name of the stage that is built; the last one when absent.
    pub target: Option<String>,
    /// Who builds it.
    pub builder: Builder,
}

/// Who carries out a Dockerfile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Builder {
    /// The engine's classic builder, which every engine has.
    #[default]
    Classic,
    /// The engine's BuildKit, which knows mounts, secrets and more, and which not every engine has.
    BuildKit,
}

/// One step of a build, as the engine told it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildStep {
    /// The instruction, as written.
    pub instruction: String,
    /// Milliseconds that it took.
    pub duration_ms: u64,
    /// Whether the engine had the result already.
    pub cached: bool,
}
