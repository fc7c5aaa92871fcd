//! The controller of instances: wakes, and one pass for each.

use std::sync::Arc;

use futures::StreamExt;
use jackin_api::kinds::{Agent, Image, Instance, Role};
use jackin_plan::desired::InstanceKey;
use kube::runtime::controller::{Action, Controller};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher;
use kube::{Api, ResourceExt};
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::pass::{PassError, pass};

use super::wake::Wakes;

/// Runs the controller until `stop`.
pub(super) async fn run(context: Arc<Context>, wakes: Wakes, stop: CancellationToken) {
    let all = || watcher::Config::default();
    let client = || context.client.clone();
    let controller = Controller::new(Api::<Instance>::all(client()), all());
    let (by_role, by_image, by_agent) = (controller.store(), controller.store(), controller.store());
    let by_identity = controller.store();
    controller
        .watches(Api::<Role>::all(client()), all(), move |role| {
            that(&by_role, |instance| same_namespace(instance, &role) && instance.spec.role == role.name_any())
        })
        .watches(Api::<Image>::all(client()), all(), move |image| {
            that(&by_image, |instance| same_namespace(instance, &image) && instance.spec.role == image.spec.role)
        })
        // Any of its role's agents may have changed, and built-in ones serve every namespace.
        .watches(Api::<Agent>::all(client()), all(), move |_| that(&by_agent, |_| true))
        .reconcile_on(wakes.instances().map(move |wake| of_identity(&by_identity, wake)))
        .graceful_shutdown_on(async move { stop.cancelled().await })
        .run(reconcile, again, context.clone())
        .for_each(|_| std::future::ready(()))
        .await;
}

async fn reconcile(instance: Arc<Instance>, context: Arc<Context>) -> Result<Action, PassError> {
    let key = InstanceKey { namespace: instance.namespace().unwrap_or_default(), name: instance.name_any() };
    context.failures.guard(&text(&instance), pass(&context, &key)).await
}

fn again(instance: Arc<Instance>, error: &PassError, context: Arc<Context>) -> Action {
    context.failures.again(&text(&instance), error, context.chance.jitter())
}

fn text(instance: &Instance) -> String {
    format!("instance/{}/{}", instance.namespace().unwrap_or_default(), instance.name_any())
}

/// The instance that goes by this name on the engine: its own name, unless another one took it over.
fn of_identity(instances: &Store<Instance>, named: ObjectRef<Instance>) -> ObjectRef<Instance> {
    let takes = |instance: &Instance| {
        instance.spec.identity.as_ref() == Some(&named.name) && instance.namespace() == named.namespace
    };
    instances.state().iter().find(|instance| takes(instance)).map_or(named, |instance| ObjectRef::from_obj(&**instance))
}

fn same_namespace(instance: &Instance, other: &impl ResourceExt) -> bool {
    instance.namespace() == other.namespace()
}

fn that(instances: &Store<Instance>, select: impl Fn(&Instance) -> bool) -> Vec<ObjectRef<Instance>> {
    instances
        .state()
        .iter()
        .filter(|instance| select(instance))
        .map(|instance| ObjectRef::from_obj(&**instance))
        .collect()
}
