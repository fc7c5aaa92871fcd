//! Looks at paths of which some may lie on a file system that does not answer, as a network's does when it is away.
//!
//! # Guarantees
//!
//! - A look that is late is told as such, and goes on. Nobody begins another one beside it: at each path there is one at a time, however
//!   many ask, so that threads do not pile up where nobody answers.
//! - A look keeps no program from ending.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// How long a look may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a look found nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum LookError {
    /// It goes on.
    #[error("did not answer within {} s", PATIENCE.as_secs())]
    Late,
    /// It ended without an answer, by a defect of ours or for want of threads.
    #[error("could not be looked at")]
    Ended,
}

/// A look that goes on.
#[derive(Clone)]
struct Look<T: Clone> {
    until: Instant,
    answer: Shared<BoxFuture<'static, Result<T, LookError>>>,
}

/// Looks that go on, by what is looked at.
type Going<T> = Arc<Mutex<HashMap<String, Look<T>>>>;

/// Looks, one at a time at each path.
pub(super) struct Looks<T: Clone> {
    patience: Duration,
    going: Going<T>,
}

impl<T: Clone> Default for Looks<T> {
    fn default() -> Self {
        Self { patience: PATIENCE, going: Arc::default() }
    }
}

impl<T: Clone + Send + Sync + 'static> Looks<T> {
    /// What a look finds, by one that goes on where there is one. `look` may block.
    pub(super) async fn look(&self, at: &str, look: impl FnOnce() -> T + Send + 'static) -> Result<T, LookError> {
        let Look { until, answer } = self.going_or_begun(at, look);
        tokio::time::timeout_at(until, answer).await.unwrap_or(Err(LookError::Late))
    }

    fn going_or_begun(&self, at: &str, look: impl FnOnce() -> T + Send + 'static) -> Look<T> {
        let mut going = lock(&self.going);
        if let Some(going) = going.get(at) {
            return going.clone();
        }
        let (found, answer) = oneshot::channel();
        let answer = answer.map(|found| found.map_err(|_| LookError::Ended)).boxed().shared();
        let begun = Look { until: Instant::now() + self.patience, answer };
        going.insert(at.to_owned(), begun.clone());
        drop(going);
        let end = End { going: self.going.clone(), at: at.to_owned() };
        // A thread of the runtime would be waited for at the program's end.
        let thread = std::thread::Builder::new().name("look".to_owned()).spawn(move || {
            let seen = look();
            // Whoever asks from now on gets a look that begins after they asked.
            drop(end);
            _ = found.send(seen);
        });
        if let Err(error) = thread {
            tracing::warn!(at, %error, "no thread to look with");
        }
        begun
    }
}

/// Takes a look off the list, also when it panicked or never began.
struct End<T: Clone> {
    going: Going<T>,
    at: String,
}

impl<T: Clone> Drop for End<T> {
    fn drop(&mut self) {
        lock(&self.going).remove(&self.at);
    }
}

fn lock<T: Clone>(going: &Mutex<HashMap<String, Look<T>>>) -> MutexGuard<'_, HashMap<String, Look<T>>> {
    going.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_look_that_hangs_is_late_and_the_only_one_until_it_ends() {
        let mut looks = Looks { patience: Duration::ZERO, ..Looks::default() };
        let begun = Arc::new(AtomicU32::new(0));
        let (release, hang) = mpsc::channel::<()>();
        let count = begun.clone();
        let hanging = move || {
            _ = hang.recv();
            count.fetch_add(1, Ordering::SeqCst)
        };
        assert_eq!(looks.look("nfs", hanging).await, Err(LookError::Late));
        for _ in 0..3 {
            let count = begun.clone();
            let another = looks.look("nfs", move || count.fetch_add(1, Ordering::SeqCst));
            assert_eq!(another.await, Err(LookError::Late));
        }
        looks.patience = PATIENCE;
        assert_eq!(looks.look("disk", || 7).await, Ok(7), "who hangs is in nobody's way");
        release.send(()).unwrap();
        while !lock(&looks.going).is_empty() {
            tokio::task::yield_now().await;
        }
        let before = looks.look("nfs", move || begun.fetch_add(1, Ordering::SeqCst));
        assert_eq!(before.await, Ok(1), "only the one that hung had begun");
    }

    #[tokio::test]
    async fn a_look_that_panics_is_over() {
        let looks = Looks::default();
        assert_eq!(looks.look("x", || panic!("a defect")).await, Err(LookError::Ended));
        assert_eq!(looks.look("x", || 1).await, Ok(1));
    }
}
