//! The controllers, on kube-runtime: who is woken by what, and what happens when a pass fails.
//!
//! A key has one slot: requests for a key that is being worked on are held and merged. Wakes come from the store, from the engine's
//! events, from a re-list that stands behind lost events, from capsules, and from timers. A panic in a pass costs that pass only.

mod failures;
pub(crate) mod image;
pub(crate) mod instance;
mod networks;
mod notices;
pub(crate) mod object;
pub(crate) mod relist;
pub(crate) mod wake;
pub(crate) mod workspace;

use std::sync::Arc;

use futures::future::join_all;
use kube::runtime::controller::Action;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::context::Context;
use crate::pass::Next;

pub(crate) use failures::Failures;
pub(crate) use image::look as look_at_image;
pub(crate) use notices::Notices;
pub(crate) use workspace::snapshot as workspace_snapshot;

use wake::Wakes;

impl From<Next> for Action {
    fn from(next: Next) -> Self {
        match next {
            Next::OnChange => Self::await_change(),
            Next::After(wait) => Self::requeue(wait),
        }
    }
}

/// Runs all controllers until `stop`, and gives back once their running passes have ended.
pub(crate) async fn run(context: Arc<Context>, stop: CancellationToken) {
    let wakes = Wakes::new();
    let tasks = TaskTracker::new();
    let lost = Arc::new(Notify::new());
    tasks.spawn(wake::follow_events(context.clone(), wakes.clone(), lost.clone(), stop.clone()));
    tasks.spawn(relist::relist(context.clone(), wakes.clone(), lost, stop.clone()));
    tasks.spawn(relist::follow_trust(context.clone(), wakes.clone(), stop.clone()));
    context.notices.connect(wakes.clone());
    let controllers: Vec<futures::future::BoxFuture<'static, ()>> = vec![
        Box::pin(instance::run(context.clone(), wakes.clone(), stop.clone())),
        Box::pin(image::run(context.clone(), wakes.clone(), stop.clone())),
        Box::pin(workspace::run(context.clone(), wakes.clone(), stop.clone())),
        Box::pin(object::roles(context.clone(), stop.clone())),
        Box::pin(object::agents(context.clone(), stop.clone())),
    ];
    let controllers: Vec<_> = controllers.into_iter().map(tokio::spawn).collect();
    join_all(controllers).await;
    stop.cancel();
    context.notices.close();
    tasks.close();
    tasks.wait().await;
}
