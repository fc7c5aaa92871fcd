//! What a session does, judged when something happened and for a short while after.
//!
//! A capsule in which nothing happens and at which nobody looks sets no timer. A shell that works is judged all the while: a job in
//! its background ends without a word.

use std::rc::Rc;
use std::time::Duration;

use jackin_api::wire::{Notice, SessionState, StateRule};
use tokio::time::Instant;

use super::Session;
use crate::capsule::Capsule;

/// How long output must pause before it is judged: a prompt follows the command's end by a little.
const SETTLE: Duration = Duration::from_millis(40);

/// How often it is judged without output, as long as it works, somebody looks or something happened lately.
const TICK: Duration = Duration::from_secs(1);

/// What is lately.
const LATELY: Duration = Duration::from_secs(10);

/// Judges until the session ended.
pub(super) async fn run(capsule: Rc<Capsule>, session: Rc<Session>) {
    let mut last_activity = Instant::now();
    loop {
        if !session.is_live() {
            return;
        }
        let needs_ticks = session.needs_ticks() || last_activity.elapsed() < LATELY;
        tokio::select! {
            () = session.activity.notified() => {
                last_activity = Instant::now();
                tokio::time::sleep(SETTLE).await;
            }
            () = tokio::time::sleep(TICK), if needs_ticks && session.rule == StateRule::Foreground => {}
        }
        if let Some(notice) = session.judge() {
            capsule.tell(notice);
        }
    }
}

impl Session {
    /// Whether its state may change without output, or somebody wants to know it at once.
    fn needs_ticks(&self) -> bool {
        let inner = self.inner.borrow();
        inner.state == SessionState::Working || inner.viewers.count() > 0
    }

    /// Judges once; says what changed.
    fn judge(&self) -> Option<Notice> {
        let inner = &mut *self.inner.borrow_mut();
        if inner.exit.is_some() {
            return None;
        }
        let (state, evidence) = match self.rule {
            _ if inner.preparing => (SessionState::Starting, "its hooks run".to_owned()),
            StateRule::Foreground => {
                let foreground = inner.terminal.as_ref().and_then(|terminal| terminal.foreground_group());
                foreground_rule(self.pid, foreground, has_company(self.pid))
            }
            StateRule::None if inner.last_output_at.is_none() => (SessionState::Starting, "no output yet".to_owned()),
            StateRule::None => (SessionState::Unknown, "no rule for this agent".to_owned()),
        };
        let has_changed = inner.state != state;
        inner.state = state;
        inner.evidence.clone_from(&evidence);
        has_changed.then(|| Notice::StateChanged { id: self.id.clone(), name: inner.name.clone(), state, evidence })
    }
}

fn foreground_rule(leader: u32, foreground: Option<u32>, has_company: Option<bool>) -> (SessionState, String) {
    match (foreground, has_company) {
        (None, _) | (_, None) => (SessionState::Unknown, "the terminal's foreground process is not visible".to_owned()),
        (Some(group), _) if group != leader => {
            let name = std::fs::read_to_string(format!("/proc/{group}/comm")).unwrap_or_default();
            (SessionState::Working, format!("{} in the foreground", name.trim()).trim_start().to_owned())
        }
        (Some(_), Some(true)) => (SessionState::Working, "the shell has something in the background".to_owned()),
        (Some(_), Some(false)) => {
            (SessionState::Idle, "the shell is in the foreground, with nothing in the background".to_owned())
        }
    }
}

/// Whether a shell has children, or its session has what outlived the command that started it; nothing when that cannot be seen.
///
/// A process whose parent ended is a child of PID 1, and still of the shell's session.
fn has_company(leader: u32) -> Option<bool> {
    let keeps_company = |entry: std::fs::DirEntry| {
        let status = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        entry.file_name() != *leader.to_string() && is_company(&status, leader)
    };
    Some(std::fs::read_dir("/proc").ok()?.flatten().any(keeps_company))
}

/// Whether the status of a process says that it is a child of `leader` or of its session, and has not ended.
fn is_company(status: &str, leader: u32) -> bool {
    // The name before may contain anything, also a closing bracket.
    let mut fields = status.rsplit(')').next().unwrap_or_default().split_whitespace();
    let (state, parent, _group, session) = (fields.next(), fields.next(), fields.next(), fields.next());
    let is_leader = |field: Option<&str>| field.is_some_and(|field| field.parse() == Ok(leader));
    // A shell may leave one that ended without a reaping until its next prompt.
    !matches!(state, Some("Z" | "X")) && (is_leader(parent) || is_leader(session))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_is_idle_only_in_the_foreground_and_with_nothing_in_the_background() {
        let state = |foreground, has_company| foreground_rule(7, foreground, has_company).0;
        assert_eq!(state(Some(7), Some(false)), SessionState::Idle);
        assert_eq!(state(Some(7), Some(true)), SessionState::Working);
        assert_eq!(state(Some(999_999_999), Some(true)), SessionState::Working);
        assert_eq!(state(None, Some(false)), SessionState::Unknown);
        assert_eq!(state(Some(7), None), SessionState::Unknown);
    }

    #[test]
    fn what_keeps_a_shell_company_is_a_child_or_of_its_session_and_has_not_ended() {
        let status = |state, parent, session| format!("12 (a ) b) {state} {parent} 11 {session} 0 -1");
        assert!(is_company(&status("S", 7, 12), 7), "a child, in a session of its own");
        assert!(is_company(&status("T", 1, 7), 7), "an orphan of the session, stopped");
        assert!(!is_company(&status("S", 1, 8), 7), "another's");
        assert!(!is_company(&status("Z", 7, 7), 7), "ended");
        assert!(!is_company("", 7), "gone while it was read");
    }
}
