//! What a workspace owns: its instances and the images of their roles.
//!
//! Which instances a template has is decided in [`places`].

mod after;
mod places;

pub use after::{instances_after, new_instance};

use std::collections::{BTreeMap, BTreeSet};

use jackin_api::kinds::{DisruptionPolicy, Instance, InstanceSpec, InstanceTemplate, Role, Workspace};
use jackin_api::words::{self, ConditionStatus, ConditionType, Reason};
use kube::ResourceExt;

use crate::digest::{image_revision, role_revision};
use crate::disruption;

use places::{Place, Places};

/// A workspace and what is there of it, as the store has it.
#[derive(Clone, Debug)]
pub struct WorkspaceSnapshot {
    /// The workspace.
    pub workspace: Workspace,
    /// Roles of its namespace, by name.
    pub roles: BTreeMap<String, Role>,
    /// Instances that it controls, or would go on with.
    pub instances: Vec<Instance>,
}

/// What to do about a workspace's objects.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorkspacePlan {
    /// Instances to make, by name.
    pub create: BTreeMap<String, InstanceSpec>,
    /// Instances whose spec is another one.
    pub update: BTreeMap<String, InstanceSpec>,
    /// Instances that are no longer wanted and have no live session.
    pub delete: Vec<String>,
    /// Instances whose container and home another one goes on with: they are let go of, and nothing of theirs is removed.
    pub release: Vec<String>,
    /// Instances that are no longer wanted and stay while the workspace is suspended.
    pub suspended: Vec<String>,
    /// Instances that go on under another name: from the name so far to the one then.
    pub renames: BTreeMap<String, String>,
    /// Instances that are no longer wanted and wait for their sessions, by name; none are named where they are not known.
    pub waiting: BTreeMap<String, Vec<String>>,
    /// Roles that are used, with their revisions.
    pub roles: BTreeMap<String, String>,
    /// Roles whose image is needed, with the revision that it should have.
    pub images: BTreeMap<String, String>,
    /// Names of all instances that there should be.
    pub desired: BTreeSet<String>,
    /// Roles that are named and do not exist.
    pub missing_roles: BTreeSet<String>,
}

/// What to do about the objects of a workspace.
pub fn plan(snapshot: &WorkspaceSnapshot) -> WorkspacePlan {
    let mut plan = WorkspacePlan::default();
    let existing: BTreeMap<_, _> = snapshot.instances.iter().map(|instance| (instance.name_any(), instance)).collect();
    for template in &snapshot.workspace.spec.instances {
        role(snapshot, template, &mut plan);
        let revision = snapshot.roles.get(&template.role).map(role_revision);
        for place in Places::new(&snapshot.workspace.name_any(), template, &existing, revision).all() {
            fill(snapshot, template, place, &existing, &mut plan);
        }
    }
    for (name, instance) in &existing {
        if plan.desired.contains(name) || instance.metadata.deletion_timestamp.is_some() {
            continue;
        }
        let goes_on = |other: &String| existing.get(other).is_some_and(|other| other.identity() == instance.identity());
        if plan.renames.contains_key(name) || plan.desired.iter().any(goes_on) {
            plan.release.push(name.clone());
        } else if snapshot.workspace.spec.suspend {
            plan.suspended.push(name.clone());
        } else {
            match live(instance) {
                Some(sessions) => _ = plan.waiting.insert(name.clone(), sessions),
                None => plan.delete.push(name.clone()),
            }
        }
    }
    plan
}

/// The role of a template and its image. While the workspace is suspended, no image is made or brought to another revision.
fn role(snapshot: &WorkspaceSnapshot, template: &InstanceTemplate, plan: &mut WorkspacePlan) {
    let Some(role) = snapshot.roles.get(&template.role) else {
        plan.missing_roles.insert(template.role.clone());
        return;
    };
    plan.roles.insert(template.role.clone(), role_revision(role));
    if !snapshot.workspace.spec.suspend {
        plan.images.insert(template.role.clone(), image_revision(role));
    }
}

/// The instance of one place is made, or brought to the spec.
fn fill(
    snapshot: &WorkspaceSnapshot,
    template: &InstanceTemplate,
    place: Place<'_>,
    existing: &BTreeMap<String, &Instance>,
    plan: &mut WorkspacePlan,
) {
    let Place { name, index, takes_over } = place;
    let mut spec = spec(snapshot, template, index);
    plan.desired.insert(name.clone());
    match (existing.get(&name), takes_over) {
        (None, Some(before)) => {
            spec.run = before.spec.run;
            spec.identity = Some(before.identity().to_owned()).filter(|identity| *identity != name);
            plan.renames.insert(before.name_any(), name.clone());
            plan.create.insert(name, spec);
        }
        // What another one has under this name goes first: there is one container and one home of a name.
        (None, None) if existing.values().any(|other| other.identity() == name) => {}
        (None, None) => _ = plan.create.insert(name, spec),
        // One that is going is made anew when it is gone.
        (Some(instance), _) if instance.metadata.deletion_timestamp.is_some() => {}
        (Some(instance), _) => {
            spec.run = instance.spec.run;
            spec.identity.clone_from(&instance.spec.identity);
            spec.restart.clone_from(&instance.spec.restart);
            spec.start.clone_from(&instance.spec.start);
            spec.approval.clone_from(&instance.spec.approval);
            if spec != instance.spec {
                plan.update.insert(name, spec);
            }
        }
    }
}

fn spec(snapshot: &WorkspaceSnapshot, template: &InstanceTemplate, index: Option<u32>) -> InstanceSpec {
    let workspace = &snapshot.workspace;
    let spec = workspace.spec.clone();
    InstanceSpec {
        workspace: workspace.name_any(),
        template: template.name.clone(),
        index,
        identity: None,
        role: template.role.clone(),
        role_revision: snapshot.roles.get(&template.role).map(role_revision),
        agent: template.agent.clone(),
        workdir: spec.workdir,
        mounts: spec.mounts,
        env: spec.env,
        credentials: spec.credentials,
        network: spec.network,
        resources: spec.resources,
        disruption: spec.disruption,
        lifecycle: spec.lifecycle,
        git: spec.git,
        suspend: spec.suspend,
        run: Default::default(),
        restart: None,
        start: None,
        approval: None,
    }
}

/// Names of an instance's sessions that its removal would end against the policy; empty when nobody can tell whether it has any.
fn live(instance: &Instance) -> Option<Vec<String>> {
    let disruption = instance.spec.disruption.as_ref();
    let policy = disruption.map(|disruption| disruption.policy).unwrap_or_default();
    let status = instance.status.as_ref()?;
    let sessions = disruption::live_by_status(&status.sessions, policy);
    if !sessions.is_empty() {
        return Some(sessions);
    }
    let capsule = words::find(&status.conditions, ConditionType::CapsuleReady);
    let silent = capsule.is_some_and(|capsule| {
        capsule.status == ConditionStatus::Unknown || capsule.reason == Reason::CapsuleUnresponsive.to_string()
    });
    (silent && policy != DisruptionPolicy::Always).then(Vec::new)
}
