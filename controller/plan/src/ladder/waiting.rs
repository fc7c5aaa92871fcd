//! When a repair goes ahead: at once, or after the sessions that it would end.

use jackin_api::kinds::{DisruptionPolicy, PendingRepair};
use jackin_api::words::{self, Change, ConditionStatus, ConditionType, PlanKind, Reason};

use crate::disruption::{consent, may_have_sessions};
use crate::observed::Capsule;
use crate::step::{Consent, LookAgain, Pending, Plan, WaitsFor};

use super::rungs::{Asked, Repair, climb};
use super::validity::Current;
use super::{Situation, keep, sidecar};

/// Whether live sessions may be ended, and by whose word.
///
/// # Errors
/// Names of the sessions that are waited for; none where nobody can tell whether there are any.
pub(super) fn allowed(situation: &Situation<'_>) -> Result<Consent, Vec<String>> {
    let requested = Asked::of(situation) != Asked::Nothing;
    let alive = situation.observed.containers.iter();
    let alive = alive.filter(|container| may_have_sessions(container.state)).count();
    let answers = matches!(situation.observed.capsule, Capsule::Answers(_));
    if !requested && (alive > 1 || (alive == 1 && !answers)) {
        // Who cannot be asked may have sessions; of several containers, only one is asked.
        return Err(Vec::new());
    }
    let policy = situation.desired.disruption.policy;
    consent(situation.observed.capsule.sessions(), policy, requested, deadline_ms(situation) == Some(0))
}

/// Milliseconds until a repair that waits for sessions goes ahead; `None` when it waits as long as they live.
fn deadline_ms(situation: &Situation<'_>) -> Option<u64> {
    let disruption = situation.desired.disruption;
    let seconds = disruption.deadline_seconds.filter(|_| disruption.policy == DisruptionPolicy::WhenIdle)?;
    // A repair that waits for a restart is not late: its wait for sessions begins when it first has to wait for them.
    let since = words::find(&situation.memory.status.conditions, ConditionType::RepairPending)
        .filter(|condition| condition.status == ConditionStatus::True)
        .filter(|condition| condition.reason == Reason::SessionsLive.to_string())
        .map_or(situation.now, |condition| condition.last_transition_time);
    let waited = u64::try_from(situation.now.duration_since(since).as_millis()).unwrap_or(0);
    Some(seconds.saturating_mul(1000).saturating_sub(waited))
}

/// The instance stays as it is, with what can be updated under it, and the repair waits for sessions.
pub(super) fn for_sessions(
    situation: &Situation<'_>,
    current: &Current<'_>,
    repair: Repair,
    names: Vec<String>,
) -> Plan {
    let mut plan = Plan::idle(Some(PlanKind::AttachExisting));
    plan.steps = keep::steps(situation, current, None);
    plan.pending = Some(pending(situation, current, repair, WaitsFor::Sessions(names)));
    plan.look_again = match deadline_ms(situation) {
        // The condition's time is only known after this pass; a second more finds it passed.
        Some(wait) => LookAgain::AfterMs(wait.saturating_add(1000)),
        None => LookAgain::OnChange,
    };
    plan
}

/// The instance stays as it is, and the repair waits for somebody's word that the content of these volumes may go.
pub(super) fn for_consent(
    situation: &Situation<'_>,
    current: &Current<'_>,
    repair: Repair,
    volumes: Vec<String>,
) -> Plan {
    let mut plan = Plan::idle(Some(PlanKind::AttachExisting));
    plan.steps = keep::steps(situation, current, None);
    plan.pending = Some(pending(situation, current, repair, WaitsFor::Consent(volumes)));
    plan
}

/// What a restart would bring and nothing else may: other versions, and mounts that show what is at their source now.
///
/// Neither ever ends anything by itself. A version moves when somebody says so; and a file that an editor replaces each time it
/// saves must not restart what works on it.
pub(super) fn for_restart(situation: &Situation<'_>, current: &Current<'_>) -> Option<Pending> {
    let repair = || climb(situation, Some(current), Asked::Restart);
    (!reasons(situation, current).is_empty()).then(|| pending(situation, current, repair(), WaitsFor::Restart))
}

/// What differs and a repair would bring, of the container and of its sidecar.
fn reasons(situation: &Situation<'_>, current: &Current<'_>) -> Vec<Change> {
    let mut reasons = current.lasting_changes();
    sidecar::look(situation).add_differences(&mut reasons);
    reasons
}

fn pending(situation: &Situation<'_>, current: &Current<'_>, repair: Repair, waits_for: WaitsFor) -> Pending {
    let Repair { plan, rejected } = repair;
    let repair = PendingRepair { plan, reasons: reasons(situation, current), rejected_plans: rejected };
    Pending { repair, waits_for }
}
