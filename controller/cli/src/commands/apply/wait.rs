//! Waiting until what was applied is ready: for its generation, and for the roles as they are now.

use std::collections::BTreeSet;
use std::time::Duration;

use jackin_api::kinds::{Instance, Role, Workspace};
use kube::ResourceExt;
use kube::api::DynamicObject;

use super::progress::Progress;
use crate::command_error::{CommandError, Diagnostic, ErrorKind};
use crate::commands::Ended;
use crate::context::Context;
use crate::live::{self, Live, Target, Waited};
use crate::manifest::{Manifest, Object};
use crate::namespace;
use crate::resource::{AGENT, INSTANCE, ROLE, WORKSPACE};

pub(super) async fn wait(client: &kube::Client, context: &Context, manifests: &[Manifest], timeout: Duration) -> Ended {
    let namespaces: BTreeSet<_> = manifests.iter().map(|manifest| manifest.object.namespace()).collect();
    let mut targets = Vec::new();
    for namespace in namespaces {
        for resource in [&ROLE, &AGENT, &WORKSPACE, &INSTANCE] {
            targets.push(Target { resource, namespace: namespace.to_owned(), name: None });
        }
    }
    let mut progress = Progress::new(&context.console);
    let mut missing = Vec::new();
    let waited = live::until(client, &targets, Some(timeout), |live| {
        missing = judge(manifests, context.namespace(), live, &mut progress)?;
        Ok(missing.is_empty().then_some(()))
    })
    .await;
    progress.end();
    match waited? {
        Waited::Done(()) => Ok(0),
        Waited::TimedOut => Err(CommandError::late("not ready", timeout, missing)),
    }
}

/// What is not ready yet. An error when something will never be.
fn judge(
    manifests: &[Manifest],
    asked: &str,
    live: &Live,
    progress: &mut Progress,
) -> Result<Vec<Diagnostic>, CommandError> {
    let mut missing = Vec::new();
    let mut stalled = Vec::new();
    let mut consent = Vec::new();
    for manifest in manifests {
        let object = &manifest.object;
        let (resource, name) = (object.resource(), object.name());
        let label = format!("{}/{name}", resource.singular);
        let Some(found) = live.get(resource, object.namespace(), name) else {
            return Err(CommandError::failed(format!("{} `{name}` was deleted meanwhile", resource.singular))
                .hint("`jackin apply` makes it again from its file"));
        };
        let state = match object {
            Object::Role(_) | Object::Agent(_) => simple_state(found),
            Object::Workspace(_) => workspace_state(found, live, progress)?,
        };
        match state {
            State::Ready => progress.tell(&label, "Ready", true),
            State::Waiting(why) => {
                progress.tell(&label, &why, false);
                missing.push(diagnostic(object, asked, "is not ready", vec![why]));
            }
            State::ConsentNeeded(why) => {
                progress.tell(&label, &why, false);
                consent.push(diagnostic(object, asked, "needs consent", vec![why]));
            }
            State::Stalled(why) => {
                progress.tell(&label, &why, false);
                stalled.push(diagnostic(object, asked, "will not become ready by itself", vec![why]));
            }
        }
    }
    if !consent.is_empty() {
        return Err(CommandError::of(ErrorKind::Conflict, consent));
    }
    if stalled.is_empty() { Ok(missing) } else { Err(CommandError::of(ErrorKind::Failed, stalled)) }
}

fn diagnostic(object: &Object, asked: &str, what: &str, causes: Vec<String>) -> Diagnostic {
    let (kind, name) = (object.resource().singular, object.name());
    let message = format!("{kind} `{name}` {what}");
    let hint = format!("`jackin describe {kind} {name}` tells everything about it");
    let hint = match object.namespace() {
        same if same == asked => hint,
        // What a file says need not be what the command was asked for.
        other => namespace::say(&hint, other),
    };
    Diagnostic { message, place: None, causes, hints: vec![hint] }
}

enum State {
    Ready,
    Waiting(String),
    Stalled(String),
    /// Nothing goes on before somebody agrees to the loss of data.
    ConsentNeeded(String),
}

fn simple_state(object: &DynamicObject) -> State {
    if live::holds(object, "Ready") {
        return State::Ready;
    }
    if live::holds(object, "Stalled")
        && let Some(why) = live::current_condition(object, "Stalled")
    {
        return State::Stalled(format!("{}: {}", why.reason, why.message));
    }
    match live::current_condition(object, "Ready") {
        Some(ready) => State::Waiting(format!("{}: {}", ready.reason, ready.message)),
        None => State::Waiting("not looked at yet".to_owned()),
    }
}

fn workspace_state(object: &DynamicObject, live: &Live, progress: &mut Progress) -> Result<State, CommandError> {
    let workspace: Workspace = live::typed(object)?;
    let (namespace, name) = (workspace.namespace().unwrap_or_default(), workspace.name_any());
    let (mut reasons, mut consent) = (Vec::new(), Vec::new());
    for found in live.of(&INSTANCE) {
        let instance: Instance = live::typed(found)?;
        if instance.spec.workspace != name || instance.namespace().unwrap_or_default() != namespace {
            continue;
        }
        let phase = instance.status.as_ref().map(|status| status.phase).unwrap_or_default();
        let is_ready = live::holds(found, "Ready");
        progress.tell(&format!("instance/{}", instance.name_any()), &phase.to_string(), is_ready);
        if let (true, Some(why)) = (live::holds(found, "Stalled"), live::current_condition(found, "Stalled")) {
            reasons.push(format!("{}: {}: {}", instance.name_any(), why.reason, why.message));
        }
        if let Some(why) = live::current_condition(found, "ConsentRequired") {
            consent.push(format!("{}: {}", instance.name_any(), why.message));
        }
    }
    // What is said of an earlier revision is no news of this one, be it good or bad.
    if workspace.status.is_some()
        && let Some(role) = stale_role(&workspace, &namespace, live)?
    {
        return Ok(State::Waiting(format!("made for an earlier revision of the role `{role}`")));
    }
    if !consent.is_empty() {
        return Ok(State::ConsentNeeded(consent.join("; ")));
    }
    Ok(match simple_state(object) {
        State::Stalled(why) => {
            reasons.retain(|reason| !why.contains(reason));
            reasons.insert(0, why);
            State::Stalled(reasons.join("; "))
        }
        other => other,
    })
}

/// A role that the workspace's instances were not made for as it is now, also one that was missing when they were looked at.
fn stale_role(workspace: &Workspace, namespace: &str, live: &Live) -> Result<Option<String>, CommandError> {
    let seen = workspace.status.as_ref().map(|status| status.roles.as_slice()).unwrap_or_default();
    let wanted: BTreeSet<_> = workspace.spec.instances.iter().map(|instance| &instance.role).collect();
    for name in wanted {
        let Some(object) = live.get(&ROLE, namespace, name) else {
            continue;
        };
        let role: Role = live::typed(object)?;
        let revision = jackin_plan::digest::role_revision(&role);
        if !seen.iter().any(|seen| seen.name == *name && seen.revision == revision) {
            return Ok(Some(name.clone()));
        }
    }
    Ok(None)
}
