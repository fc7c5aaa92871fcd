//! The smallest repair, case by case: the end state is right, the engine was asked for no more than the budget, and `jackin diff`
//! had announced the same operations.
//!
//! The names of the cases (C01 and so on) are those of the list that the design was made by; each module has those of one noun.

mod churn;
mod creating;
mod ending;
mod holding;
mod interrupting;
mod killing;
mod meanwhile;
mod meddling;
mod replacing;
mod scaling;
mod steady;
mod updating;

use anyhow::Result;

use crate::stage::{Stage, desk};

/// The workspace with its one instance and a folder of this name mounted, in which the file `which` tells it.
fn with_mount(stage: &Stage, folder: &str, lines: &[&str]) -> Result<String> {
    stage.write(&format!("{folder}/which"), folder)?;
    let mount = format!("mounts: [{{source: ./{folder}, target: /work}}]");
    Ok(desk(&[&[mount.as_str()], lines].concat()))
}
