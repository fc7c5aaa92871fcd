//! The step that waits for a sidecar.

use std::time::Duration;

use jackin_api::words::Reason;
use jackin_plan::sidecar::sockets;
use jackin_plan::world::ContainerId;
use tokio::time::Instant;

use super::steps::{Frame, StepError, running};

/// How long an engine that was started may take to answer, before the pass ends and says so.
const START: Duration = Duration::from_secs(20);

/// How often it is asked meanwhile.
const POLL: Duration = Duration::from_millis(20);

/// Asked so often, it is also looked at whether the container still runs.
const LOOK: u32 = 25;

/// Waits until the engine in a sidecar answers, or the sidecar has ended.
pub(super) async fn wait(frame: &Frame<'_>, id: &ContainerId) -> Result<(), StepError> {
    let sockets = sockets(&frame.taken.snapshot.run);
    let begun = Instant::now();
    let mut polls: u32 = 0;
    loop {
        if polls.is_multiple_of(LOOK) {
            let looked = running(frame, id).await;
            looked.map_err(|StepError { message, .. }| {
                StepError::new(Reason::SidecarFailed, format!("the sidecar does not run: {message}"))
            })?;
        }
        let Err(error) = frame.context.sidecars.ping(&sockets).await else { return Ok(()) };
        if begun.elapsed() > START {
            let message = format!("the engine of its sidecar did not answer within {} s: {error}", START.as_secs());
            return Err(StepError::new(Reason::SidecarUnresponsive, message));
        }
        polls += 1;
        tokio::time::sleep(POLL).await;
    }
}
