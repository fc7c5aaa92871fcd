//! A build that stands still until it is let go on.

use anyhow::{Context, Result};

use super::{docker, eventually, inline_role};

/// The build of a role whose one step waits to be released.
pub(crate) struct HeldBuild {
    mark: String,
}

impl HeldBuild {
    /// One of its own.
    pub(crate) fn new() -> Self {
        Self { mark: format!("held-{}", uuid::Uuid::new_v4().simple()) }
    }

    /// The role.
    pub(crate) fn role(&self) -> String {
        inline_role(&[&format!("RUN : {} && (sleep 1000 || true)", self.mark)])
    }

    fn container(&self) -> Result<Option<String>> {
        let running = docker(&["ps", "--no-trunc", "--format", "{{.ID}} {{.Command}}"])?;
        let step = running.lines().find(|line| line.contains(&self.mark));
        Ok(step.and_then(|line| line.split_once(' ')).map(|(id, _)| id.to_owned()))
    }

    /// Waits until the step runs.
    pub(crate) fn until_running(&self) -> Result<()> {
        eventually("the build to run", || self.container()).map(drop)
    }

    /// Lets it go on.
    pub(crate) fn release(&self) -> Result<()> {
        let id = self.container()?.context("the build does not run")?;
        // The step may have been started a moment ago, and its program not yet; or it ends before the engine told of the kill.
        eventually("the build's step to be there", || {
            let killed = docker(&["exec", &id, "killall", "sleep"]).is_ok();
            Ok((killed || self.container()?.as_ref() != Some(&id)).then_some(()))
        })
    }

    /// Waits until nothing of it runs.
    pub(crate) fn until_gone(&self) -> Result<()> {
        eventually("the build to be given up", || Ok(self.container()?.is_none().then_some(())))
    }
}
