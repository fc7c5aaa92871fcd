//! What keeps a plan from being carried out.

use jackin_api::kinds::PendingRepair;
use jackin_api::words::PlanKind;

use crate::backoff::{CRASH_LOOP_FAILURES, STEADY_SECONDS};
use crate::damper;
use crate::hooks;
use crate::observed::{Capsule, MountSourceState, Program};
use crate::resolve::unsupported_isolation;
use crate::step::{Held, LookAgain, Pending, Plan, Step, StepReason, WaitsFor};
use crate::world::{Container, ContainerState};

use super::network::{self, NETWORK};
use super::validity::Current;
use super::{Situation, backoff_ms, sidecar};

/// How often a silent capsule is asked again.
const SILENT_CAPSULE_MS: u64 = 2_000;

/// How often a silent engine of a sidecar is asked again.
const SILENT_SIDECAR_MS: u64 = 500;

/// How often is looked again at what sends no events: the host's files, and containers that are not ours.
const UNWATCHED_MS: u64 = 5_000;

/// How often a container that is being removed is looked at, besides the event that its end gives.
const REMOVING_MS: u64 = 250;

/// The plan, or the same plan held back with the reason.
pub(super) fn apply(situation: &Situation<'_>, current: Option<&Current<'_>>, plan: Plan) -> Plan {
    let silent = current
        .filter(|current| current.state() == ContainerState::Running && !current.answers)
        .is_some_and(|_| matches!(situation.observed.capsule, Capsule::Silent(_)));
    if silent && situation.desired.restart.is_none() {
        // What runs in it cannot be known, so nothing that could end it is done.
        return plan.held(Held::CapsuleSilent, LookAgain::AfterMs(SILENT_CAPSULE_MS));
    }
    if situation.desired.suspended && situation.desired.restart.is_none() {
        return suspended(situation, current, plan);
    }
    let going = |container: &Container| container.state == ContainerState::Removing;
    let mut containers = situation.observed.containers.iter().chain(&situation.observed.sidecar.containers);
    if !plan.steps.is_empty() && containers.any(going) {
        // The engine is at it, and its name is not free before that.
        return plan.held(Held::Removing, LookAgain::AfterMs(REMOVING_MS));
    }
    if let Some(held) = standing_obstacle(situation, &plan).or_else(|| network(situation, current, &plan)) {
        let look_again = match held {
            // Nothing but another spec helps.
            Held::Isolation(_) => LookAgain::OnChange,
            _ => LookAgain::AfterMs(UNWATCHED_MS),
        };
        return plan.held(held, look_again);
    }
    if let Some((held, look_again)) = sidecar(situation, &plan) {
        return plan.held(held, look_again);
    }
    if plan.steps.is_empty()
        && plan.chosen == Some(PlanKind::AttachExisting)
        && let Some((held, look_again)) = failed_hook(situation)
    {
        return plan.held(held, look_again);
    }
    if plan.steps.is_empty() {
        return steady(situation, current, plan);
    }
    if let Some(wait) = backoff_ms(situation) {
        let exited = current.is_some_and(|current| current.state() == ContainerState::Exited);
        let ends = situation.memory.status.retry.as_ref().map_or(0, |retry| retry.ends);
        let crashed = exited && ends >= CRASH_LOOP_FAILURES;
        let held = if crashed { Held::CrashLoop } else { Held::Backoff };
        return plan.held(held, LookAgain::AfterMs(wait));
    }
    let Situation { memory, now, .. } = *situation;
    let repeated = memory.status.repeated.as_ref().filter(|_| situation.desired.restart.is_none());
    match damper::held_until(repeated, &plan, memory.generation, now) {
        Some(due) => plan.held(Held::Undone(due), LookAgain::AfterMs(damper::until_ms(due, now))),
        None => plan,
    }
}

/// What the next try of the first session waits for, after a hook failed: another image, which may have another hook, or its time.
fn failed_hook(situation: &Situation<'_>) -> Option<(Held, LookAgain)> {
    let capsule = &situation.observed.capsule;
    if hooks::failed(capsule).is_some() && situation.desired.image.is_being_made() {
        return Some((Held::Image, LookAgain::OnChange));
    }
    let wait = hooks::wait_ms(capsule, situation.memory, situation.now)?;
    Some((Held::Hook, LookAgain::AfterMs(wait)))
}

/// The plan with everything that it would do as a pending repair.
fn suspended(situation: &Situation<'_>, current: Option<&Current<'_>>, mut plan: Plan) -> Plan {
    let sessions = matches!(plan.pending, Some(Pending { waits_for: WaitsFor::Sessions(_), .. }));
    let Some(chosen) = plan.chosen.filter(|_| sessions || plan.held.is_some() || !plan.steps.is_empty()) else {
        return steady(situation, current, plan);
    };
    let mut reasons = Vec::new();
    for reason in plan.steps.iter().flat_map(|planned| &planned.reasons) {
        if let StepReason::Differs(change) = reason {
            reasons.push(change.clone());
        }
    }
    let repair = match plan.pending.take().filter(|_| sessions) {
        Some(Pending { mut repair, .. }) => {
            repair.reasons.extend(reasons);
            repair
        }
        None => PendingRepair { plan: chosen, reasons, rejected_plans: plan.rejected.clone() },
    };
    plan.pending = Some(Pending { repair, waits_for: WaitsFor::Resume });
    plan.held(Held::Suspended, LookAgain::OnChange)
}

/// What the sidecar lacks. An instance that serves goes on with what it has.
fn sidecar(situation: &Situation<'_>, plan: &Plan) -> Option<(Held, LookAgain)> {
    let thaws = plan.steps.iter().any(|planned| matches!(planned.step, Step::UnpauseContainer { .. }));
    let serves = plan.chosen == Some(PlanKind::AttachExisting) && !plan.steps.is_empty();
    if plan.held.is_some() || thaws || serves {
        return None;
    }
    let sidecar = sidecar::look(situation);
    let unconsented = sidecar.unconsented();
    if !unconsented.is_empty() && plan.pending.is_none() {
        // Only somebody's word helps, which is an edit of the spec.
        return Some((Held::Consent(unconsented), LookAgain::OnChange));
    }
    if let Some(image) = sidecar.missing_image() {
        return Some((Held::SidecarImage(image), LookAgain::AfterMs(UNWATCHED_MS)));
    }
    let waits = plan.steps.is_empty() && sidecar.is_silent();
    waits.then_some((Held::SidecarSilent, LookAgain::AfterMs(SILENT_SIDECAR_MS)))
}

/// What no retry helps against: somebody must change something.
fn standing_obstacle(situation: &Situation<'_>, plan: &Plan) -> Option<Held> {
    let touches_mounts = plan.steps.iter().any(|planned| {
        matches!(
            planned.step,
            Step::CreateContainer(_)
                | Step::CreateSidecar(_)
                | Step::StartContainer { .. }
                | Step::StartSidecar { .. }
                | Step::StopContainer { .. }
        )
    });
    let creates = matches!(plan.chosen, Some(PlanKind::CreateFromValidImage | PlanKind::BuildAndCreate));
    let renames = |step: &Step| matches!(step, Step::RenameContainer { .. });
    let needs_name = creates || plan.steps.iter().any(|planned| renames(&planned.step));
    if needs_name && let Some(holder) = &situation.observed.name_holder {
        return Some(Held::NameConflict(format!(
            "container `{name}` ({}) has the name and is not ours; `docker rename {name} ANOTHER` gives it one of its own",
            holder.id,
            name = holder.name,
        )));
    }
    if touches_mounts || creates {
        if let Some(mount) = unsupported_isolation(&situation.desired.mounts) {
            return Some(Held::Isolation(format!("mount `{}` asks for a checkout of its own", mount.target)));
        }
        if let Some(held) = mounts(situation) {
            return Some(held);
        }
    }
    let programs = &situation.observed.programs;
    let unavailable = situation.desired.agents.keys().find_map(|agent| match programs.get(agent) {
        Some(Program::Unavailable { error }) => Some(format!("agent `{agent}`: {error}")),
        Some(Program::InImage | Program::Known { .. } | Program::Unfetched) | None => None,
    });
    unavailable.filter(|_| creates).map(Held::Program)
}

/// A network that cannot be used, where the plan or the running container needs it.
fn network(situation: &Situation<'_>, current: Option<&Current<'_>>, plan: &Plan) -> Option<Held> {
    let needs = |step: &Step| {
        matches!(step, Step::CreateContainer(_) | Step::StartContainer { .. } | Step::ConnectNetwork { .. })
    };
    let differs = current.is_some_and(|current| current.live_changes.iter().any(|change| change.field == NETWORK));
    let creates = matches!(plan.chosen, Some(PlanKind::CreateFromValidImage | PlanKind::BuildAndCreate));
    let needed = differs || creates || plan.steps.iter().any(|planned| needs(&planned.step));
    network::trouble(situation).filter(|_| needed).map(Held::Network)
}

fn mounts(situation: &Situation<'_>) -> Option<Held> {
    let mut missing = Vec::new();
    let mut unread = Vec::new();
    for mount in &situation.desired.mounts {
        match situation.observed.mounts.get(&mount.target) {
            Some(MountSourceState::Present) => {}
            Some(MountSourceState::Missing) => missing.push(format!("`{}` does not exist", mount.source)),
            Some(MountSourceState::Forbidden { part }) => {
                missing.push(format!("`{}` leads to {part}, which may not be mounted", mount.source));
            }
            Some(MountSourceState::Unreadable { error }) => unread.push(format!("`{}`: {error}", mount.source)),
            None => unread.push(format!("`{}` was not looked at", mount.source)),
        }
    }
    if !missing.is_empty() {
        return Some(Held::Mounts(missing.join("; ")));
    }
    (!unread.is_empty()).then(|| Held::MountsUnread(unread.join("; ")))
}

/// Nothing to do. A record of failures is dropped once the container has stayed up, and one of repairs once the last has lasted.
fn steady(situation: &Situation<'_>, current: Option<&Current<'_>>, mut plan: Plan) -> Plan {
    let status = &situation.memory.status;
    let runs = current.is_some_and(|current| current.state() == ContainerState::Running);
    let recovers = (status.retry.is_some() && runs).then(|| u64::try_from(STEADY_SECONDS).unwrap_or(30) * 1000);
    let slowed = status.repeated.as_ref().filter(|repeated| damper::is_slowed(repeated));
    let lasts = slowed.and_then(|repeated| damper::lasting_ms(repeated, situation.now));
    if let (Some(wait), LookAgain::OnChange) = (recovers.into_iter().chain(lasts).min(), plan.look_again) {
        plan.look_again = LookAgain::AfterMs(wait);
    }
    plan
}
