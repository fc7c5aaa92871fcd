//! What is about to end for a repair, asked once more: a volume that is filled first takes minutes, in which somebody may begin to work.

use jackin_api::words::Reason;
use jackin_plan::disruption::{begun_since, may_have_sessions};
use jackin_plan::observed::{Capsule, Observed};
use jackin_plan::resolve::Wanted;
use jackin_plan::step::{Consent, PlannedStep, Step, StepReason};

use super::steps::{Frame, StepError};

/// Whether what a step ends may still end: no session became live since it was looked at.
///
/// What somebody asked for is carried out whatever lives, and so is what a policy or a deadline allowed for the sessions there were.
pub(super) async fn may_still_end(
    frame: &Frame<'_>,
    observed: &Observed,
    planned: &PlannedStep,
) -> Result<(), StepError> {
    let Step::StopContainer { id, .. } = &planned.step else { return Ok(()) };
    let by_itself = matches!(planned.ends_sessions, Some(Consent::NoLiveSession | Consent::Policy));
    let Some(container) = observed.containers.iter().find(|container| container.id == *id).filter(|_| by_itself) else {
        return Ok(());
    };
    let Capsule::Answers(before) = &observed.capsule else { return Ok(()) };
    let policy = match frame.wanted {
        Wanted::Run(desired) => desired.disruption.policy,
        Wanted::Stop | Wanted::Remove { .. } | Wanted::Unresolved(_) => return Ok(()),
    };
    let told = frame.context.capsules.status(frame.capsule(container.pid, Some(id))).await;
    let now = match told {
        Ok(now) => now,
        Err(error) => {
            let found = frame.context.engine.inspect_container(&id.0).await?;
            if found.is_none_or(|found| !may_have_sessions(found.state)) {
                return Ok(());
            }
            let message = format!("whether somebody began to work in it could not be asked before it ends: {error}");
            return Err(StepError::new(Reason::CapsuleUnresponsive, message));
        }
    };
    let is_for_idleness = planned.reasons.contains(&StepReason::Idle);
    let begun = begun_since(&before.sessions, &now.sessions, policy, is_for_idleness);
    if begun.is_empty() {
        return Ok(());
    }
    let message = format!("somebody began to work in it meanwhile (`{}`): it does not end now", begun.join("`, `"));
    Err(StepError::new(Reason::SessionsLive, message))
}
