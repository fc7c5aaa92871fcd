//! Slows down passes that do the same thing again and again.
//!
//! Steps that succeeded and are planned once more did not come to what was planned: an engine that rounds a limit, say, or
//! somebody who undoes by hand what is done. That is no failure, and it must not become a busy loop either.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jackin_plan::desired::InstanceKey;
use jackin_plan::step::Plan;

/// Equal plans in a row that are still taken for progress.
const FREE: u32 = 3;

/// The longest wait.
const LONGEST: Duration = Duration::from_secs(60);

/// The last plan that was carried out, and how often in a row, by key.
#[derive(Debug, Default)]
pub(crate) struct Damper(Mutex<HashMap<InstanceKey, (Vec<String>, u32)>>);

impl Damper {
    /// How long to wait after this plan was carried out.
    pub(super) fn wait(&self, key: &InstanceKey, plan: &Plan) -> Duration {
        let mut plans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if plan.steps.is_empty() {
            plans.remove(key);
            return Duration::ZERO;
        }
        let steps: Vec<_> =
            plan.steps.iter().map(|planned| format!("{} {}", planned.step.name(), planned.step.object())).collect();
        let (last, times) = plans.entry(key.clone()).or_default();
        *times = if *last == steps { *times + 1 } else { 1 };
        *last = steps;
        match times.checked_sub(FREE + 1) {
            None => Duration::ZERO,
            Some(extra) => Duration::from_millis(500).saturating_mul(1 << extra.min(10)).min(LONGEST),
        }
    }
}
