//! Who waits for a person, and who of them waits longest.

use jackin_api::kinds::{Instance, SessionStatus};
use kube::ResourceExt;

use crate::command_error::CommandError;
use crate::context::Context;
use crate::live::{self, Target, Waited};
use crate::resource::INSTANCE;

/// A session that waits, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) instance: String,
    pub(crate) session: SessionStatus,
}

/// The session that waits longest, of one instance or of all in the namespace; with `patience`, the first that does.
///
/// # Errors
/// When none waits, or the controller cannot be asked.
pub(crate) async fn longest(
    client: &kube::Client,
    context: &Context,
    instance: Option<&str>,
    patience: bool,
) -> Result<Waiting, CommandError> {
    let name = instance.map(str::to_owned);
    let targets = [Target { resource: &INSTANCE, namespace: context.namespace().to_owned(), name }];
    let found = live::until(client, &targets, None, |live| {
        let mut instances = Vec::new();
        for object in live.of(&INSTANCE) {
            instances.push(live::typed::<Instance>(object)?);
        }
        if let Some(name) = instance.filter(|_| instances.is_empty()) {
            return Err(CommandError::failed(format!("instance `{name}` not found"))
                .hint("`jackin get instances` lists those that are there"));
        }
        match of(&instances) {
            None if patience => Ok(None),
            found => Ok(Some(found)),
        }
    });
    match found.await? {
        Waited::Done(Some(waiting)) => Ok(waiting),
        Waited::Done(None) | Waited::TimedOut => {
            let place =
                instance.map_or_else(|| format!("namespace `{}`", context.namespace()), |name| format!("`{name}`"));
            Err(CommandError::failed(format!("no session of {place} waits for anybody"))
                .hint("`--wait` waits until one does; `jackin get instances` tells what they do"))
        }
    }
}

/// The session that waits longest; of those of one moment, or of an unknown one, the first by name.
fn of(instances: &[Instance]) -> Option<Waiting> {
    let sessions = instances.iter().flat_map(|instance| {
        let sessions = instance.status.as_ref().map(|status| status.sessions.as_slice()).unwrap_or_default();
        sessions.iter().map(|session| Waiting { instance: instance.name_any(), session: session.clone() })
    });
    let waiting = sessions.filter(|waiting| waiting.session.waits());
    // One of an older capsule, whose time is not known, goes last.
    waiting.min_by_key(|Waiting { instance, session }| {
        (session.since.is_none(), session.since, instance.clone(), session.id.clone())
    })
}

#[cfg(test)]
mod tests {
    use jackin_api::kinds::{InstanceSpec, InstanceStatus};
    use jiff::Timestamp;

    use super::*;

    fn instance(name: &str, sessions: &[(&str, &str, Option<i64>)]) -> Instance {
        let session = |(id, state, since): &(&str, &str, Option<i64>)| SessionStatus {
            id: (*id).to_owned(),
            state: (*state).to_owned(),
            since: since.map(|since| Timestamp::from_second(since).expect("a time")),
            ..SessionStatus::default()
        };
        let mut instance = Instance::new(name, InstanceSpec::default());
        let sessions = sessions.iter().map(session).collect();
        instance.status = Some(InstanceStatus { sessions, ..InstanceStatus::default() });
        instance
    }

    fn longest_of(instances: &[Instance]) -> Option<(String, String)> {
        of(instances).map(|waiting| (waiting.instance, waiting.session.id))
    }

    #[test]
    fn the_session_that_waits_longest_is_the_one() {
        let one = instance("a", &[("idle", "Idle", Some(1)), ("input", "WaitingForInput", Some(9))]);
        let other = instance("b", &[("consent", "WaitingForPermission", Some(5)), ("login", "AuthNeeded", Some(7))]);
        assert_eq!(longest_of(&[one, other]), Some(("b".to_owned(), "consent".to_owned())));
    }

    #[test]
    fn whoever_works_idles_or_ended_waits_for_nobody_and_an_unknown_time_goes_last() {
        let none =
            [("x", "Working", Some(1)), ("y", "Idle", Some(1)), ("z", "Exited", Some(1)), ("u", "Unknown", None)];
        assert_eq!(longest_of(&[instance("a", &none)]), None);
        let unknown = instance("a", &[("old", "WaitingForInput", None)]);
        let known = instance("b", &[("new", "WaitingForInput", Some(9))]);
        assert_eq!(longest_of(&[unknown.clone(), known]), Some(("b".to_owned(), "new".to_owned())));
        assert_eq!(longest_of(&[unknown]), Some(("a".to_owned(), "old".to_owned())));
    }
}
