//! The controller of workspaces: makes their instances and images, and sums them up.

mod act;
mod adopt;
mod removal;
mod tear_down;

use std::sync::Arc;

use futures::StreamExt;
use jackin_api::FINALIZER;
use jackin_api::kinds::{Instance, Role, Workspace};
use jackin_plan::workspace::{WorkspaceSnapshot, plan};
use jackin_plan::{acted, status};
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::runtime::controller::{Action, Controller};
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher;
use kube::{Api, ResourceExt};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::pass::{Next, Overlay, PassError};

use super::networks::release;
use super::wake::Wakes;

use act::act;
use adopt::{adopt, owns, would_adopt};
use tear_down::tear_down;

/// How often is looked again at what nobody wakes a workspace for.
const UNWATCHED_RETRY: std::time::Duration = std::time::Duration::from_secs(5);

/// Runs the controller until `stop`.
pub(super) async fn run(context: Arc<Context>, wakes: Wakes, stop: CancellationToken) {
    let all = watcher::Config::default;
    let client = || context.client.clone();
    let controller = Controller::new(Api::<Workspace>::all(client()), all());
    let by_role = controller.store();
    controller
        .owns(Api::<Instance>::all(client()), all())
        .watches(Api::<Role>::all(client()), all(), move |role: Role| woken_by_role(&by_role.state(), &role))
        .reconcile_on(wakes.workspaces())
        .graceful_shutdown_on(async move { stop.cancelled().await })
        .run(
            async |object, context| reconcile(object, context).await.map(Action::from),
            |object, error, context| again(object, error, context).into(),
            context.clone(),
        )
        .for_each(|_| std::future::ready(()))
        .await;
}

pub(crate) async fn reconcile(workspace: Arc<Workspace>, context: Arc<Context>) -> Result<Next, PassError> {
    let (namespace, name) = (workspace.namespace().unwrap_or_default(), workspace.name_any());
    context.failures.guard(&*workspace, pass(&context, &namespace, &name)).await
}

pub(crate) fn again(workspace: Arc<Workspace>, error: &PassError, context: Arc<Context>) -> Next {
    context.failures.again(&*workspace, error, context.chance.jitter())
}

/// The workspaces that a change of a role wakes: those that name it.
pub(crate) fn woken_by_role(workspaces: &[Arc<Workspace>], role: &Role) -> Vec<ObjectRef<Workspace>> {
    let names = |workspace: &&Arc<Workspace>| {
        let named = workspace.spec.instances.iter().any(|template| template.role == role.name_any());
        named && workspace.namespace() == role.namespace()
    };
    workspaces.iter().filter(names).map(|workspace| ObjectRef::from_obj(&**workspace)).collect()
}

/// One pass: snapshot, adopt, plan, act, status.
async fn pass(context: &Context, namespace: &str, name: &str) -> Result<Next, PassError> {
    let workspaces: Api<Workspace> = Api::namespaced(context.client.clone(), namespace);
    let Some(workspace) = workspaces.get_opt(name).await? else { return Ok(Next::OnChange) };
    let mut snapshot = snapshot(context, &Overlay::default(), workspace).await?;
    if snapshot.workspace.metadata.deletion_timestamp.is_some() {
        return tear_down(context, &snapshot).await;
    }
    if !snapshot.workspace.finalizers().iter().any(|finalizer| finalizer == FINALIZER) {
        let mut finalizers = snapshot.workspace.finalizers().to_vec();
        finalizers.push(FINALIZER.to_owned());
        let patch = Patch::Merge(json!({"metadata": {"finalizers": finalizers}}));
        workspaces.patch(name, &PatchParams::default(), &patch).await?;
    }
    // Not before the finalizer holds the workspace: what belongs to one that is gone goes with it.
    adopt(context, &snapshot.workspace, &mut snapshot.instances).await?;
    let mut plan = plan(&snapshot);
    let kept = removal::look_again(context, &snapshot, &mut plan).await;
    let failure = act(context, &snapshot.workspace, &plan).await?;
    let left = release(context, &snapshot.workspace).await?;
    // Nobody wakes this workspace when another one gives a name back, when somebody's container leaves a network, nor when somebody
    // leaves a session that its instance's status does not tell of yet.
    let waits = kept || failure.is_some() || left.as_ref().map_or(true, |kept| !kept.is_empty());
    let next = if waits { Next::After(UNWATCHED_RETRY) } else { Next::OnChange };
    let instances = owned(context, &snapshot.workspace).await?;
    let not_acted_on = acted::not_acted_on_workspace(&snapshot.workspace.spec);
    let status = status::workspace(&status::WorkspacePass {
        workspace: &snapshot.workspace,
        instances: &instances,
        plan: &plan,
        not_acted_on: &not_acted_on,
        left_behind: left.ok().map(|kept| kept.into_iter().map(|kept| (kept.network, kept.users)).collect()),
        failure,
        now: context.clock.now(),
    });
    if snapshot.workspace.status.as_ref() != Some(&status) {
        let mut changed = snapshot.workspace.clone();
        changed.status = Some(status);
        changed.metadata.resource_version = None;
        workspaces.replace_status(name, &PostParams::default(), &changed).await?;
    }
    Ok(next)
}

/// The workspace and what there is of it or would be, with these objects over those of the store.
pub(crate) async fn snapshot(
    context: &Context,
    overlay: &Overlay,
    workspace: Workspace,
) -> Result<WorkspaceSnapshot, kube::Error> {
    let namespace = workspace.namespace().unwrap_or_default();
    let roles: Api<Role> = Api::namespaced(context.client.clone(), &namespace);
    let instances: Api<Instance> = Api::namespaced(context.client.clone(), &namespace);
    let all = ListParams::default();
    let (roles, instances) = tokio::try_join!(roles.list(&all), instances.list(&all))?;
    let ours = |instance: &Instance| owns(&workspace, instance) || would_adopt(&workspace, instance);
    let instances = instances.items.into_iter().filter(ours).collect();
    let mut roles = roles.items.into_iter().map(|role| (role.name_any(), role)).collect();
    overlay.over_roles(&namespace, &mut roles);
    Ok(WorkspaceSnapshot { workspace, roles, instances })
}

/// The instances that the workspace controls.
async fn owned(context: &Context, workspace: &Workspace) -> Result<Vec<Instance>, kube::Error> {
    let instances: Api<Instance> = Api::namespaced(context.client.clone(), &workspace.namespace().unwrap_or_default());
    let all = instances.list(&ListParams::default()).await?;
    Ok(all.items.into_iter().filter(|instance| owns(workspace, instance)).collect())
}
