//! Objects laid over those of the store, so that a pass can be thought through before anything is applied.

use std::collections::BTreeMap;

use jackin_api::SYSTEM_NAMESPACE;
use jackin_api::kinds::{Agent, Role, Workspace};
use kube::ResourceExt;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The namespace of an object that names none.
const DEFAULT_NAMESPACE: &str = "default";

/// Objects as they would be. A pass over what is has an empty one.
#[derive(Default)]
pub(crate) struct Overlay {
    roles: BTreeMap<(String, String), Role>,
    agents: BTreeMap<(String, String), Agent>,
    /// Workspaces, in the order in which they were given.
    pub(crate) workspaces: Vec<Workspace>,
}

impl Overlay {
    /// The objects that somebody would apply. Those of kinds that no plan is made from are left out.
    ///
    /// # Errors
    /// When an object is not what its kind says.
    pub(crate) fn of(objects: Vec<Value>) -> Result<Self, serde_json::Error> {
        let mut overlay = Self::default();
        for object in objects {
            match object.get("kind").and_then(Value::as_str) {
                Some("Role") => {
                    let role: Role = read(object)?;
                    overlay.roles.insert(key(&role), role);
                }
                Some("Agent") => {
                    let agent: Agent = read(object)?;
                    overlay.agents.insert(key(&agent), agent);
                }
                Some("Workspace") => overlay.workspaces.push(read(object)?),
                _ => {}
            }
        }
        Ok(overlay)
    }

    /// The role of this name, when it is laid over the stored one.
    pub(crate) fn role(&self, namespace: &str, name: &str) -> Option<&Role> {
        self.roles.get(&(namespace.to_owned(), name.to_owned()))
    }

    /// Lays the roles of a namespace over those of the store.
    pub(crate) fn over_roles(&self, namespace: &str, roles: &mut BTreeMap<String, Role>) {
        let ours = self.roles.iter().filter(|((of, _), _)| of == namespace);
        roles.extend(ours.map(|((_, name), role)| (name.clone(), role.clone())));
    }

    /// Lays the agents that a namespace sees over those of the store.
    pub(crate) fn over_agents(&self, namespace: &str, agents: &mut BTreeMap<String, Agent>) {
        let own = |name: &String| agents.get(name).is_some_and(|agent| agent.namespace().as_deref() == Some(namespace));
        let built_in = self.agents.iter().filter(|((of, name), _)| of == SYSTEM_NAMESPACE && !own(name));
        let of_namespace = self.agents.iter().filter(|((of, _), _)| of == namespace);
        let all: Vec<_> =
            built_in.chain(of_namespace).map(|((_, name), agent)| (name.clone(), agent.clone())).collect();
        agents.extend(all);
    }

    /// Whether a role of this namespace is laid over, or one of the agents that it sees.
    pub(crate) fn touches(&self, namespace: &str, role: &str, agents: &[String]) -> bool {
        let sees = |(of, name): &(String, String)| (of == namespace || of == SYSTEM_NAMESPACE) && agents.contains(name);
        self.role(namespace, role).is_some() || self.agents.keys().any(sees)
    }
}

fn read<Kind: ResourceExt + DeserializeOwned>(object: Value) -> Result<Kind, serde_json::Error> {
    let mut object: Kind = serde_json::from_value(object)?;
    object.meta_mut().namespace.get_or_insert_with(|| DEFAULT_NAMESPACE.to_owned());
    Ok(object)
}

fn key(object: &impl ResourceExt) -> (String, String) {
    (object.namespace().unwrap_or_default(), object.name_any())
}
