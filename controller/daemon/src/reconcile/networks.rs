//! Networks that a workspace no longer asks for: removed when nobody is on them, told of otherwise.

use jackin_api::kinds::Workspace;
use jackin_api::words as labels;
use jackin_plan::network::surplus;
use jackin_plan::world::{ContainerState, Network};
use kube::api::ListParams;
use kube::{Api, ResourceExt};

use crate::context::Context;
use crate::docker::{ContainerSummary, EngineError, EngineErrorCause, LabelFilter};
use crate::pass::PassError;

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
    // The engine tells of a network's running members only, and one that is stopped would not start again without it.
    let containers = context.engine.list_containers(&LabelFilter::new()).await?;
    let mut kept = Vec::new();
    for network in surplus {
        let users: Vec<_> = containers.iter().filter(|container| is_on(container, network)).collect();
        if users.iter().any(|user| is_ours(context, user) && has_processes(user)) {
            // One of our own is still to be moved; its pass wakes this workspace again.
            continue;
        }
        let others = users.iter().filter(|user| !is_ours(context, user));
        let mut others: Vec<_> = others.map(|user| user.name.clone()).collect();
        if others.is_empty() {
            match context.engine.remove_network(&network.id).await {
                Ok(()) => {
                    tracing::info!(workspace = %workspace.name_any(), network = %network.name, "network removed");
                    continue;
                }
                // Somebody came in between.
                Err(error) if matches!(error.cause, EngineErrorCause::InUse { .. }) => {
                    others.push("a container that was connected just now".to_owned());
                }
                Err(error) => return Err(error),
            }
        }
        kept.push(Kept { network: network.name.clone(), users: others });
    }
    Ok(kept)
}

fn is_on(container: &ContainerSummary, network: &Network) -> bool {
    container.networks.contains(&network.name)
}

fn is_ours(context: &Context, container: &ContainerSummary) -> bool {
    context.site.owner.made(&container.labels, &container.image)
}

fn has_processes(container: &ContainerSummary) -> bool {
    matches!(container.state, ContainerState::Running | ContainerState::Paused | ContainerState::Restarting)
}
