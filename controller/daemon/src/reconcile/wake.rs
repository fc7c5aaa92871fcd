//! Wakes from outside the store: the engine's events.

use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt};
use jackin_api::kinds::{Image, Instance, Workspace};
use jackin_api::words as labels;
use kube::runtime::reflector::ObjectRef;
use tokio::sync::{Notify, broadcast};
use tokio_stream::wrappers::BroadcastStream;
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::docker::{EngineEvent, EventAction, EventKind, LabelFilter};

/// Wakes that a slow controller may have outstanding. A lost one is made good by the re-list.
const OUTSTANDING: usize = 4096;

/// How long to wait before events are followed again, the first time; twice as long each time until one comes.
const RECONNECT: Duration = Duration::from_millis(500);

/// The longest such wait.
const LONGEST_RECONNECT: Duration = Duration::from_secs(5);

/// Whom to wake.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Wake {
    /// An instance.
    Instance {
        /// Namespace.
        namespace: String,
        /// Name.
        name: String,
    },
    /// A workspace.
    Workspace {
        /// Namespace.
        namespace: String,
        /// Name.
        name: String,
    },
    /// The image of a role.
    Image {
        /// Namespace.
        namespace: String,
        /// Name.
        name: String,
    },
}

/// Where wakes are sent and from where controllers take theirs.
#[derive(Clone)]
pub(crate) struct Wakes(broadcast::Sender<Wake>);

impl Wakes {
    pub(crate) fn new() -> Self {
        Self(broadcast::channel(OUTSTANDING).0)
    }

    /// Wakes somebody. Nobody listening is no failure.
    pub(crate) fn send(&self, wake: Wake) {
        _ = self.0.send(wake);
    }

    /// All wakes.
    #[cfg(feature = "simulation")]
    pub(crate) fn all(&self) -> impl Stream<Item = Wake> + Send + use<> {
        BroadcastStream::new(self.0.subscribe()).filter_map(|wake| std::future::ready(wake.ok()))
    }

    /// Wakes for instances.
    pub(super) fn instances(&self) -> impl Stream<Item = ObjectRef<Instance>> + Send + use<> {
        self.of(|wake| match wake {
            Wake::Instance { namespace, name } => Some(ObjectRef::new(&name).within(&namespace)),
            Wake::Workspace { .. } | Wake::Image { .. } => None,
        })
    }

    /// Wakes for workspaces.
    pub(super) fn workspaces(&self) -> impl Stream<Item = ObjectRef<Workspace>> + Send + use<> {
        self.of(|wake| match wake {
            Wake::Workspace { namespace, name } => Some(ObjectRef::new(&name).within(&namespace)),
            Wake::Instance { .. } | Wake::Image { .. } => None,
        })
    }

    /// Wakes for images.
    pub(super) fn images(&self) -> impl Stream<Item = ObjectRef<Image>> + Send + use<> {
        self.of(|wake| match wake {
            Wake::Image { namespace, name } => Some(ObjectRef::new(&name).within(&namespace)),
            Wake::Instance { .. } | Wake::Workspace { .. } => None,
        })
    }

    fn of<K>(&self, select: fn(Wake) -> Option<ObjectRef<K>>) -> impl Stream<Item = ObjectRef<K>> + Send + use<K>
    where
        K: kube::Resource<DynamicType = ()> + 'static,
    {
        BroadcastStream::new(self.0.subscribe()).filter_map(move |wake| std::future::ready(wake.ok().and_then(select)))
    }
}

/// Follows the engine's events for as long as the daemon runs, from where a stream that was lost broke off. Whenever one is lost,
/// `lost` is told: events get lost with it, and a list makes them good.
pub(crate) async fn follow_events(context: Arc<Context>, wakes: Wakes, lost: Arc<Notify>, stop: CancellationToken) {
    let filter = LabelFilter::new().with(labels::OWNER, &context.site.owner.0);
    let mut since = context.clock.now();
    let mut last: Option<EngineEvent> = None;
    let mut wait = RECONNECT;
    while !stop.is_cancelled() {
        let mut events = context.engine.events(&filter, Some(since));
        loop {
            let event = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                event = events.next() => event,
            };
            match event {
                // The engine tells the one that was heard last again, as the new stream begins with it.
                Some(Ok(event)) if last.as_ref() == Some(&event) => {}
                Some(Ok(event)) => {
                    since = event.at;
                    wait = RECONNECT;
                    if let Some(wake) = wake_of(&event) {
                        wakes.send(wake);
                    }
                    last = Some(event);
                }
                Some(Err(error)) => {
                    tracing::debug!(error = %error.full_message(), "events are not followed");
                    break;
                }
                None => break,
            }
        }
        lost.notify_one();
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait.mul_f64(1.0 + context.chance.jitter() / 10.0)) => {}
        }
        wait = (wait * 2).min(LONGEST_RECONNECT);
    }
}

/// Whom an event wakes. Events that our own steps cause wake nobody who is not already at work: their keys are being worked on.
fn wake_of(event: &EngineEvent) -> Option<Wake> {
    let label = |key: &str| event.attributes.get(key).filter(|value| !value.is_empty()).cloned();
    let namespace = label(labels::NAMESPACE)?;
    match event.kind {
        EventKind::Container => match event.action {
            EventAction::Created | EventAction::Other(_) => None,
            _ => Some(Wake::Instance { namespace, name: label(labels::INSTANCE)? }),
        },
        EventKind::Image => Some(Wake::Image { namespace, name: label(labels::ROLE)? }),
        EventKind::Network => Some(Wake::Workspace { namespace, name: label(labels::WORKSPACE)? }),
        EventKind::Volume => None,
    }
}
