//! Which sessions are live, whether a repair may end them, and who loses nothing by one.

use jackin_api::kinds::{DisruptionPolicy, Instance, RunState, SessionStatus};
use jackin_api::wire::{Session, SessionState};
use jackin_api::words::{self, ConditionType, Phase, Reason};

use crate::step::Consent;

/// Names of the sessions that a repair must not end under this policy.
///
/// A session is live while somebody is attached to it, or while it is not known to have nothing to do. A shell that stands at its
/// prompt with nobody looking is not live.
pub fn live_sessions(sessions: &[Session], policy: DisruptionPolicy) -> Vec<String> {
    sessions.iter().filter(|session| is_live(session, policy)).map(|session| session.name.clone()).collect()
}

/// Names of the sessions for which an instance is kept running although `lifecycle.idleAfter` is set.
///
/// They are those that are live. That a policy lets repairs end all of them does not mean that nobody works.
pub fn awake_sessions(sessions: &[Session], policy: DisruptionPolicy) -> Vec<String> {
    let policy = match policy {
        DisruptionPolicy::Never => DisruptionPolicy::Never,
        DisruptionPolicy::WhenIdle | DisruptionPolicy::Always => DisruptionPolicy::WhenIdle,
    };
    live_sessions(sessions, policy)
}

/// The names of [`live_sessions`], for sessions as a status tells of them.
pub fn live_by_status(sessions: &[SessionStatus], policy: DisruptionPolicy) -> Vec<String> {
    let live = |session: &&SessionStatus| protects(state_from_word(&session.state), session.attached, policy);
    sessions.iter().filter(live).map(|session| session.id.clone()).collect()
}

/// Whether an instance should run and does not, after tries that failed: nothing is lost by another try, be it with another image.
pub fn stands_still(instance: &Instance) -> bool {
    let Some(status) = &instance.status else { return false };
    let capsule = words::find(&status.conditions, ConditionType::CapsuleReady);
    let not_running = capsule.is_some_and(|capsule| capsule.reason == Reason::ContainerNotRunning.to_string());
    instance.spec.run == RunState::Running && status.phase == Phase::Failed && not_running
}

fn is_live(session: &Session, policy: DisruptionPolicy) -> bool {
    session.is_live() && protects(session.state, session.attached > 0, policy)
}

/// Whether a session in this state keeps its instance from being disrupted.
fn protects(state: SessionState, attached: bool, policy: DisruptionPolicy) -> bool {
    if state == SessionState::Exited || policy == DisruptionPolicy::Always {
        return false;
    }
    let idle = match state {
        SessionState::Idle => true,
        SessionState::WaitingForInput => policy == DisruptionPolicy::WhenIdle,
        SessionState::Starting
        | SessionState::Working
        | SessionState::WaitingForPermission
        | SessionState::AuthNeeded
        | SessionState::Unknown
        | SessionState::Exited => false,
    };
    attached || !idle
}

/// The word of a state in a status.
pub fn state_word(state: SessionState) -> &'static str {
    STATE_WORDS.iter().find(|(known, _)| *known == state).map_or("Unknown", |(_, word)| word)
}

fn state_from_word(word: &str) -> SessionState {
    STATE_WORDS.iter().find(|(_, known)| *known == word).map_or(SessionState::Unknown, |(state, _)| *state)
}

const STATE_WORDS: [(SessionState, &str); 8] = [
    (SessionState::Starting, "Starting"),
    (SessionState::Working, "Working"),
    (SessionState::WaitingForInput, "WaitingForInput"),
    (SessionState::WaitingForPermission, "WaitingForPermission"),
    (SessionState::Idle, "Idle"),
    (SessionState::Exited, "Exited"),
    (SessionState::AuthNeeded, "AuthNeeded"),
    (SessionState::Unknown, "Unknown"),
];

/// Whether live sessions may be ended, and by whose word; else their names.
///
/// # Errors
/// The names of the sessions that must be waited for.
pub fn consent(
    sessions: &[Session],
    policy: DisruptionPolicy,
    requested: bool,
    deadline_passed: bool,
) -> Result<Consent, Vec<String>> {
    if requested {
        return Ok(Consent::Request);
    }
    let live = live_sessions(sessions, policy);
    if live.is_empty() {
        let any = !live_sessions(sessions, DisruptionPolicy::Never).is_empty();
        return Ok(if any { Consent::Policy } else { Consent::NoLiveSession });
    }
    if policy == DisruptionPolicy::WhenIdle && deadline_passed { Ok(Consent::Policy) } else { Err(live) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(state: SessionState, attached: u32) -> Session {
        Session {
            id: "1".to_owned(),
            name: "main".to_owned(),
            agent: String::new(),
            argv: Vec::new(),
            pid: 7,
            state,
            evidence: String::new(),
            state_since: None,
            exit: None,
            attached,
            writer: attached > 0,
            created_at: Default::default(),
            last_output_at: None,
            size: Default::default(),
            title: String::new(),
            preparing: false,
            failed_hook: None,
        }
    }

    #[test]
    fn a_shell_at_its_prompt_is_live_only_while_somebody_looks() {
        let idle = |attached| live_sessions(&[session(SessionState::Idle, attached)], DisruptionPolicy::Never);
        assert_eq!(idle(0), Vec::<String>::new());
        assert_eq!(idle(1), ["main"]);
    }

    #[test]
    fn a_session_whose_state_is_not_known_is_live() {
        let unknown = [session(SessionState::Unknown, 0)];
        assert_eq!(consent(&unknown, DisruptionPolicy::Never, false, true), Err(vec!["main".to_owned()]));
        assert_eq!(consent(&unknown, DisruptionPolicy::WhenIdle, false, false), Err(vec!["main".to_owned()]));
        assert_eq!(consent(&unknown, DisruptionPolicy::WhenIdle, false, true), Ok(Consent::Policy));
        assert_eq!(consent(&unknown, DisruptionPolicy::Always, false, false), Ok(Consent::Policy));
        assert_eq!(consent(&unknown, DisruptionPolicy::Never, true, false), Ok(Consent::Request));
    }
}
