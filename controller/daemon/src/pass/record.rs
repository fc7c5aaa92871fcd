//! What a pass writes: before its steps, and after them.

use jackin_api::FINALIZER;
use jackin_api::kinds::{Instance, InstanceStatus, Launch};
use jackin_api::words::{self, ConditionType, Reason};
use jackin_plan::ladder::Memory;
use jackin_plan::resolve::Wanted;
use jackin_plan::status::{self, Outcome};
use jackin_plan::step::Plan;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Patch, PatchParams, PostParams};
use kube::runtime::events::{Event, EventType};
use kube::{Api, Resource, ResourceExt};
use serde_json::json;
use tracing::info;

use crate::context::Context;

use super::Taken;

/// Writes down what is about to be done, and gives what the rest of the pass builds on.
pub(super) async fn record(
    context: &Context,
    taken: &Taken,
    plan: &Plan,
    memory: Memory,
) -> Result<Memory, kube::Error> {
    let now = context.clock.now();
    let Some(status) = status::record(&memory, plan, &context.chance.launch_id(now), now) else { return Ok(memory) };
    let begun = status.last_launch != memory.status.last_launch;
    write_status(context, &taken.snapshot.instance, status.clone()).await?;
    if let Some(idle) = status.idle.as_ref().filter(|_| plan.rests()) {
        let note = format!("no session was live since {:.0}; it is stopped, with its container kept", idle.since);
        let told = Told { type_: EventType::Normal, reason: Reason::Idle.to_string(), note, launch: None };
        event(context, &taken.snapshot.instance, told).await;
    }
    if begun && let Some(chosen) = plan.chosen {
        let rejected: Vec<_> =
            plan.rejected.iter().map(|rejection| format!("not {}: {}", rejection.plan, rejection.message)).collect();
        let told = Told {
            type_: EventType::Normal,
            reason: chosen.to_string(),
            note: rejected.join("; "),
            launch: status.last_launch.as_ref(),
        };
        event(context, &taken.snapshot.instance, told).await;
    }
    Ok(Memory { status, ..memory })
}

/// Writes down what came of a pass.
pub(super) async fn conclude(
    context: &Context,
    taken: &Taken,
    wanted: &Wanted,
    plan: &Plan,
    outcomes: &[Outcome],
    status: InstanceStatus,
) -> Result<(), kube::Error> {
    let instance = &taken.snapshot.instance;
    for outcome in outcomes {
        if let status::StepResult::Failed { reason, message } = &outcome.result {
            let told =
                Told { type_: EventType::Warning, reason: reason.0.to_string(), note: message.clone(), launch: None };
            event(context, instance, told).await;
        }
    }
    if let Some(notice) = network_notice(instance, &status) {
        let told =
            Told { type_: EventType::Warning, reason: Reason::NetworkNotOurs.to_string(), note: notice, launch: None };
        event(context, instance, told).await;
    }
    if let Some(failure) = hook_failure(instance, &status) {
        let told =
            Told { type_: EventType::Warning, reason: Reason::HookFailed.to_string(), note: failure, launch: None };
        event(context, instance, told).await;
    }
    let launched = status.last_launch.as_ref().and_then(|launch| Some((launch, launch.duration_ms?)));
    if let Some((launch, duration)) = launched.filter(|_| plan.steps.iter().any(|planned| planned.step.is_launch())) {
        let note = format!("{} took {duration} ms", launch.plan);
        let told = Told { type_: EventType::Normal, reason: "Launched".to_owned(), note, launch: Some(launch) };
        event(context, instance, told).await;
    }
    if !plan.steps.is_empty() {
        let duration: u64 = outcomes.iter().map(|outcome| outcome.duration_ms).max().unwrap_or_default();
        info!(
            instance = %taken.key.name,
            plan = ?plan.chosen,
            steps = plan.steps.len(),
            failed = outcomes.iter().filter(|outcome| outcome.result != status::StepResult::Done).count(),
            longest_ms = duration,
            "pass"
        );
    }
    write_status(context, instance, status).await?;
    if matches!(wanted, Wanted::Remove { .. }) && plan.steps.is_empty() {
        release(context, instance).await?;
    }
    Ok(())
}

/// What is said of a network that somebody else made, when it was not said before.
fn network_notice(instance: &Instance, now: &InstanceStatus) -> Option<String> {
    let told = |status: &InstanceStatus| {
        let condition = words::find(&status.conditions, ConditionType::NetworkReady)?;
        (condition.reason == Reason::NetworkNotOurs.to_string()).then(|| condition.message.clone())
    };
    let before = instance.status.as_ref().and_then(told);
    told(now).filter(|notice| before.as_ref() != Some(notice))
}

/// How a hook failed before the first session, when that was not told before.
fn hook_failure(instance: &Instance, now: &InstanceStatus) -> Option<String> {
    let failed = words::find(&now.conditions, ConditionType::HooksPassed)
        .filter(|condition| condition.reason == Reason::HookFailed.to_string())?;
    let before = instance.status.as_ref().map(|status| &status.hooks);
    (before != Some(&now.hooks)).then(|| failed.message.clone())
}

/// Writes a status, unless it is the one that is there.
pub(crate) async fn write_status(
    context: &Context,
    instance: &Instance,
    status: InstanceStatus,
) -> Result<(), kube::Error> {
    let instances: Api<Instance> = Api::namespaced(context.client.clone(), &instance.namespace().unwrap_or_default());
    if instance.status.as_ref() == Some(&status) {
        return Ok(());
    }
    let mut object = instance.clone();
    // Nobody else writes the status, so that a newer spec is no conflict.
    object.metadata = ObjectMeta {
        name: instance.metadata.name.clone(),
        namespace: instance.metadata.namespace.clone(),
        uid: instance.metadata.uid.clone(),
        ..ObjectMeta::default()
    };
    object.status = Some(status);
    match instances.replace_status(&instance.name_any(), &PostParams::default(), &object).await {
        Ok(_) => Ok(()),
        // It was deleted meanwhile: there is nobody left to tell.
        Err(kube::Error::Api(answer)) if answer.is_not_found() || answer.is_conflict() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Lets go of an instance whose engine objects are gone.
async fn release(context: &Context, instance: &Instance) -> Result<(), kube::Error> {
    let instances: Api<Instance> = Api::namespaced(context.client.clone(), &instance.namespace().unwrap_or_default());
    let kept: Vec<_> = instance.finalizers().iter().filter(|finalizer| *finalizer != FINALIZER).collect();
    let patch = Patch::Merge(json!({"metadata": {"finalizers": kept}}));
    match instances.patch(&instance.name_any(), &PatchParams::default(), &patch).await {
        Err(kube::Error::Api(answer)) if answer.is_not_found() => Ok(()),
        other => other.map(drop),
    }
}

/// Tells of what an instance left in its directories and this user may not remove.
pub(super) async fn left_behind(context: &Context, instance: &Instance, path: &str) {
    let note = format!("`{path}` has what this user may not remove; `sudo rm -r '{path}'` does");
    let told = Told { type_: EventType::Warning, reason: "LeftBehind".to_owned(), note, launch: None };
    event(context, instance, told).await;
}

/// Something that operators are told.
struct Told<'a> {
    type_: EventType,
    reason: String,
    note: String,
    /// The launch that it is about. Equal events are counted instead of repeated, and two launches are never equal.
    launch: Option<&'a Launch>,
}

/// Tells operators of something. An event that cannot be written is no reason to stop.
async fn event(context: &Context, instance: &Instance, told: Told<'_>) {
    let event = Event {
        type_: told.type_,
        reason: told.reason,
        note: Some(told.note.chars().take(1000).collect()),
        action: told.launch.map_or_else(|| "Reconcile".to_owned(), |launch| launch.id.clone()),
        secondary: None,
    };
    if let Err(error) = context.recorder.publish(&event, &instance.object_ref(&())).await {
        tracing::debug!(%error, "event not written");
    }
}
