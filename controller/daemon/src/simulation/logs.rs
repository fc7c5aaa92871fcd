//! What the controller writes to its log, read for what must not be in it.

use std::fmt::Debug;
use std::sync::Arc;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use super::guard::Guard;
use super::wish::SECRET;

/// Reads each line of the log: all of ours, and what others say unasked.
pub(super) struct Logs(Arc<Guard>);

impl Logs {
    pub(super) fn new(guard: Arc<Guard>) -> Self {
        Self(guard)
    }
}

impl Subscriber for Logs {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("jackin") || *metadata.level() <= Level::INFO
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut Reader(&self.0));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut Reader(&self.0));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Reader(&self.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Reads the fields of a line, its message among them.
struct Reader<'a>(&'a Guard);

impl Visit for Reader<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if format!("{value:?}").contains(SECRET) {
            self.0.violated(format!("a secret can be read in the log, in `{field}`"));
        }
    }
}
