//! Networks that a workspace no longer asks for: removed when nobody is on them, told of otherwise.

use jackin_api::kinds::Workspace;
use jackin_api::words as labels;
use jackin_plan::network::{Leaving, leaving, surplus};
use kube::api::ListParams;
use kube::{Api, ResourceExt};

use crate::context::Context;
use crate::docker::{EngineError, EngineErrorCause, LabelFilter};
use crate::pass::PassError;
use crate::strays::seen;

/// A network that stays because others are on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) network: String,
    /// Names of the containers.
    pub(super) users: Vec<String>,
}

/// What became of them; an engine that did not tell is an answer too, and nothing was removed then that it told nothing of.
pub(super) type Released = Result<Vec<Kept>, EngineError>;

/// Removes the networks of ours that served this workspace and that no workspace asks for.
pub(super) async fn release(context: &Context, workspace: &Workspace) -> Result<Released, PassError> {
    let workspaces: Api<Workspace> = Api::all(context.client.clone());
    let all = workspaces.list(&ListParams::default()).await?.items;
    Ok(release_all(context, workspace, &all).await)
}

async fn release_all(context: &Context, workspace: &Workspace, all: &[Workspace]) -> Released {
    let owner = &context.site.owner;
    let ours = LabelFilter::new().with(labels::OWNER, &owner.0).with(labels::COMPONENT, labels::COMPONENT_NETWORK);
    let networks = context.engine.list_networks(&ours).await?;
    let surplus = surplus(owner, workspace, all, &networks);
    if surplus.is_empty() {
        return Ok(Vec::new());
    }
    let containers = context.engine.list_containers(&LabelFilter::new()).await?;
    let containers: Vec<_> = containers.into_iter().map(seen).collect();
    let mut kept = Vec::new();
    for network in surplus {
        let users = match leaving(owner, network, &containers) {
            // The pass of the one that is still to be moved wakes this workspace again.
            Leaving::Waits => continue,
            Leaving::Kept(users) => users,
            Leaving::Removed => match context.engine.remove_network(&network.id).await {
                Ok(()) => {
                    tracing::info!(workspace = %workspace.name_any(), network = %network.name, "network removed");
                    continue;
                }
                Err(error) if matches!(error.cause, EngineErrorCause::InUse { .. }) => {
                    vec!["a container that was connected just now".to_owned()]
                }
                Err(error) => return Err(error),
            },
        };
        kept.push(Kept { network: network.name.clone(), users });
    }
    Ok(kept)
}
