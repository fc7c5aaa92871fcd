//! Who looks at a session: many may watch, one writes.

use std::collections::BTreeMap;
use std::rc::Rc;

use jackin_api::wire::{Attach, AttachMode, Notice, Size};

use super::{Inner, Session};
use crate::capsule::Capsule;

#[derive(Debug, Default)]
pub(super) struct Viewers {
    all: BTreeMap<u64, Entry>,
    writer: Option<u64>,
    last_id: u64,
}

#[derive(Debug)]
struct Entry {
    size: Option<Size>,
    has_terminal: bool,
    /// How far it was shown the output; nothing before its first paint.
    reached: Option<u64>,
    /// Whether the program waited for it in vain, and it has not caught up since.
    is_slow: bool,
    /// It lost the writer's place and was not told yet.
    was_taken_over: bool,
}

impl Viewers {
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.all.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn has_writer(&self) -> bool {
        self.writer.is_some()
    }

    pub(super) fn is_writer(&self, id: u64) -> bool {
        self.writer == Some(id)
    }

    /// Whether the writer's terminal answers the program's questions.
    pub(super) fn answers(&self) -> bool {
        self.writer.and_then(|id| self.all.get(&id)).is_some_and(|writer| writer.has_terminal)
    }

    pub(super) fn size(&self, id: u64) -> Option<Size> {
        self.all.get(&id).and_then(|viewer| viewer.size)
    }

    /// Notes how far a viewer was shown the output, which ends at `end` now.
    pub(super) fn note_reached(&mut self, id: u64, position: u64, end: u64) {
        if let Some(viewer) = self.all.get_mut(&id) {
            viewer.reached = Some(position);
            viewer.is_slow &= position < end;
        }
    }

    /// How far the writer is behind the end of the output, if it is one to wait for.
    pub(super) fn writer_lag(&self, end: u64) -> Option<u64> {
        let writer = self.writer.and_then(|id| self.all.get(&id)).filter(|writer| !writer.is_slow)?;
        writer.reached.map(|reached| end.saturating_sub(reached))
    }

    pub(super) fn give_up_on_writer(&mut self) {
        if let Some(writer) = self.writer.and_then(|id| self.all.get_mut(&id)) {
            writer.is_slow = true;
        }
    }

    /// Whether this viewer lost the writer's place since it was last asked.
    pub(super) fn take_taken_over(&mut self, id: u64) -> bool {
        self.all.get_mut(&id).is_some_and(|viewer| std::mem::take(&mut viewer.was_taken_over))
    }

    fn add(&mut self, attach: &Attach) -> (u64, AttachMode) {
        self.last_id += 1;
        let id = self.last_id;
        let viewer = Entry {
            size: attach.size.map(Size::clamped),
            has_terminal: attach.terminal,
            reached: None,
            is_slow: false,
            was_taken_over: false,
        };
        self.all.insert(id, viewer);
        if attach.mode == AttachMode::Watch || (self.writer.is_some() && !attach.takeover) {
            return (id, AttachMode::Watch);
        }
        if let Some(former) = self.writer.replace(id).and_then(|former| self.all.get_mut(&former)) {
            former.was_taken_over = true;
        }
        (id, AttachMode::Write)
    }
}

/// One viewer's place at a session, given back when dropped.
pub(crate) struct Viewer {
    capsule: Rc<Capsule>,
    pub(super) session: Rc<Session>,
    pub(super) id: u64,
    pub(crate) mode: AttachMode,
}

impl Viewer {
    /// Joins a session. The screen has the new writer's size before anything is painted.
    pub(crate) fn join(capsule: &Rc<Capsule>, session: Rc<Session>, attach: &Attach) -> Self {
        let (id, mode) = {
            let mut inner = session.inner.borrow_mut();
            let (id, mode) = inner.viewers.add(attach);
            if let (AttachMode::Write, Some(size)) = (mode, attach.size) {
                session.resize(&mut inner, size);
            }
            (id, mode)
        };
        let viewer = Self { capsule: Rc::clone(capsule), session, id, mode };
        viewer.announce();
        viewer
    }

    /// Types, if this viewer may.
    pub(crate) async fn input(&self, bytes: &[u8]) {
        if self.may_write() {
            self.session.note_typing(bytes);
            self.session.input.push(bytes).await;
        }
    }

    /// Notes the viewer's size; the writer's is the session's.
    pub(crate) fn resize(&self, size: Size) {
        let may_write = self.may_write();
        let mut inner = self.session.inner.borrow_mut();
        if let Some(viewer) = inner.viewers.all.get_mut(&self.id) {
            viewer.size = Some(size.clamped());
        }
        if may_write {
            self.session.resize(&mut inner, size);
        }
    }

    fn may_write(&self) -> bool {
        self.session.inner.borrow().viewers.is_writer(self.id)
    }

    /// Tells the other viewers and the subscribers.
    fn announce(&self) {
        let (attached, writer) = {
            let Inner { viewers, .. } = &*self.session.inner.borrow();
            (viewers.count(), viewers.has_writer())
        };
        self.session.announce_change();
        self.session.activity.notify_one();
        let (id, name) = (self.session.id.clone(), self.session.name());
        self.capsule.tell(Notice::ViewersChanged { id, name, attached, writer });
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        {
            let viewers = &mut self.session.inner.borrow_mut().viewers;
            viewers.all.remove(&self.id);
            if viewers.writer == Some(self.id) {
                viewers.writer = None;
            }
        }
        self.session.writer_moved.notify_one();
        self.announce();
    }
}
