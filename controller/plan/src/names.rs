//! Names and labels of engine objects.
//!
//! A name is `jackin.OWNER.NAMESPACE.NAME`: namespaces and names are DNS labels, which hold no dots, so that two different
//! objects never map to one name. OWNER is the first six digits of the owner id, so that installations can share an engine.

use jackin_api::words as labels;

use crate::world::Labels;

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
    pub fn owns(&self, found: &Labels) -> bool {
        found.get(labels::OWNER) == Some(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_objects_never_share_a_name() {
        let owner = Owner("0123456789ab".to_owned());
        assert_ne!(owner.container("a", "b-c"), owner.container("a-b", "c"));
        assert_eq!(owner.container("default", "shop-main"), "jackin.012345.default.shop-main");
    }
}
