//! Roles and agents: nothing is done about them by themselves, but their status says that they were seen.

use std::fmt::Debug;
use std::sync::Arc;

use futures::StreamExt;
use jackin_api::kinds::{Agent, ObjectStatus, Role};
use jackin_plan::{acted, status};
use kube::api::PostParams;
use kube::core::NamespaceResourceScope;
use kube::runtime::controller::{Action, Controller};
use kube::runtime::watcher;
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::pass::{Next, PassError};

/// Runs the controller of roles until `stop`.
pub(super) async fn roles(context: Arc<Context>, stop: CancellationToken) {
    run::<Role>(context, stop).await;
}

/// Runs the controller of agents until `stop`.
pub(super) async fn agents(context: Arc<Context>, stop: CancellationToken) {
    run::<Agent>(context, stop).await;
}

/// A kind whose status only has conditions.
pub(crate) trait Accepted:
    Resource<Scope = NamespaceResourceScope, DynamicType = ()>
    + Clone
    + Debug
    + Serialize
    + DeserializeOwned
    + Send
    + Sync
    + 'static
{
    fn status(&self) -> Option<&ObjectStatus>;
    fn set_status(&mut self, status: ObjectStatus);
    fn not_acted_on(&self) -> Vec<String>;
}

impl Accepted for Role {
    fn status(&self) -> Option<&ObjectStatus> {
        self.status.as_ref()
    }

    fn set_status(&mut self, status: ObjectStatus) {
        self.status = Some(status);
    }

    fn not_acted_on(&self) -> Vec<String> {
        acted::not_acted_on_role(&self.spec)
    }
}

impl Accepted for Agent {
    fn status(&self) -> Option<&ObjectStatus> {
        self.status.as_ref()
    }

    fn set_status(&mut self, status: ObjectStatus) {
        self.status = Some(status);
    }

    fn not_acted_on(&self) -> Vec<String> {
        acted::not_acted_on_agent(&self.spec)
    }
}

async fn run<K: Accepted>(context: Arc<Context>, stop: CancellationToken) {
    Controller::new(Api::<K>::all(context.client.clone()), watcher::Config::default())
        .graceful_shutdown_on(async move { stop.cancelled().await })
        .run(
            async |object, context| reconcile::<K>(object, context).await.map(Action::from),
            |object, error, context| again::<K>(object, error, context).into(),
            context,
        )
        .for_each(|_| std::future::ready(()))
        .await;
}

pub(crate) async fn reconcile<K: Accepted>(object: Arc<K>, context: Arc<Context>) -> Result<Next, PassError> {
    context.failures.guard(&*object, pass(&*object, &context)).await
}

pub(crate) fn again<K: Accepted>(object: Arc<K>, error: &PassError, context: Arc<Context>) -> Next {
    context.failures.again(&*object, error, context.chance.jitter())
}

async fn pass<K: Accepted>(object: &K, context: &Context) -> Result<Next, PassError> {
    let generation = object.meta().generation.unwrap_or_default();
    let status = status::object(object.status(), generation, &object.not_acted_on(), context.clock.now());
    if object.status() == Some(&status) {
        return Ok(Next::OnChange);
    }
    let mut changed = object.clone();
    changed.set_status(status);
    changed.meta_mut().resource_version = None;
    changed.meta_mut().managed_fields = None;
    let objects: Api<K> = Api::namespaced(context.client.clone(), &object.namespace().unwrap_or_default());
    match objects.replace_status(&object.name_any(), &PostParams::default(), &changed).await {
        Err(kube::Error::Api(answer)) if answer.is_not_found() || answer.is_conflict() => Ok(Next::OnChange),
        other => other.map(|_| Next::OnChange).map_err(PassError::Api),
    }
}
