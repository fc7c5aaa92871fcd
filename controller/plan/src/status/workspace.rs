//! Status of a workspace: the sum of its instances.

use std::collections::BTreeMap;

use jackin_api::kinds::{Instance, ObservedRole, Workspace, WorkspaceStatus};
use jackin_api::words::{self, ConditionStatus, ConditionType, Conditions, Reason};
use jiff::Timestamp;
use kube::ResourceExt;

use crate::workspace::WorkspacePlan;

use super::object::state_not_acted_on;

/// What one pass over a workspace had before it and did.
pub struct WorkspacePass<'a> {
    /// The workspace.
    pub workspace: &'a Workspace,
    /// Its instances as they are now.
    pub instances: &'a [Instance],
    /// What was planned.
    pub plan: &'a WorkspacePlan,
    /// Fields that this version does not act on.
    pub not_acted_on: &'a [String],
    /// Networks that it no longer uses and that are kept, with the containers of others on them; absent when nobody could tell.
    pub left_behind: Option<BTreeMap<String, Vec<String>>>,
    /// Why a write failed, when one did.
    pub failure: Option<String>,
    /// When the pass was.
    pub now: Timestamp,
}

/// Status of a workspace.
pub fn workspace(pass: &WorkspacePass<'_>) -> WorkspaceStatus {
    let generation = pass.workspace.metadata.generation.unwrap_or_default();
    let before = pass.workspace.status.clone().unwrap_or_default();
    let mut conditions = Conditions::new(&before.conditions, generation, pass.now);
    let found = |name: &String| pass.instances.iter().find(|instance| instance.name_any() == *name);
    let mut waiting = Vec::new();
    let mut stalled = Vec::new();
    let mut unknown = Vec::new();
    let mut ready = 0;
    for name in &pass.plan.desired {
        match found(name).map(|instance| readiness(instance, name)) {
            Some(Readiness::Ready) => ready += 1,
            Some(Readiness::Waiting(why)) => waiting.push(why),
            Some(Readiness::Stalled(why)) => stalled.push(why),
            Some(Readiness::Unknown(why)) => unknown.push(why),
            None => waiting.push(format!("{name}: not made yet")),
        }
    }
    for role in &pass.plan.missing_roles {
        stalled.push(format!("role `{role}` does not exist; apply it, or remove the instances that name it"));
    }
    for (name, sessions) in &pass.plan.waiting {
        let sessions =
            if sessions.is_empty() { "whether any live cannot be told".to_owned() } else { sessions.join(", ") };
        waiting.push(format!(
            "{name} is no longer wanted and waits for its sessions ({sessions}); `jackin delete instance {name}` ends them"
        ));
    }
    for name in &pass.plan.suspended {
        waiting.push(format!("{name} is no longer wanted and stays while `spec.suspend` is set"));
    }
    waiting.extend(pass.failure.clone());
    let summary = stalled.iter().chain(&unknown).chain(&waiting).cloned().collect::<Vec<_>>().join("; ");
    let (all_ready, reason) = if !stalled.is_empty() {
        (ConditionStatus::False, Reason::SomeNotReady)
    } else if !unknown.is_empty() {
        (ConditionStatus::Unknown, Reason::SomeUnknown)
    } else if !waiting.is_empty() {
        (ConditionStatus::False, Reason::SomeNotReady)
    } else {
        (ConditionStatus::True, Reason::AllReady)
    };
    conditions.set(ConditionType::Ready, all_ready, reason, summary.clone());
    conditions.set(ConditionType::InstancesReady, all_ready, reason, summary.clone());
    let (reason, message) = match &pass.workspace.spec.warm_pool {
        Some(_) => (Reason::NotActedOn, "this version keeps no ready instances; `spec.warmPool` can be left out"),
        None => (Reason::NotRequested, ""),
    };
    conditions.set(ConditionType::PoolReady, false, reason, message);
    if !stalled.is_empty() {
        conditions.set(ConditionType::Stalled, true, Reason::DependenciesNotReady, stalled.join("; "));
    } else if !waiting.is_empty() {
        conditions.set(ConditionType::Reconciling, true, Reason::Converging, waiting.join("; "));
    }
    state_left_behind(pass, &before.conditions, &mut conditions);
    state_not_acted_on(&mut conditions, pass.not_acted_on);
    let roles = pass.plan.roles.iter();
    WorkspaceStatus {
        observed_generation: generation,
        conditions: conditions.finish(),
        roles: roles.map(|(name, revision)| ObservedRole { name: name.clone(), revision: revision.clone() }).collect(),
        desired: u32::try_from(pass.plan.desired.len()).unwrap_or(u32::MAX),
        ready,
    }
}

/// Tells of networks that are kept for others, as they are now or as they were when it could last be told.
fn state_left_behind(pass: &WorkspacePass<'_>, before: &[words::Condition], conditions: &mut Conditions) {
    let Some(left) = &pass.left_behind else {
        if let Some(known) = words::find(before, ConditionType::LeftBehind) {
            conditions.keep(known);
        }
        return;
    };
    let told =
        |(network, users): (&String, &Vec<String>)| format!("network `{network}` is used by {}", users.join(", "));
    let told: Vec<_> = left.iter().map(told).collect();
    if !told.is_empty() {
        let message = format!("{}; it is removed when they have left it", told.join("; "));
        conditions.set(ConditionType::LeftBehind, true, Reason::InUseByOthers, message);
    }
}

enum Readiness {
    Ready,
    Waiting(String),
    Stalled(String),
    Unknown(String),
}

/// Whether an instance is ready for its current spec, and what is in the way.
fn readiness(instance: &Instance, name: &str) -> Readiness {
    let status = instance.status.clone().unwrap_or_default();
    if status.observed_generation != instance.metadata.generation.unwrap_or_default() {
        return Readiness::Waiting(format!("{name}: its new spec was not looked at yet"));
    }
    let stated = |type_| words::find(&status.conditions, type_);
    let why = |condition: &words::Condition| format!("{name}: {}: {}", condition.reason, condition.message);
    let holds = |condition: &&words::Condition| condition.status == ConditionStatus::True;
    if let Some(stalled) = stated(ConditionType::Stalled).filter(holds) {
        return Readiness::Stalled(why(stalled));
    }
    // What is stopped on purpose is as it should be.
    if status.phase == words::Phase::Stopped {
        return Readiness::Ready;
    }
    if let Some(ready) = stated(ConditionType::Ready).filter(|ready| ready.status == ConditionStatus::Unknown) {
        return Readiness::Unknown(why(ready));
    }
    match (stated(ConditionType::Ready), stated(ConditionType::Reconciling).filter(holds)) {
        (_, Some(reconciling)) => Readiness::Waiting(why(reconciling)),
        (Some(ready), None) if ready.status == ConditionStatus::True => Readiness::Ready,
        (Some(ready), None) => Readiness::Waiting(why(ready)),
        (None, None) => Readiness::Waiting(format!("{name}: nothing is known of it yet")),
    }
}
