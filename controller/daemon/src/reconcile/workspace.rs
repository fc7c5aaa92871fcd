//! The controller of workspaces: makes their instances and images, and sums them up.

use std::sync::Arc;

use futures::StreamExt;
use jackin_api::FINALIZER;
use jackin_api::kinds::{Image, ImageSpec, Instance, InstanceSpec, Role, Workspace};
use jackin_plan::workspace::{WorkspacePlan, WorkspaceSnapshot, new_instance, plan};
use jackin_plan::{acted, status};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::runtime::controller::{Action, Controller};
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher;
use kube::{Api, Resource, ResourceExt};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::pass::{Next, Overlay, PassError};

use super::networks::{Kept, release};
use super::wake::Wakes;

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
    context.failures.guard(&text(&workspace), pass(&context, &namespace, &name)).await
}

pub(crate) fn again(workspace: Arc<Workspace>, error: &PassError, context: Arc<Context>) -> Next {
    context.failures.again(&text(&workspace), error, context.chance.jitter())
}

fn text(workspace: &Workspace) -> String {
    format!("workspace/{}/{}", workspace.namespace().unwrap_or_default(), workspace.name_any())
}

/// The workspaces that a change of a role wakes: those that name it.
pub(crate) fn woken_by_role(workspaces: &[Arc<Workspace>], role: &Role) -> Vec<ObjectRef<Workspace>> {
    let names = |workspace: &&Arc<Workspace>| {
        let named = workspace.spec.instances.iter().any(|template| template.role == role.name_any());
        named && workspace.namespace() == role.namespace()
    };
    workspaces.iter().filter(names).map(|workspace| ObjectRef::from_obj(&**workspace)).collect()
}

/// One pass: snapshot, plan, act, status.
async fn pass(context: &Context, namespace: &str, name: &str) -> Result<Next, PassError> {
    let workspaces: Api<Workspace> = Api::namespaced(context.client.clone(), namespace);
    let Some(workspace) = workspaces.get_opt(name).await? else { return Ok(Next::OnChange) };
    let snapshot = snapshot(context, &Overlay::default(), workspace).await?;
    if snapshot.workspace.metadata.deletion_timestamp.is_some() {
        return tear_down(context, &snapshot).await;
    }
    if !snapshot.workspace.finalizers().iter().any(|finalizer| finalizer == FINALIZER) {
        let mut finalizers = snapshot.workspace.finalizers().to_vec();
        finalizers.push(FINALIZER.to_owned());
        let patch = Patch::Merge(json!({"metadata": {"finalizers": finalizers}}));
        workspaces.patch(name, &PatchParams::default(), &patch).await?;
    }
    let plan = plan(&snapshot);
    let failure = act(context, &snapshot.workspace, &plan).await?;
    let left = release(context, &snapshot.workspace).await?;
    // Nobody wakes this workspace when another one gives a name back, nor when somebody's container leaves a network.
    let waits = failure.is_some() || left.as_ref().map_or(true, |kept| !kept.is_empty());
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

/// The workspace and what there is of it, with these objects over those of the store.
pub(crate) async fn snapshot(
    context: &Context,
    overlay: &Overlay,
    workspace: Workspace,
) -> Result<WorkspaceSnapshot, kube::Error> {
    let namespace = workspace.namespace().unwrap_or_default();
    let roles: Api<Role> = Api::namespaced(context.client.clone(), &namespace);
    let all = ListParams::default();
    let (roles, instances) = tokio::try_join!(roles.list(&all), owned(context, &workspace))?;
    let mut roles = roles.items.into_iter().map(|role| (role.name_any(), role)).collect();
    overlay.over_roles(&namespace, &mut roles);
    Ok(WorkspaceSnapshot { workspace, roles, instances })
}

/// The instances that the workspace controls.
async fn owned(context: &Context, workspace: &Workspace) -> Result<Vec<Instance>, kube::Error> {
    let instances: Api<Instance> = Api::namespaced(context.client.clone(), &workspace.namespace().unwrap_or_default());
    let all = instances.list(&ListParams::default()).await?;
    let ours = |instance: &Instance| {
        instance.owner_references().iter().any(|owner| Some(&owner.uid) == workspace.metadata.uid.as_ref())
    };
    Ok(all.items.into_iter().filter(ours).collect())
}

/// Carries the plan out. What stands in the way of it, when something does: then nothing is let go of.
async fn act(context: &Context, workspace: &Workspace, plan: &WorkspacePlan) -> Result<Option<String>, kube::Error> {
    let namespace = workspace.namespace().unwrap_or_default();
    let instances: Api<Instance> = Api::namespaced(context.client.clone(), &namespace);
    let mut taken = Vec::new();
    for (role, revision) in &plan.images {
        ensure_image(context, workspace, role, revision).await?;
    }
    let others = if plan.create.is_empty() { Vec::new() } else { instances.list(&ListParams::default()).await?.items };
    for (name, spec) in &plan.create {
        if let Some(holder) = holder_of(name, spec, &others) {
            taken.push(format!("`{name}` belongs to workspace `{}` already", holder.spec.workspace));
            continue;
        }
        let instance = new_instance(workspace, name, spec.clone());
        match instances.create(&PostParams::default(), &instance).await {
            Err(kube::Error::Api(answer)) if answer.is_already_exists() || answer.is_conflict() => {
                taken.push(format!("`{name}` was taken by another workspace just now"));
            }
            other => drop(other?),
        }
    }
    if !taken.is_empty() {
        return Ok(Some(format!("instance {}; give one of the two entries another name", taken.join(", "))));
    }
    for name in &plan.release {
        let release = Patch::Merge(json!({"metadata": {"finalizers": []}}));
        match instances.patch(name, &PatchParams::default(), &release).await {
            Err(kube::Error::Api(answer)) if answer.is_not_found() => continue,
            other => drop(other?),
        }
        match instances.delete(name, &DeleteParams::background()).await {
            Err(kube::Error::Api(answer)) if answer.is_not_found() => {}
            other => drop(other?),
        }
    }
    for (name, spec) in &plan.update {
        let Some(mut instance) = instances.get_opt(name).await? else { continue };
        // What somebody asked of the instance meanwhile stays.
        let InstanceSpec { run, restart, start, approval, .. } = instance.spec;
        instance.spec = InstanceSpec { run, restart, start, approval, ..spec.clone() };
        match instances.replace(name, &PostParams::default(), &instance).await {
            Err(kube::Error::Api(answer)) if answer.is_conflict() || answer.is_not_found() => {}
            other => drop(other?),
        }
    }
    for name in &plan.delete {
        match instances.delete(name, &DeleteParams::background()).await {
            Err(kube::Error::Api(answer)) if answer.is_not_found() => {}
            other => drop(other?),
        }
    }
    Ok(None)
}

/// The instance of another workspace that has the name, or whose container and home have it: the workspace `a` with the instance
/// `b-c`, and `a-b` with `c`, ask for one name; and an instance that was given an index keeps the name of what is its own.
fn holder_of<'a>(name: &str, spec: &InstanceSpec, all: &'a [Instance]) -> Option<&'a Instance> {
    let identity = spec.identity.as_deref().unwrap_or(name);
    all.iter()
        .filter(|other| other.spec.workspace != spec.workspace)
        .find(|other| other.name_any() == name || other.identity() == identity)
}

/// Makes the image of a role, or brings it to the role's revision. Every workspace that uses it owns it.
async fn ensure_image(context: &Context, workspace: &Workspace, role: &str, revision: &str) -> Result<(), kube::Error> {
    let images: Api<Image> = Api::namespaced(context.client.clone(), &workspace.namespace().unwrap_or_default());
    let Some(owner) = workspace.owner_ref(&()) else { return Ok(()) };
    let result = match images.get_opt(role).await? {
        None => {
            let spec = ImageSpec { role: role.to_owned(), role_revision: revision.to_owned(), rebuild: None };
            let mut image = Image::new(role, spec);
            image.metadata.namespace = workspace.namespace();
            image.metadata.owner_references = Some(vec![owner]);
            images.create(&PostParams::default(), &image).await.map(drop)
        }
        Some(image) if image.spec.role_revision == revision && owns(&image, &owner) => Ok(()),
        Some(mut image) => {
            image.spec.role_revision = revision.to_owned();
            if !owns(&image, &owner) {
                image.metadata.owner_references.get_or_insert_default().push(owner);
            }
            images.replace(role, &PostParams::default(), &image).await.map(drop)
        }
    };
    match result {
        // Another workspace was quicker: this pass is woken again by nobody, so it is an error that is tried again.
        Err(kube::Error::Api(answer)) if answer.is_already_exists() => Err(kube::Error::Api(answer)),
        other => other,
    }
}

fn owns(image: &Image, owner: &OwnerReference) -> bool {
    image.owner_references().iter().any(|known| known.uid == owner.uid)
}

/// Deletes the instances, waits for them, removes the network, and lets go.
async fn tear_down(context: &Context, snapshot: &WorkspaceSnapshot) -> Result<Next, PassError> {
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
