//! A projection as it is shown: what `jackin diff -o json` prints, and what its text is written from.

use std::collections::BTreeSet;

use jackin_api::kinds::ImageDecisionReason;
use jackin_api::words::{Change, ConditionStatus, ConditionType, PlanKind, Reason, Rejection, find};
use serde::{Deserialize, Serialize};

use crate::image::ImageAction;
use crate::resolve::Wanted;
use crate::status::missing;
use crate::step::{Consent, PlannedStep, StepReason, WaitsFor};
use crate::workspace::WorkspacePlan;

use super::{Pass, Projected, ProjectedImage};

/// Everything that applying would come to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownProjection {
    /// Workspaces whose instances would be made, changed, renamed or deleted, or that leave a network.
    pub workspaces: Vec<ShownWorkspace>,
    /// Images that would be looked at.
    pub images: Vec<ShownImage>,
    /// Instances, in the order of their names.
    pub instances: Vec<ShownInstance>,
}

/// What becomes of a workspace's instances, as objects.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownWorkspace {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Instances that are made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub creates: Vec<String>,
    /// Instances whose spec becomes another one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub updates: Vec<String>,
    /// Instances that go on under another name, with their container and home.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub renames: Vec<ShownRename>,
    /// Instances that are deleted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deletes: Vec<String>,
    /// Instances that are no longer wanted and wait for their sessions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits: Vec<ShownWait>,
    /// Networks of ours that nobody is on then, and that are removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removes_networks: Vec<String>,
    /// Networks of ours that it leaves and that stay, as others are on them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keeps_networks: Vec<ShownKeptNetwork>,
    /// Roles that are named and do not exist.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_roles: Vec<String>,
}

/// A network that stays although its workspace leaves it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownKeptNetwork {
    /// Its name.
    pub network: String,
    /// Names of the containers of others that are on it.
    pub users: Vec<String>,
}

/// Networks that a workspace leaves.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LeftNetworks {
    /// Those that nobody is on.
    pub removed: Vec<String>,
    /// Those that others are on.
    pub kept: Vec<ShownKeptNetwork>,
}

/// An instance that goes on under another name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownRename {
    /// Its name so far.
    pub from: String,
    /// Its name then.
    pub to: String,
}

/// Something that waits, for what, and what does it at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownWait {
    /// The instance.
    pub instance: String,
    /// The rung that waits; absent for a deletion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanKind>,
    /// The fields that it is for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Change>,
    /// Why no cheaper rung would do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejected_plans: Vec<Rejection>,
    /// `Sessions`, `Restart`, `Resume` where the workspace is suspended, or `Consent` where data would be lost.
    #[serde(rename = "for")]
    pub waits_for: String,
    /// The sessions, by name. Empty where they cannot be told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sessions: Vec<String>,
    /// The same for people, with the next command.
    pub message: String,
}

/// What becomes of the image of a role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownImage {
    /// Its namespace.
    pub namespace: String,
    /// Its name, which is the role's.
    pub name: String,
    /// The decision; a reason's word, where none could be taken.
    pub decision: String,
    /// Every reason.
    pub reasons: Vec<ImageDecisionReason>,
    /// What is fetched and built, in order.
    pub operations: Vec<ShownImageOperation>,
    /// Why nothing is done now: nothing can be decided, or a try failed and the next one is due later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<ShownHeld>,
}

/// One operation on an image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownImageOperation {
    /// `Pull` or `Build`.
    pub step: String,
    /// What is fetched, or the recipe that is built.
    pub object: String,
}

/// What becomes of an instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownInstance {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The highest rung of all passes. Absent where none is taken: for one that is stopped, removed or not resolved.
    pub plan: Option<PlanKind>,
    /// Why the cheaper rungs would not do.
    pub rejected_plans: Vec<Rejection>,
    /// Every field that differs between the container and the spec, with old and new digest.
    pub reasons: Vec<Change>,
    /// The passes, as far as they do something.
    pub passes: Vec<ShownPass>,
    /// All operations of all passes, in order.
    pub operations: Vec<ShownOperation>,
    /// What is left to do and waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<ShownWait>,
    /// Why nothing further is done although the desired state is not reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<ShownHeld>,
}

/// One pass that does something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownPass {
    /// Its number, from 1.
    pub pass: usize,
    /// Its rung.
    pub plan: Option<PlanKind>,
    /// Why the cheaper rungs would not do.
    pub rejected_plans: Vec<Rejection>,
}

/// One operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownOperation {
    /// The number of its pass.
    pub pass: usize,
    /// The step in one word.
    pub step: String,
    /// What it acts on.
    pub object: String,
    /// The event that the engine tells of it; absent when it changes nothing there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine_write: Option<String>,
    /// Why.
    pub reasons: Vec<ShownReason>,
    /// Who allowed that live sessions end by it; absent when none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_sessions: Option<Consent>,
}

/// Why an operation is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownReason {
    /// For people.
    pub message: String,
    /// The field that differs, when the reason is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
}

/// Why nothing is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownHeld {
    /// In one word.
    pub reason: String,
    /// For people, with what to do.
    pub message: String,
}

impl ShownProjection {
    /// Whether anything would be done, now or when what it waits for has come, or is in the way.
    ///
    /// A version that only a restart moves is no change: no apply ever moves it.
    pub fn changes(&self) -> bool {
        let waits = |wait: &ShownWait| wait.waits_for != RESTART;
        let instance = |instance: &ShownInstance| {
            !instance.operations.is_empty() || instance.held.is_some() || instance.waits.as_ref().is_some_and(waits)
        };
        let image = |image: &ShownImage| !image.operations.is_empty() || image.held.is_some();
        !self.workspaces.is_empty() || self.images.iter().any(image) || self.instances.iter().any(instance)
    }
}

/// [`ShownWait::waits_for`] of a repair that only a restart does.
const RESTART: &str = "Restart";

/// What becomes of a workspace's instances, and of the networks that it leaves; `None` when nothing does.
pub fn shown_workspace(
    namespace: &str,
    name: &str,
    plan: &WorkspacePlan,
    left: LeftNetworks,
) -> Option<ShownWorkspace> {
    let takes_over: BTreeSet<_> = plan.renames.values().collect();
    let shown = ShownWorkspace {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        creates: plan.create.keys().filter(|made| !takes_over.contains(made)).cloned().collect(),
        updates: plan.update.keys().cloned().collect(),
        renames: plan.renames.iter().map(|(from, to)| ShownRename { from: from.clone(), to: to.clone() }).collect(),
        deletes: plan.delete.clone(),
        waits: plan
            .waiting
            .iter()
            .map(|(instance, sessions)| deletion_waits(instance, sessions))
            .chain(plan.suspended.iter().map(|instance| deletion_suspended(instance)))
            .collect(),
        removes_networks: left.removed,
        keeps_networks: left.kept,
        missing_roles: plan.missing_roles.iter().cloned().collect(),
    };
    // What was left behind long ago and is still there is no change.
    let nothing = ShownWorkspace {
        namespace: shown.namespace.clone(),
        name: shown.name.clone(),
        keeps_networks: shown.keeps_networks.clone(),
        ..Default::default()
    };
    (shown != nothing).then_some(shown)
}

fn deletion_waits(instance: &str, sessions: &[String]) -> ShownWait {
    let which = if sessions.is_empty() { "whether any live cannot be told".to_owned() } else { sessions.join(", ") };
    ShownWait {
        instance: instance.to_owned(),
        plan: None,
        reasons: Vec::new(),
        rejected_plans: Vec::new(),
        waits_for: "Sessions".to_owned(),
        sessions: sessions.to_vec(),
        message: format!(
            "it is no longer wanted and its deletion waits for its sessions ({which}); `jackin delete instance {instance}` ends them"
        ),
    }
}

fn deletion_suspended(instance: &str) -> ShownWait {
    ShownWait {
        instance: instance.to_owned(),
        plan: None,
        reasons: Vec::new(),
        rejected_plans: Vec::new(),
        waits_for: "Resume".to_owned(),
        sessions: Vec::new(),
        message: "it is no longer wanted and is deleted when `spec.suspend` is taken away".to_owned(),
    }
}

/// What becomes of an image.
pub fn shown_image(namespace: &str, name: &str, projected: &ProjectedImage) -> ShownImage {
    let operations = projected.passes.iter().filter_map(|pass| match &pass.action {
        ImageAction::Serve(_) | ImageAction::Missing { .. } => None,
        ImageAction::Name(serving) => {
            Some(ShownImageOperation { step: "Tag".to_owned(), object: serving.name.clone() })
        }
        ImageAction::Ask { references } => {
            Some(ShownImageOperation { step: "AskRegistry".to_owned(), object: references.join(", ") })
        }
        ImageAction::Pull { reference } | ImageAction::Refresh { reference, .. } => {
            Some(ShownImageOperation { step: "Pull".to_owned(), object: reference.clone() })
        }
        ImageAction::Build { .. } if projected.provisional => {
            Some(ShownImageOperation { step: "Build".to_owned(), object: "on what was fetched".to_owned() })
        }
        ImageAction::Build { recipe, .. } => {
            Some(ShownImageOperation { step: "Build".to_owned(), object: format!("recipe {}", recipe.short()) })
        }
    });
    let first = projected.passes.first();
    let held = projected.passes.iter().find_map(|pass| {
        let ImageAction::Missing { reference } = &pass.action else { return None };
        Some(ShownHeld { reason: Reason::ImageMissing.to_string(), message: missing(reference) })
    });
    ShownImage {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        decision: first.map(|plan| plan.decision.to_string()).unwrap_or_default(),
        reasons: first.map(|plan| plan.reasons.clone()).unwrap_or_default(),
        operations: operations.collect(),
        held,
    }
}

/// What becomes of an instance. `provisional`: its image has no recipe yet that could be shown.
pub fn shown_instance(namespace: &str, name: &str, projected: &Projected, provisional: bool) -> ShownInstance {
    let acting = || projected.passes.iter().enumerate().filter(|(_, pass)| !pass.plan.steps.is_empty());
    let first = projected.passes.first();
    let highest = acting().map(|(_, pass)| pass).chain(first).max_by_key(|pass| pass.plan.chosen);
    let changes = first.map(|pass| pass.plan.drift.clone()).unwrap_or_default();
    let last = projected.passes.last();
    ShownInstance {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        plan: highest.and_then(|pass| pass.plan.chosen),
        rejected_plans: highest.map(|pass| pass.plan.rejected.clone()).unwrap_or_default(),
        reasons: changes.into_iter().map(|change| known(change, provisional)).collect(),
        passes: acting().map(|(index, pass)| shown_pass(index + 1, pass)).collect(),
        operations: acting()
            .flat_map(|(index, pass)| pass.plan.steps.iter().map(move |step| operation(index + 1, step, provisional)))
            .collect(),
        waits: last.and_then(|pass| wait(name, pass, provisional)),
        held: last.and_then(|pass| held(pass, projected.ends)),
    }
}

fn shown_pass(number: usize, pass: &Pass) -> ShownPass {
    ShownPass { pass: number, plan: pass.plan.chosen, rejected_plans: pass.plan.rejected.clone() }
}

fn operation(pass: usize, planned: &PlannedStep, provisional: bool) -> ShownOperation {
    let PlannedStep { step, needs: _, reasons, ends_sessions } = planned;
    let reason = |reason: &StepReason| ShownReason {
        message: reason.to_string(),
        change: match reason {
            StepReason::Differs(change) => Some(known(change.clone(), provisional)),
            StepReason::Missing
            | StepReason::NotRunning
            | StepReason::Frozen
            | StepReason::NeededBy { .. }
            | StepReason::Superseded
            | StepReason::Requested
            | StepReason::NotWanted
            | StepReason::Idle
            | StepReason::Deleted => None,
        },
    };
    ShownOperation {
        pass,
        step: step.name().to_owned(),
        object: step.object(),
        engine_write: step.engine_write().map(|write| write.to_string()),
        reasons: reasons.iter().map(reason).collect(),
        ends_sessions: ends_sessions.filter(|consent| *consent != Consent::NoLiveSession),
    }
}

/// The change without the digest of what is not there yet.
fn known(mut change: Change, provisional: bool) -> Change {
    let of_image = change.field == "image" || change.field.starts_with("image.base[");
    if (of_image && provisional) || change.new.as_ref().is_some_and(crate::model::is_placeholder) {
        change.new = None;
    }
    change
}

fn wait(name: &str, pass: &Pass, provisional: bool) -> Option<ShownWait> {
    let pending = pass.plan.pending.as_ref()?;
    let (waits_for, sessions) = match &pending.waits_for {
        WaitsFor::Sessions(sessions) => ("Sessions", sessions.clone()),
        WaitsFor::Restart => (RESTART, Vec::new()),
        WaitsFor::Resume => ("Resume", Vec::new()),
        WaitsFor::Consent(_) => ("Consent", Vec::new()),
    };
    let said = find(&pass.status.conditions, ConditionType::RepairPending);
    Some(ShownWait {
        instance: name.to_owned(),
        plan: Some(pending.repair.plan),
        reasons: pending.repair.reasons.iter().map(|change| known(change.clone(), provisional)).collect(),
        rejected_plans: pending.repair.rejected_plans.clone(),
        waits_for: waits_for.to_owned(),
        sessions,
        message: said.map(|condition| condition.message.clone()).unwrap_or_default(),
    })
}

/// Why the instance would not be ready at the end, in the words that its status will have.
fn held(pass: &Pass, ends: bool) -> Option<ShownHeld> {
    if !ends {
        let message = "the passes do not come to an end; this is a defect of jackin, please report it";
        return Some(ShownHeld { reason: Reason::StepFailed.to_string(), message: message.to_owned() });
    }
    let unresolved = matches!(pass.wanted, Wanted::Unresolved(_));
    let failed = crate::status::failure(&pass.outcomes).is_some();
    if pass.plan.held.is_none() && !unresolved && !failed {
        return None;
    }
    let ready = find(&pass.status.conditions, ConditionType::Ready);
    let ready = ready.filter(|ready| ready.status != ConditionStatus::True)?;
    Some(ShownHeld { reason: ready.reason.clone(), message: ready.message.clone() })
}
