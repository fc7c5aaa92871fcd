//! What a status says of the sidecar and of volumes that hold data.

use jackin_api::kinds::{ContainerReference, InstanceStatus};
use jackin_api::words::{ConditionType, Conditions, Reason};

use crate::desired::DesiredSidecar;
use crate::observed::{SidecarEngine, SidecarSeen};
use crate::resolve::Wanted;
use crate::sidecar;
use crate::step::{Held, Plan, WaitsFor};
use crate::world::{Container, ContainerState};

use super::instance::InstancePass;
use super::launch::is_done;
use super::{Outcome, failure};

/// The steps that are about the sidecar or its volume.
const STEPS: [&str; 5] = ["CreateVolume", "RemoveVolume", "CreateSidecar", "StartSidecar", "AwaitSidecar"];

/// `SidecarReady`, and `ConsentRequired` while it holds.
pub(super) fn state_sidecar(pass: &InstancePass<'_>, conditions: &mut Conditions) {
    let wanted = match pass.wanted {
        Wanted::Run(desired) => desired.sidecar.as_ref(),
        Wanted::Stop | Wanted::Remove { .. } | Wanted::Unresolved(_) => None,
    };
    let (ready, reason, message) = match (wanted, pass.observed.sidecar.containers.last()) {
        (Some(_), Some(_)) if pass.plan.rests() => (false, Reason::Stopped, String::new()),
        (Some(wanted), found) => said_of(pass, wanted, found),
        (None, Some(_)) if matches!(pass.wanted, Wanted::Stop) => (false, Reason::Stopped, String::new()),
        (None, _) => (false, Reason::NotRequested, String::new()),
    };
    conditions.set(ConditionType::SidecarReady, ready, reason, message);
    let volumes = unconsented(pass.plan);
    if !volumes.is_empty() {
        conditions.set(ConditionType::ConsentRequired, true, Reason::VolumeHoldsData, consent_words(volumes));
    }
}

fn said_of(pass: &InstancePass<'_>, wanted: &DesiredSidecar, found: Option<&Container>) -> (bool, Reason, String) {
    if let Some((reason, message, _)) = failure(pass.outcomes).filter(|(_, _, outcome)| is_about_it(outcome)) {
        return (false, reason, message.to_owned());
    }
    if let Some(Held::SidecarImage(_)) = pass.plan.held {
        return (false, Reason::SidecarImageMissing, image_words(&wanted.image));
    }
    match (&pass.observed.sidecar.engine, found) {
        (SidecarEngine::Answers, _) => (true, Reason::SidecarAnswers, String::new()),
        (SidecarEngine::Silent(_), _) => (false, Reason::SidecarUnresponsive, silence_words(&pass.observed.sidecar)),
        (SidecarEngine::NotAsked, Some(found)) if found.state == ContainerState::Exited => {
            let code = found.exit.as_ref().map_or_else(String::new, |exit| format!(" with {}", exit.code));
            (false, Reason::SidecarFailed, format!("it ended{code}; `docker logs {}` shows why", found.name))
        }
        (SidecarEngine::NotAsked, _) => {
            (false, Reason::SidecarStarting, "the instance starts once its engine answers".to_owned())
        }
    }
}

fn is_about_it(outcome: &Outcome) -> bool {
    STEPS.contains(&outcome.step)
}

/// What is waited for, and where to look.
pub(super) fn silence_words(seen: &SidecarSeen) -> String {
    let tried = match &seen.engine {
        SidecarEngine::Silent(tried) => tried.as_str(),
        SidecarEngine::NotAsked | SidecarEngine::Answers => "it was not asked yet",
    };
    let found = seen.containers.last();
    let look = |found: &Container| {
        format!("; `docker logs {}` shows what it does, `jackin restart` starts it anew", found.name)
    };
    let look = found.map(look).unwrap_or_default();
    format!("waits until the engine of its sidecar answers: {tried}{look}")
}

pub(super) fn image_words(image: &str) -> String {
    format!(
        "the engine has no image `{image}`; `make dind` makes the default one, `spec.docker.image` of the role names another"
    )
}

pub(super) fn consent_words(volumes: &[String]) -> String {
    format!(
        "`{}` holds data, and the spec asks for another volume in its place; `jackin approve` lets the data go, another \
         `spec.docker.data.name` keeps it",
        volumes.join("`, `")
    )
}

/// Volumes that a plan would replace, were it allowed to.
fn unconsented(plan: &Plan) -> &[String] {
    let pending = plan.pending.as_ref().map(|pending| &pending.waits_for);
    match (pending, &plan.held) {
        (Some(WaitsFor::Consent(volumes)), _) | (_, Some(Held::Consent(volumes))) => volumes,
        _ => &[],
    }
}

/// Writes what scripts rely on.
pub(super) fn note(pass: &InstancePass<'_>, status: &mut InstanceStatus) {
    let seen = &pass.observed.sidecar;
    let reference = |found: &Container| ContainerReference { id: found.id.0.clone(), name: found.name.clone() };
    status.sidecar = seen.containers.last().map(reference);
    status.awaits_approval = unconsented(pass.plan).to_vec();
    let Wanted::Run(desired) = pass.wanted else { return };
    status.reclaimable_volumes = sidecar::reclaimable(pass.site, desired, seen);
    // A consent is good for one replacement, and for none once there is nothing to replace. What rests was not looked at for that.
    let nothing = pass.plan.steps.is_empty() && pass.plan.held.is_none() && pass.plan.pending.is_none();
    if let Some(approval) = &desired.approval
        && (nothing && !pass.plan.rests() || is_done(pass.outcomes, "RemoveVolume"))
    {
        status.approved = Some(approval.id.clone());
    }
}
