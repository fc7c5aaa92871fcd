//! A workspace's instances once its plan is carried out.

use std::collections::BTreeMap;

use jackin_api::FINALIZER;
use jackin_api::kinds::{Instance, InstanceSpec, Workspace};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{Resource, ResourceExt};

use super::{WorkspacePlan, WorkspaceSnapshot};

/// The Instance object of this spec, as the workspace makes it.
pub fn new_instance(workspace: &Workspace, name: &str, spec: InstanceSpec) -> Instance {
    let mut instance = Instance::new(name, spec);
    instance.metadata.namespace = workspace.namespace();
    instance.metadata.owner_references = workspace.controller_owner_ref(&()).map(|owner| vec![owner]);
    instance.metadata.finalizers = Some(vec![FINALIZER.to_owned()]);
    let labels =
        [("jackin.dev/workspace", workspace.name_any()), ("jackin.dev/template", instance.spec.template.clone())];
    instance.metadata.labels = Some(labels.map(|(key, value)| (key.to_owned(), value)).into());
    instance
}

/// The instances as they are once the plan is carried out: those that go are marked as going, those that are let go of are gone.
pub fn instances_after(
    snapshot: &WorkspaceSnapshot,
    plan: &WorkspacePlan,
    now: Timestamp,
) -> BTreeMap<String, Instance> {
    let existing = snapshot.instances.iter().map(|instance| (instance.name_any(), instance.clone()));
    let mut after: BTreeMap<String, Instance> = existing.collect();
    for (name, spec) in &plan.create {
        let mut made = new_instance(&snapshot.workspace, name, spec.clone());
        made.metadata.generation = Some(1);
        after.insert(name.clone(), made);
    }
    for (name, spec) in &plan.update {
        if let Some(instance) = after.get_mut(name) {
            instance.spec = spec.clone();
            // A new spec is a new generation: an old failure does not hold it back.
            instance.metadata.generation = Some(instance.metadata.generation.unwrap_or_default() + 1);
        }
    }
    for name in &plan.delete {
        if let Some(instance) = after.get_mut(name) {
            instance.metadata.deletion_timestamp = Some(Time(now));
        }
    }
    after.retain(|name, _| !plan.release.contains(name) && !plan.renames.contains_key(name));
    after
}
