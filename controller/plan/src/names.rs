//! Names and labels of engine objects.
//!
//! A name is `jackin.OWNER.NAMESPACE.NAME`: namespaces and names are DNS labels, which hold no dots, so that two different
//! objects never map to one name. OWNER is the first six digits of the owner id, so that installations can share an engine.

use jackin_api::words as labels;

use crate::world::{Image, ImageId, Labels};

/// The owner id of an installation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner(pub String);

impl Owner {
    fn short(&self) -> &str {
        self.0.get(..6).unwrap_or(&self.0)
    }

    /// Name of an instance's container.
    pub fn container(&self, namespace: &str, instance: &str) -> String {
        format!("jackin.{}.{namespace}.{instance}", self.short())
    }

    /// Name of a replacement until it takes the place of the old container.
    pub fn replacement(&self, namespace: &str, instance: &str) -> String {
        format!("{}.next", self.container(namespace, instance))
    }

    /// Name of the container with an instance's own engine.
    pub fn sidecar(&self, namespace: &str, instance: &str) -> String {
        format!("{}.sidecar", self.container(namespace, instance))
    }

    /// Name of a volume with an instance's data.
    pub fn data_volume(&self, namespace: &str, instance: &str, name: &str) -> String {
        format!("{}.data.{name}", self.container(namespace, instance))
    }

    /// Name of a workspace's own network.
    pub fn network(&self, namespace: &str, workspace: &str) -> String {
        format!("jackin.{}.{namespace}.{workspace}", self.short())
    }

    /// Name of a workspace's own network when it has no way out.
    ///
    /// Another name than the one with a way out: engines change neither a network's nature nor its name, so that the one has to be
    /// there beside the other while containers move from it.
    pub fn internal_network(&self, namespace: &str, workspace: &str) -> String {
        format!("{}.internal", self.network(namespace, workspace))
    }

    /// Name of the volume with an agent's program.
    pub fn agent_volume(&self, agent: &str, content: &labels::Digest) -> String {
        format!("jackin.{}.agent.{agent}.{}", self.short(), content.short())
    }

    /// Name of the volume with the capsule.
    pub fn capsule_volume(&self, content: &labels::Digest) -> String {
        format!("jackin.{}.capsule.{}", self.short(), content.short())
    }

    /// Name of a role's image of one recipe.
    pub fn image(&self, namespace: &str, role: &str, recipe: &labels::Digest) -> String {
        format!("jackin-{}/{namespace}/{role}:{}", self.short(), recipe.short())
    }

    /// The labels that every object of ours bears.
    pub fn labels(&self, component: &str) -> Labels {
        [(labels::OWNER, self.0.as_str()), (labels::FORMAT, labels::FORMAT_VERSION), (labels::COMPONENT, component)]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into()
    }

    /// Whether an object with these labels is ours.
    ///
    /// Enough for networks and volumes, whose labels nothing inherits; for containers see [`Owner::made`], for images
    /// [`Owner::built`].
    pub fn owns(&self, found: &Labels) -> bool {
        found.get(labels::OWNER) == Some(&self.0)
    }

    /// Whether we made a container of this image with these labels.
    ///
    /// A container inherits the labels of its image. One that somebody runs from an image that was built from ours, or committed
    /// from a container of ours, bears our labels and was not made by us: its component is that of an image, or the image that its
    /// labels name is not the one that it was made from.
    pub fn made(&self, found: &Labels, image: &ImageId) -> bool {
        let named = found.get(labels::IMAGE);
        let component = found.get(labels::COMPONENT).map(String::as_str);
        let of_an_image = [Some(labels::COMPONENT_IMAGE), Some(labels::COMPONENT_UNNAMED)].contains(&component);
        self.owns(found) && !of_an_image && named.is_none_or(|named| *named == image.0)
    }

    /// Whether an image that bears our labels has no name: a build that was cut short left it, one that was done once more took its
    /// name, or somebody built it from one of ours. Whether its last instruction [is a label of ours](is_label_of_ours) tells.
    pub fn nameless(&self, image: &Image) -> bool {
        let component = image.labels.get(labels::COMPONENT).map(String::as_str);
        let built = self.owns(&image.labels) && component == Some(labels::COMPONENT_IMAGE);
        (built && image.tags.is_empty()) || self.unfinished(image)
    }

    /// Whether an image is what BuildKit made of a Dockerfile, which a build that was cut short left before it got labels and name.
    ///
    /// One on which an image is built is in no list of the engine's.
    pub fn unfinished(&self, image: &Image) -> bool {
        let component = image.labels.get(labels::COMPONENT).map(String::as_str);
        self.owns(&image.labels) && component == Some(labels::COMPONENT_UNNAMED) && image.tags.is_empty()
    }

    /// Whether we built an image: it bears the name that its own labels give.
    ///
    /// An image that somebody builds from ours, or commits from a container of ours, inherits our labels and not our name.
    pub fn built(&self, image: &Image) -> bool {
        self.given_name(image).is_some()
    }

    /// The name that we gave an image that we built. Whatever other names it has are somebody's.
    pub fn given_name(&self, image: &Image) -> Option<String> {
        let label = |key: &str| image.labels.get(key).map(String::as_str);
        let recipe = labels::Digest(label(labels::RECIPE)?.to_owned());
        let named = self.image(label(labels::NAMESPACE)?, label(labels::ROLE)?, &recipe);
        let is_ours = self.owns(&image.labels) && label(labels::COMPONENT) == Some(labels::COMPONENT_IMAGE);
        (is_ours && image.tags.contains(&named)).then_some(named)
    }

    /// The name that we gave an image that somebody else built: it was fetched as a role's published image, and the name is how it is
    /// kept when the published one moves.
    pub fn adopted_name(&self, image: &Image) -> Option<String> {
        let label = |key: &str| image.labels.get(key).map(String::as_str);
        let recipe = labels::Digest(label(labels::RECIPE)?.to_owned());
        let theirs = !self.owns(&image.labels) && label(labels::COMPONENT) == Some(labels::COMPONENT_IMAGE);
        let (ours, of_recipe) = (format!("jackin-{}/", self.short()), format!(":{}", recipe.short()));
        let mut tags = image.tags.iter().filter(|_| theirs);
        tags.find(|tag| tag.starts_with(&ours) && tag.ends_with(&of_recipe)).cloned()
    }
}

/// The name that an image of a role gets, but for its recipe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageName {
    /// Whose it is.
    pub owner: Owner,
    /// Namespace of the role.
    pub namespace: String,
    /// Name of the role.
    pub role: String,
}

impl ImageName {
    /// The name of the image of this recipe.
    pub fn of(&self, recipe: &labels::Digest) -> String {
        self.owner.image(&self.namespace, &self.role, recipe)
    }

    /// Whether somebody else built an image and it has [our name](Owner::adopted_name) for this role.
    pub fn adopted(&self, image: &Image) -> bool {
        let recipe = image.labels.get(labels::RECIPE).map(|recipe| labels::Digest(recipe.clone()));
        let named = recipe.is_some_and(|recipe| image.tags.contains(&self.of(&recipe)));
        named && self.owner.adopted_name(image).is_some()
    }
}

/// Whether an instruction of a build is a label of ours, which the engine carries out after those of the Dockerfile.
///
/// ```
/// use jackin_plan::names::is_label_of_ours;
/// assert!(is_label_of_ours("LABEL jackin.role=tiny"));
/// assert!(!is_label_of_ours("RUN make"));
/// ```
pub fn is_label_of_ours(instruction: &str) -> bool {
    let label = instruction.strip_prefix("LABEL ").map(str::trim_start);
    label.is_some_and(|label| label.trim_start_matches('"').starts_with("jackin."))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn owner() -> Owner {
        Owner("0123456789ab".to_owned())
    }

    fn image(id: &str, tags: &[&str], found: Labels) -> Image {
        let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        Image {
            id: ImageId(id.to_owned()),
            content: None,
            tags,
            labels: found,
            size_bytes: 0,
            repository_digests: vec![],
            created_at: None,
        }
    }

    fn with(mut all: Labels, more: &[(&str, &str)]) -> Labels {
        all.extend(more.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        all
    }

    #[test]
    fn a_name_says_whose_it_is_and_what_it_serves() {
        assert_eq!(owner().container("default", "shop-main"), "jackin.012345.default.shop-main");
    }

    #[test]
    fn a_container_that_inherits_our_labels_from_an_image_is_not_ours() {
        let role = with(owner().labels(labels::COMPONENT_ROLE), &[(labels::IMAGE, "sha256:role")]);
        assert!(owner().made(&role, &ImageId("sha256:role".to_owned())));
        // `docker commit` of ours, and `docker run` of what came of it.
        assert!(!owner().made(&role, &ImageId("sha256:committed".to_owned())));
        // `docker run` of an image that we built.
        let run = owner().labels(labels::COMPONENT_IMAGE);
        assert!(!owner().made(&run, &ImageId("sha256:role".to_owned())));
        let run = owner().labels(labels::COMPONENT_UNNAMED);
        assert!(!owner().made(&run, &ImageId("sha256:role".to_owned())));
        assert!(!Owner("ba9876543210".to_owned()).made(&role, &ImageId("sha256:role".to_owned())));
    }

    #[test]
    fn an_image_that_inherits_our_labels_and_not_our_name_is_not_ours() {
        let recipe =
            [(labels::NAMESPACE, "default"), (labels::ROLE, "dev"), (labels::RECIPE, "sha256:0123456789abcdef")];
        let built = with(owner().labels(labels::COMPONENT_IMAGE), &recipe);
        let name = owner().image("default", "dev", &labels::Digest("sha256:0123456789abcdef".to_owned()));
        assert!(owner().built(&image("sha256:1", &["also:1", &name], built.clone())));
        assert!(!owner().built(&image("sha256:2", &["derived:1"], built.clone())));
        assert!(!owner().built(&image("sha256:3", &[], built.clone())));
        // Committed from a container of ours, and given our name besides.
        let committed = with(built, &[(labels::COMPONENT, labels::COMPONENT_ROLE)]);
        assert!(!owner().built(&image("sha256:4", &[&name], committed)));
    }

    /// Short DNS labels of few letters, so that two often resemble each other, and words that names are made of.
    fn label() -> impl Strategy<Value = String> {
        prop_oneof!["[ab](-[ab]){0,3}", "agent|capsule|internal|next|filler|a{63}", "[ab][ab-]{0,60}[ab]"]
    }

    /// Every name on the engine that belongs to an instance, its workspace and its role, by the engine's kind of object.
    ///
    /// Programs are those whose name holds the digest.
    fn names(namespace: &str, name: &str) -> Vec<(&'static str, String)> {
        let owner = owner();
        let digest = labels::Digest("sha256:0123456789abcdef".to_owned());
        let volumes = [owner.agent_volume(name, &digest), owner.capsule_volume(&digest)];
        let fillers = volumes.iter().map(|volume| ("container", format!("{volume}.filler")));
        let programs = volumes.iter().map(|volume| ("volume", volume.clone()));
        let mut all: Vec<_> = fillers.chain(programs).collect();
        all.extend([
            ("container", owner.container(namespace, name)),
            ("container", owner.replacement(namespace, name)),
            ("container", owner.sidecar(namespace, name)),
            ("volume", owner.data_volume(namespace, name, "docker")),
            ("network", owner.network(namespace, name)),
            ("network", owner.internal_network(namespace, name)),
            ("image", owner.image(namespace, name, &digest)),
        ]);
        all
    }

    proptest! {
        #[test]
        fn different_objects_never_share_a_name(keys in prop::collection::btree_set((label(), label()), 1..12)) {
            let mut seen: BTreeMap<(&str, String), (String, String)> = BTreeMap::new();
            for (namespace, name) in keys {
                for (kind, engine_name) in names(&namespace, &name) {
                    // Programs serve every namespace, and the capsule every instance.
                    let shared = engine_name.contains(".0123456789ab");
                    let key = if shared { String::new() } else { namespace.clone() };
                    let whose = (key, if engine_name.contains(".capsule.") && shared { String::new() } else { name.clone() });
                    let before = seen.insert((kind, engine_name.clone()), whose.clone());
                    prop_assert!(before.as_ref().is_none_or(|before| *before == whose), "{engine_name}: {before:?}, {whose:?}");
                }
            }
        }

        #[test]
        fn every_name_is_one_that_engines_take(namespace in label(), name in label()) {
            for (kind, name) in names(&namespace, &name) {
                prop_assert!(name.len() <= 255, "{kind} {name}");
                let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-/:".contains(&byte);
                prop_assert!(name.bytes().all(inner) && name.starts_with("jackin"), "{kind} {name}");
            }
        }
    }
}
