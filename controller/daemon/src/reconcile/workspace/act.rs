//! What a pass writes for a workspace: its instances and the images of their roles.

use jackin_api::kinds::{Image, ImageSpec, Instance, InstanceSpec, Workspace};
use jackin_plan::workspace::{WorkspacePlan, new_instance};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Resource, ResourceExt};
use serde_json::json;

use crate::context::Context;

/// How often the spec of an instance is written at most in one pass while somebody else writes it too.
const MOST_WRITES: u32 = 5;

/// Carries the plan out. What stands in the way of it, when something does: then nothing is let go of.
pub(super) async fn act(
    context: &Context,
    workspace: &Workspace,
    plan: &WorkspacePlan,
) -> Result<Option<String>, kube::Error> {
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
        update(&instances, name, spec).await?;
    }
    for name in &plan.delete {
        match instances.delete(name, &DeleteParams::background()).await {
            Err(kube::Error::Api(answer)) if answer.is_not_found() => {}
            other => drop(other?),
        }
    }
    Ok(None)
}

/// Gives an instance its new spec.
///
/// # Errors
/// Also when somebody else wrote it each time meanwhile: whoever took it for written would sum up what an instance is by its old spec.
async fn update(instances: &Api<Instance>, name: &str, spec: &InstanceSpec) -> Result<(), kube::Error> {
    let mut tries = 0;
    loop {
        let Some(mut instance) = instances.get_opt(name).await? else { return Ok(()) };
        // What somebody asked of the instance meanwhile stays.
        let InstanceSpec { run, restart, start, approval, .. } = instance.spec;
        instance.spec = InstanceSpec { run, restart, start, approval, ..spec.clone() };
        tries += 1;
        match instances.replace(name, &PostParams::default(), &instance).await {
            Err(kube::Error::Api(answer)) if answer.is_not_found() => return Ok(()),
            // Its own pass writes its status at any moment.
            Err(kube::Error::Api(answer)) if answer.is_conflict() && tries < MOST_WRITES => {}
            other => return other.map(drop),
        }
    }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use kube::client::Body;
    use serde_json::{Value, json};

    use super::*;

    /// A server with one instance that somebody else writes between the first `conflicts` reads and writes, and how often it was written.
    fn server(conflicts: u32) -> (Api<Instance>, Arc<AtomicU32>) {
        let writes = Arc::new(AtomicU32::new(0));
        let counted = writes.clone();
        let service = tower::service_fn(move |request: axum::http::Request<Body>| {
            let is_refused =
                request.method() == axum::http::Method::PUT && counted.fetch_add(1, Ordering::SeqCst) < conflicts;
            async move { Ok::<_, tower::BoxError>(answer(is_refused)) }
        });
        (Api::namespaced(kube::Client::new(service, "default"), "default"), writes)
    }

    fn answer(is_refused: bool) -> axum::http::Response<Body> {
        let (code, body) = if is_refused {
            (409, json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Conflict", "code": 409}))
        } else {
            (200, instance())
        };
        axum::http::Response::builder().status(code).body(Body::from(body.to_string().into_bytes())).expect("an answer")
    }

    fn instance() -> Value {
        let spec = InstanceSpec { workspace: "desk".to_owned(), ..InstanceSpec::default() };
        serde_json::to_value(Instance::new("desk-main", spec)).expect("an object")
    }

    #[tokio::test]
    async fn a_spec_that_met_a_write_of_somebody_else_is_written_again_and_is_never_taken_for_written() {
        for (conflicts, written, writes) in [(0, true, 1), (3, true, 4), (u32::MAX, false, MOST_WRITES)] {
            let (instances, counted) = server(conflicts);
            let result = update(&instances, "desk-main", &InstanceSpec::default()).await;
            assert_eq!((result.is_ok(), counted.load(Ordering::SeqCst)), (written, writes), "{result:?}");
        }
    }
}
