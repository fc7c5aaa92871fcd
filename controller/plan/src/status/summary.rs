//! The sum of an instance's conditions: `Ready`, `Reconciling` and `Stalled`, in words that say what to do next.

use jackin_api::kinds::Retry;
use jackin_api::words::{ConditionStatus, ConditionType, Conditions, Reason};
use jiff::Timestamp;

use crate::backoff::CRASH_LOOP_FAILURES;
use crate::desired::DesiredImage;
use crate::hooks;
use crate::observed::Capsule;
use crate::resolve::Wanted;
use crate::step::{Held, Plan};
use crate::world::{Container, ContainerState};

use super::hooks::{failure_words, running_words};
use super::instance::InstancePass;
use super::parts::mounts_reason;
use super::retry::{exit_words, next_try};
use super::sidecar::{consent_words, image_words as sidecar_image_words, silence_words};
use super::{failure, next_command};

/// `Ready`, `Reconciling` and `Stalled`.
pub(super) fn state_summary(
    pass: &InstancePass<'_>,
    container: Option<&Container>,
    retry: Option<&Retry>,
    conditions: &mut Conditions,
) {
    let (ready, reason, message) = readiness(pass, container, retry);
    let status = if reason.is_unknown() { ConditionStatus::Unknown } else { ready.into() };
    conditions.set(ConditionType::Ready, status, reason, message.clone());
    // An instance that serves on an older image is ready, and it is not yet what its spec wants.
    let (image_failed, image_why) = match image_trouble(pass.wanted) {
        Some((failed, why)) => (failed, Some(why.to_owned())),
        None => (false, None),
    };
    if is_stalled(pass, ready) {
        conditions.set(ConditionType::Stalled, true, reason, message);
    } else if image_failed {
        conditions.set(ConditionType::Stalled, true, Reason::BuildFailed, image_why.unwrap_or_default());
    } else if !ready && !matches!(reason, Reason::Stopped | Reason::Idle) {
        conditions.set(ConditionType::Reconciling, true, reason, message);
    } else if let Some(why) = image_why {
        conditions.set(ConditionType::Reconciling, true, Reason::Building, why);
    }
}

/// Whether it is ready, and why it is or is not.
fn readiness(pass: &InstancePass<'_>, container: Option<&Container>, retry: Option<&Retry>) -> (bool, Reason, String) {
    let running = container.is_some_and(|container| container.state == ContainerState::Running);
    let answers = matches!(pass.observed.capsule, Capsule::Answers(_));
    if let Some((reason, message, _)) = failure(pass.outcomes) {
        return (false, reason, format!("{message}{}{}", next_try(retry), next_command(reason)));
    }
    match (pass.wanted, &pass.plan.held) {
        (Wanted::Remove { .. }, _) => (false, Reason::Deleting, "its container is being removed".to_owned()),
        (Wanted::Stop, _) if pass.plan.steps.is_empty() => {
            (false, Reason::Stopped, "`jackin start` starts it".to_owned())
        }
        (Wanted::Stop, _) => (false, Reason::Converging, doing(pass)),
        (Wanted::Unresolved(gaps), _) => {
            let gaps: Vec<_> =
                gaps.iter().map(|gap| format!("{} ({}): {}", gap.message, gap.field, gap.hint)).collect();
            (false, Reason::ReferenceMissing, gaps.join("; "))
        }
        (Wanted::Run(_), Some(Held::Suspended)) if running && answers => (
            true,
            Reason::Suspended,
            "it serves; what differs from its spec waits for the end of `spec.suspend`".to_owned(),
        ),
        (Wanted::Run(_), Some(held)) => {
            let (reason, message) = held_words(held, pass, retry);
            (false, reason, message)
        }
        (Wanted::Run(_), None) if pass.plan.rests() && pass.plan.steps.is_empty() => {
            (false, Reason::Idle, idle_words(pass.plan))
        }
        (Wanted::Run(_), None) if running && hooks::run_now(&pass.observed.capsule).is_some() => {
            (false, Reason::HooksRunning, running_words(pass))
        }
        (Wanted::Run(_), None) if running && answers && pass.plan.steps.is_empty() => {
            (true, Reason::AsDesired, String::new())
        }
        (Wanted::Run(_), None) if is_looping(container, retry) => {
            let (reason, message) = crash_loop(retry);
            (false, reason, message)
        }
        (Wanted::Run(_), None) => (false, Reason::Converging, doing(pass)),
    }
}

/// Whether it does not go on by itself.
fn is_stalled(pass: &InstancePass<'_>, ready: bool) -> bool {
    match (pass.wanted, &pass.plan.held) {
        (Wanted::Unresolved(_), _) => true,
        (Wanted::Run(_), Some(held)) => match held {
            Held::NameConflict(_)
            | Held::Network(_)
            | Held::Mounts(_)
            | Held::Isolation(_)
            | Held::Program(_)
            | Held::CrashLoop
            | Held::SidecarImage(_)
            | Held::Consent(_)
            | Held::Hook => true,
            Held::Suspended => !ready,
            Held::Backoff
            | Held::Undone(_)
            | Held::Removing
            | Held::MountsUnread(_)
            | Held::Image
            | Held::CapsuleSilent
            | Held::SidecarSilent => false,
        },
        _ => false,
    }
}

/// Since when nobody had worked in what was stopped for that, and how it starts again.
fn idle_words(plan: &Plan) -> String {
    let since = plan.idle.as_ref().map(|idle| format!(" since {:.0}", idle.since)).unwrap_or_default();
    format!("no session was live{since}, so that it was stopped; `jackin start` or `jackin attach` starts it")
}

/// Whether the engine starts a container again and again by its own policy.
fn is_looping(container: Option<&Container>, retry: Option<&Retry>) -> bool {
    container.is_some_and(|container| container.state == ContainerState::Restarting)
        && retry.is_some_and(|retry| retry.ends >= CRASH_LOOP_FAILURES)
}

/// Whether its current image failed, and what its Image object says, while it is not there.
fn image_trouble(wanted: &Wanted) -> Option<(bool, &str)> {
    match wanted {
        Wanted::Run(desired) => match &desired.image {
            DesiredImage::Invalid { why, failed, .. } => Some((*failed, why)),
            DesiredImage::Valid(_) => None,
        },
        Wanted::Stop | Wanted::Remove { .. } | Wanted::Unresolved(_) => None,
    }
}

/// The steps of the plan, for people.
fn doing(pass: &InstancePass<'_>) -> String {
    if pass.plan.steps.is_empty() {
        return "the engine is about to start its container again".to_owned();
    }
    let steps: Vec<_> = pass.plan.steps.iter().map(|planned| planned.step.name()).collect();
    steps.join(", ")
}

fn held_words(held: &Held, pass: &InstancePass<'_>, retry: Option<&Retry>) -> (Reason, String) {
    match held {
        Held::Suspended => {
            let what = pass.plan.rejected.last().map_or("it is not there yet", |rejection| rejection.message.as_str());
            (Reason::Suspended, format!("{what}; the workspace's `spec.suspend` holds the repair back"))
        }
        Held::Backoff => {
            let how = retry.and_then(|retry| retry.last_exit.as_ref()).map(exit_words);
            let how = how.unwrap_or_else(|| "an earlier try failed".to_owned());
            (Reason::StepFailed, format!("{how}{}", next_try(retry)))
        }
        Held::CrashLoop => crash_loop(retry),
        Held::Undone(due) => (Reason::RepairUndone, undone_words(pass, *due)),
        Held::Removing => (Reason::Converging, "the engine is removing its container".to_owned()),
        Held::NameConflict(what) => (Reason::NameConflict, format!("{what}, it is not touched")),
        Held::Network(trouble) => (trouble.reason(), trouble.to_string()),
        Held::Mounts(what) => (mounts_reason(pass), what.clone()),
        Held::MountsUnread(what) => (Reason::MountSourceMissing, format!("could not look at {what}")),
        Held::Isolation(what) => {
            (Reason::IsolationNotSupported, format!("{what}; this version mounts only `isolation: shared`"))
        }
        Held::Program(what) => (Reason::AgentInstallFailed, what.clone()),
        Held::Image => (Reason::DependenciesNotReady, image_words(pass)),
        Held::SidecarImage(image) => (Reason::SidecarImageMissing, sidecar_image_words(image)),
        Held::Hook => (Reason::HookFailed, failure_words(pass, retry)),
        Held::SidecarSilent => (Reason::SidecarUnresponsive, silence_words(&pass.observed.sidecar)),
        Held::Consent(volumes) => (Reason::VolumeHoldsData, consent_words(volumes)),
        Held::CapsuleSilent => (
            Reason::CapsuleUnresponsive,
            "it runs and its capsule does not answer; `jackin restart` replaces what runs".to_owned(),
        ),
    }
}

/// Repairs that do not last: how often, and when the next one is due.
fn undone_words(pass: &InstancePass<'_>, due: Timestamp) -> String {
    let repairs = pass.memory.status.repeated.as_ref().map_or(0, |repeated| repeated.repairs);
    format!(
        "it was repaired {repairs} times and nothing lasted for a minute: somebody or something undoes it, or its spec goes back and \
         forth; next try at {due:.0}; `jackin events` tells what was done, `jackin restart` tries at once"
    )
}

/// A container that keeps ending: how it last did, with its last lines.
fn crash_loop(retry: Option<&Retry>) -> (Reason, String) {
    let exit = retry.and_then(|retry| retry.last_exit.as_ref());
    let reason = if exit.is_some_and(|exit| exit.out_of_memory) { Reason::OutOfMemory } else { Reason::CrashLoop };
    let how = exit.map(exit_words).unwrap_or_default();
    let next = next_try(retry);
    let output = exit.map(|exit| exit.output.as_str()).filter(|output| !output.is_empty());
    let output = output.map(|output| format!("; its last lines:\n{output}")).unwrap_or_default();
    (reason, format!("{how}{next}; `jackin logs` shows why, `jackin restart` tries at once{output}"))
}

fn image_words(pass: &InstancePass<'_>) -> String {
    image_trouble(pass.wanted).map_or_else(String::new, |(_, why)| format!("its image is not there yet: {why}"))
}
