//! The steps of a plan, independent ones at once, each timed. What one would end is asked once more before it.

use std::sync::OnceLock;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use jackin_plan::observed::Observed;
use jackin_plan::resolve::Wanted;
use jackin_plan::status::{Outcome, ReasonWord, StepResult};
use jackin_plan::step::Plan;
use jackin_plan::world::Container;
use tokio::time::Instant;

use crate::context::Context;

use super::Taken;
use super::again::may_still_end;
use super::observe::running;
use super::steps::{Frame, Serving, StepError, run};

/// Runs the steps. One that fails keeps those from beginning that need it; all others go on.
pub(super) async fn execute(
    context: &Context,
    taken: &Taken,
    wanted: &Wanted,
    observed: &Observed,
    plan: &Plan,
) -> Vec<Outcome> {
    let serving = |container: &Container| Some(Serving { container: container.id.clone(), pid: container.pid? });
    let frame = Frame {
        context,
        taken,
        wanted,
        seen: running(&observed.containers).and_then(serving),
        answered: OnceLock::new(),
        created: OnceLock::new(),
        created_sidecar: OnceLock::new(),
    };
    let mut outcomes: Vec<Outcome> = plan
        .steps
        .iter()
        .map(|planned| Outcome {
            step: planned.step.name(),
            object: planned.step.object(),
            duration_ms: 0,
            result: StepResult::NotBegun,
        })
        .collect();
    let mut begun = vec![false; outcomes.len()];
    let mut running = FuturesUnordered::new();
    loop {
        for (index, planned) in plan.steps.iter().enumerate() {
            let ready = planned.needs.iter().all(|needs| outcomes[*needs].result == StepResult::Done);
            if ready && !begun[index] {
                begun[index] = true;
                let frame = &frame;
                running.push(async move {
                    let start = Instant::now();
                    let result = match may_still_end(frame, observed, planned).await {
                        Ok(()) => run(frame, &planned.step).await,
                        Err(refused) => Err(refused),
                    };
                    (index, result, start.elapsed())
                });
            }
        }
        let Some((index, result, duration)) = running.next().await else { return outcomes };
        outcomes[index].duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        outcomes[index].result = match result {
            Ok(()) => StepResult::Done,
            Err(StepError { reason, message }) => StepResult::Failed { reason: ReasonWord(reason), message },
        };
    }
}
