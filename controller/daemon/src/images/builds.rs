//! The builds that are running: one for each recipe, a few at once, given up when nobody wants them.
//!
//! # Guarantees
//!
//! - However many ask for a recipe at the same time, the engine builds it once, and all get the one result.
//! - A build ends when the last who wants it is gone.
//! - A result is given to those who waited for it and not kept: who asks later decides anew.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use jackin_api::words::Digest;
use tokio::sync::{Semaphore, broadcast, watch};
use tokio_util::sync::CancellationToken;

use crate::docker::{BuildProgress, Engine, EngineError, EngineErrorCause, Operation};

use super::log::BuildLogs;
use super::{BuildError, BuildInputs, BuiltImage, build};

/// Lines of progress that somebody who listens slowly may be behind.
const BACKLOG: usize = 1024;

type Outcome = Result<Arc<BuiltImage>, Arc<BuildError>>;

/// The builds of one engine.
pub struct Builds {
    engine: Arc<dyn Engine>,
    turns: Arc<Semaphore>,
    closed: CancellationToken,
    running: Mutex<BTreeMap<Digest, Weak<Running>>>,
    logs: BuildLogs,
}

/// A build, held by everybody who wants it.
struct Running {
    outcome: watch::Receiver<Option<Outcome>>,
    progress: broadcast::Sender<BuildProgress>,
    cancel: CancellationToken,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl Builds {
    /// As many builds at once as a small machine stands.
    pub const AT_ONCE: usize = 2;

    /// No builds yet.
    pub fn new(engine: Arc<dyn Engine>, at_once: usize) -> Self {
        Self {
            engine,
            turns: Arc::new(Semaphore::new(at_once.max(1))),
            closed: CancellationToken::new(),
            running: Mutex::default(),
            logs: BuildLogs::default(),
        }
    }

    /// Builds the recipe, or joins the build of it that is running, and waits for the result.
    ///
    /// `progress` hears what happens from now on. Dropping the future takes the interest back.
    ///
    /// # Errors
    /// Those of the build, shared with everybody who waited for it.
    pub async fn build(&self, inputs: BuildInputs, mut progress: impl FnMut(BuildProgress)) -> Outcome {
        let role = inputs.role.clone();
        let running = self.join(inputs);
        let mut news = running.progress.subscribe();
        let mut outcome = running.outcome.clone();
        let mut done =
            std::pin::pin!(
                async move { outcome.wait_for(Option::is_some).await.ok().and_then(|outcome| outcome.clone()) }
            );
        let mut open = true;
        loop {
            tokio::select! {
                // News first, so that none is left when the outcome is there.
                biased;
                item = news.recv(), if open => match item {
                    Ok(item) => progress(item),
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => open = false,
                },
                outcome = &mut done => return outcome.unwrap_or_else(|| Err(Arc::new(BuildError::GivenUp { role }))),
            }
        }
    }

    /// What the last build of each role printed.
    pub(crate) fn logs(&self) -> &BuildLogs {
        &self.logs
    }

    /// Gives up all builds, and those that are asked for later.
    pub fn close(&self) {
        self.closed.cancel();
    }

    /// Digests of the recipes that are being built.
    pub fn running(&self) -> Vec<Digest> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.iter().filter(|(_, build)| build.strong_count() > 0).map(|(recipe, _)| recipe.clone()).collect()
    }

    #[cfg(test)]
    #[cfg(feature = "fake")]
    pub(super) fn interest(&self, recipe: &Digest) -> usize {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.get(recipe).map_or(0, Weak::strong_count)
    }

    fn join(&self, inputs: BuildInputs) -> Arc<Running> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|_, build| build.strong_count() > 0);
        let found = running.get(&inputs.recipe).and_then(Weak::upgrade);
        if let Some(found) = found
            && found.outcome.borrow().is_none()
            && found.outcome.has_changed().is_ok()
        {
            return found;
        }
        let recipe = inputs.recipe.clone();
        let started = Arc::new(self.start(inputs));
        running.insert(recipe, Arc::downgrade(&started));
        started
    }

    fn start(&self, inputs: BuildInputs) -> Running {
        let (done, outcome) = watch::channel(None);
        let (progress, _) = broadcast::channel(BACKLOG);
        let cancel = self.closed.child_token();
        let (engine, turns) = (self.engine.clone(), self.turns.clone());
        let (news, cancelled) = (progress.clone(), cancel.clone());
        tokio::spawn(async move {
            let turn = tokio::select! {
                biased;
                turn = turns.acquire_owned() => turn.ok(),
                () = cancelled.cancelled() => None,
            };
            let result = match turn {
                // Nobody listening is no failure.
                Some(_turn) => build(&*engine, &inputs, |item| drop(news.send(item)), cancelled).await,
                None => {
                    let source = EngineError::new(Operation::BuildImage, &inputs.role, EngineErrorCause::Cancelled);
                    Err(BuildError::Engine { role: inputs.role, source })
                }
            };
            done.send_replace(Some(result.map(Arc::new).map_err(Arc::new)));
        });
        Running { outcome, progress, cancel }
    }
}
