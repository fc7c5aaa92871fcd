//! The rungs of the ladder, and the decisions about images.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A plan, cheapest first. The order of the variants is the order of the ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum PlanKind {
    /// Nothing, or an update under the running processes.
    AttachExisting,
    /// Start or unpause the container that is there.
    StartStopped,
    /// Adopt a ready member of a pool. Not chosen by this version, which keeps no pool.
    ClaimWarm,
    /// Create a container from an image that is there.
    CreateFromValidImage,
    /// Build the image, then create a container.
    BuildAndCreate,
    /// Prepare for later; nothing is attached to it. Not chosen by this version, which keeps no pool.
    PrewarmOnly,
}

impl fmt::Display for PlanKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, formatter)
    }
}

/// A cheaper plan that would not reach the desired state.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rejection {
    /// The plan.
    pub plan: PlanKind,
    /// Why not.
    pub reason: RejectionReason,
    /// The same for people, with names.
    pub message: String,
}

/// Why a plan does not reach the desired state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum RejectionReason {
    /// There is no container.
    ContainerMissing,
    /// The container is not running.
    ContainerNotRunning,
    /// The container is frozen.
    ContainerPaused,
    /// The container is half removed and cannot be started.
    ContainerDead,
    /// The engine is removing the container.
    ContainerRemoving,
    /// The container's launch digest is not the desired one.
    LaunchChanged,
    /// The container bears no launch digest that can be read.
    LaunchUnreadable,
    /// The container has another version of the capsule or of an agent's program, or was made before a build of its image that
    /// somebody asked for; another container has the wanted one.
    VersionChanged,
    /// The running container shows another file or folder than the one that is at a mount's source now, and a restart shows that.
    MountReplaced,
    /// Somebody asked for a restart, or for another container.
    RestartRequested,
    /// Starting it failed too often.
    StartFailed,
    /// The workspace keeps no pool.
    NoWarmPool,
    /// The image does not exist or its recipe is not the desired one.
    ImageInvalid,
}

impl fmt::Display for RejectionReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, formatter)
    }
}

/// What is done about an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ImageDecision {
    /// The image that is there is valid.
    Reuse,
    /// The image is valid and serves, while what it came from, which moved at its registry, is fetched and built.
    RefreshInBackground,
    /// Nothing valid is here: the published image is asked for and fetched, and serves as it is when it is of the recipe.
    BuildFromPublished,
    /// Build from the role's source.
    BuildFromWorkspace,
}

impl fmt::Display for ImageDecision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, formatter)
    }
}

/// Why an image is built or refreshed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ImageReason {
    /// Somebody asked for it.
    ExplicitRebuild,
    /// No image of this role is there.
    LocalImageMissing,
    /// The image bears no recipe.
    MissingRecipeLabel,
    /// The recipe's format is another one.
    RecipeVersionChanged,
    /// A field of the recipe differs; the change is told beside it.
    RecipeFieldChanged,
    /// The published image is of another recipe than the source; each field that differs is told beside it.
    PublishedImageStale,
    /// The name of the published image points to other content at its registry than here.
    PublishedImageMoved,
    /// The registry has no image of the published name.
    PublishedImageMissing,
    /// The registry of the published image could not be asked, or did not give it.
    RegistryUnreachable,
    /// The name of an image that this one starts from points to other content at its registry than here; which one is told beside it.
    BaseImageMoved,
    /// The image's name was taken away or points to other content; the image itself is still here and gets it back.
    ImageNameMoved,
}

impl fmt::Display for ImageReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, formatter)
    }
}
