//! Failures of passes themselves: the API did not answer, or a defect of ours.
//!
//! What goes wrong in the world is in the status of its object and survives a restart there; this is only for the passes that
//! could not even write a status.

use std::collections::HashMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use kube::{Resource, ResourceExt};
use tokio::time::Instant;

use crate::metrics;
use crate::pass::{Next, PassError};
use crate::text::with_causes;

/// The longest wait after a failure.
const LONGEST: Duration = Duration::from_secs(60);

/// Failures in a row, by key.
#[derive(Debug, Default)]
pub(crate) struct Failures(Mutex<HashMap<String, u32>>);

impl Failures {
    /// Runs a pass: a panic becomes an error, and a success ends the row.
    pub(super) async fn guard<K, F>(&self, object: &K, pass: F) -> Result<Next, PassError>
    where
        K: Resource<DynamicType = ()>,
        F: Future<Output = Result<Next, PassError>>,
    {
        let begun = Instant::now();
        let result = AssertUnwindSafe(pass).catch_unwind().await.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Err(PassError::Panicked(text.unwrap_or_else(|| "without a message".to_owned())))
        });
        metrics::pass(&kind(object), result.is_ok(), begun.elapsed());
        if result.is_ok() {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&key(object));
        }
        result
    }

    /// When to try again after one more failure: 0.1, 0.2, 0.4 … seconds, up to a minute, and up to a tenth more.
    pub(super) fn again<K>(&self, object: &K, error: &PassError, jitter: f64) -> Next
    where
        K: Resource<DynamicType = ()>,
    {
        let key = key(object);
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = failures.entry(key.clone()).or_insert(0);
        *count += 1;
        let wait = Duration::from_millis(100).saturating_mul(1 << (*count - 1).min(10)).min(LONGEST);
        tracing::warn!(key, failures = *count, error = %with_causes(error), "pass failed");
        Next::After(wait.mul_f64(1.0 + jitter / 10.0))
    }
}

fn kind<K: Resource<DynamicType = ()>>(_: &K) -> String {
    K::kind(&()).to_lowercase()
}

fn key<K: Resource<DynamicType = ()>>(object: &K) -> String {
    format!("{}/{}/{}", kind(object), object.namespace().unwrap_or_default(), object.name_any())
}

#[cfg(test)]
mod tests {
    use jackin_api::kinds::{Role, RoleSpec};

    use super::*;

    #[tokio::test]
    async fn a_panic_costs_that_pass_only_and_waits_grow_until_a_success() {
        let failures = Failures::default();
        let role = Role::new("dev", RoleSpec::default());
        let panicked = failures.guard(&role, async { panic!("by intent") }).await;
        let Err(error) = panicked else { panic!("the panic went unnoticed") };
        assert_eq!(error.to_string(), "finish the pass: it panicked: by intent");
        let waits: Vec<_> = (0..3).map(|_| format!("{:?}", failures.again(&role, &error, 0.5))).collect();
        assert!(waits.windows(2).all(|pair| pair[0] != pair[1]));
        assert!(failures.guard(&role, async { Ok(Next::OnChange) }).await.is_ok());
        assert!(failures.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty());
    }
}
