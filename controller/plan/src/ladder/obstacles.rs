//! What keeps a plan from being carried out.

use jackin_api::words::PlanKind;

use crate::backoff::STEADY_SECONDS;
use crate::observed::{Capsule, MountSourceState, Program};
use crate::resolve::unsupported_isolation;
use crate::step::{Held, LookAgain, Plan, Step};
use crate::world::ContainerState;

use super::validity::Current;
use super::{Situation, backoff_ms};

/// How often a silent capsule is asked again.
const SILENT_CAPSULE_MS: u64 = 2_000;

/// The plan, or the same plan held back with the reason.
pub(super) fn apply(situation: &Situation<'_>, current: Option<&Current<'_>>, plan: Plan) -> Plan {
    let silent = current
        .filter(|current| current.state() == ContainerState::Running && !current.answers)
        .is_some_and(|_| matches!(situation.observed.capsule, Capsule::Silent(_)));
    if silent && situation.desired.restart.is_none() {
        // What runs in it cannot be known, so nothing that could end it is done.
        return plan.held(Held::CapsuleSilent, LookAgain::AfterMs(SILENT_CAPSULE_MS));
    }
    if let Some(held) = standing_obstacle(situation, &plan) {
        return plan.held(held, LookAgain::OnChange);
    }
    if plan.steps.is_empty() {
        return steady(situation, current, plan);
    }
    if let Some(wait) = backoff_ms(situation) {
        let crashed = current.is_some_and(|current| current.state() == ContainerState::Exited);
        let held = if crashed { Held::CrashLoop } else { Held::Backoff };
        return plan.held(held, LookAgain::AfterMs(wait));
    }
    plan
}

/// What no retry helps against: somebody must change something.
fn standing_obstacle(situation: &Situation<'_>, plan: &Plan) -> Option<Held> {
    let touches_mounts = plan.steps.iter().any(|planned| {
        matches!(
            planned.step,
            Step::CreateContainer(_) | Step::StartContainer { .. } | Step::StopContainer { .. }
        )
    });
    let creates = matches!(
        plan.chosen,
        Some(PlanKind::CreateFromValidImage | PlanKind::BuildAndCreate)
    );
    if creates && let Some(holder) = &situation.observed.name_holder {
        return Some(Held::NameConflict(format!(
            "container `{}` ({}) has the name and is not ours",
            holder.name, holder.id
        )));
    }
    if touches_mounts || creates {
        if let Some(mount) = unsupported_isolation(&situation.desired.mounts) {
            return Some(Held::Isolation(format!(
                "mount `{}` asks for a checkout of its own",
                mount.target
            )));
        }
        if let Some(held) = mounts(situation) {
            return Some(held);
        }
    }
    let unavailable = situation
        .observed
        .programs
        .iter()
        .find_map(|(agent, program)| match program {
            Program::Unavailable { error } => Some(format!("agent `{agent}`: {error}")),
            Program::InImage | Program::Known { .. } | Program::Unfetched => None,
        });
    unavailable.filter(|_| creates).map(Held::Program)
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

/// Nothing to do. A record of failures is dropped once the container has stayed up.
fn steady(situation: &Situation<'_>, current: Option<&Current<'_>>, mut plan: Plan) -> Plan {
    let recovering = situation.memory.status.retry.is_some()
        && current.is_some_and(|current| current.state() == ContainerState::Running);
    if recovering && plan.look_again == LookAgain::OnChange {
        plan.look_again = LookAgain::AfterMs(u64::try_from(STEADY_SECONDS).unwrap_or(30) * 1000);
    }
    plan
}
