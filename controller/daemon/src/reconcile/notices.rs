//! Subscriptions to capsules: what changes in a session wakes its instance.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use futures::StreamExt;
use jackin_plan::desired::InstanceKey;
use jackin_plan::world::{Container, ContainerId};
use tokio_util::sync::CancellationToken;

use crate::capsule::{CapsuleAt, Capsules};

use super::wake::{Wake, Wakes};

/// Subscriptions, one for each running capsule.
#[derive(Default)]
pub(crate) struct Notices {
    wakes: OnceLock<Wakes>,
    followed: Mutex<HashMap<InstanceKey, (u32, CancellationToken)>>,
}

impl Notices {
    /// From now on, notices wake through these.
    pub(crate) fn connect(&self, wakes: Wakes) {
        _ = self.wakes.set(wakes);
    }

    /// Follows the capsule with this process id, unless it is followed already.
    pub(crate) fn follow(&self, capsules: Arc<dyn Capsules>, key: &InstanceKey, run: &str, container: &Container) {
        let (Some(wakes), Some(pid)) = (self.wakes.get().cloned(), container.pid) else { return };
        let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, stop)) = followed.get(key) {
            if *known == pid && !stop.is_cancelled() {
                return;
            }
            stop.cancel();
        }
        let stop = CancellationToken::new();
        followed.insert(key.clone(), (pid, stop.clone()));
        tokio::spawn(follow(capsules, key.clone(), run.to_owned(), (pid, container.id.clone()), wakes, stop));
    }

    /// Ends all subscriptions.
    pub(super) fn close(&self) {
        for (_, stop) in self.followed.lock().unwrap_or_else(PoisonError::into_inner).values() {
            stop.cancel();
        }
    }
}

async fn follow(
    capsules: Arc<dyn Capsules>,
    key: InstanceKey,
    run: String,
    (pid, container): (u32, ContainerId),
    wakes: Wakes,
    stop: CancellationToken,
) {
    let wake = || {
        let InstanceKey { namespace, name } = key.clone();
        wakes.send(Wake::Instance { namespace, name });
    };
    let listening = async {
        let mut notices =
            capsules.subscribe(CapsuleAt { run: &run, pid: Some(pid), container: Some(&container) }).await?;
        while let Some(notice) = notices.next().await {
            notice?;
            wake();
        }
        Ok::<_, crate::capsule::CapsuleError>(())
    };
    tokio::select! {
        biased;
        () = stop.cancelled() => return,
        result = listening => {
            if let Err(error) = result {
                tracing::debug!(instance = %key.name, %error, "capsule is not followed");
            }
        }
    }
    // The next pass follows it again, if it is still there.
    stop.cancel();
    wake();
}
