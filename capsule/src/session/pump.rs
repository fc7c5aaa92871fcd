//! From the terminal into the screen and the ring, until the program ended.

use std::convert::Infallible;
use std::rc::Rc;
use std::time::{Duration, Instant};

use jackin_api::wire::{Exit, Notice, SessionState};
use tokio::sync::oneshot;

use super::hooks::Following;
use super::{KEPT, Session};
use crate::capsule::{Capsule, now};
use crate::log::log;
use crate::terminal::Terminal;

/// How much is read at once, in bytes: a terminal never gives more.
const CHUNK: usize = 4 * 1024;

/// How much is shown without a look at the clock, in bytes: a few of them may fill and scroll a screen many times.
const SLICE: usize = 256;

/// How long a session's output may keep everybody else waiting.
const SHARE: Duration = Duration::from_millis(1);

/// How much is read after the end, in bytes: more than a terminal holds.
const LAST_WORDS: usize = 64 * 1024;

/// How long a program may wait for a writer that reads more slowly than it prints.
const WRITER_PATIENCE: Duration = Duration::from_millis(500);

/// How far a writer may be behind before the program waits for it.
const WRITER_LAG: u64 = KEPT as u64 / 2;

pub(super) async fn run(
    capsule: Rc<Capsule>,
    session: Rc<Session>,
    terminal: Rc<Terminal>,
    exit: oneshot::Receiver<Exit>,
    hooks: Option<Following>,
) {
    let exit = tokio::select! {
        exit = exit => exit.unwrap_or(Exit { code: None, signal: None }),
        never = show(&capsule, &session, &terminal) => match never {},
        never = session.input.run(&terminal) => match never {},
    };
    // What it wrote before it ended is still to be shown. Its children may keep the terminal; nobody waits for them.
    session.show_last_words(&capsule, &terminal).await;
    if let Some(hooks) = hooks {
        hooks.finish(exit).await;
    }
    drop(terminal);
    session.end(exit);
    log!("session-ended", "id" => session.id, "name" => session.name(), "code" => exit.code, "signal" => exit.signal);
    let (id, name) = (session.id.clone(), session.name());
    capsule.tell(Notice::SessionExited { id, name, exit });
    capsule.ended.notify_one();
}

async fn show(capsule: &Capsule, session: &Session, terminal: &Terminal) -> Infallible {
    let mut buffer = vec![0; CHUNK];
    loop {
        match terminal.read(&mut buffer).await {
            Ok(count) if count > 0 => {
                session.show_in_turns(capsule, &buffer[..count]).await;
                session.wait_for_writer().await;
                capsule.turns.after(count).await;
            }
            // No program has the terminal open now. Its exit comes by another way, and a program may close its terminal and live.
            Ok(_) | Err(_) => std::future::pending().await,
        }
    }
}

impl Session {
    /// Shows what was read, and lets others go first whenever that took its share. Safe to cancel: whoever shows next, shows the rest.
    async fn show_in_turns(&self, capsule: &Capsule, bytes: &[u8]) {
        self.unshown.borrow_mut().extend(bytes);
        let mut begun = Instant::now();
        while self.show_slice() {
            if begun.elapsed() > SHARE {
                capsule.turns.after(CHUNK).await;
                begun = Instant::now();
            }
        }
    }

    /// Shows a piece of what was read, if anything is left.
    fn show_slice(&self) -> bool {
        let slice: Vec<u8> = {
            let mut unshown = self.unshown.borrow_mut();
            let length = unshown.len().min(SLICE);
            unshown.drain(..length).collect()
        };
        if !slice.is_empty() {
            self.show(&slice);
        }
        !slice.is_empty()
    }

    /// Shows what is still to be read after the end; of who goes on writing meanwhile, no more than a terminal holds.
    async fn show_last_words(&self, capsule: &Capsule, terminal: &Terminal) {
        self.show_in_turns(capsule, &[]).await;
        let mut buffer = vec![0; CHUNK];
        for _ in 0..LAST_WORDS / CHUNK {
            let Some(count) = terminal.read_now(&mut buffer) else { return };
            self.show_in_turns(capsule, &buffer[..count]).await;
        }
    }

    /// Shows at once what is still to be read; of who goes on writing meanwhile, no more than a terminal holds.
    pub(super) fn catch_up(&self, terminal: &Terminal) {
        while self.show_slice() {}
        let mut buffer = vec![0; CHUNK];
        for _ in 0..LAST_WORDS / CHUNK {
            let Some(count) = terminal.read_now(&mut buffer) else { return };
            self.show(&buffer[..count]);
        }
    }

    /// Waits until the writer is not about to fall behind what is kept, so that a writer that reads gets every byte.
    ///
    /// One that does not come nearer in time is not waited for any more until it has caught up: it is painted anew, and the program
    /// goes on. Who only watches is never waited for.
    async fn wait_for_writer(&self) {
        let lags = || {
            let inner = self.inner.borrow();
            inner.viewers.writer_lag(inner.ring.end()).is_some_and(|lag| lag > WRITER_LAG)
        };
        let near = async {
            while lags() {
                self.writer_moved.notified().await;
            }
        };
        if tokio::time::timeout(WRITER_PATIENCE, near).await.is_err() {
            self.inner.borrow_mut().viewers.give_up_on_writer();
        }
    }

    pub(super) fn show(&self, bytes: &[u8]) {
        {
            let inner = &mut *self.inner.borrow_mut();
            // Before the screen's answers: a program takes the answer to its next question for a no.
            let told = inner.known.status.process(bytes);
            self.input.push_now(&told);
            let restarts = inner.screen.restarts();
            let answers = inner.screen.process(bytes);
            if inner.screen.restarts() > restarts {
                log!("screen-started-anew", "id" => self.id, "rows" => inner.size.rows, "cols" => inner.size.cols);
            }
            inner.ring.push(bytes);
            inner.last_output_at = Some(now());
            if !inner.viewers.answers() {
                self.input.push_now(&answers);
            }
        }
        self.announce_change();
        self.activity.notify_one();
    }

    fn end(&self, exit: Exit) {
        {
            let inner = &mut *self.inner.borrow_mut();
            inner.exit = Some(exit);
            inner.state = SessionState::Exited;
            inner.state_since = now();
            inner.evidence = match (exit.code, exit.signal) {
                (Some(code), _) => format!("exit code {code}"),
                (None, Some(signal)) => format!("signal {signal}"),
                (None, None) => "its end was not seen".to_owned(),
            };
            inner.terminal = None;
        }
        self.input.close();
        self.announce_change();
        self.activity.notify_one();
    }
}
