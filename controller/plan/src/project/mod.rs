//! What applying would come to: pass after pass on the model, until nothing is left to do.
//!
//! # Flow
//! [`pass`] is the daemon's pass with the model in the engine's place: resolve, observe, plan, check, record, carry out, status.
//! [`instance`] repeats it, so that what one pass leaves to the next is shown too: a swap that finds an image built, a paused
//! container that is only thawed at first. [`image`] does the same for the image of a role.
//!
//! # Guarantees
//! Pure. The same stages decide here and in the daemon, so that the plan shown is the plan that is carried out, as long as
//! nothing changes meanwhile.
//!
//! # Caveats
//! What is not there yet has no digest yet: an image that is fetched, and programs. See [`ProjectedImage::provisional`].

mod image;
mod shown;

pub use image::{ProjectedImage, image};
pub use shown::{
    LeftNetworks, ShownHeld, ShownImage, ShownImageOperation, ShownInstance, ShownKeptNetwork, ShownOperation,
    ShownPass, ShownProjection, ShownReason, ShownRename, ShownWait, ShownWorkspace, shown_image, shown_instance,
    shown_workspace,
};

use jackin_api::kinds::{Image, InstanceStatus};
use jackin_api::words::Reason;
use jiff::Timestamp;
use kube::ResourceExt;

use crate::check::{PlanDefect, check};
use crate::desired::{DesiredImage, InstanceKey, Site};
use crate::ladder::{self, Memory};
use crate::model::{Frame, Refused, World};
use crate::resolve::{Snapshot, Wanted, resolve};
use crate::status::{self, InstancePass, Outcome, ReasonWord, StepResult};
use crate::step::Plan;

/// More passes than any repair takes. One that takes more goes round in circles.
const MOST_PASSES: usize = 12;

/// One pass on the model.
#[derive(Clone, Debug)]
pub struct Pass {
    /// What was wanted.
    pub wanted: Wanted,
    /// What was planned.
    pub plan: Plan,
    /// What came of the steps.
    pub outcomes: Vec<Outcome>,
    /// The status that it wrote; the one from before its steps, when it was interrupted.
    pub status: InstanceStatus,
}

/// The passes over one instance, and why there is no further one.
#[derive(Clone, Debug)]
pub struct Projected {
    /// The passes. The last one has no steps, unless the passes do not come to an end.
    pub passes: Vec<Pass>,
    /// Whether the passes came to an end.
    pub ends: bool,
}

/// The passes over the instance of this snapshot, each on the world that the one before it left.
///
/// `built` is the image of its role as it will be; it takes the place of the one in the snapshot when nothing else is left to do.
///
/// # Errors
/// The rules that a plan breaks. Always a defect of ours.
pub fn instance(
    site: &Site,
    snapshot: &mut Snapshot,
    built: Option<&Image>,
    world: &mut World,
    now: Timestamp,
) -> Result<Projected, Vec<PlanDefect>> {
    let mut passes: Vec<Pass> = Vec::new();
    while passes.len() < MOST_PASSES {
        let done = pass(site, snapshot, world, now, usize::MAX)?;
        let (idle, failed) = (done.plan.steps.is_empty(), status::failure(&done.outcomes).is_some());
        let waits = awaits_image(&done.wanted) && built.is_some() && built != snapshot.image.as_ref();
        passes.push(done);
        if failed || (idle && !waits) {
            return Ok(Projected { passes, ends: true });
        }
        if idle {
            snapshot.image = built.cloned();
        }
    }
    Ok(Projected { passes, ends: false })
}

fn awaits_image(wanted: &Wanted) -> bool {
    match wanted {
        Wanted::Run(desired) => matches!(desired.image, DesiredImage::Invalid { .. }),
        Wanted::Stop | Wanted::Remove { .. } | Wanted::Unresolved(_) => false,
    }
}

/// One pass over the instance of this snapshot, interrupted after `most` steps: then it writes no status at its end.
///
/// # Errors
/// The rules that the plan breaks. Always a defect of ours.
pub fn pass(
    site: &Site,
    snapshot: &mut Snapshot,
    world: &mut World,
    now: Timestamp,
    most: usize,
) -> Result<Pass, Vec<PlanDefect>> {
    let wanted = resolve(snapshot);
    let mut memory = Memory {
        status: snapshot.instance.status.clone().unwrap_or_default(),
        generation: snapshot.instance.metadata.generation.unwrap_or_default(),
    };
    let observed = world.observe(site, snapshot, &wanted);
    let plan = check(ladder::plan(site, &wanted, &observed, &memory, now))?;
    if let Some(recorded) = status::record(&memory, &plan, "launch-of-the-model", now) {
        memory.status = recorded;
    }
    let namespace = snapshot.instance.namespace().unwrap_or_default();
    let key = InstanceKey { namespace, name: snapshot.instance.identity().to_owned() };
    let outcomes = carry_out(&plan, world, Frame { site, key: &key, now }, most);
    let mut after = memory.status.clone();
    if most >= plan.steps.len() {
        let (wanted, observed, plan, outcomes, memory) = (&wanted, &observed, &plan, &outcomes, &memory);
        after = status::instance(&InstancePass { site, wanted, observed, plan, outcomes, memory, now, jitter: 0.0 });
    }
    snapshot.instance.status = Some(after.clone());
    Ok(Pass { wanted, plan, outcomes, status: after })
}

/// Carries out the first steps of a plan. One that is refused keeps those from beginning that need it.
fn carry_out(plan: &Plan, world: &mut World, frame: Frame<'_>, most: usize) -> Vec<Outcome> {
    let mut outcomes: Vec<Outcome> = Vec::new();
    world.begin_plan();
    for (index, planned) in plan.steps.iter().enumerate() {
        let ready = planned.needs.iter().all(|needs| outcomes[*needs].result == StepResult::Done);
        let result = if index >= most || !ready {
            StepResult::NotBegun
        } else {
            world.apply(&planned.step, frame).map_or_else(|refused| failed(&refused), |()| StepResult::Done)
        };
        outcomes.push(Outcome { step: planned.step.name(), object: planned.step.object(), duration_ms: 0, result });
    }
    outcomes
}

fn failed(refused: &Refused) -> StepResult {
    let reason = match refused {
        Refused::NameTaken { .. } => Reason::NameConflict,
        Refused::State { .. } => Reason::EngineRefused,
        Refused::CapsuleSilent => Reason::CapsuleUnresponsive,
        Refused::NotFound(_)
        | Refused::NothingCreated
        | Refused::VolumeNotFilled(_)
        | Refused::VolumeInUse(_)
        | Refused::SidecarSilent(_)
        | Refused::Failing(_) => Reason::StepFailed,
    };
    StepResult::Failed { reason: ReasonWord(reason), message: refused.to_string() }
}
