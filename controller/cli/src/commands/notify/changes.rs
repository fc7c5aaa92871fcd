//! What changed about sessions from one look at the instances to the next: no clock, no process, no network is asked here.

use std::collections::BTreeMap;

use jackin_api::kinds::{Instance, SessionStatus};
use jiff::Timestamp;
use kube::ResourceExt;
use serde::Serialize;

/// A session does something else than before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Change {
    pub(super) namespace: String,
    pub(super) instance: String,
    pub(super) session: String,
    pub(super) agent: String,
    pub(super) state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) was: Option<String>,
    pub(super) evidence: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) since: Option<Timestamp>,
}

impl Change {
    /// What happened, in a few words.
    pub(super) fn headline(&self) -> String {
        let Self { instance, session, agent, state, .. } = self;
        let who = if agent.is_empty() { session } else { agent };
        format!("{instance}: {who} {}", words(state))
    }
}

/// What a session does, as a person says it.
fn words(state: &str) -> &str {
    match state {
        "WaitingForInput" => "waits for you",
        "WaitingForPermission" => "asks for permission",
        "AuthNeeded" => "needs a login",
        "Idle" => "is idle",
        "Exited" => "ended",
        "Working" => "is at work",
        "Starting" => "starts",
        other => other,
    }
}

/// Which changes are of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum On {
    /// It waits for a person, in whatever way
    Waiting,
    /// It waits for words
    Input,
    /// It waits for consent
    Permission,
    /// It needs a login
    Auth,
    /// It has nothing to do
    Idle,
    /// It ended
    Exited,
    /// It went to work
    Working,
    /// All of these
    Any,
}

impl On {
    fn covers(self, state: &str) -> bool {
        match self {
            Self::Waiting => SessionStatus::waits_in(state),
            Self::Input => state == "WaitingForInput",
            Self::Permission => state == "WaitingForPermission",
            Self::Auth => state == "AuthNeeded",
            Self::Idle => state == "Idle",
            Self::Exited => state == "Exited",
            Self::Working => state == "Working",
            Self::Any => !matches!(state, "Starting" | "Unknown"),
        }
    }
}

/// A session: the uid of its instance, and its name.
type Key = (String, String);

/// What is remembered of each session.
///
/// One that is not seen for a while, as its instance cannot be read or the controller is away, is not forgotten: when it is seen
/// again as it was, nothing changed.
#[derive(Debug, Default)]
pub(super) struct Memory {
    known: BTreeMap<Key, (String, Option<Timestamp>)>,
    was_asked: bool,
}

impl Memory {
    /// The changes since the last look. At the first look the sessions that wait for a person are told, and no others.
    pub(super) fn changes(&mut self, instances: &[Instance], on: &[On]) -> Vec<Change> {
        let is_first = !std::mem::replace(&mut self.was_asked, true);
        let uids: Vec<_> = instances.iter().map(|instance| instance.uid().unwrap_or_default()).collect();
        self.known.retain(|(uid, _), _| uids.contains(uid));
        let mut changes = Vec::new();
        for (instance, uid) in instances.iter().zip(uids) {
            let sessions = instance.status.as_ref().map(|status| status.sessions.as_slice()).unwrap_or_default();
            for session in sessions {
                let now = (session.state.clone(), session.since);
                let before = self.known.insert((uid.clone(), session.id.clone()), now.clone());
                let is_news = before.as_ref() != Some(&now) && (!is_first || session.waits());
                if is_news && on.iter().any(|on| on.covers(&session.state)) {
                    changes.push(change(instance, session, before.map(|(state, _)| state)));
                }
            }
        }
        changes
    }
}

fn change(instance: &Instance, session: &SessionStatus, was: Option<String>) -> Change {
    Change {
        namespace: instance.namespace().unwrap_or_default(),
        instance: instance.name_any(),
        session: session.id.clone(),
        agent: session.agent.clone(),
        state: session.state.clone(),
        was,
        evidence: session.evidence.clone(),
        since: session.since,
    }
}

#[cfg(test)]
mod tests {
    use jackin_api::kinds::{InstanceSpec, InstanceStatus};
    use serde_json::json;

    use super::*;

    fn instance(name: &str, sessions: &[(&str, &str, i64)]) -> Instance {
        let sessions: Vec<_> = sessions
            .iter()
            .map(|(id, state, since)| {
                let since = Timestamp::from_second(*since).expect("a time");
                json!({"id": id, "agent": "claude", "state": state, "since": since, "evidence": "hook"})
            })
            .collect();
        let mut instance = Instance::new(name, InstanceSpec::default());
        instance.metadata.namespace = Some("default".to_owned());
        instance.metadata.uid = Some(format!("uid-{name}"));
        let sessions = serde_json::from_value(json!(sessions)).expect("sessions");
        instance.status = Some(InstanceStatus { sessions, ..InstanceStatus::default() });
        instance
    }

    fn told(memory: &mut Memory, sessions: &[(&str, &str, i64)], on: On) -> Vec<String> {
        let changes = memory.changes(&[instance("desk-main", sessions)], &[on]);
        changes.iter().map(Change::headline).collect()
    }

    #[test]
    fn each_change_is_told_once_and_those_that_wait_already_at_the_first_look() {
        let mut memory = Memory::default();
        let first = [("main", "WaitingForPermission", 1), ("shell", "Idle", 1)];
        assert_eq!(told(&mut memory, &first, On::Any), ["desk-main: claude asks for permission"]);
        assert_eq!(told(&mut memory, &first, On::Any), Vec::<String>::new());
        let next = [("main", "Working", 2), ("shell", "Exited", 2)];
        assert_eq!(told(&mut memory, &next, On::Any), ["desk-main: claude is at work", "desk-main: claude ended"]);
        assert_eq!(told(&mut memory, &next, On::Any), Vec::<String>::new());
    }

    #[test]
    fn only_what_was_asked_for_is_told_and_a_second_prompt_is_another_change() {
        let mut memory = Memory::default();
        let mut at = |state, since| told(&mut memory, &[("main", state, since)], On::Waiting);
        assert_eq!(at("Working", 1), Vec::<String>::new());
        assert_eq!(at("WaitingForInput", 2), ["desk-main: claude waits for you"]);
        assert_eq!(at("Working", 3), Vec::<String>::new());
        assert_eq!(at("WaitingForInput", 4), ["desk-main: claude waits for you"]);
        assert_eq!(at("WaitingForInput", 6), ["desk-main: claude waits for you"], "the work between was not seen");
    }

    #[test]
    fn a_session_that_is_out_of_sight_for_a_while_did_not_change() {
        let mut memory = Memory::default();
        assert_eq!(told(&mut memory, &[("main", "AuthNeeded", 1)], On::Auth).len(), 1);
        assert_eq!(told(&mut memory, &[], On::Auth).len(), 0);
        assert_eq!(told(&mut memory, &[("main", "AuthNeeded", 1)], On::Auth).len(), 0);
        memory.changes(&[], &[On::Auth]);
        assert_eq!(told(&mut memory, &[("main", "AuthNeeded", 1)], On::Auth).len(), 1, "another instance of its name");
    }
}
