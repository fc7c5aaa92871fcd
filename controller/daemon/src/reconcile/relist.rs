//! The re-list that stands behind lost events: every few seconds, containers and images of ours are listed, and what looks
//! different from the last time is woken. A list costs about a millisecond; nothing is inspected and nobody is woken while nothing
//! changes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jackin_api::kinds::{Image, Instance};
use jackin_api::words::{self as labels, Condition, ConditionStatus, ConditionType};
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::docker::{EngineError, LabelFilter};
use crate::strays;

use super::wake::{Wake, Wakes};

/// How often.
const PERIOD: Duration = Duration::from_secs(5);

type Key = (String, String);

/// What a list shows of containers and images.
#[derive(Default, PartialEq, Eq)]
struct Listed {
    /// Id, state, name and networks of each container, by instance.
    containers: HashMap<Key, BTreeSet<String>>,
    /// Names of the containers that we made for each instance.
    made: BTreeMap<Key, BTreeSet<String>>,
    /// Ids of all images of ours.
    images: BTreeSet<String>,
}

/// Lists until `stop`; at once, when events may have been lost.
pub(crate) async fn relist(context: Arc<Context>, wakes: Wakes, lost: Arc<Notify>, stop: CancellationToken) {
    let mut before: Option<Listed> = None;
    let mut reachable = true;
    let mut period = tokio::time::interval(PERIOD);
    period.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            _ = period.tick() => {}
            () = lost.notified() => {}
        }
        let woken = match list(&context).await {
            Ok(listed) => match woken(&context, &wakes, reachable, before.as_ref(), &listed).await {
                Ok(()) => {
                    if before.as_ref().is_none_or(|before| before.made != listed.made) {
                        strays::tell(&context, &listed.made).await;
                    }
                    reachable = true;
                    before = Some(listed);
                    Ok(())
                }
                // Who was not woken is woken the next time: neither is taken for done.
                Err(error) => Err(error),
            },
            Err(error) => {
                if reachable {
                    tracing::warn!(error = %error.full_message(), "the engine cannot be listed");
                }
                reachable = false;
                // Their statuses must not go on to claim what can no longer be seen. Each time: a pass in between may have seen
                // an engine that answered once more, and a wake may have been lost.
                wake(&context, &wakes, claims).await
            }
        };
        if let Err(error) = woken {
            tracing::warn!(%error, "who should be woken cannot be listed");
        }
    }
}

/// Wakes whom a list that succeeded is news for: all, after one that did not.
async fn woken(
    context: &Context,
    wakes: &Wakes,
    reachable: bool,
    before: Option<&Listed>,
    now: &Listed,
) -> Result<(), kube::Error> {
    match before {
        _ if !reachable => wake(context, wakes, |_| true).await,
        Some(before) => wake_changed(context, before, now, wakes).await,
        None => Ok(()),
    }
}

async fn list(context: &Context) -> Result<Listed, EngineError> {
    let filter = LabelFilter::new().with(labels::OWNER, &context.site.owner.0);
    let (containers, images) =
        tokio::try_join!(context.engine.list_containers(&filter), context.engine.list_images(&filter))?;
    let mut listed = Listed::default();
    for container in containers {
        let label = |key: &str| container.labels.get(key).cloned().unwrap_or_default();
        let key = (label(labels::NAMESPACE), label(labels::INSTANCE));
        if context.site.owner.made(&container.labels, &container.image) && !key.1.is_empty() {
            listed.made.entry(key.clone()).or_default().insert(container.name.clone());
        }
        let seen = format!("{} {:?} {} {:?}", container.id, container.state, container.name, container.networks);
        listed.containers.entry(key).or_default().insert(seen);
    }
    listed.images = images.into_iter().map(|image| format!("{} {:?}", image.id, image.tags)).collect();
    Ok(listed)
}

async fn wake_changed(context: &Context, before: &Listed, now: &Listed, wakes: &Wakes) -> Result<(), kube::Error> {
    let keys: BTreeSet<&Key> = before.containers.keys().chain(now.containers.keys()).collect();
    for (namespace, name) in keys {
        let key = (namespace.clone(), name.clone());
        if before.containers.get(&key) != now.containers.get(&key) {
            let (namespace, name) = key;
            wakes.send(Wake::Instance { namespace, name });
        }
    }
    if before.images != now.images { wake_images(context, wakes, |_| true).await } else { Ok(()) }
}

/// Wakes the images and instances whose conditions are such.
async fn wake(context: &Context, wakes: &Wakes, such: fn(&[Condition]) -> bool) -> Result<(), kube::Error> {
    wake_images(context, wakes, such).await?;
    let instances: Api<Instance> = Api::all(context.client.clone());
    for instance in instances.list(&ListParams::default()).await? {
        if such(instance.status.as_ref().map_or(&[], |status| &status.conditions)) {
            let (namespace, name) = (instance.namespace().unwrap_or_default(), instance.name_any());
            wakes.send(Wake::Instance { namespace, name });
        }
    }
    Ok(())
}

async fn wake_images(context: &Context, wakes: &Wakes, such: fn(&[Condition]) -> bool) -> Result<(), kube::Error> {
    let images: Api<Image> = Api::all(context.client.clone());
    for image in images.list(&ListParams::default()).await? {
        if such(image.status.as_ref().map_or(&[], |status| &status.conditions)) {
            wakes.send(Wake::Image { namespace: image.namespace().unwrap_or_default(), name: image.name_any() });
        }
    }
    Ok(())
}

/// Wakes every image whenever the operator trusts somebody, or no longer does.
pub(crate) async fn follow_trust(context: Arc<Context>, wakes: Wakes, stop: CancellationToken) {
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = context.trust.changed() => {}
        }
        if let Err(error) = wake_images(&context, &wakes, |_| true).await {
            tracing::warn!(%error, "images that wait for trust cannot be listed");
        }
    }
}

/// Whether they claim to know how the object is.
fn claims(conditions: &[Condition]) -> bool {
    labels::find(conditions, ConditionType::Ready).is_some_and(|ready| ready.status != ConditionStatus::Unknown)
}
