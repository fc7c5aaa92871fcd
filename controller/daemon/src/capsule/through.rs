//! The way to a capsule through the engine, for a host that cannot reach its socket: an engine in a virtual machine, a directory that
//! belongs to another user.
//!
//! The engine runs the capsule's own program in the container, which passes bytes on to the socket there. It costs some hundred
//! milliseconds once, and the engine is then in the way of every byte.

use std::time::Duration;

use futures::StreamExt;
use futures::stream;
use jackin_plan::launch;
use jackin_plan::world::ContainerId;

use crate::docker::{Engine, EngineError, ExecStream};

/// How long the capsule may take to greet.
const GREETING: Duration = Duration::from_secs(10);

/// Why there is no way through.
#[derive(Debug, thiserror::Error)]
pub enum ThroughError {
    /// The engine did not run the program.
    #[error("go through the engine")]
    Engine(#[from] EngineError),
    /// The program ran and had nothing to give.
    #[error("go through the engine: the capsule's program in the container says: {words}")]
    Program {
        /// What it said.
        words: String,
    },
    /// Nobody greeted.
    #[error("go through the engine: nobody greeted within {GREETING:?}")]
    Silent,
}

/// Opens a connection to the capsule in a container. A capsule greets first, and one that does is there.
pub(crate) async fn open(engine: &dyn Engine, container: &ContainerId) -> Result<ExecStream, ThroughError> {
    let ExecStream { input, mut output } = engine.exec(container, &launch::connect_command()).await?;
    let said = tokio::time::timeout(GREETING, output.next()).await.map_err(|_| ThroughError::Silent)?;
    let greeting = match said {
        Some(Ok(greeting)) => greeting,
        Some(Err(error)) => return Err(ThroughError::Program { words: first_line(&error.to_string()) }),
        None => return Err(ThroughError::Program { words: "nothing; it ended".to_owned() }),
    };
    let output = stream::once(std::future::ready(Ok(greeting))).chain(output).boxed();
    Ok(ExecStream { input, output })
}

fn first_line(text: &str) -> String {
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("nothing");
    super::sanitize::text(line.trim().to_owned())
}
