//! What applying objects would do: the same pure stages of the pass, over the objects as they would be.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jackin_api::kinds::{Image, ImageDecisionReason, ImageSpec, Instance, Role, Workspace};
use jackin_plan::digest::image_revision;
use jackin_plan::image::ImageAction;
use jackin_plan::ladder::{self, Memory};
use jackin_plan::resolve::{Snapshot, Wanted, resolve};
use jackin_plan::status::{self, ImageOutcome};
use jackin_plan::step::{Plan, WaitsFor};
use jackin_plan::workspace::{self, WorkspaceSnapshot};
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::context::Context;
use crate::pass::{around, observe};
use crate::reconcile::look_at_image;

use super::routes::{Local, Refusal};

/// Objects as they would be after an apply.
#[derive(Deserialize)]
pub(super) struct Objects {
    objects: Vec<Value>,
}

/// Objects as they would be, by kind and name.
#[derive(Default)]
struct Overlay {
    roles: BTreeMap<(String, String), Role>,
    workspaces: Vec<Workspace>,
}

/// `POST /jackin/v1/plan`.
pub(super) async fn plan(
    State(local): State<Arc<Local>>,
    Json(objects): Json<Objects>,
) -> Result<Json<Value>, Refusal> {
    let context = &local.context;
    let overlay = overlay(objects)?;
    let mut instances = Vec::new();
    let mut images = BTreeMap::new();
    for workspace in affected(context, &overlay).await? {
        let snapshot = workspace_snapshot(context, &overlay, workspace).await?;
        let namespace = snapshot.workspace.namespace().unwrap_or_else(|| "default".to_owned());
        let planned = workspace::plan(&snapshot);
        for (role, revision) in &planned.images {
            images.insert((namespace.clone(), role.clone()), revision.clone());
        }
        for name in &planned.desired {
            let existing = snapshot.instances.iter().find(|instance| instance.name_any() == *name);
            let spec = planned.create.get(name).or_else(|| planned.update.get(name));
            let mut instance = existing.cloned().unwrap_or_else(|| Instance::new(name, Default::default()));
            instance.metadata.namespace = Some(namespace.clone());
            if let Some(spec) = spec {
                instance.spec = spec.clone();
                // A new spec is a new generation: an old failure does not hold it back.
                instance.metadata.generation = Some(instance.metadata.generation.unwrap_or_default() + 1);
            }
            instances.push(describe(context, &overlay, instance).await?);
        }
        let going = planned.delete.iter().map(|name| (name, Vec::new()));
        let waiting = planned.waiting.iter().map(|(name, sessions)| (name, sessions.clone()));
        let suspended = planned.suspended.iter().map(|name| (name, vec!["spec.suspend".to_owned()]));
        for (name, sessions) in going.chain(waiting).chain(suspended) {
            instances.push(json!({"namespace": namespace, "name": name, "plan": "Remove", "rejectedPlans": [],
                "operations": [], "waitsFor": sessions}));
        }
    }
    let images: Vec<_> = describe_images(context, &overlay, images).await?;
    Ok(Json(json!({"instances": instances, "images": images})))
}

fn overlay(objects: Objects) -> Result<Overlay, Refusal> {
    let mut overlay = Overlay::default();
    let bad = |error: serde_json::Error| Refusal::new(StatusCode::BAD_REQUEST, "BadRequest", error.to_string());
    for object in objects.objects {
        match object.get("kind").and_then(Value::as_str) {
            Some("Role") => {
                let role: Role = serde_json::from_value(object).map_err(bad)?;
                let namespace = role.namespace().unwrap_or_else(|| "default".to_owned());
                overlay.roles.insert((namespace, role.name_any()), role);
            }
            Some("Workspace") => overlay.workspaces.push(serde_json::from_value(object).map_err(bad)?),
            _ => {}
        }
    }
    Ok(overlay)
}

/// The workspaces given, and those in the store that use a role that is given.
async fn affected(context: &Context, overlay: &Overlay) -> Result<Vec<Workspace>, Refusal> {
    let mut all = overlay.workspaces.clone();
    let stored: Api<Workspace> = Api::all(context.client.clone());
    for workspace in stored.list(&ListParams::default()).await? {
        let namespace = workspace.namespace().unwrap_or_default();
        let given = all.iter().any(|other| {
            other.name_any() == workspace.name_any()
                && other.namespace().unwrap_or_else(|| "default".to_owned()) == namespace
        });
        let uses = workspace
            .spec
            .instances
            .iter()
            .any(|template| overlay.roles.contains_key(&(namespace.clone(), template.role.clone())));
        if uses && !given {
            all.push(workspace);
        }
    }
    Ok(all)
}

async fn workspace_snapshot(
    context: &Context,
    overlay: &Overlay,
    workspace: Workspace,
) -> Result<WorkspaceSnapshot, Refusal> {
    let namespace = workspace.namespace().unwrap_or_else(|| "default".to_owned());
    let roles: Api<Role> = Api::namespaced(context.client.clone(), &namespace);
    let mut by_name: BTreeMap<String, Role> =
        roles.list(&ListParams::default()).await?.into_iter().map(|role| (role.name_any(), role)).collect();
    for ((of, name), role) in &overlay.roles {
        if *of == namespace {
            by_name.insert(name.clone(), role.clone());
        }
    }
    let instances: Api<Instance> = Api::namespaced(context.client.clone(), &namespace);
    let name = workspace.name_any();
    let instances = instances.list(&ListParams::default()).await?.into_iter();
    let instances = instances.filter(|instance| instance.spec.workspace == name).collect();
    Ok(WorkspaceSnapshot { workspace, roles: by_name, instances })
}

/// The plan of one instance as it would be.
async fn describe(context: &Context, overlay: &Overlay, instance: Instance) -> Result<Value, Refusal> {
    let namespace = instance.namespace().unwrap_or_default();
    let name = instance.name_any();
    let mut snapshot: Snapshot = around(context, instance).await?;
    if let Some(role) = overlay.roles.get(&(namespace.clone(), snapshot.instance.spec.role.clone())) {
        snapshot.role = Some(role.clone());
    }
    if let Some(role) = snapshot.role.clone() {
        snapshot.image = image_after(context, &namespace, &role, snapshot.image.take()).await;
    }
    let wanted = resolve(&snapshot);
    let observed = observe(context, &snapshot, &wanted)
        .await
        .map_err(|error| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", error.to_string()))?;
    let memory = Memory {
        status: snapshot.instance.status.clone().unwrap_or_default(),
        generation: snapshot.instance.metadata.generation.unwrap_or_default(),
    };
    let plan = ladder::plan(&context.site, &wanted, &observed, &memory, context.clock.now());
    Ok(shown(&namespace, &name, &wanted, &plan))
}

fn shown(namespace: &str, name: &str, wanted: &Wanted, plan: &Plan) -> Value {
    let operations: Vec<_> = plan
        .steps
        .iter()
        .map(|planned| {
            let reasons: Vec<_> = planned.reasons.iter().map(ToString::to_string).collect();
            json!({"step": planned.step.name(), "object": planned.step.object(), "reasons": reasons})
        })
        .collect();
    let gaps: Vec<_> = match wanted {
        Wanted::Unresolved(gaps) => gaps.iter().map(|gap| format!("{}: {}", gap.message, gap.hint)).collect(),
        Wanted::Run(_) | Wanted::Stop | Wanted::Remove { .. } => Vec::new(),
    };
    let waits_for = plan.pending.as_ref().map(|pending| match &pending.waits_for {
        WaitsFor::Sessions(sessions) => sessions.clone(),
        WaitsFor::Restart => vec!["jackin restart".to_owned()],
        WaitsFor::Resume => vec!["spec.suspend".to_owned()],
        WaitsFor::Consent(_) => vec!["jackin approve".to_owned()],
    });
    json!({
        "namespace": namespace,
        "name": name,
        "plan": plan.chosen,
        "rejectedPlans": plan.rejected,
        "operations": operations,
        "reasons": plan.drift,
        "pendingRepair": plan.pending.as_ref().map(|pending| &pending.repair),
        "waitsFor": waits_for.unwrap_or_default(),
        "held": plan.held.as_ref().map(|held| format!("{held:?}")),
        "gaps": gaps,
    })
}

/// The image of a role as it would be at first: valid where one of its recipe is there already.
async fn image_after(context: &Context, namespace: &str, role: &Role, known: Option<Image>) -> Option<Image> {
    let revision = image_revision(role);
    if known.as_ref().is_some_and(|image| image.spec.role_revision == revision) {
        return known;
    }
    let planned = look_at_image(context, namespace, role, known.as_ref()).await;
    let spec = ImageSpec { role: role.name_any(), role_revision: revision, rebuild: None };
    let mut image = Image::new(&role.name_any(), spec);
    image.status = known.and_then(|image| image.status);
    image.metadata.generation = Some(1);
    if let Ok(plan) = planned {
        let outcome = ImageOutcome::Planned { plan, begun: false };
        image.status = Some(status::image(&image, &outcome, None, context.clock.now(), 0.0));
    }
    Some(image)
}

async fn describe_images(
    context: &Context,
    overlay: &Overlay,
    wanted: BTreeMap<(String, String), String>,
) -> Result<Vec<Value>, Refusal> {
    let mut shown = Vec::new();
    for ((namespace, name), revision) in wanted {
        let images: Api<Image> = Api::namespaced(context.client.clone(), &namespace);
        let known = images.get_opt(&name).await?;
        let same = known.as_ref().is_some_and(|image| image.spec.role_revision == revision);
        let roles: Api<Role> = Api::namespaced(context.client.clone(), &namespace);
        let role = match overlay.roles.get(&(namespace.clone(), name.clone())) {
            Some(role) => Some(role.clone()),
            None => roles.get_opt(&name).await?,
        };
        let Some(role) = role else { continue };
        let planned = look_at_image(context, &namespace, &role, known.as_ref()).await;
        let (decision, reasons, changes) = match planned {
            Ok(plan) => {
                let reasons: Vec<_> = plan.reasons.iter().map(reason).collect();
                (plan.decision.to_string(), reasons, !same || !matches!(plan.action, ImageAction::Serve(_)))
            }
            Err(ImageOutcome::Unresolved { reason, message }) => (reason.to_string(), vec![message], !same),
            Err(_) => ("Unknown".to_owned(), vec!["the engine could not be read".to_owned()], !same),
        };
        shown.push(json!({"namespace": namespace, "name": name, "changes": changes, "decision": decision,
            "reasons": reasons}));
    }
    Ok(shown)
}

fn reason(reason: &ImageDecisionReason) -> String {
    reason.change.as_ref().map_or_else(|| reason.reason.to_string(), ToString::to_string)
}
