//! Labels of engine objects: what makes them ours, and what they were made from.

/// Owner id of the installation. An object without ours is never touched.
pub const OWNER: &str = "jackin.owner";
/// Namespace of the object that it serves.
pub const NAMESPACE: &str = "jackin.namespace";
/// Workspace that it serves.
pub const WORKSPACE: &str = "jackin.workspace";
/// Instance that it serves.
pub const INSTANCE: &str = "jackin.instance";
/// What it is for: one of the `COMPONENT_…` values.
pub const COMPONENT: &str = "jackin.component";
/// Id of the image that a container was made from. A container that only inherits our labels, by way of an image that was committed
/// from one of ours, is made from another.
pub const IMAGE: &str = "jackin.image";
/// Role that an image serves.
pub const ROLE: &str = "jackin.role";
/// Agent that a volume or container serves.
pub const AGENT: &str = "jackin.agent";
/// Version of the format of these labels.
pub const FORMAT: &str = "jackin.format";
/// Digest of an image's recipe.
pub const RECIPE: &str = "jackin.recipe";
/// The recipe's fields and their digests, as JSON.
pub const RECIPE_FIELDS: &str = "jackin.recipe.fields";
/// Commit of the role's repository that an image was built of. Another commit of equal content builds no other image.
pub const COMMIT: &str = "jackin.commit";
/// Digest of what a container fixed at its creation.
pub const LAUNCH: &str = "jackin.launch";
/// The launch's fields and their digests, as JSON.
pub const LAUNCH_FIELDS: &str = "jackin.launch.fields";
/// Digest of what could change under it, as it was at its creation.
pub const LIVE: &str = "jackin.live";
/// Digest of the content of a volume of programs.
pub const CONTENT: &str = "jackin.content";
/// Digest of what a volume with data fixed at its creation.
pub const VOLUME: &str = "jackin.volume";

/// [`COMPONENT`] of the container that an instance's sessions run in.
pub const COMPONENT_ROLE: &str = "role";
/// [`COMPONENT`] of the container with an instance's own engine.
pub const COMPONENT_SIDECAR: &str = "sidecar";
/// [`COMPONENT`] of a volume that holds data of an instance. Never removed without somebody's consent; it may go when its instance
/// is gone, or wants another one, and no container mounts it.
pub const COMPONENT_DATA: &str = "data";
/// [`COMPONENT`] of a workspace's network.
pub const COMPONENT_NETWORK: &str = "network";
/// [`COMPONENT`] of a volume with an agent's program.
pub const COMPONENT_AGENT: &str = "agent";
/// [`COMPONENT`] of a volume with the capsule.
pub const COMPONENT_CAPSULE: &str = "capsule";
/// [`COMPONENT`] of the short-lived container through which a volume is filled.
pub const COMPONENT_FILLER: &str = "filler";
/// [`COMPONENT`] of what BuildKit makes of a Dockerfile, until the derived image is made of it.
pub const COMPONENT_UNNAMED: &str = "unnamed";
/// [`COMPONENT`] of a derived image.
pub const COMPONENT_IMAGE: &str = "image";

/// The current [`FORMAT`].
///
/// A format that gives a field of the recipe another meaning gives it another name as well: fields of equal names mean the same in
/// every format, so that an image of another one can be compared with today's recipe and is not built anew for its format alone.
pub const FORMAT_VERSION: &str = "1";
