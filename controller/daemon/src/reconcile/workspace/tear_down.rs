//! The end of a workspace.

use jackin_api::FINALIZER;
use jackin_api::kinds::{Instance, Workspace};
use jackin_plan::workspace::WorkspaceSnapshot;
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::json;

use crate::context::Context;
use crate::pass::{Next, PassError};
use crate::reconcile::networks::{Kept, release};

use super::owned;

/// Deletes the instances, waits for them, removes the network, and lets go.
pub(super) async fn tear_down(context: &Context, snapshot: &WorkspaceSnapshot) -> Result<Next, PassError> {
    let workspace = &snapshot.workspace;
    let namespace = workspace.namespace().unwrap_or_default();
    let instances: Api<Instance> = Api::namespaced(context.client.clone(), &namespace);
    for instance in &snapshot.instances {
        if instance.metadata.deletion_timestamp.is_none() {
            match instances.delete(&instance.name_any(), &DeleteParams::background()).await {
                Err(kube::Error::Api(answer)) if answer.is_not_found() => {}
                other => drop(other?),
            }
        }
    }
    if !owned(context, workspace).await?.is_empty() {
        // The end of each instance wakes this workspace.
        return Ok(Next::OnChange);
    }
    match release(context, workspace).await? {
        // Somebody connected a container of theirs: the network stays theirs.
        Ok(kept) => {
            for Kept { network, users } in kept {
                tracing::info!(workspace = %workspace.name_any(), network, ?users, "network kept");
            }
        }
        Err(error) => {
            tracing::warn!(workspace = %workspace.name_any(), error = %error.full_message(), "network not removed");
            return Ok(Next::After(std::time::Duration::from_secs(2)));
        }
    }
    let kept: Vec<_> = workspace.finalizers().iter().filter(|finalizer| *finalizer != FINALIZER).collect();
    let workspaces: Api<Workspace> = Api::namespaced(context.client.clone(), &namespace);
    let patch = Patch::Merge(json!({"metadata": {"finalizers": kept}}));
    match workspaces.patch(&workspace.name_any(), &PatchParams::default(), &patch).await {
        Err(kube::Error::Api(answer)) if answer.is_not_found() => Ok(Next::OnChange),
        other => other.map(|_| Next::OnChange).map_err(PassError::Api),
    }
}
