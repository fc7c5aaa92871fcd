//! The re-list that stands behind lost events: every few seconds, containers and images of ours are listed, and what looks
//! different from the last time is woken. A list costs about a millisecond; nothing is inspected and nobody is woken while nothing
//! changes.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jackin_api::kinds::{Image, Instance};
use jackin_api::words as labels;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::docker::{EngineError, LabelFilter};

use super::wake::{Wake, Wakes};

/// How often.
const PERIOD: Duration = Duration::from_secs(5);

type Key = (String, String);

/// What a list shows of containers and images.
#[derive(Default, PartialEq, Eq)]
struct Listed {
    /// Id, state, name and networks of each container, by instance.
    containers: HashMap<Key, BTreeSet<String>>,
    /// Ids of all images of ours.
    images: BTreeSet<String>,
}

/// Lists until `stop`.
pub(super) async fn relist(context: Arc<Context>, wakes: Wakes, stop: CancellationToken) {
    let mut before: Option<Listed> = None;
    let mut reachable = true;
    let mut period = tokio::time::interval(PERIOD);
    period.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            _ = period.tick() => {}
        }
        match list(&context).await {
            Ok(listed) => {
                if !reachable {
                    wake_all(&context, &wakes).await;
                }
                reachable = true;
                if let Some(before) = &before {
                    wake_changed(&context, before, &listed, &wakes).await;
                }
                before = Some(listed);
            }
            Err(error) => {
                if reachable {
                    tracing::warn!(error = %error.full_message(), "the engine cannot be listed");
                    // Their statuses must not go on to claim what can no longer be seen.
                    wake_all(&context, &wakes).await;
                }
                reachable = false;
            }
        }
    }
}

async fn list(context: &Context) -> Result<Listed, EngineError> {
    let filter = LabelFilter::new().with(labels::OWNER, &context.site.owner.0);
    let (containers, images) =
        tokio::try_join!(context.engine.list_containers(&filter), context.engine.list_images(&filter))?;
    let mut listed = Listed::default();
    for container in containers {
        let label = |key: &str| container.labels.get(key).cloned().unwrap_or_default();
        let seen = format!("{} {:?} {} {:?}", container.id, container.state, container.name, container.networks);
        listed.containers.entry((label(labels::NAMESPACE), label(labels::INSTANCE))).or_default().insert(seen);
    }
    listed.images = images.into_iter().map(|image| format!("{} {:?}", image.id, image.tags)).collect();
    Ok(listed)
}

async fn wake_changed(context: &Context, before: &Listed, now: &Listed, wakes: &Wakes) {
    let keys: BTreeSet<&Key> = before.containers.keys().chain(now.containers.keys()).collect();
    for (namespace, name) in keys {
        let key = (namespace.clone(), name.clone());
        if before.containers.get(&key) != now.containers.get(&key) {
            let (namespace, name) = key;
            wakes.send(Wake::Instance { namespace, name });
        }
    }
    if before.images != now.images {
        wake_images(context, wakes).await;
    }
}

async fn wake_images(context: &Context, wakes: &Wakes) {
    let images: Api<Image> = Api::all(context.client.clone());
    for image in images.list(&ListParams::default()).await.into_iter().flatten() {
        wakes.send(Wake::Image { namespace: image.namespace().unwrap_or_default(), name: image.name_any() });
    }
}

async fn wake_all(context: &Context, wakes: &Wakes) {
    wake_images(context, wakes).await;
    let instances: Api<Instance> = Api::all(context.client.clone());
    for instance in instances.list(&ListParams::default()).await.into_iter().flatten() {
        wakes.send(Wake::Instance { namespace: instance.namespace().unwrap_or_default(), name: instance.name_any() });
    }
}
