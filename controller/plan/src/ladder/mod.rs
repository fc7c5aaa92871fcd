//! The ladder: the cheapest plan that brings an instance to its desired state, and why each cheaper one would not do.
//!
//! # Flow
//! What keeps anything from being done ([`obstacles`]) comes first: a name that is taken, mounts that are gone, a try that is not
//! due. Then [`validity`] says what can be kept of what is there, [`ascend`] takes the lowest rung that reaches the desired state,
//! and [`steps`] spells the rung out.
//!
//! # Guarantees
//! Pure and total: equal arguments give equal plans, and every combination of observations has one. A step that ends a live
//! session is only ever in a plan with the consent that allows it; [`crate::check`] refuses the plan otherwise.
//!
//! # Assumptions
//! What is in [`Observed`] was really seen in this pass. A read that failed must not reach this function: a pass without
//! observations decides nothing.

mod ending;
mod network;
mod obstacles;
mod prerequisites;
mod steps;
mod validity;

pub use steps::FIRST_SESSION;

use jackin_api::kinds::{DisruptionPolicy, InstanceStatus, PendingRepair};
use jackin_api::words::{self, Change, ConditionType, PlanKind, Reason, Rejection, RejectionReason};
use jiff::Timestamp;

use crate::backoff;
use crate::desired::{Desired, DesiredImage, Site};
use crate::disruption::consent;
use crate::launch::{self, Launch};
use crate::observed::{Capsule, Observed};
use crate::resolve::Wanted;
use crate::step::{Consent, Held, LookAgain, Pending, Plan, WaitsFor};
use crate::world::ContainerState;

use steps::Steps;
use validity::{Current, current};

/// What earlier passes left: the status, and the generation that is planned for.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// The status as it was recorded.
    pub status: InstanceStatus,
    /// The instance's generation.
    pub generation: i64,
}

/// What to do about an instance.
pub fn plan(site: &Site, wanted: &Wanted, observed: &Observed, memory: &Memory, now: Timestamp) -> Plan {
    match wanted {
        Wanted::Remove { run, home } => ending::removal(observed, run, home),
        Wanted::Stop => ending::stop(observed),
        Wanted::Unresolved(_) => Plan::idle(None),
        Wanted::Run(desired) => run(&Situation { site, desired, observed, memory, now }),
    }
}

/// The arguments of one decision.
pub(crate) struct Situation<'a> {
    pub(crate) site: &'a Site,
    pub(crate) desired: &'a Desired,
    pub(crate) observed: &'a Observed,
    pub(crate) memory: &'a Memory,
    pub(crate) now: Timestamp,
}

impl Plan {
    /// A plan without steps.
    pub(crate) fn idle(chosen: Option<PlanKind>) -> Self {
        Self {
            chosen,
            rejected: Vec::new(),
            steps: Vec::new(),
            drift: Vec::new(),
            pending: None,
            held: None,
            look_again: LookAgain::OnChange,
        }
    }

    /// The same, held back for a reason.
    fn held(mut self, held: Held, look_again: LookAgain) -> Self {
        self.steps.clear();
        self.held = Some(held);
        self.look_again = look_again;
        self
    }
}

fn run(situation: &Situation<'_>) -> Plan {
    let Situation { site, desired, observed, .. } = *situation;
    let image = match &desired.image {
        DesiredImage::Valid(image) => Some(image),
        DesiredImage::Invalid { serving, .. } => serving.as_ref(),
    };
    let launch = image.and_then(|image| launch::launch(site, desired, observed, image));
    let current = current(situation, image);
    let mut plan = ascend(situation, launch.as_ref(), current.as_ref());
    plan.drift = current.as_ref().map(|current| current.all_changes()).unwrap_or_default();
    obstacles::apply(situation, current.as_ref(), plan)
}

/// Takes the lowest rung that reaches the desired state.
fn ascend(situation: &Situation<'_>, launch: Option<&Launch>, current: Option<&Current<'_>>) -> Plan {
    let mut rejected = Vec::new();
    let mut reject = |plan, (reason, message): (RejectionReason, String)| {
        rejected.push(Rejection { plan, reason, message });
    };
    // What is frozen is thawed before anything else is decided: only then can it be asked about its sessions.
    let thaw = current.is_some_and(|current| current.state() == ContainerState::Paused) && !requested(situation);
    let replace = current.filter(|_| !thaw).and_then(|current| replacement_reason(situation, current));
    // What would end sessions waits for them: the instance is then left as it is, and the repair shows as pending.
    if let (Some(current), Some(_)) = (current, &replace)
        && current.is_alive()
    {
        match allowed(situation) {
            Ok(_) => {}
            Err(sessions) => return waiting(situation, current, WaitsFor::Sessions(sessions)),
        }
    }
    match validity::attach_obstacle(current, replace.as_ref(), requested(situation)) {
        None => {
            let mut plan = Plan::idle(Some(PlanKind::AttachExisting));
            if let Some(current) = current {
                plan.steps = steps::keep(situation, current);
                plan.pending = version_pending(situation, current);
            }
            return plan;
        }
        Some(obstacle) => reject(PlanKind::AttachExisting, obstacle),
    }
    match validity::start_obstacle(situation, current, replace.as_ref()) {
        None => {
            let mut plan = Plan::idle(Some(PlanKind::StartStopped));
            if let Some(current) = current {
                plan.steps = steps::start(situation, current, allowed(situation).ok());
            }
            plan.rejected = rejected;
            return plan;
        }
        Some(obstacle) => reject(PlanKind::StartStopped, obstacle),
    }
    reject(PlanKind::ClaimWarm, (RejectionReason::NoWarmPool, "the workspace keeps no ready instances".to_owned()));
    let (chosen, launch) = match &situation.desired.image {
        DesiredImage::Valid(_) => (PlanKind::CreateFromValidImage, launch),
        DesiredImage::Invalid { why, .. } => {
            reject(PlanKind::CreateFromValidImage, (RejectionReason::ImageInvalid, why.clone()));
            (PlanKind::BuildAndCreate, None)
        }
    };
    let mut plan = Plan::idle(Some(chosen));
    plan.rejected = rejected;
    plan.steps = match launch {
        Some(launch) => steps::create(situation, launch, current, allowed(situation).ok()),
        None => {
            let mut steps = Steps::default();
            prerequisites::all(situation, &mut steps);
            steps.finish()
        }
    };
    if chosen == PlanKind::BuildAndCreate && plan.steps.is_empty() {
        plan.held = Some(Held::Image);
    }
    plan
}

/// Why the container cannot stay, when it cannot: a field that its creation fixed, or a request.
fn replacement_reason(situation: &Situation<'_>, current: &Current<'_>) -> Option<(RejectionReason, String)> {
    let binding: Vec<_> = current.launch_changes.iter().filter(|change| !launch::is_version(change)).collect();
    if current.launch_unreadable {
        return Some((
            RejectionReason::LaunchUnreadable,
            "the container does not say what it was made from".to_owned(),
        ));
    }
    if !binding.is_empty() {
        let fields: Vec<_> = binding.iter().map(ToString::to_string).collect();
        return Some((RejectionReason::LaunchChanged, fields.join(", ")));
    }
    let request = situation.desired.restart.as_ref()?;
    (request.recreate || !current.launch_changes.is_empty())
        .then(|| (RejectionReason::RestartRequested, "somebody asked for a restart".to_owned()))
}

/// Whether live sessions may be ended, and by whose word.
fn allowed(situation: &Situation<'_>) -> Result<Consent, Vec<String>> {
    let disruption = situation.desired.disruption;
    let alive = situation.observed.containers.iter();
    let alive = alive.filter(|container| may_have_sessions(container.state)).count();
    let answers = matches!(situation.observed.capsule, Capsule::Answers(_));
    if !requested(situation) && (alive > 1 || (alive == 1 && !answers)) {
        // Who cannot be asked may have sessions; of several containers, only one is asked.
        return Err(Vec::new());
    }
    consent(
        situation.observed.capsule.sessions(),
        disruption.policy,
        requested(situation),
        deadline_ms(situation) == Some(0),
    )
}

/// Milliseconds until a repair that waits for sessions goes ahead; `None` when it waits as long as they live.
fn deadline_ms(situation: &Situation<'_>) -> Option<u64> {
    let disruption = situation.desired.disruption;
    let seconds = disruption.deadline_seconds.filter(|_| disruption.policy == DisruptionPolicy::WhenIdle)?;
    // A repair that waits for a restart is not late: its wait for sessions begins when it first has to wait for them.
    let since = words::find(&situation.memory.status.conditions, ConditionType::RepairPending)
        .filter(|condition| condition.status == words::ConditionStatus::True)
        .filter(|condition| condition.reason == Reason::SessionsLive.to_string())
        .map_or(situation.now, |condition| condition.last_transition_time);
    let waited = u64::try_from(situation.now.duration_since(since).as_millis()).unwrap_or(0);
    Some(seconds.saturating_mul(1000).saturating_sub(waited))
}

/// Whether somebody asked for a restart that was not served yet.
fn requested(situation: &Situation<'_>) -> bool {
    situation.desired.restart.is_some()
}

/// The instance stays as it is, with what can be updated under it, and the repair waits.
fn waiting(situation: &Situation<'_>, current: &Current<'_>, waits_for: WaitsFor) -> Plan {
    let plan_kind = match situation.desired.image {
        DesiredImage::Valid(_) => PlanKind::CreateFromValidImage,
        DesiredImage::Invalid { .. } => PlanKind::BuildAndCreate,
    };
    let reasons = current.all_launch_changes();
    let mut plan = Plan::idle(Some(PlanKind::AttachExisting));
    plan.steps = steps::keep(situation, current);
    plan.pending = Some(Pending { repair: PendingRepair { plan: plan_kind, reasons }, waits_for });
    plan.look_again = deadline(situation);
    plan
}

/// Versions differ: the repair waits for a restart.
fn version_pending(situation: &Situation<'_>, current: &Current<'_>) -> Option<Pending> {
    let versions: Vec<Change> = current.launch_changes.clone();
    let plan = match situation.desired.image {
        DesiredImage::Valid(_) => PlanKind::CreateFromValidImage,
        DesiredImage::Invalid { .. } => PlanKind::BuildAndCreate,
    };
    (!versions.is_empty())
        .then_some(Pending { repair: PendingRepair { plan, reasons: versions }, waits_for: WaitsFor::Restart })
}

/// When the wait for sessions ends by the policy's deadline.
fn deadline(situation: &Situation<'_>) -> LookAgain {
    match deadline_ms(situation) {
        // The condition's time is only known after this pass; a second more finds it passed.
        Some(wait) => LookAgain::AfterMs(wait.saturating_add(1000)),
        None => LookAgain::OnChange,
    }
}

/// Milliseconds until the next try, when one failed lately. A request is a new generation, and so tried at once.
pub(crate) fn backoff_ms(situation: &Situation<'_>) -> Option<u64> {
    backoff::remaining_ms(situation.memory.status.retry.as_ref(), situation.memory.generation, situation.now)
}

/// Whether a state has processes that would be ended.
pub(crate) fn has_processes(state: ContainerState) -> bool {
    matches!(state, ContainerState::Running | ContainerState::Paused | ContainerState::Restarting)
}

/// Whether sessions may live in a container of this state. While the engine waits to start it again, its processes have ended.
fn may_have_sessions(state: ContainerState) -> bool {
    matches!(state, ContainerState::Running | ContainerState::Paused)
}
