//! What the operator of the simulation wants: the manifests, as they were last edited.

use std::collections::BTreeMap;

use jackin_api::kinds::{Agent, DisruptionPolicy, Role, Workspace};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The namespace of everything.
pub(super) const NAMESPACE: &str = "default";
/// The value that must be nowhere to be read.
pub(super) const SECRET: &str = "s3cr3t-7f1e9";
/// The image that Dockerfiles start from.
pub(super) const BASE: &str = "base:1";
/// The sources of mounts; the second is not always mounted.
pub(super) const SOURCES: [&str; 2] = ["/src/shop", "/src/notes"];

/// One workspace as it should be.
#[derive(Clone, Debug)]
pub(super) struct WorkspaceWish {
    pub(super) present: bool,
    pub(super) count: Option<u32>,
    pub(super) env: u32,
    pub(super) notes: bool,
    pub(super) memory: u32,
    pub(super) restart_always: bool,
}

/// Everything as it should be.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    /// Number in the role's Dockerfile; each is another recipe.
    pub(super) recipe: u32,
    /// Whether the Dockerfile cannot be built.
    pub(super) broken: bool,
    /// Whether the role is an image that is used as it is.
    pub(super) plain: bool,
    pub(super) policy: DisruptionPolicy,
    pub(super) deadline: bool,
    /// Version of the agent's package.
    pub(super) agent: u32,
    pub(super) workspaces: [WorkspaceWish; 2],
    /// What was applied last, by kind and name.
    applied: BTreeMap<String, Value>,
}

/// Names of the workspaces.
pub(super) const WORKSPACES: [&str; 2] = ["shop", "docs"];

impl Default for Wish {
    fn default() -> Self {
        let workspace =
            WorkspaceWish { present: true, count: None, env: 0, notes: false, memory: 512, restart_always: false };
        let second = WorkspaceWish { present: false, ..workspace.clone() };
        Self {
            recipe: 1,
            broken: false,
            plain: false,
            policy: DisruptionPolicy::Never,
            deadline: false,
            agent: 1,
            workspaces: [workspace, second],
            applied: BTreeMap::new(),
        }
    }
}

impl Wish {
    /// How many instances each workspace should have, and whether their names have indices.
    pub(super) fn instances(&self) -> impl Iterator<Item = (&'static str, usize, bool)> {
        WORKSPACES.into_iter().zip(&self.workspaces).map(|(name, wish)| match wish.count {
            _ if !wish.present => (name, 0, false),
            None => (name, 1, false),
            Some(count) => (name, usize::try_from(count).unwrap_or_default(), true),
        })
    }

    fn role(&self) -> Value {
        let failing = if self.broken { "\nRUN exit 3" } else { "" };
        let dockerfile = format!("FROM {BASE}\nRUN step {}{failing}\n", self.recipe);
        let source = if self.plain { json!({"image": BASE}) } else { json!({"inline": {"dockerfile": dockerfile}}) };
        json!({"metadata": {"name": "dev", "namespace": NAMESPACE},
            "spec": {"source": source, "agents": ["tool", "shell"]}})
    }

    fn agent(&self) -> Value {
        let npm = json!({"package": "tool", "version": format!("1.0.{}", self.agent), "program": "bin/tool",
            "integrity": format!("sha512-{}", self.agent)});
        json!({"metadata": {"name": "tool", "namespace": NAMESPACE}, "spec": {"install": {"npm": npm}, "command": ["tool"]}})
    }

    fn workspace(&self, name: &str, wish: &WorkspaceWish) -> Value {
        let mut mounts = vec![json!({"source": SOURCES[0], "target": "/work"})];
        if wish.notes {
            mounts.push(json!({"source": SOURCES[1], "target": "/notes", "readOnly": true}));
        }
        let mut disruption = json!({"policy": self.policy});
        if self.deadline {
            disruption["deadline"] = "60s".into();
        }
        let mut template = json!({"name": "main", "role": "dev", "agent": "shell"});
        if let Some(count) = wish.count {
            template["count"] = count.into();
        }
        let restart = if wish.restart_always { "unlessStopped" } else { "no" };
        json!({"metadata": {"name": name, "namespace": NAMESPACE}, "spec": {
            "workdir": "/work", "mounts": mounts, "roles": ["dev"], "instances": [template],
            "env": {"STAGE": {"value": wish.env.to_string()}, "TOKEN": {"from": "env://SIMULATED"}},
            "disruption": disruption, "resources": {"memory": format!("{}Mi", wish.memory)},
            "lifecycle": {"restartPolicy": restart}}})
    }

    /// The store was lost: all must be applied once more.
    pub(super) fn forget(&mut self) {
        self.applied.clear();
    }

    /// Applies what was edited since it was applied last; what is being deleted is left alone until it is gone.
    pub(super) async fn apply(&mut self, client: &Client) -> Result<(), kube::Error> {
        self.ensure::<Agent>(client, self.agent()).await?;
        self.ensure::<Role>(client, self.role()).await?;
        for (name, wish) in WORKSPACES.into_iter().zip(self.workspaces.clone()) {
            if wish.present {
                self.ensure::<Workspace>(client, self.workspace(name, &wish)).await?;
            } else if self.applied.remove(&format!("Workspace/{name}")).is_some() {
                let workspaces: Api<Workspace> = Api::namespaced(client.clone(), NAMESPACE);
                match workspaces.delete(name, &DeleteParams::default()).await {
                    Err(kube::Error::Api(answer)) if answer.is_not_found() => {}
                    other => drop(other?),
                }
            }
        }
        Ok(())
    }

    async fn ensure<K: Applied>(&mut self, client: &Client, mut wanted: Value) -> Result<(), kube::Error> {
        let key = format!("{}/{}", K::kind(&()), wanted["metadata"]["name"].as_str().unwrap_or_default());
        if self.applied.get(&key) == Some(&wanted["spec"]) {
            return Ok(());
        }
        wanted["apiVersion"] = K::api_version(&()).into();
        wanted["kind"] = K::kind(&()).into();
        if apply::<K>(client, &wanted).await? {
            self.applied.insert(key, wanted["spec"].take());
        }
        Ok(())
    }
}

/// A kind of which operators have manifests.
trait Applied:
    Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned + Serialize
{
}

impl Applied for Agent {}
impl Applied for Role {}
impl Applied for Workspace {}

/// Applies one object; answers whether it is as wanted now.
async fn apply<K: Applied>(client: &Client, wanted: &Value) -> Result<bool, kube::Error> {
    let object: K = serde_json::from_value(wanted.clone()).map_err(kube::Error::SerdeError)?;
    let objects: Api<K> = Api::namespaced(client.clone(), NAMESPACE);
    match objects.get_opt(&object.name_any()).await? {
        None => objects.create(&PostParams::default(), &object).await.map(|_| true),
        Some(found) if found.meta().deletion_timestamp.is_some() => Ok(false),
        Some(_) => {
            let patch = json!([{"op": "replace", "path": "/spec", "value": wanted["spec"]}]);
            let patch = serde_json::from_value(patch).map_err(kube::Error::SerdeError)?;
            objects.patch(&object.name_any(), &PatchParams::default(), &Patch::Json::<()>(patch)).await.map(|_| true)
        }
    }
}
