//! Streaming changes: newline-delimited events from the ring of recent changes, with bookmarks.
//!
//! Guarantees: every change after the version asked for is sent once and in order, or the stream ends with an `Expired`
//! error. An object that stops matching the selector is `DELETED` for this watcher.
//!
//! A watch that starts too late is answered with a stream of that one error and not with HTTP 410: client libraries list
//! again after the former, and some try the same version for ever after the latter.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::response::Response;
use bytes::{BufMut, BytesMut};
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::{Duration, Instant};

use super::{Call, response};
use crate::representation::Representation;
use crate::selector::Selector;
use crate::status_error::StatusError;
use crate::store::{Change, Object, Shared};

/// How long a watch without a timeout lasts.
const DEFAULT_TIMEOUT: Duration = Duration::from_mins(30);
const BOOKMARK_INTERVAL: Duration = Duration::from_secs(50);
/// How many changes are taken from the ring at a time.
const CHUNK: usize = 256;

pub(crate) fn watch(call: Call) -> Result<Response, StatusError> {
    let watcher = Watcher::start(call)?;
    let frames = futures::stream::unfold(watcher, async |mut watcher| {
        watcher.next().await.map(|frame| (Ok::<_, std::convert::Infallible>(frame), watcher))
    });
    Ok(response(200, "application/json", Body::from_stream(frames)))
}

struct Watcher {
    /// Not the store itself: a watch must not keep its file open.
    shared: Arc<Shared>,
    wake: Receiver<()>,
    call: WatchCall,
    cursor: u64,
    ready: VecDeque<Bytes>,
    ends: Instant,
    next_bookmark: Option<Instant>,
    finished: bool,
}

/// The part of the request that outlives it; the server is left behind.
struct WatchCall {
    target: super::Target,
    options: crate::options::Options,
    representation: Representation,
    selector: Selector,
    columns_sent: bool,
}

impl Watcher {
    fn start(call: Call) -> Result<Self, StatusError> {
        let selector = call.selector()?;
        let Call { server, target, options, representation, .. } = call;
        let shared = server.store().shared().clone();
        let started = Instant::now();
        let timeout = options.timeout_seconds.filter(|seconds| *seconds > 0).map(Duration::from_secs);
        let mut watcher = Self {
            wake: shared.subscribe(),
            cursor: 0,
            ready: VecDeque::new(),
            ends: started + timeout.unwrap_or(DEFAULT_TIMEOUT),
            next_bookmark: options.bookmarks.then(|| started + BOOKMARK_INTERVAL),
            finished: false,
            call: WatchCall { target, options, representation, selector, columns_sent: false },
            shared,
        };
        watcher.position();
        Ok(watcher)
    }

    /// Where the stream starts: at a version, or with the objects that there are.
    fn position(&mut self) {
        let version = self.call.options.resource_version.filter(|version| *version > 0);
        let initial = match self.call.options.send_initial_events {
            Some(wanted) => wanted,
            None => version.is_none(),
        };
        if !initial {
            self.cursor = version.unwrap_or_else(|| self.shared.resource_version());
            return;
        }
        let target = &self.call.target;
        let (mut objects, current) = self.shared.list(&target.served.storage, target.namespace.as_deref());
        objects.retain(|object| self.call.selector.matches(object));
        self.cursor = current;
        let mut frame = BytesMut::new();
        for object in &objects {
            self.call.write_event(&mut frame, "ADDED", object);
        }
        if self.call.options.send_initial_events == Some(true) && self.call.options.bookmarks {
            self.call.write_bookmark(&mut frame, current, true);
        }
        if !frame.is_empty() {
            self.ready.push_back(frame.freeze());
        }
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Some(frame);
            }
            if self.finished {
                return None;
            }
            // Marked as seen before the ring is read: a change that comes between wakes the wait below.
            while matches!(self.wake.try_recv(), Ok(()) | Err(TryRecvError::Lagged(_))) {}
            if let Ok(changes) = self.shared.changes_after(self.cursor, CHUNK) {
                if self.take(&changes) {
                    continue;
                }
                self.wait().await;
            } else {
                self.expire();
            }
        }
    }

    /// Turns changes into a frame; false when there were none.
    fn take(&mut self, changes: &[Arc<Change>]) -> bool {
        let Some(last) = changes.last() else { return false };
        self.cursor = last.resource_version();
        let mut frame = BytesMut::new();
        for change in changes {
            self.call.write_change(&mut frame, change);
        }
        if !frame.is_empty() {
            self.ready.push_back(frame.freeze());
        }
        true
    }

    async fn wait(&mut self) {
        let until = self.next_bookmark.map_or(self.ends, |bookmark| bookmark.min(self.ends));
        tokio::select! {
            biased;
            commit = self.wake.recv() => self.finished |= matches!(commit, Err(RecvError::Closed)),
            () = tokio::time::sleep_until(until) => {
                let now = Instant::now();
                self.finished = now >= self.ends;
                if self.call.options.bookmarks {
                    self.next_bookmark = Some(now + BOOKMARK_INTERVAL);
                    let mut frame = BytesMut::new();
                    self.call.write_bookmark(&mut frame, self.cursor, false);
                    self.ready.push_back(frame.freeze());
                }
            }
        }
    }

    fn expire(&mut self) {
        let current = self.shared.resource_version();
        let error = StatusError::expired(format!("too old resource version: {} ({current})", self.cursor));
        let mut frame = BytesMut::new();
        write_frame(&mut frame, "ERROR", error.to_value().to_string().as_bytes());
        self.ready.push_back(frame.freeze());
        self.finished = true;
    }
}

impl WatchCall {
    fn write_change(&mut self, frame: &mut BytesMut, change: &Change) {
        let target = &self.target;
        let key = &change.object.key;
        if key.resource != target.served.storage
            || target.namespace.as_deref().is_some_and(|namespace| *namespace != *key.namespace)
        {
            return;
        }
        let before = change.previous.as_ref().filter(|previous| self.selector.matches(previous));
        let matches = !change.deleted && self.selector.matches(&change.object);
        match (before, matches) {
            (None, true) => self.write_event(frame, "ADDED", &change.object),
            (Some(_), true) => self.write_event(frame, "MODIFIED", &change.object),
            (Some(_), false) if change.deleted => self.write_event(frame, "DELETED", &change.object),
            (Some(previous), false) => {
                // The watcher sees the state that it knew, at the version at which it lost the object.
                let version = change.resource_version();
                let last = Object::new(key.clone(), previous.value(), version);
                self.write_event(frame, "DELETED", &last);
            }
            (None, false) => {}
        }
    }

    fn write_event(&mut self, frame: &mut BytesMut, kind: &str, object: &Object) {
        let (served, include) = (&self.target.served, self.options.include_object);
        let now = jiff::Timestamp::now();
        let body = self.representation.event_object(served, object, include, now, !self.columns_sent);
        self.columns_sent = true;
        write_frame(frame, kind, &body);
    }

    fn write_bookmark(&self, frame: &mut BytesMut, version: u64, ends_initial_events: bool) {
        let definition = &self.target.served.definition;
        let mut metadata = json!({"resourceVersion": version.to_string(), "creationTimestamp": Value::Null});
        if ends_initial_events {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let plain = json!({
            "kind": definition.kind, "apiVersion": self.target.served.api_version(), "metadata": metadata,
        });
        let body = match &self.representation {
            Representation::Object => plain,
            Representation::Metadata => crate::representation::partial(&plain),
            Representation::Table(table_version) => json!({
                "kind": "Table",
                "apiVersion": format!("meta.k8s.io/{table_version}"),
                "metadata": {"resourceVersion": version.to_string()},
                "columnDefinitions": [],
                "rows": [{"cells": [], "object": plain}],
            }),
        };
        write_frame(frame, "BOOKMARK", body.to_string().as_bytes());
    }
}

fn write_frame(frame: &mut BytesMut, kind: &str, object: &[u8]) {
    frame.put_slice(b"{\"type\":\"");
    frame.put_slice(kind.as_bytes());
    frame.put_slice(b"\",\"object\":");
    frame.put_slice(object);
    frame.put_slice(b"}\n");
}
