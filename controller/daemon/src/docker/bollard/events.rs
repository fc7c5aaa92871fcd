//! The engine's event stream.

use std::collections::HashMap;

use bollard::models::{EventMessage, EventMessageTypeEnum};
use bollard::query_parameters::EventsOptions;
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use jiff::Timestamp;

use super::failure::classify;
use super::{DockerEngine, EngineAddress, limit};
use crate::docker::{EngineError, EngineEvent, EventAction, EventKind, EventStream, LabelFilter, Operation};

impl DockerEngine {
    pub(super) fn follow(&self, filter: &LabelFilter, since: Option<Timestamp>) -> EventStream {
        // A client of its own: the stream outlives the borrow of this engine.
        let engine = Self::new(self.address.clone());
        let filter = filter.clone();
        let opened = async move { engine.open_events(since).await };
        futures::stream::once(opened)
            .try_flatten()
            .try_filter(move |event| futures::future::ready(event.may_match(&filter)))
            .boxed()
    }

    async fn open_events(
        self,
        since: Option<Timestamp>,
    ) -> Result<BoxStream<'static, Result<EngineEvent, EngineError>>, EngineError> {
        let kinds = ["container", "image", "network", "volume"].map(str::to_owned).to_vec();
        let options = EventsOptions {
            since: since.map(|since| format!("{}.{:09}", since.as_second(), since.subsec_nanosecond())),
            until: None,
            // Not the labels: the engine leaves them out of some events, and a filter on them would hide those.
            filters: Some(HashMap::from([("type".to_owned(), kinds)])),
        };
        let address: EngineAddress = self.address.clone();
        let object = address.to_string();
        let stream = self.client(Operation::Events, &object).await?.events(Some(options));
        // Whoever follows them begins anew where this one ends.
        let heard = futures::stream::unfold(Box::pin(stream), |mut stream| async {
            let next = tokio::time::timeout(limit::EVENTS_SILENCE, stream.next()).await;
            next.ok().flatten().map(|news| (news, stream))
        });
        let translated = heard.map(move |news| match news {
            Ok(message) => Ok(event(message)),
            Err(error) => Err(classify(error).into_error(Operation::Events, &object)),
        });
        Ok(translated.try_filter_map(|event| async move { Ok(event) }).boxed())
    }
}

fn event(message: EventMessage) -> Option<EngineEvent> {
    let kind = match message.typ? {
        EventMessageTypeEnum::CONTAINER => EventKind::Container,
        EventMessageTypeEnum::IMAGE => EventKind::Image,
        EventMessageTypeEnum::NETWORK => EventKind::Network,
        EventMessageTypeEnum::VOLUME => EventKind::Volume,
        _ => return None,
    };
    let actor = message.actor.unwrap_or_default();
    let attributes = actor.attributes.unwrap_or_default();
    let at = match (message.time_nano, message.time) {
        (Some(nanoseconds), _) => Timestamp::from_nanosecond(nanoseconds.into()).ok()?,
        (None, Some(seconds)) => Timestamp::from_second(seconds).ok()?,
        (None, None) => return None,
    };
    Some(EngineEvent {
        kind,
        action: action(kind, &message.action?, &attributes),
        id: actor.id.unwrap_or_default(),
        name: attributes.get("name").cloned(),
        attributes: attributes.into_iter().collect(),
        at,
    })
}

fn action(kind: EventKind, word: &str, attributes: &HashMap<String, String>) -> EventAction {
    match (kind, word) {
        (EventKind::Image, "import") => EventAction::Created,
        (_, "create") => EventAction::Created,
        (_, "start") => EventAction::Started,
        (_, "die") => EventAction::Died { exit_code: attributes.get("exitCode").and_then(|code| code.parse().ok()) },
        (_, "stop") => EventAction::Stopped,
        (_, "kill") => EventAction::Killed,
        (_, "pause") => EventAction::Paused,
        (_, "unpause") => EventAction::Unpaused,
        // Docker's words for containers, images and networks, and Podman's for containers.
        (_, "destroy" | "delete" | "remove") => EventAction::Destroyed,
        (_, "rename") => EventAction::Renamed,
        (_, "update") => EventAction::Updated,
        (_, "oom") => EventAction::OutOfMemory,
        (_, "connect") => EventAction::Connected,
        (_, "disconnect") => EventAction::Disconnected,
        (_, other) => EventAction::Other(other.to_owned()),
    }
}
