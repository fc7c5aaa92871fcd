//! What a workspace owns: its instances and the images of their roles.

use std::collections::{BTreeMap, BTreeSet};

use jackin_api::kinds::{DisruptionPolicy, Instance, InstanceSpec, InstanceTemplate, Role, Workspace};
use jackin_api::words::{self, ConditionStatus, ConditionType, Reason};
use kube::ResourceExt;

use crate::digest::{image_revision, role_revision};
use crate::disruption;

/// A workspace and what is there of it, as the store has it.
#[derive(Clone, Debug)]
pub struct WorkspaceSnapshot {
    /// The workspace.
    pub workspace: Workspace,
    /// Roles of its namespace, by name.
    pub roles: BTreeMap<String, Role>,
    /// Instances that it controls.
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
    let existing: BTreeMap<_, _> = snapshot
        .instances
        .iter()
        .map(|instance| (instance.name_any(), instance))
        .collect();
    for template in &snapshot.workspace.spec.instances {
        match snapshot.roles.get(&template.role) {
            Some(role) => {
                plan.images.insert(template.role.clone(), image_revision(role));
                plan.roles.insert(template.role.clone(), role_revision(role));
            }
            None => _ = plan.missing_roles.insert(template.role.clone()),
        }
        for (name, index) in names(&snapshot.workspace.name_any(), template, &existing) {
            let mut spec = spec(snapshot, template, index);
            plan.desired.insert(name.clone());
            match existing.get(&name) {
                None => _ = plan.create.insert(name, spec),
                // One that is going is made anew when it is gone.
                Some(instance) if instance.metadata.deletion_timestamp.is_some() => {}
                Some(instance) => {
                    spec.run = instance.spec.run;
                    spec.restart.clone_from(&instance.spec.restart);
                    if spec != instance.spec {
                        plan.update.insert(name, spec);
                    }
                }
            }
        }
    }
    for (name, instance) in &existing {
        if plan.desired.contains(name) || instance.metadata.deletion_timestamp.is_some() {
            continue;
        }
        match live(instance) {
            Some(sessions) => _ = plan.waiting.insert(name.clone(), sessions),
            None => plan.delete.push(name.clone()),
        }
    }
    plan
}

/// Names of a template's instances, with their indices.
///
/// The first one keeps the name under which it runs when a count is added or taken away, so that nothing is made anew.
fn names(
    workspace: &str,
    template: &InstanceTemplate,
    existing: &BTreeMap<String, &Instance>,
) -> Vec<(String, Option<u32>)> {
    let plain = format!("{workspace}-{}", template.name);
    let indexed = |index: u32| format!("{plain}-{index}");
    let ours = |name: &String| {
        existing
            .get(name)
            .filter(|instance| instance.metadata.deletion_timestamp.is_none())
            .is_some_and(|instance| instance.spec.template == template.name)
    };
    match template.count {
        None if !ours(&plain) && ours(&indexed(0)) => vec![(indexed(0), None)],
        None => vec![(plain, None)],
        Some(count) => (0..count)
            .map(|index| match index {
                0 if ours(&plain) && !ours(&indexed(0)) => (plain.clone(), Some(0)),
                index => (indexed(index), Some(index)),
            })
            .collect(),
    }
}

fn spec(snapshot: &WorkspaceSnapshot, template: &InstanceTemplate, index: Option<u32>) -> InstanceSpec {
    let workspace = &snapshot.workspace;
    let spec = workspace.spec.clone();
    InstanceSpec {
        workspace: workspace.name_any(),
        template: template.name.clone(),
        index,
        role: template.role.clone(),
        role_revision: snapshot.roles.get(&template.role).map(role_revision),
        agent: template.agent.clone(),
        workdir: spec.workdir,
        mounts: spec.mounts,
        env: spec.env,
        credentials: spec.credentials,
        resources: spec.resources,
        disruption: spec.disruption,
        lifecycle: spec.lifecycle,
        git: spec.git,
        run: Default::default(),
        restart: None,
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
