//! What applying objects would do: what the passes look at, and then the passes on the model, over the objects as they would be.
//!
//! Nothing is written, to the store or to the engine.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jackin_api::kinds::{Image, ImageSpec, Instance, Role, Workspace};
use jackin_api::words::{self as labels, ConditionType};
use jackin_plan::backoff;
use jackin_plan::model::World;
use jackin_plan::network::{Leaving, leaving, surplus};
use jackin_plan::project::{
    self, LeftNetworks, ShownHeld, ShownImage, ShownInstance, ShownKeptNetwork, ShownProjection, shown_image,
    shown_instance, shown_workspace,
};
use jackin_plan::resolve::resolve;
use jackin_plan::status::{self, ImageOutcome};
use jackin_plan::workspace::{self, WorkspacePlan, WorkspaceSnapshot, instances_after};
use jackin_plan::world::ContainerId;
use jiff::Timestamp;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use serde::Deserialize;
use serde_json::Value;

use crate::context::Context;
use crate::docker::{EngineError, LabelFilter};
use crate::pass::{Overlay, around_under, observe};
use crate::reconcile::{look_at_image, workspace_snapshot};
use crate::strays::seen;

use super::routes::{Local, Refusal};

/// Objects as they would be after an apply.
#[derive(Deserialize)]
pub(super) struct Objects {
    objects: Vec<Value>,
}

/// `POST /jackin/v1/plan`.
pub(super) async fn plan(
    State(local): State<Arc<Local>>,
    Json(objects): Json<Objects>,
) -> Result<Json<ShownProjection>, Refusal> {
    let bad = |error: serde_json::Error| Refusal::new(StatusCode::BAD_REQUEST, "BadRequest", error.to_string());
    let overlay = Overlay::of(objects.objects).map_err(bad)?;
    let mut projection = Projection::new(&local.context, overlay);
    let (affected, others) = projection.affected().await?;
    let all: Vec<_> = affected.iter().map(|snapshot| snapshot.workspace.clone()).chain(others).collect();
    for snapshot in affected {
        projection.workspace(&snapshot, &all).await?;
    }
    Ok(Json(projection.shown))
}

/// The image of a role, before anything was done and at the end.
#[derive(Clone)]
struct Images {
    first: Image,
    last: Image,
    provisional: bool,
}

/// A projection being made.
struct Projection<'a> {
    context: &'a Context,
    overlay: Overlay,
    world: World,
    /// Containers that were there when their instance was looked at.
    looked_at: BTreeSet<ContainerId>,
    images: BTreeMap<(String, String), Images>,
    shown: ShownProjection,
}

impl<'a> Projection<'a> {
    fn new(context: &'a Context, overlay: Overlay) -> Self {
        let (world, looked_at, images) = (World::default(), BTreeSet::new(), BTreeMap::new());
        Self { context, overlay, world, looked_at, images, shown: ShownProjection::default() }
    }

    /// The workspaces given, as they would be, and those in the store that use a role or an agent that is given; and all others.
    async fn affected(&mut self) -> Result<(Vec<WorkspaceSnapshot>, Vec<Workspace>), Refusal> {
        let stored: Api<Workspace> = Api::all(self.context.client.clone());
        let mut stored = stored.list(&ListParams::default()).await?.items;
        stored.retain(|workspace| workspace.metadata.deletion_timestamp.is_none());
        let (mut affected, mut others) = (Vec::new(), Vec::new());
        for mut given in std::mem::take(&mut self.overlay.workspaces) {
            let same =
                |known: &Workspace| known.name_any() == given.name_any() && known.namespace() == given.namespace();
            if let Some(index) = stored.iter().position(same) {
                // What it owns is told by its uid.
                given.metadata.uid = stored.swap_remove(index).metadata.uid;
            }
            affected.push(workspace_snapshot(self.context, &self.overlay, given).await?);
        }
        for workspace in stored {
            let namespace = workspace.namespace().unwrap_or_default();
            let snapshot = workspace_snapshot(self.context, &self.overlay, workspace).await?;
            let uses = snapshot.workspace.spec.instances.iter().any(|template| {
                let agents = snapshot.roles.get(&template.role).map_or(&[][..], |role| &role.spec.agents);
                self.overlay.touches(&namespace, &template.role, agents)
            });
            if uses {
                affected.push(snapshot);
            } else {
                others.push(snapshot.workspace);
            }
        }
        Ok((affected, others))
    }

    /// `all` are the workspaces that there would be.
    async fn workspace(&mut self, snapshot: &WorkspaceSnapshot, all: &[Workspace]) -> Result<(), Refusal> {
        let (namespace, name) = (snapshot.workspace.namespace().unwrap_or_default(), snapshot.workspace.name_any());
        let plan: WorkspacePlan = workspace::plan(snapshot);
        for (role, revision) in &plan.images {
            if let Some(role) = snapshot.roles.get(role) {
                self.image(&namespace, role, revision).await?;
            }
        }
        for (name, instance) in instances_after(snapshot, &plan, self.context.clock.now()) {
            let shown = self.instance(&namespace, &name, instance).await?;
            self.shown.instances.push(shown);
        }
        let left = self.left_networks(&snapshot.workspace, all).await;
        let left = left.map_err(|error| unreadable(error.full_message()))?;
        self.shown.workspaces.extend(shown_workspace(&namespace, &name, &plan, left));
        Ok(())
    }

    /// The networks that the workspace leaves once its instances are as they would be.
    async fn left_networks(&self, workspace: &Workspace, all: &[Workspace]) -> Result<LeftNetworks, EngineError> {
        let Context { engine, site, .. } = self.context;
        let ours =
            LabelFilter::new().with(labels::OWNER, &site.owner.0).with(labels::COMPONENT, labels::COMPONENT_NETWORK);
        let networks = engine.list_networks(&ours).await?;
        let surplus = surplus(&site.owner, workspace, all, &networks);
        if surplus.is_empty() {
            return Ok(LeftNetworks::default());
        }
        let listed = engine.list_containers(&LabelFilter::new()).await?.into_iter().map(seen);
        let elsewhere = listed.filter(|container| !self.looked_at.contains(&container.id));
        let containers: Vec<_> = elsewhere.chain(self.world.listed()).collect();
        let mut left = LeftNetworks::default();
        for network in surplus {
            let name = network.name.clone();
            match leaving(&site.owner, network, &containers) {
                Leaving::Removed => left.removed.push(name),
                Leaving::Kept(users) => left.kept.push(ShownKeptNetwork { network: name, users }),
                Leaving::Waits => {}
            }
        }
        Ok(left)
    }

    /// Looks at the image of a role, once however many workspaces use it.
    async fn image(&mut self, namespace: &str, role: &Role, revision: &str) -> Result<(), Refusal> {
        let key = (namespace.to_owned(), role.name_any());
        if self.images.contains_key(&key) {
            return Ok(());
        }
        let (context, now) = (self.context, self.context.clock.now());
        let images: Api<Image> = Api::namespaced(context.client.clone(), namespace);
        let object = image_after(images.get_opt(&key.1).await?, namespace, &key.1, revision);
        let (shown, images) = match look_at_image(context, namespace, role, &object).await {
            Ok(observed) => {
                let projected = project::image(&context.site, &object, &observed, now);
                let serving = projected.last.status.as_ref().and_then(|status| status.image.as_ref());
                if let Some(serving) = serving {
                    self.world.insert_image(&serving.id, projected.labels.clone());
                }
                let mut shown = shown_image(namespace, &key.1, &projected);
                let next = next_try(&object, now).filter(|_| !shown.operations.is_empty());
                shown.held = next.or(shown.held);
                let (first, last, provisional) = (projected.first, projected.last, projected.provisional);
                (shown, Images { first, last, provisional })
            }
            Err(ImageOutcome::Unknown(unseen)) => return Err(unreadable(unseen.message)),
            Err(outcome) => {
                let mut first = object.clone();
                first.status = Some(status::image(&object, &outcome, None, now, 0.0));
                (unresolved(namespace, &key.1, &outcome), Images { last: first.clone(), first, provisional: false })
            }
        };
        self.shown.images.push(shown);
        self.images.insert(key, images);
        Ok(())
    }

    async fn instance(&mut self, namespace: &str, name: &str, instance: Instance) -> Result<ShownInstance, Refusal> {
        let context = self.context;
        let mut snapshot = around_under(context, &self.overlay, instance).await?;
        let images = self.images.get(&(namespace.to_owned(), snapshot.instance.spec.role.clone()));
        snapshot.image = images.map(|images| images.first.clone()).or(snapshot.image);
        let wanted = resolve(&snapshot);
        let seen = observe(context, &snapshot, &wanted).await;
        let observed = seen.map_err(|error| unreadable(error.to_string()))?;
        let looked_at = observed.containers.iter().chain(&observed.sidecar.containers);
        self.looked_at.extend(looked_at.map(|container| container.id.clone()));
        self.world.see(&context.site, &wanted, &observed);
        let built = images.map(|images| &images.last);
        let now = context.clock.now();
        let projected = project::instance(&context.site, &mut snapshot, built, &mut self.world, now);
        let projected = projected.map_err(|defects| {
            let texts: Vec<_> = defects.iter().map(ToString::to_string).collect();
            Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", texts.join("; "))
        })?;
        Ok(shown_instance(namespace, name, &projected, images.is_some_and(|images| images.provisional)))
    }
}

/// What an image says of a try that failed, while the next one is not due.
fn next_try(image: &Image, now: Timestamp) -> Option<ShownHeld> {
    let status = image.status.as_ref()?;
    backoff::remaining_ms(status.retry.as_ref(), image.metadata.generation.unwrap_or_default(), now)?;
    let stalled = labels::find(&status.conditions, ConditionType::Stalled)?;
    Some(ShownHeld { reason: stalled.reason.clone(), message: stalled.message.clone() })
}

fn unreadable(message: String) -> Refusal {
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", message)
}

/// The Image object of a role as its workspaces would bring it to this revision.
fn image_after(known: Option<Image>, namespace: &str, role: &str, revision: &str) -> Image {
    let spec = ImageSpec { role: role.to_owned(), role_revision: revision.to_owned(), rebuild: None };
    let mut image = known.unwrap_or_else(|| Image::new(role, spec));
    image.metadata.namespace = Some(namespace.to_owned());
    if image.spec.role_revision != revision || image.metadata.generation.is_none() {
        image.spec.role_revision = revision.to_owned();
        image.metadata.generation = Some(image.metadata.generation.unwrap_or_default() + 1);
    }
    image
}

/// An image about which nothing can be decided.
fn unresolved(namespace: &str, name: &str, outcome: &ImageOutcome) -> ShownImage {
    let (reason, message) = match outcome {
        ImageOutcome::Failed { reason, message, .. } | ImageOutcome::Unresolved { reason, message } => {
            (reason.to_string(), message.clone())
        }
        ImageOutcome::Unknown(unseen) => (unseen.reason.to_string(), unseen.message.clone()),
        ImageOutcome::Planned { .. } | ImageOutcome::Heard { .. } | ImageOutcome::GivenUp => {
            (String::new(), String::new())
        }
    };
    ShownImage {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        decision: reason.clone(),
        reasons: Vec::new(),
        operations: Vec::new(),
        held: Some(ShownHeld { reason, message }),
    }
}
