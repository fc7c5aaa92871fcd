//! One pass over an instance: a straight line, each stage once, nothing calls back.
//!
//! ```text
//! snapshot   the objects of one key from the store                       I/O
//! resolve    references followed, defaults applied, every gap named      pure
//! observe    containers, images, networks, volumes, capsule, mounts      I/O, never decides
//! plan       the cheapest plan, and why no cheaper one would do          pure, total
//! check      a linter for plans                                          pure
//! record     what is about to be done, so that a crash can be read       I/O
//! execute    the steps, independent ones at once, each timed             I/O, never decides
//! status     conditions, phase and events from what came of it           pure, then one write
//! ```
//!
//! A pass may be interrupted after any step, and the next one finishes the job: "already so" is success for every step.

mod again;
mod at_work;
mod execute;
mod observe;
mod output;
mod overlay;
mod record;
mod sidecar;
mod snapshot;
mod steps;

use std::time::Duration;

use jackin_plan::backoff;
use jackin_plan::check::{PlanDefect, check};
use jackin_plan::damper;
use jackin_plan::desired::InstanceKey;
use jackin_plan::ladder;
use jackin_plan::resolve::resolve;
use jackin_plan::status;
use jackin_plan::step::{LookAgain, Plan};

use crate::context::Context;

pub(crate) use at_work::AtWork;
pub(crate) use observe::{capsule, containers, observe, program};
pub(crate) use overlay::Overlay;
pub(crate) use snapshot::{Taken, around, around_under, take};

/// The longest that a timer waits, in milliseconds. What is due later than in a day is looked at once a day until then.
const LONGEST_TIMER_MS: u64 = 24 * 60 * 60 * 1000;

/// Why a pass did not get to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PassError {
    /// The API did not answer or refused.
    #[error("use the API")]
    Api(#[from] kube::Error),
    /// The planner made a plan that no plan may be. A defect of ours.
    #[error("check the plan: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Defect(Vec<PlanDefect>),
    /// The pass panicked. A defect of ours.
    #[error("finish the pass: it panicked: {0}")]
    Panicked(String),
}

/// When to look again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// When something changes.
    OnChange,
    /// After a while.
    After(Duration),
}

/// One pass over the instance of this key.
///
/// # Errors
/// When the API cannot be used, or by a defect of ours.
pub(crate) async fn pass(context: &Context, key: &InstanceKey) -> Result<Next, PassError> {
    let Some(identity) = snapshot::identity(context, key).await? else { return Ok(Next::OnChange) };
    let _turn = context.at_work.turn(&key.namespace, &identity).await;
    let Some(taken) = take(context, key).await? else { return Ok(Next::OnChange) };
    let wanted = resolve(&taken.snapshot);
    let memory = taken.memory();
    let observed = match observe(context, &taken.snapshot, &wanted).await {
        Ok(observed) => observed,
        Err(error) => {
            let now = context.clock.now();
            let unknown = status::unknown(&memory, &error.unseen(), now, context.chance.jitter());
            let wait = backoff::unread_ms(unknown.unread.as_ref(), now).unwrap_or_default();
            record::write_status(context, &taken.snapshot.instance, unknown).await?;
            return Ok(Next::After(Duration::from_millis(wait)));
        }
    };
    observe::follow(context, &taken, &observed);
    let plan = ladder::plan(&context.site, &wanted, &observed, &memory, context.clock.now());
    let plan = check(plan).map_err(PassError::Defect)?;
    let memory = record::record(context, &taken, &plan, memory).await?;
    let outcomes = execute::execute(context, &taken, &wanted, &observed, &plan).await;
    let status = status::instance(&status::InstancePass {
        site: &context.site,
        wanted: &wanted,
        observed: &observed,
        plan: &plan,
        outcomes: &outcomes,
        memory: &memory,
        now: context.clock.now(),
        jitter: context.chance.jitter(),
    });
    let now = context.clock.now();
    let again = damper::held_until(status.repeated.as_ref(), &plan, memory.generation, now);
    let again = Duration::from_millis(again.map_or(0, |due| damper::until_ms(due, now)));
    let due = backoff::remaining_ms(status.retry.as_ref(), memory.generation, now);
    let next = next(&plan, due, &outcomes, again);
    record::conclude(context, &taken, &wanted, &plan, &outcomes, status).await?;
    Ok(next)
}

/// When to look again after this pass.
fn next(plan: &Plan, retry_ms: Option<u64>, outcomes: &[status::Outcome], again: Duration) -> Next {
    if !outcomes.is_empty() && status::succeeded(outcomes) {
        // The steps are done: what they came to is seen at once, unless they are being done over and over.
        return Next::After(again);
    }
    if let Some(wait) = retry_ms.filter(|_| status::failure(outcomes).is_some()) {
        return Next::After(Duration::from_millis(wait));
    }
    match plan.look_again {
        LookAgain::OnChange => Next::OnChange,
        LookAgain::AfterMs(wait) => Next::After(Duration::from_millis(wait.min(LONGEST_TIMER_MS))),
    }
}
