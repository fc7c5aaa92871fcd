//! Which sessions are live, whether a repair may end them, and who loses nothing by one.

use jackin_api::kinds::{DisruptionPolicy, Instance, RunState, SessionStatus};
use jackin_api::wire::{Session, SessionState};
use jackin_api::words::{self, ConditionType, Phase, Reason};

use crate::observed::Capsule;
use crate::step::Consent;
use crate::world::ContainerState;

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

/// Whether sessions may live in a container of this state. While the engine waits to start it again, its processes have ended.
pub fn may_have_sessions(state: ContainerState) -> bool {
    matches!(state, ContainerState::Running | ContainerState::Paused)
}

/// Names of the sessions that became live since a look at them by which they may end; `is_for_idleness` says that nobody works there.
pub fn begun_since(
    before: &[Session],
    now: &[Session],
    policy: DisruptionPolicy,
    is_for_idleness: bool,
) -> Vec<String> {
    let live = if is_for_idleness { awake_sessions } else { live_sessions };
    let known = live(before, policy);
    live(now, policy).into_iter().filter(|name| !known.contains(name)).collect()
}

/// Names of the sessions that the removal of an instance would end against the policy, if it has to wait, by the states of its containers;
/// none where nobody can tell whether there are any.
pub fn before_removal(
    states: impl IntoIterator<Item = ContainerState>,
    capsule: &Capsule,
    policy: DisruptionPolicy,
) -> Option<Vec<String>> {
    let mut alive = states.into_iter().filter(|state| may_have_sessions(*state));
    alive.next()?;
    match capsule {
        Capsule::Answers(status) if alive.next().is_none() => {
            Some(live_sessions(&status.sessions, policy)).filter(|live| !live.is_empty())
        }
        // Of several containers, only one is asked.
        Capsule::Answers(_) | Capsule::Silent(_) | Capsule::NotAsked => Some(Vec::new()),
    }
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
    use jackin_api::wire::Status;

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

    #[test]
    fn who_became_live_since_a_look_is_named_and_who_was_allowed_to_end_is_not() {
        let (idle, working) = ([session(SessionState::Idle, 0)], [session(SessionState::Working, 0)]);
        let attached = [session(SessionState::Idle, 1)];
        let begun = |before: &[Session], now: &[Session], policy| begun_since(before, now, policy, false);
        assert_eq!(begun(&idle, &attached, DisruptionPolicy::Never), ["main"]);
        assert_eq!(begun(&idle, &working, DisruptionPolicy::WhenIdle), ["main"]);
        assert!(begun(&idle, &idle, DisruptionPolicy::Never).is_empty());
        // Its deadline had passed.
        assert!(begun(&working, &working, DisruptionPolicy::WhenIdle).is_empty());
        assert!(begun(&idle, &working, DisruptionPolicy::Always).is_empty());
        assert_eq!(begun_since(&idle, &working, DisruptionPolicy::Always, true), ["main"]);
    }

    #[test]
    fn a_removal_waits_for_who_works_and_where_nobody_can_tell() {
        let answers = |state| {
            Capsule::Answers(Status {
                version: String::new(),
                started_at: Default::default(),
                environment_digest: None,
                sessions: vec![session(state, 0)],
                hooks: Vec::new(),
            })
        };
        let waits = |states: &[ContainerState], capsule: &Capsule| {
            before_removal(states.iter().copied(), capsule, DisruptionPolicy::Never)
        };
        let (running, paused) = (ContainerState::Running, ContainerState::Paused);
        assert_eq!(waits(&[ContainerState::Exited], &Capsule::NotAsked), None);
        assert_eq!(waits(&[running], &answers(SessionState::Idle)), None);
        assert_eq!(waits(&[running], &answers(SessionState::Working)), Some(vec!["main".to_owned()]));
        let nobody_can_tell = Some(Vec::new());
        assert_eq!(waits(&[running], &Capsule::Silent(String::new())), nobody_can_tell);
        assert_eq!(waits(&[paused], &Capsule::NotAsked), nobody_can_tell);
        assert_eq!(waits(&[running, paused], &answers(SessionState::Idle)), nobody_can_tell);
    }
}
