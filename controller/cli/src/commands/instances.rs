//! The instances that arguments mean: by their names, or all of a workspace.

use jackin_api::kinds::{ClipboardAccess, Instance};
use kube::ResourceExt;
use kube::api::{Api, DynamicObject, ListParams, Patch, PatchParams};
use serde::Deserialize;
use serde_json::Value;

use jackin_api::wire::Spawn;
use jackin_daemon::client::{Connection, RequestError};

use crate::command_error::CommandError;
use crate::resource::{self, INSTANCE, WORKSPACE};

/// Who the client's writes are by.
pub(crate) const FIELD_MANAGER: &str = "jackin";

/// The instances that `INSTANCE`, `instance/NAME` or `workspace/NAME` arguments mean.
///
/// # Errors
/// When one is not there.
pub(crate) async fn named(
    client: &kube::Client,
    namespace: &str,
    words: &[String],
) -> Result<Vec<Instance>, CommandError> {
    let api: Api<Instance> = Api::namespaced(client.clone(), namespace);
    let mut instances: Vec<Instance> = Vec::new();
    for word in words {
        let workspace = word.split_once('/').filter(|(kind, _)| resource::find(kind) == Some(&WORKSPACE));
        let found = match workspace {
            Some((_, workspace)) => {
                WORKSPACE.api(client.clone(), namespace).get(workspace).await?;
                let mut all = api.list(&ListParams::default()).await?.items;
                all.retain(|instance| instance.spec.workspace == workspace);
                if all.is_empty() {
                    return Err(CommandError::failed(format!("workspace `{workspace}` has no instances"))
                        .hint("write them into its `spec.instances`"));
                }
                all
            }
            None => vec![one(&api, resource::instance_name(word)?).await?],
        };
        for instance in found {
            if !instances.iter().any(|earlier| earlier.name_any() == instance.name_any()) {
                instances.push(instance);
            }
        }
    }
    Ok(instances)
}

async fn one(api: &Api<Instance>, name: &str) -> Result<Instance, CommandError> {
    if let Some(instance) = api.get_opt(name).await? {
        return Ok(instance);
    }
    Err(not_found(api, name).await?)
}

async fn not_found(api: &Api<Instance>, name: &str) -> Result<CommandError, CommandError> {
    let error = CommandError::failed(format!("instance `{name}` not found"));
    let all = api.list(&ListParams::default()).await?.items;
    let own: Vec<_> =
        all.iter().filter(|instance| instance.spec.workspace == name).map(ResourceExt::name_any).collect();
    let names: Vec<_> = all.iter().map(ResourceExt::name_any).collect();
    Ok(if !own.is_empty() {
        error.hint(format!("workspace `{name}` has the instances {}", own.join(", ")))
    } else if names.is_empty() {
        error.hint("there is no instance in this namespace; `jackin get instances -A` lists those of all")
    } else {
        error.hint(format!("known are {}", names.join(", ")))
    })
}

/// Changes the spec of one instance.
///
/// # Errors
/// When the server refuses.
pub(crate) async fn patch(
    client: &kube::Client,
    instance: &Instance,
    spec: Value,
) -> Result<DynamicObject, CommandError> {
    let api = INSTANCE.api(client.clone(), &instance.namespace().unwrap_or_default());
    let patch = Patch::Merge(serde_json::json!({ "spec": spec }));
    Ok(api.patch(&instance.name_any(), &PatchParams::apply(FIELD_MANAGER), &patch).await?)
}

/// How an instance's capsule is reached, and what to run in it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Reach {
    /// Folder of the capsule's socket.
    pub(crate) directory: String,
    /// Name of the socket in it.
    pub(crate) socket: String,
    /// The process that must be at its other end, as this host counts.
    #[serde(default)]
    pub(crate) pid: Option<u32>,
    /// The session to start when none lives.
    pub(crate) session: Spawn,
    /// What programs may do with the clipboard of this terminal; a controller of an earlier version does not tell.
    #[serde(default)]
    pub(crate) clipboard: ClipboardAccess,
}

/// Asks how an instance's capsule is reached.
///
/// # Errors
/// When there is no such instance, or it does not run.
pub(crate) async fn reach(connection: &Connection, namespace: &str, name: &str) -> Result<Reach, CommandError> {
    match connection.get_json(&path_to(namespace, name)).await {
        Ok(reach) => Ok(reach),
        Err(error) => {
            let api: Api<Instance> = Api::namespaced(connection.kube(), namespace);
            match api.get_opt(name).await {
                Ok(None) => Err(not_found(&api, name).await?),
                _ => Err(CommandError::from(error)
                    .hint(format!("`jackin describe instance {name}` tells why it does not run"))),
            }
        }
    }
}

/// As [`reach`], and nothing where the instance does not run or is gone by now.
///
/// # Errors
/// When the controller cannot tell.
pub(crate) async fn reach_if_running(
    connection: &Connection,
    namespace: &str,
    name: &str,
) -> Result<Option<Reach>, CommandError> {
    match connection.get_json(&path_to(namespace, name)).await {
        Ok(reach) => Ok(Some(reach)),
        Err(RequestError::Refused { status }) if status.reason == "NotRunning" || status.code == 404 => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn path_to(namespace: &str, name: &str) -> String {
    format!("/jackin/v1/namespaces/{namespace}/instances/{name}/connection")
}
