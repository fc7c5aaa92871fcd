//! Instances that nobody controls, and that are of a workspace by its name and their template.
//!
//! `jackin delete --cascade=orphan` leaves such ones. A workspace of that name goes on with them, as controllers of Kubernetes do.

use jackin_api::kinds::{Instance, Workspace};
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Resource, ResourceExt};

use crate::context::Context;

/// Whether the workspace owns the instance.
pub(super) fn owns(workspace: &Workspace, instance: &Instance) -> bool {
    instance.owner_references().iter().any(|owner| Some(&owner.uid) == workspace.metadata.uid.as_ref())
}

/// Whether the workspace would go on with an instance that is nobody's. Those of a template that it does not have stay as they were left.
pub(super) fn would_adopt(workspace: &Workspace, instance: &Instance) -> bool {
    let is_going = |object: &ObjectMeta| object.deletion_timestamp.is_some();
    let is_controlled = instance.owner_references().iter().any(|owner| owner.controller == Some(true));
    let template = |name: &str| workspace.spec.instances.iter().any(|template| template.name == name);
    !is_controlled
        && !owns(workspace, instance)
        && !is_going(&workspace.metadata)
        && !is_going(&instance.metadata)
        && instance.spec.workspace == workspace.name_any()
        && template(&instance.spec.template)
}

/// Makes those of the instances the workspace's own that it would go on with. Those that it may not have any more are left out.
///
/// # Errors
/// Also when one was written by somebody else meanwhile: what it is now has to be looked at first.
pub(super) async fn adopt(
    context: &Context,
    workspace: &Workspace,
    instances: &mut Vec<Instance>,
) -> Result<(), kube::Error> {
    let namespace = workspace.namespace().unwrap_or_default();
    let workspaces: Api<Workspace> = Api::namespaced(context.client.clone(), &namespace);
    let api: Api<Instance> = Api::namespaced(context.client.clone(), &namespace);
    for instance in instances.iter_mut().filter(|instance| would_adopt(workspace, instance)) {
        // A workspace that is being deleted would take along what it was told to leave.
        let now = workspaces.get_opt(&workspace.name_any()).await?;
        let stays = |now: &Workspace| now.metadata.uid == workspace.metadata.uid && would_adopt(now, instance);
        let Some(owner) = now.filter(stays).and_then(|now| now.controller_owner_ref(&())) else { continue };
        let mut adopted = instance.clone();
        adopted.metadata.owner_references.get_or_insert_default().push(owner);
        *instance = api.replace(&instance.name_any(), &PostParams::default(), &adopted).await?;
        tracing::info!(workspace = %workspace.name_any(), instance = %instance.name_any(), "instance adopted");
    }
    instances.retain(|instance| owns(workspace, instance));
    Ok(())
}

#[cfg(test)]
mod tests {
    use jackin_api::kinds::{InstanceSpec, InstanceTemplate, WorkspaceSpec};
    use jackin_plan::workspace::new_instance;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    use super::*;

    fn workspace(uid: &str) -> Workspace {
        let main = InstanceTemplate { name: "main".to_owned(), ..InstanceTemplate::default() };
        let mut workspace = Workspace::new("desk", WorkspaceSpec { instances: vec![main], ..WorkspaceSpec::default() });
        workspace.metadata.uid = Some(uid.to_owned());
        workspace
    }

    fn instance(of: &Workspace, template: &str) -> Instance {
        let (workspace, template) = (of.name_any(), template.to_owned());
        new_instance(of, "desk-x", InstanceSpec { workspace, template, ..InstanceSpec::default() })
    }

    fn orphan(template: &str) -> Instance {
        let mut orphan = instance(&workspace("1"), template);
        orphan.metadata.owner_references = None;
        orphan
    }

    #[test]
    fn only_what_nobody_controls_and_is_of_the_name_and_a_template_is_adopted() {
        let again = workspace("2");
        assert!(would_adopt(&again, &orphan("main")));
        assert!(!would_adopt(&again, &orphan("review")));
        assert!(!would_adopt(&again, &instance(&workspace("1"), "main")));
        assert!(!would_adopt(&again, &instance(&again, "main")));
        let mut of_another = orphan("main");
        of_another.spec.workspace = "shop".to_owned();
        assert!(!would_adopt(&again, &of_another));
    }

    #[test]
    fn nothing_that_is_going_adopts_or_is_adopted() {
        let now = Some(Time(jiff::Timestamp::UNIX_EPOCH));
        let (mut workspace, mut instance) = (workspace("2"), orphan("main"));
        workspace.metadata.deletion_timestamp.clone_from(&now);
        assert!(!would_adopt(&workspace, &instance));
        workspace.metadata.deletion_timestamp = None;
        instance.metadata.deletion_timestamp = now;
        assert!(!would_adopt(&workspace, &instance));
    }
}
