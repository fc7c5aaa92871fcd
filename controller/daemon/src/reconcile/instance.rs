//! The controller of instances: wakes, and one pass for each.

use std::sync::Arc;

use futures::StreamExt;
use jackin_api::kinds::{Agent, Image, Instance, Role};
use jackin_plan::desired::InstanceKey;
use kube::runtime::controller::{Action, Controller};
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher;
use kube::{Api, ResourceExt};
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::pass::{Next, PassError, pass};

use super::wake::Wakes;

/// Runs the controller until `stop`.
pub(super) async fn run(context: Arc<Context>, wakes: Wakes, stop: CancellationToken) {
    let all = || watcher::Config::default();
    let client = || context.client.clone();
    let controller = Controller::new(Api::<Instance>::all(client()), all());
    let (by_role, by_image, by_agent) = (controller.store(), controller.store(), controller.store());
    let by_identity = controller.store();
    controller
        .watches(Api::<Role>::all(client()), all(), move |role| woken_by_role(&by_role.state(), &role))
        .watches(Api::<Image>::all(client()), all(), move |image| woken_by_image(&by_image.state(), &image))
        // Built-in ones serve every namespace.
        .watches(Api::<Agent>::all(client()), all(), move |_| woken_by_agent(&by_agent.state()))
        .reconcile_on(wakes.instances().map(move |wake| of_identity(&by_identity.state(), wake)))
        .graceful_shutdown_on(async move { stop.cancelled().await })
        .run(
            async |object, context| reconcile(object, context).await.map(Action::from),
            |object, error, context| again(object, error, context).into(),
            context.clone(),
        )
        .for_each(|_| std::future::ready(()))
        .await;
}

pub(crate) async fn reconcile(instance: Arc<Instance>, context: Arc<Context>) -> Result<Next, PassError> {
    let key = InstanceKey { namespace: instance.namespace().unwrap_or_default(), name: instance.name_any() };
    context.failures.guard(&*instance, pass(&context, &key)).await
}

pub(crate) fn again(instance: Arc<Instance>, error: &PassError, context: Arc<Context>) -> Next {
    context.failures.again(&*instance, error, context.chance.jitter())
}

/// The instance that goes by this name on the engine: its own name, unless another one took it over.
pub(crate) fn of_identity(instances: &[Arc<Instance>], named: ObjectRef<Instance>) -> ObjectRef<Instance> {
    let takes = |instance: &Instance| {
        instance.spec.identity.as_ref() == Some(&named.name) && instance.namespace() == named.namespace
    };
    instances.iter().find(|instance| takes(instance)).map_or(named, |instance| ObjectRef::from_obj(&**instance))
}

fn same_namespace(instance: &Instance, other: &impl ResourceExt) -> bool {
    instance.namespace() == other.namespace()
}

/// The instances that a change of their role wakes.
pub(crate) fn woken_by_role(instances: &[Arc<Instance>], role: &Role) -> Vec<ObjectRef<Instance>> {
    that(instances, |instance| same_namespace(instance, role) && instance.spec.role == role.name_any())
}

/// The instances that a change of their role's image wakes.
pub(crate) fn woken_by_image(instances: &[Arc<Instance>], image: &Image) -> Vec<ObjectRef<Instance>> {
    that(instances, |instance| same_namespace(instance, image) && instance.spec.role == image.spec.role)
}

/// The instances that a change of an agent wakes: all, as any of its role's agents may have changed.
pub(crate) fn woken_by_agent(instances: &[Arc<Instance>]) -> Vec<ObjectRef<Instance>> {
    that(instances, |_| true)
}

fn that(instances: &[Arc<Instance>], select: impl Fn(&Instance) -> bool) -> Vec<ObjectRef<Instance>> {
    let selected = instances.iter().filter(|instance| select(instance));
    selected.map(|instance| ObjectRef::from_obj(&**instance)).collect()
}
