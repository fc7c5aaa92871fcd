//! What a session does, judged when something happened and for a short while after.
//!
//! A capsule in which nothing happens and at which nobody looks sets no timer.

use std::rc::Rc;
use std::time::Duration;

use jackin_api::wire::{Notice, SessionState, StateRule};
use tokio::time::Instant;

use super::Session;
use crate::capsule::Capsule;

/// How long output must pause before it is judged: a prompt follows the command's end by a little.
const SETTLE: Duration = Duration::from_millis(40);

/// How often it is judged without output, as long as somebody looks or something happened lately.
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
        let is_watched = session.inner.borrow().viewers.count() > 0;
        let needs_ticks = session.rule == StateRule::Foreground && (is_watched || last_activity.elapsed() < LATELY);
        tokio::select! {
            () = session.activity.notified() => {
                last_activity = Instant::now();
                tokio::time::sleep(SETTLE).await;
            }
            () = tokio::time::sleep(TICK), if needs_ticks => {}
        }
        if let Some(notice) = session.judge() {
            capsule.tell(notice);
        }
    }
}

impl Session {
    /// Judges once; says what changed.
    fn judge(&self) -> Option<Notice> {
        let inner = &mut *self.inner.borrow_mut();
        if inner.exit.is_some() {
            return None;
        }
        let (state, evidence) = match self.rule {
            StateRule::Foreground => {
                let foreground = inner.terminal.as_ref().and_then(|terminal| terminal.foreground_group());
                foreground_rule(self.pid, foreground, has_children(self.pid))
            }
            StateRule::None if inner.last_output_at.is_none() => (SessionState::Starting, "no output yet".to_owned()),
            StateRule::None => (SessionState::Unknown, "no rule for this agent".to_owned()),
        };
        let has_changed = inner.state != state;
        inner.state = state;
        inner.evidence.clone_from(&evidence);
        has_changed.then(|| Notice::StateChanged { id: self.id.clone(), name: self.name.clone(), state, evidence })
    }
}

fn foreground_rule(leader: u32, foreground: Option<u32>, has_children: Option<bool>) -> (SessionState, String) {
    match (foreground, has_children) {
        (None, _) | (_, None) => (SessionState::Unknown, "the terminal's foreground process is not visible".to_owned()),
        (Some(group), _) if group != leader => {
            let name = std::fs::read_to_string(format!("/proc/{group}/comm")).unwrap_or_default();
            (SessionState::Working, format!("{} in the foreground", name.trim()).trim_start().to_owned())
        }
        (Some(_), Some(true)) => (SessionState::Working, "the shell has children".to_owned()),
        (Some(_), Some(false)) => (SessionState::Idle, "the shell is in the foreground, without children".to_owned()),
    }
}

/// Whether a process has children; nothing when that cannot be seen.
fn has_children(pid: u32) -> Option<bool> {
    if let Ok(children) = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")) {
        return Some(!children.trim().is_empty());
    }
    // A kernel may be built without that file.
    let processes = std::fs::read_dir("/proc").ok()?;
    let is_child = |entry: std::fs::DirEntry| {
        let status = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // The name before may contain anything, also a closing bracket; the parent is the second field after the last.
        let parent = status.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1));
        parent.is_some_and(|parent| parent.parse() == Ok(pid))
    };
    Some(processes.flatten().any(is_child))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_is_idle_only_in_the_foreground_and_without_children() {
        let state = |foreground, has_children| foreground_rule(7, foreground, has_children).0;
        assert_eq!(state(Some(7), Some(false)), SessionState::Idle);
        assert_eq!(state(Some(7), Some(true)), SessionState::Working);
        assert_eq!(state(Some(999_999_999), Some(true)), SessionState::Working);
        assert_eq!(state(None, Some(false)), SessionState::Unknown);
        assert_eq!(state(Some(7), None), SessionState::Unknown);
    }

    #[test]
    fn children_are_seen() {
        let own = std::process::id();
        let mut child = std::process::Command::new("/bin/sleep").arg("60").spawn().expect("a child");
        // The test's own threads may have children of their own: ask the child, who has none.
        assert_eq!(has_children(child.id()), Some(false));
        assert!(has_children(own).is_some());
        child.kill().expect("killed");
        child.wait().expect("reaped");
    }
}
