//! What a session does, judged when something happened and for a short while after.
//!
//! # Where it is known from
//!
//! | | Source | What it is | Where it is read |
//! |---|---|---|---|
//! | 1 | hook | the agent's own hooks, by `jackin-capsule report` | [`Session::report`] |
//! | 1 | status | the program's own report over its terminal, OSC 7501 | [`status`] |
//! | 2 | signal | the window title, by the rules of the Agent; progress that goes on (OSC 9;4) | [`rules`] |
//! | 3 | foreground | the processes of a shell | [`foreground`] |
//! | 4 | screen | the last rows of the screen, by the rules of the Agent | [`rules`] |
//!
//! # How it is weighed, in [`judge`], from the top
//!
//! | Known | State |
//! |---|---|
//! | the process ended | exited |
//! | the role's hooks run | starting |
//! | hook and status | what the later of the two said: both are the program's own words |
//! | status | what it said; no guess counts beside it |
//! | hook, and what is shown began more than a second later, or later and after a key was typed | what is shown: a hook does not tell of a prompt that was answered or a turn that was broken off |
//! | hook | what it said |
//! | signal, else foreground, else screen | what it says; "waits for input" is idle while the session has not worked yet |
//! | nothing | starting for fifteen seconds, then unknown |
//!
//! Where that comes to idle or waiting for input and the screen says that a login is needed, a login is needed. A screen is believed
//! when it has said the same for 300 ms, as it is painted in parts. A hook that reports `unknown` takes its word back; a status is
//! forgotten when the shell under which the program ran has the terminal again.
//!
//! A capsule in which nothing happens and at which nobody looks sets no timer. A shell that works is judged all the while: a job in
//! its background ends without a word.

mod foreground;
mod judge;
mod rules;
mod status;
#[cfg(test)]
mod transcripts;

use std::rc::Rc;
use std::time::Duration;

use jackin_api::wire::{ErrorCode, Millis, Notice, ReplyError, Report, SessionState, StateRule};
use tokio::time::Instant;

use super::{Inner, Session};
use crate::capsule::{Capsule, now};
use crate::serve::refuse;

use judge::{Claim, Heard, Judge, Judgment, Seen};
use status::StatusScanner;

/// How long output must pause before it is judged: a prompt follows the command's end by a little.
const SETTLE: Duration = Duration::from_millis(40);

/// How often a shell is judged without output, as long as it works, somebody looks or something happened lately.
const TICK: Duration = Duration::from_secs(1);

/// What is lately.
const LATELY: Duration = Duration::from_secs(10);

/// What is kept of a session to judge it.
#[derive(Debug, Default)]
pub(super) struct Known {
    judge: Judge,
    pub(super) status: StatusScanner,
    hook: Option<Heard>,
    typed_at: Option<Millis>,
}

/// Judges until the session ended.
pub(super) async fn run(capsule: Rc<Capsule>, session: Rc<Session>) {
    let mut last_activity = Instant::now();
    let mut again = None;
    loop {
        if !session.is_live() {
            return;
        }
        let needs_ticks =
            session.rule == StateRule::Foreground && (session.needs_ticks() || last_activity.elapsed() < LATELY);
        let wait = again.into_iter().chain(needs_ticks.then_some(TICK)).min();
        tokio::select! {
            () = session.activity.notified() => {
                last_activity = Instant::now();
                tokio::time::sleep(SETTLE).await;
            }
            () = tokio::time::sleep(wait.unwrap_or_default()), if wait.is_some() => {}
        }
        let (notice, later) = session.judge();
        again = later;
        if let Some(notice) = notice {
            capsule.tell(notice);
        }
    }
}

impl Session {
    /// Takes what a hook of the agent says.
    pub(crate) fn report(&self, report: &Report) -> Result<(), ReplyError> {
        let Report { session: _, state, evidence } = report;
        if !self.is_live() {
            return Err(refuse(ErrorCode::SessionEnded, &format!("session `{}` ended before", self.id)));
        }
        let claim = Claim::new(*state, if evidence.is_empty() { "hook" } else { evidence });
        self.inner.borrow_mut().known.hook = match state {
            SessionState::Exited => {
                return Err(refuse(ErrorCode::BadRequest, "only the capsule says that a session exited"));
            }
            SessionState::Unknown => None,
            SessionState::Starting
            | SessionState::Working
            | SessionState::WaitingForInput
            | SessionState::WaitingForPermission
            | SessionState::Idle
            | SessionState::AuthNeeded => Some(Heard { claim, at: now() }),
        };
        self.activity.notify_one();
        Ok(())
    }

    /// Notes that a person typed. What begins with an escape and goes on is taken for the terminal's own word, such as an answer.
    pub(super) fn note_typing(&self, bytes: &[u8]) {
        if bytes.first().is_some_and(|&first| first != 0x1b || bytes.len() == 1) {
            self.inner.borrow_mut().known.typed_at = Some(now());
        }
        self.activity.notify_one();
    }

    /// Whether its state may change without output, or somebody wants to know it at once.
    fn needs_ticks(&self) -> bool {
        let inner = self.inner.borrow();
        inner.state == SessionState::Working || inner.viewers.count() > 0
    }

    /// Judges once; says what changed, and when another look is worth while.
    fn judge(&self) -> (Option<Notice>, Option<Duration>) {
        let inner = &mut *self.inner.borrow_mut();
        if inner.exit.is_some() {
            return (None, None);
        }
        let seen = self.look(inner);
        let at = seen.at;
        let Judgment { claim: Claim { state, evidence }, again } = inner.known.judge.judge(seen);
        let has_changed = inner.state != state;
        if has_changed {
            inner.state = state;
            inner.state_since = at;
        }
        inner.evidence.clone_from(&evidence);
        let notice = || Notice::StateChanged { id: self.id.clone(), name: inner.name.clone(), state, evidence };
        (has_changed.then(notice), again)
    }

    /// Looks at everything that tells its state.
    fn look(&self, inner: &mut Inner) -> Seen {
        let mut foreground = None;
        if self.rule == StateRule::Foreground {
            let group = inner.terminal.as_ref().and_then(|terminal| terminal.foreground_group());
            let (claim, has_terminal) = foreground::claim(self.pid, group);
            foreground = Some(claim);
            if has_terminal {
                inner.known.status.forget();
            }
        }
        let rules = self.recognition.as_deref();
        let text = rules.filter(|rules| rules::needs_screen(rules)).map(|_| inner.screen.text()).unwrap_or_default();
        let rows: Vec<_> = text.lines().collect();
        let Known { judge: _, status, hook, typed_at } = &inner.known;
        Seen {
            at: now(),
            started_at: self.created_at,
            is_preparing: inner.preparing,
            has_output: inner.last_output_at.is_some(),
            is_recognised: rules.is_some(),
            hook: hook.clone(),
            status: status.record().map(|claim| (status.reports(), claim.clone())),
            signal: rules
                .and_then(|rules| rules::title(rules, inner.screen.title()))
                .or_else(|| rules::progress(inner.screen.progress())),
            foreground,
            screen: rules.and_then(|rules| rules::screen(rules, &rows)),
            typed_at: *typed_at,
        }
    }
}
