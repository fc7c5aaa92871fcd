//! Instances that are no longer wanted, looked at in the moment before they go. Their status is of the past: a pass that fills a volume
//! takes minutes, and a controller that was down has not seen who came.

use jackin_api::kinds::{DisruptionPolicy, Instance};
use jackin_plan::disruption::before_removal;
use jackin_plan::workspace::{WorkspacePlan, WorkspaceSnapshot};
use kube::ResourceExt;

use crate::context::Context;
use crate::pass;

/// Lets those wait in which somebody works, or of which nobody can tell; says whether there are any.
pub(super) async fn look_again(context: &Context, snapshot: &WorkspaceSnapshot, plan: &mut WorkspacePlan) -> bool {
    let mut kept = false;
    for name in std::mem::take(&mut plan.delete) {
        let instance = snapshot.instances.iter().find(|instance| instance.name_any() == name);
        match live(context, instance).await {
            None => plan.delete.push(name),
            Some(sessions) => {
                kept = true;
                plan.waiting.insert(name, sessions);
            }
        }
    }
    kept
}

/// Names of the sessions that a removal would end against the policy; none where nobody can tell whether there are any.
async fn live(context: &Context, instance: Option<&Instance>) -> Option<Vec<String>> {
    let instance = instance?;
    let policy = instance.spec.disruption.as_ref().map(|disruption| disruption.policy).unwrap_or_default();
    if policy == DisruptionPolicy::Always {
        return None;
    }
    let namespace = instance.namespace().unwrap_or_default();
    let Ok(containers) = pass::containers(context, &namespace, instance.identity()).await else {
        return Some(Vec::new());
    };
    let run = context.home.instance_run(&namespace, instance.identity()).into_string();
    let capsule = pass::capsule(context, &containers, &run).await;
    before_removal(containers.iter().map(|container| container.state), &capsule, policy)
}
