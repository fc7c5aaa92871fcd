//! What a session shows of the hooks that run in it before its agent.

use std::rc::Rc;
use std::time::Duration;

use jackin_api::wire::{Exit, HookRun};
use jackin_screen::Screen;
use tokio::net::UnixStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{KEPT, Session};
use crate::capsule::Capsule;
use crate::hooks;

/// How long the last news may take after the end of the session's process, which is what sent them.
const QUIET: Duration = Duration::from_millis(250);

/// The size of the screen on which output is laid out to be read as lines.
const PAPER: jackin_api::wire::Size = jackin_api::wire::Size { rows: 60, cols: 240 };

/// The hooks of a session being followed.
pub(super) struct Following {
    task: JoinHandle<()>,
    ended: oneshot::Sender<Exit>,
}

impl Following {
    pub(super) fn start(capsule: &Rc<Capsule>, session: &Rc<Session>, news: UnixStream) -> Self {
        let (ended, exit) = oneshot::channel();
        let exit = async { exit.await.unwrap_or(Exit { code: None, signal: None }) };
        let task = tokio::task::spawn_local(hooks::follow(Rc::clone(capsule), Rc::clone(session), news, exit));
        Self { task, ended }
    }

    /// The session's process ended so. A hook that still ran ended with it.
    pub(super) async fn finish(self, exit: Exit) {
        // Nobody waits for it when the agent took over.
        let _ = self.ended.send(exit);
        let _ = tokio::time::timeout(QUIET, self.task).await;
    }
}

/// The last lines of an output as they would be read on a screen.
///
/// What is to be hidden is looked for in what was written, however much of it the paper holds, and again in what is read: colours may
/// have stood within it. Only then are long lines cut.
fn read(output: &[u8], most: usize, hide: impl Fn(&str) -> String) -> String {
    let mut paper = Screen::new(PAPER);
    paper.process(hide(&String::from_utf8_lossy(output)).as_bytes());
    let text = hide(&paper.unwrapped_text());
    let rows = text.lines().flat_map(|line| {
        let characters: Vec<char> = line.trim_end().chars().collect();
        let rows = characters.chunks(usize::from(PAPER.cols)).map(|row| row.iter().collect::<String>());
        rows.collect::<Vec<_>>()
    });
    let rows: Vec<String> = rows.collect();
    rows[rows.len().saturating_sub(most)..].join("\n")
}

impl Session {
    /// The position in its output up to which everything was shown that was written before now.
    pub(crate) fn output_position(&self) -> u64 {
        let terminal = self.inner.borrow().terminal.clone();
        if let Some(terminal) = terminal {
            self.catch_up(&terminal);
        }
        self.inner.borrow().ring.end()
    }

    /// The last lines that were written since a position, as they would be read on a screen, without what is to be hidden.
    pub(crate) fn last_lines(&self, since: u64, most: usize, hide: impl Fn(&str) -> String) -> String {
        self.output_position();
        let (bytes, is_cut) = {
            let ring = &self.inner.borrow().ring;
            (ring.read(since.max(ring.start()), KEPT).unwrap_or_default(), since < ring.start())
        };
        // A line whose beginning is not kept may begin within what is to be hidden.
        let begin = if is_cut { bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n')) } else { Some(0) };
        read(&bytes[begin.unwrap_or(bytes.len())..], most, hide)
    }

    /// Its agent takes over.
    pub(crate) fn prepared(&self) {
        self.inner.borrow_mut().preparing = false;
        self.activity.notify_one();
    }

    /// A hook kept its agent from starting, which whoever looks at it is told.
    pub(crate) fn fail(&self, run: &HookRun) {
        {
            let mut inner = self.inner.borrow_mut();
            inner.preparing = false;
            inner.failed_hook = Some(Box::new(run.clone()));
        }
        let how = match (&run.error, run.exit) {
            (Some(error), _) => format!("cannot be run: {error}"),
            (None, Some(Exit { signal: Some(signal), .. })) => format!("was ended by signal {signal}"),
            (None, Some(Exit { code: Some(code), .. })) => format!("ended with {code}"),
            (None, _) => "ended, nobody knows how".to_owned(),
        };
        let line = format!("\r\njackin: hook `{}` {how}; the agent is not started\r\n", run.hook.name());
        self.show(line.as_bytes());
    }
}
