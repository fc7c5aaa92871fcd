//! The ladder: the cheapest plan that brings an instance to its desired state, and why each cheaper one would not do.
//!
//! # Which repair
//! Read from the top: the first line that holds decides. A container *fits* when all that its creation fixed is as wanted
//! ([`crate::launch`]: image by recipe, command, user, mounts, security), versions apart.
//!
//! | What is there | Plan | Written to the engine | Sessions |
//! |---|---|---|---|
//! | no container, or one that is being removed | `CreateFromValidImage` | network and volumes that are missing; create, start | there are none |
//! | a paused one, and no restart is asked for | `StartStopped` | unpause | go on; what else differs is decided when they can be asked |
//! | a dead one | `CreateFromValidImage` | create beside it, remove, rename, start | have ended |
//! | one that does not fit, or does not say what it was made from | `CreateFromValidImage` | create under a temporary name, stop, remove, rename, start | waited for |
//! | `jackin restart --recreate` was asked for, and it was started once | the same | the same | end |
//! | a restart was asked for, and a version moved | the same | the same | end |
//! | a restart was asked for | `StartStopped` | stop where it runs, start | end |
//! | one that ended four times and never stayed up | `CreateFromValidImage` | create beside it, remove, rename, start | have ended |
//! | one that does not run, and `jackin restart --rebuild` built its image again since | `CreateFromValidImage` | create beside it, remove, rename, start | have ended |
//! | one that was never started, or has exited | `StartStopped` | the network joined anew where it was made anew, others of ours left, update where limits differ, start | have ended |
//! | a running one with other limits or another restart policy | `AttachExisting` | update | go on |
//! | a running one that is not on its network, or still on an earlier one | `AttachExisting` | the network where it is missing; connect, disconnect | go on |
//! | a running one under another name | `AttachExisting` | rename | go on |
//! | a running one whose capsule has other variables or credentials | `AttachExisting` | nothing: the capsule is told | go on; new ones get them |
//! | its sidecar is stopped, paused or gone | `AttachExisting` | start, unpause, or create and start the sidecar, alone | go on |
//! | a running one, or one that the engine is about to start again | `AttachExisting` | nothing | go on |
//!
//! A sidecar that does not fit ([`crate::sidecar`]) is replaced on the way of the line that replaces the container, once that has
//! stopped and before the new one starts; wherever a container is started or made, its sidecar answers first.
//!
//! Lines of `AttachExisting` are taken together. Wherever a container is made and the image is not of the wanted recipe, the plan is
//! `BuildAndCreate`: what the creation needs besides is made ready meanwhile, and a container that runs goes on until the image is
//! there. An interrupted swap goes on with the container that it made, where that is still as wanted; what it left besides is removed
//! on the way, unless something runs in it.
//!
//! A moved version (the capsule, an agent's program, a build of the image that somebody asked for) and a mount whose source became
//! another file (rejected as `MountReplaced`) are told as a pending repair while the container runs, and wait for `jackin restart`; nothing else ends it for them.
//!
//! # When
//! A repair that ends processes waits while a session is live ([`crate::disruption`]) or nobody can tell whether one is: then the plan
//! is `AttachExisting` with the repair as pending. One that would replace a volume with data waits in the same way for somebody's
//! consent. It is decided anew in each pass, so that of a chain of edits only the last is repaired, and of an edit that was taken
//! back nothing.
//!
//! # When nobody works
//! Where the workspace's `lifecycle.idleAfter` is set, an instance in which no session has been live for that long is stopped, its
//! container kept ([`crate::disruption::awake_sessions`]). It then stays as it is, whatever moves meanwhile, until somebody starts or
//! restarts it. While `spec.suspend` is set nothing is stopped, and who cannot be asked is not idle.
//!
//! # What holds a plan back
//! Then it has no steps, and [`Held`] says why. In this order:
//!
//! | Held | When | Until |
//! |---|---|---|
//! | `CapsuleSilent` | the capsule of a running container does not answer | it answers, or a restart is asked for |
//! | `Suspended` | the workspace's `spec.suspend` is set, and no restart is asked for; the repair shows as pending | it is taken back |
//! | `Removing` | the engine removes a container whose name is needed | it is gone |
//! | `NameConflict` | a container that is not ours has the name that is needed | it is renamed or removed |
//! | `Isolation`, `Mounts`, `MountsUnread` | the plan starts something, and a mount cannot be had | the mount is there |
//! | `Network` | the plan or the running container needs the network, and the one of the name cannot be used | it can |
//! | `Program` | a container is to be made, and an agent's program cannot be had | it can |
//! | `Consent` | nothing runs, and a volume with data would have to be replaced | `jackin approve`, or the spec moves |
//! | `SidecarImage` | a sidecar is to be made, and the engine lacks its image | it has it |
//! | `SidecarSilent` | nothing else is to be done, and the sidecar's engine does not answer | it answers |
//! | `Hook` | nothing else is to be done, and a hook kept the agent of the first session from starting | the next try is due, a restart is asked for, or the spec moves |
//! | `CrashLoop`, `Backoff` | an earlier try of this generation failed | the next try is due, or the spec moves |
//! | `Undone` | five repairs in a row were carried out, and none lasted for a minute | the next one is due, a restart is asked for, or the spec moves |
//! | `Image` | all but the image is there, or a hook failed and another image is on its way | it is built |
//!
//! # Flow
//! [`validity`] says what of the container that is there differs, [`rungs`] climbs to the lowest rung that reaches the desired state
//! and notes why each lower one does not, [`waiting`] lets live sessions go first, [`keep`], [`start`] and [`create`] spell the rung
//! out, and [`obstacles`] holds back what cannot be carried out.
//!
//! # Guarantees
//! Pure and total: equal arguments give equal plans, and every combination of observations has one. A step that ends a live
//! session is only ever in a plan with the consent that allows it; [`crate::check`] refuses the plan otherwise.
//!
//! # Assumptions
//! What is in [`Observed`] was really seen in this pass. A read that failed must not reach this function: a pass without
//! observations decides nothing.

mod create;
mod ending;
mod idle;
mod keep;
mod live;
mod network;
mod obstacles;
mod prerequisites;
mod rungs;
mod sidecar;
mod start;
mod steps;
mod validity;
mod waiting;

use jackin_api::kinds::InstanceStatus;
use jackin_api::words::PlanKind;
use jiff::Timestamp;

use crate::backoff;
use crate::desired::{Desired, DesiredImage, Site};
use crate::launch::{self, Launch};
use crate::observed::Observed;
use crate::resolve::Wanted;
use crate::step::{Held, LookAgain, Plan};
use crate::world::ContainerState;

use rungs::{Asked, Repair, climb};
use validity::{Current, current};

/// Name of the session that an instance starts by itself.
pub const FIRST_SESSION: &str = "main";

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
        Wanted::Remove { run, home, reclaim } => ending::removal(observed, run, home, *reclaim),
        Wanted::Stop => ending::stop(observed),
        // What it was stopped for is kept: what comes back is no reason to start it.
        Wanted::Unresolved(_) => Plan { idle: memory.status.idle.clone(), ..Plan::idle(None) },
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
            idle: None,
            held: None,
            look_again: LookAgain::OnChange,
        }
    }

    /// The same, held back for a reason.
    pub fn held(mut self, held: Held, look_again: LookAgain) -> Self {
        self.steps.clear();
        self.held = Some(held);
        self.look_again = look_again;
        self
    }
}

fn run(situation: &Situation<'_>) -> Plan {
    if let Some(resting) = idle::resting(situation) {
        return resting;
    }
    let image = match &situation.desired.image {
        DesiredImage::Valid(image) => Some(image),
        DesiredImage::Invalid { serving, .. } => serving.as_ref(),
    };
    let current = current(situation, image);
    let mut plan = decide(situation, current.as_ref());
    plan.drift = current.as_ref().map(|current| current.all_changes()).unwrap_or_default();
    sidecar::look(situation).add_differences(&mut plan.drift);
    idle::apply(situation, obstacles::apply(situation, current.as_ref(), plan))
}

/// Takes the lowest rung that reaches the desired state, once nobody is in its way.
fn decide(situation: &Situation<'_>, current: Option<&Current<'_>>) -> Plan {
    let repair = climb(situation, current, Asked::of(situation));
    let consent = waiting::allowed(situation);
    let sidecar = sidecar::look(situation);
    if let Some(current) = current.filter(|current| current.is_alive() && !thaws(situation, current)) {
        let volumes = sidecar.unconsented();
        if !volumes.is_empty() {
            return waiting::for_consent(situation, current, repair, volumes);
        }
        if let Err(sessions) = &consent
            && (ends_processes(situation, current, &repair) || sidecar.ends_work())
        {
            return waiting::for_sessions(situation, current, repair, sessions.clone());
        }
    }
    let consent = consent.ok();
    let mut plan = Plan::idle(Some(repair.plan));
    plan.rejected = repair.rejected;
    match (repair.plan, current) {
        (PlanKind::AttachExisting, Some(current)) => {
            plan.steps = keep::steps(situation, current, consent);
            plan.pending = waiting::for_restart(situation, current);
        }
        (PlanKind::StartStopped, Some(current)) => plan.steps = start::steps(situation, current, consent),
        (PlanKind::CreateFromValidImage | PlanKind::BuildAndCreate, _) => {
            plan.steps = create::steps(situation, launch_of(situation), current, consent);
        }
        // Without a container the first two are rejected, and nothing here chooses the others.
        (PlanKind::AttachExisting | PlanKind::StartStopped, None)
        | (PlanKind::ClaimWarm | PlanKind::PrewarmOnly, _) => {}
    }
    if repair.plan == PlanKind::BuildAndCreate && plan.steps.is_empty() {
        plan.held = Some(Held::Image);
    }
    plan
}

/// What the container would be, once its image and every program are there.
fn launch_of(situation: &Situation<'_>) -> Option<Launch> {
    let Situation { site, desired, observed, .. } = *situation;
    match &desired.image {
        DesiredImage::Valid(image) => launch::launch(site, desired, observed, image),
        DesiredImage::Invalid { .. } => None,
    }
}

/// Whether a repair ends what runs in the container that is there.
fn ends_processes(situation: &Situation<'_>, current: &Current<'_>, repair: &Repair) -> bool {
    match repair.plan {
        PlanKind::AttachExisting | PlanKind::PrewarmOnly => false,
        PlanKind::StartStopped => current.is_alive() && !thaws(situation, current),
        PlanKind::ClaimWarm | PlanKind::CreateFromValidImage | PlanKind::BuildAndCreate => current.is_alive(),
    }
}

/// Whether a container is only thawed, and what else differs is decided after that.
fn thaws(situation: &Situation<'_>, current: &Current<'_>) -> bool {
    current.state() == ContainerState::Paused && Asked::of(situation) == Asked::Nothing
}

/// Milliseconds until the next try, when one failed lately. A request is a new generation, and so tried at once.
pub(crate) fn backoff_ms(situation: &Situation<'_>) -> Option<u64> {
    backoff::remaining_ms(situation.memory.status.retry.as_ref(), situation.memory.generation, situation.now)
}

/// Whether a state has processes that would be ended.
pub(crate) fn has_processes(state: ContainerState) -> bool {
    matches!(state, ContainerState::Running | ContainerState::Paused | ContainerState::Restarting)
}
