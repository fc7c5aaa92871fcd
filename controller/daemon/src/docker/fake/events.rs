//! What the engine tells of itself: past events, then those to come, as whatever interferes lets them arrive.

use std::sync::Arc;

use futures::StreamExt;
use jiff::Timestamp;
use tokio::sync::broadcast::error::RecvError;

use super::super::{EngineError, EngineEvent, EventStream, LabelFilter, Operation};
use super::interference::{Delivery, Interference};
use super::{FakeEngine, unreachable};

/// The events of an engine that may match a filter.
pub(super) fn follow(engine: &FakeEngine, filter: &LabelFilter, since: Option<Timestamp>) -> EventStream {
    let filter = filter.clone();
    let interference = engine.interference.clone();
    let shown = all_events(engine.clone(), since).filter(move |event| {
        let shown = event.as_ref().map_or(true, |event| event.may_match(&filter));
        futures::future::ready(shown)
    });
    shown.flat_map(move |event| delivered(interference.clone(), event)).boxed()
}

/// An event as it arrives: once as a rule.
fn delivered(
    interference: Arc<dyn Interference>,
    event: Result<EngineEvent, EngineError>,
) -> impl futures::Stream<Item = Result<EngineEvent, EngineError>> + Send {
    let copies = async move {
        let delivery = match &event {
            Ok(event) => interference.deliver(event).await,
            Err(_) => Delivery::Times(1),
        };
        match delivery {
            Delivery::Times(times) => vec![event; times],
            Delivery::StreamEnds => vec![Err(EngineError::new(Operation::Events, "memory", unreachable()))],
        }
    };
    futures::stream::once(copies).flat_map(futures::stream::iter)
}

/// Past events, then those to come, until the engine is taken away.
fn all_events(engine: FakeEngine, since: Option<Timestamp>) -> EventStream {
    let failed = |cause| EngineError::new(Operation::Events, "memory", cause);
    let opened = async move {
        engine.enter(Operation::Events, "memory").await?;
        let (past, receiver) = engine.world().follow(since);
        Ok((past, receiver, engine.shared.taken_away.subscribe()))
    };
    futures::stream::once(opened)
        .flat_map(move |opened: Result<_, EngineError>| match opened {
            Err(error) => futures::stream::once(async move { Err(error) }).boxed(),
            Ok((past, receiver, taken_away)) => {
                let past = futures::stream::iter(past).map(Ok);
                let coming = futures::stream::unfold(Some((receiver, taken_away)), move |open| async move {
                    let (mut receiver, mut taken_away) = open?;
                    let next = tokio::select! {
                        biased;
                        _ = taken_away.recv() => Err(failed(unreachable())),
                        next = receiver.recv() => match next {
                            Ok(event) => Ok(event),
                            Err(RecvError::Closed) => return None,
                            Err(RecvError::Lagged(_)) => Err(failed(unreachable())),
                        },
                    };
                    let open = next.is_ok().then_some((receiver, taken_away));
                    Some((next, open))
                });
                past.chain(coming).boxed()
            }
        })
        .boxed()
}
