//! What a viewer or a follower gets next.

use std::rc::Rc;

use jackin_api::wire::{DATA_CHUNK, Exit, Size};
use tokio::sync::watch;

use super::{Inner, Session, Viewer};

/// The next thing for a viewer or a follower.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The whole screen.
    Paint(Vec<u8>),
    /// What the program wrote.
    Output(Vec<u8>),
    /// Another viewer writes from now on.
    TakenOver,
    /// What follows is of a terminal of this size.
    Resized(Size),
    /// Everything was shown and the session ended.
    Ended(Exit),
    /// Everything was shown; wait for a change.
    Wait,
}

/// A place in a session's output that moves on by being read.
pub(crate) struct Following {
    session: Rc<Session>,
    changed: watch::Receiver<u64>,
    /// Where to go on; a viewer has none until its screen was painted.
    position: Option<u64>,
    /// Where it ends, for who does not wait for more.
    until: Option<u64>,
    was_painted: bool,
    /// The size that whoever follows knows of.
    told: Size,
}

impl Following {
    /// From the paint of the screen on; the viewer was told of a size.
    pub(crate) fn viewer(viewer: &Viewer, told: Size) -> Self {
        let session = Rc::clone(&viewer.session);
        let changed = session.changed.subscribe();
        Self { session, changed, position: None, until: None, was_painted: false, told }
    }

    /// From the last `tail` lines that are kept on, or all of them; to what is the end now, unless it is followed.
    pub(crate) fn output(session: Rc<Session>, tail: Option<u32>, is_followed: bool) -> Self {
        let changed = session.changed.subscribe();
        let (position, until, told) = {
            let Inner { ring, size, .. } = &*session.inner.borrow();
            let position = tail.map_or_else(|| ring.start(), |lines| ring.start_of_last_lines(lines));
            (position, (!is_followed).then(|| ring.end()), *size)
        };
        Self { session, changed, position: Some(position), until, was_painted: false, told }
    }

    /// What a viewer gets next. Painting and taking the position are one moment: nothing is shown twice or lost.
    pub(crate) fn next_for(&mut self, viewer: &Viewer) -> Step {
        self.changed.borrow_and_update();
        let inner = &mut *self.session.inner.borrow_mut();
        if inner.viewers.take_taken_over(viewer.id) {
            return Step::TakenOver;
        }
        // What was written before the size changed is shown before that is told, where it is still kept.
        let is_kept = self.position.is_some_and(|position| position >= inner.ring.start());
        let before = self.position.and_then(|position| inner.resized_at.checked_sub(position)).filter(|_| is_kept);
        let limit = match (self.told == inner.size, before) {
            (true, _) => DATA_CHUNK,
            (false, Some(before)) if before > 0 => usize::try_from(before).unwrap_or(DATA_CHUNK).min(DATA_CHUNK),
            (false, _) => {
                self.told = inner.size;
                // The terminal of who only watches did not change with it: what it shows was laid out for the former size.
                if !inner.viewers.is_writer(viewer.id) {
                    self.position = None;
                }
                return Step::Resized(inner.size);
            }
        };
        let step = match &mut self.position {
            Some(position) if *position >= inner.ring.start() => {
                let bytes = inner.ring.read(*position, limit).unwrap_or_default();
                advance(position, bytes, inner.exit)
            }
            position => {
                *position = Some(inner.ring.end());
                let is_repaint = std::mem::replace(&mut self.was_painted, true);
                Step::Paint(inner.screen.paint(inner.viewers.size(viewer.id), is_repaint))
            }
        };
        let end = inner.ring.end();
        inner.viewers.note_reached(viewer.id, self.position.unwrap_or(end), end);
        self.session.writer_moved.notify_one();
        step
    }

    /// What a follower gets next; one that is too slow skips what is not kept any more.
    pub(crate) fn next_output(&mut self) -> Step {
        self.changed.borrow_and_update();
        let inner = &*self.session.inner.borrow();
        let position = self.position.get_or_insert(0);
        *position = (*position).max(inner.ring.start());
        let left = self.until.map_or(u64::MAX, |until| until.saturating_sub(*position));
        let limit = usize::try_from(left).unwrap_or(DATA_CHUNK).min(DATA_CHUNK);
        let bytes = inner.ring.read(*position, limit).unwrap_or_default();
        let exit = inner.exit.filter(|_| *position == inner.ring.end());
        advance(position, bytes, exit)
    }

    /// Waits until there may be something new. Safe to cancel.
    pub(crate) async fn wait(&mut self) {
        // The session holds the sender as long as we hold the session.
        let _ = self.changed.changed().await;
    }
}

fn advance(position: &mut u64, bytes: Vec<u8>, exit: Option<Exit>) -> Step {
    match (bytes.is_empty(), exit) {
        (true, Some(exit)) => Step::Ended(exit),
        (true, None) => Step::Wait,
        (false, _) => {
            *position += bytes.len() as u64;
            Step::Output(bytes)
        }
    }
}
