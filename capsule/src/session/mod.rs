//! A session: a program on a terminal that outlives whoever looks at it.
//!
//! The terminal's output goes into two things: the screen, from which a new viewer is painted, and a ring of the latest bytes, from
//! which every viewer is fed at its own pace. A viewer that falls behind the ring is painted anew. So there is no queue per
//! viewer, the program never waits for one, and memory is bounded whatever it prints.

mod command;
mod hooks;
mod input;
mod output;
mod pump;
mod ring;
mod state;
mod typing;
mod viewers;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use jackin_api::wire::{self, Exit, HookRun, Millis, Recognition, SessionState, Size, StateRule};
use jackin_screen::Screen;
use tokio::net::UnixStream;
use tokio::sync::{Notify, oneshot, watch};

use crate::capsule::{Capsule, now};
use crate::terminal::Terminal;

pub(crate) use output::{Following, Step};
pub(crate) use viewers::Viewer;

use input::InputQueue;
use ring::Ring;
use viewers::Viewers;

/// How much of the latest output is kept, in bytes.
const KEPT: usize = 256 * 1024;

/// What a session is made of, before it runs.
pub(crate) struct Plan {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) agent: String,
    pub(crate) argv: Vec<String>,
    pub(crate) pid: u32,
    pub(crate) size: Size,
    pub(crate) state_rule: StateRule,
    pub(crate) recognition: Option<Box<Recognition>>,
}

/// One session, live or ended.
pub(crate) struct Session {
    pub(crate) id: String,
    agent: String,
    /// As it is told; see [`command::told`].
    argv: Vec<String>,
    pid: u32,
    rule: StateRule,
    recognition: Option<Box<Recognition>>,
    created_at: Millis,
    inner: RefCell<Inner>,
    /// What was read of its terminal and is still to be shown.
    unshown: RefCell<VecDeque<u8>>,
    input: InputQueue,
    /// Counts what a viewer may want to know: output, takeovers, the end.
    changed: watch::Sender<u64>,
    /// Told when the writer was shown more, or left.
    writer_moved: Notify,
    /// Told when the state may be another one.
    activity: Notify,
}

struct Inner {
    name: String,
    screen: Screen,
    ring: Ring,
    viewers: Viewers,
    size: Size,
    /// The position in the output from which on it has this size.
    resized_at: u64,
    state: SessionState,
    evidence: String,
    state_since: Millis,
    /// What its state is judged by.
    known: state::Known,
    exit: Option<Exit>,
    last_output_at: Option<Millis>,
    /// Whether its agent has not taken over from its hooks.
    preparing: bool,
    failed_hook: Option<Box<HookRun>>,
    /// Gone once the session ended, which hangs up whatever still has it open.
    terminal: Option<Rc<Terminal>>,
}

impl Session {
    /// Takes a program that was just started, and keeps it going; `news` is of its hooks, where it begins with some.
    pub(crate) fn start(
        capsule: Rc<Capsule>,
        plan: Plan,
        terminal: Terminal,
        exit: oneshot::Receiver<Exit>,
        news: Option<UnixStream>,
    ) -> Rc<Self> {
        let Plan { id, name, agent, argv, pid, size, state_rule, recognition } = plan;
        let created_at = now();
        let terminal = Rc::new(terminal);
        let inner = Inner {
            name,
            screen: Screen::new(size),
            ring: Ring::new(KEPT),
            viewers: Viewers::default(),
            size,
            resized_at: 0,
            state: SessionState::Starting,
            evidence: "spawned".to_owned(),
            state_since: created_at,
            known: state::Known::default(),
            exit: None,
            last_output_at: None,
            preparing: news.is_some(),
            failed_hook: None,
            terminal: Some(Rc::clone(&terminal)),
        };
        let session = Rc::new(Self {
            id,
            agent,
            argv: command::told(&argv),
            pid,
            rule: state_rule,
            recognition,
            created_at,
            inner: RefCell::new(inner),
            unshown: RefCell::default(),
            input: InputQueue::default(),
            changed: watch::Sender::new(0),
            writer_moved: Notify::new(),
            activity: Notify::new(),
        });
        let hooks = news.map(|news| hooks::Following::start(&capsule, &session, news));
        tokio::task::spawn_local(pump::run(Rc::clone(&capsule), Rc::clone(&session), terminal, exit, hooks));
        tokio::task::spawn_local(state::run(capsule, Rc::clone(&session)));
        session
    }

    pub(crate) fn is_live(&self) -> bool {
        self.inner.borrow().exit.is_none()
    }

    /// The client's name for it.
    pub(crate) fn name(&self) -> String {
        self.inner.borrow().name.clone()
    }

    pub(crate) fn rename(&self, name: String) {
        self.inner.borrow_mut().name = name;
    }

    /// What the wire says of it.
    pub(crate) fn describe(&self) -> wire::Session {
        let inner = self.inner.borrow();
        wire::Session {
            id: self.id.clone(),
            name: inner.name.clone(),
            agent: self.agent.clone(),
            argv: self.argv.clone(),
            pid: self.pid,
            state: inner.state,
            evidence: inner.evidence.clone(),
            state_since: Some(inner.state_since),
            exit: inner.exit,
            attached: inner.viewers.count(),
            writer: inner.viewers.has_writer(),
            created_at: self.created_at,
            last_output_at: inner.last_output_at,
            size: inner.size,
            title: inner.screen.title().to_owned(),
            preparing: inner.preparing,
            failed_hook: inner.failed_hook.clone(),
        }
    }

    /// Its process groups: the leader's, and the one that has the terminal.
    pub(crate) fn groups(&self) -> Vec<u32> {
        let inner = self.inner.borrow();
        let foreground = inner.terminal.as_ref().and_then(|terminal| terminal.foreground_group());
        std::iter::once(self.pid).chain(foreground.filter(|&group| group != self.pid)).collect()
    }

    /// The screen as text or as what paints it, and the cursor's row and column; the oldest lines are left out that a frame has no room for.
    pub(crate) fn capture(&self, capture: &wire::Capture) -> wire::Captured {
        let inner = self.inner.borrow();
        let wanted = usize::try_from(capture.history).unwrap_or(usize::MAX);
        let mut history = inner.screen.history(wanted).count();
        let contents = loop {
            let contents = match (capture.format, history) {
                (wire::CaptureFormat::Text, _) => inner.screen.text_with(history),
                (wire::CaptureFormat::Ansi, 0) => inner.screen.still(),
                (wire::CaptureFormat::Ansi, _) => inner.screen.lines(history).join("\r\n"),
            };
            if history == 0 || fits_a_frame(&contents) {
                break contents;
            }
            history /= 2;
        };
        let above = u16::try_from(history).unwrap_or(u16::MAX);
        let (row, column) = inner.screen.cursor();
        let size = Size { rows: inner.size.rows.saturating_add(above), ..inner.size };
        wire::Captured { contents, cursor: (row.saturating_add(above), column), size }
    }

    fn resize(&self, inner: &mut Inner, size: Size) {
        let size = size.clamped();
        if inner.size == size {
            return;
        }
        inner.size = size;
        inner.resized_at = inner.ring.end();
        inner.screen.resize(size);
        if let Some(terminal) = &inner.terminal {
            // A terminal that is gone has no size; the session's end is on its way.
            let _ = terminal.resize(size);
        }
        self.announce_change();
    }

    fn announce_change(&self) {
        self.changed.send_modify(|count| *count = count.wrapping_add(1));
    }
}

/// Whether a text does, as JSON and with something around it.
fn fits_a_frame(text: &str) -> bool {
    let escaped = text.bytes().filter(|byte| byte.is_ascii_control()).count();
    let quoted = text.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count();
    text.len() + 5 * escaped + quoted + 1024 <= wire::MAX_PAYLOAD
}
