//! Running a program for its output, without leaving anything of it behind.

use std::io;
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use secrecy::zeroize::Zeroizing;
use tokio::io::AsyncReadExt;
use tokio::process::Command;

use super::read::bounded;

/// Bytes of a program's complaints that are read.
const ERROR_BYTES: u64 = 4 * 1024;

/// A program that ended.
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    pub(super) output: Zeroizing<Vec<u8>>,
    pub(super) errors: Vec<u8>,
}

/// Kills a program and its children when it is dropped.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // It may have ended by itself.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Runs a program to its end, with no input. Dropping the future kills it and its children.
pub(super) async fn run(mut command: Command) -> io::Result<Ended> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.process_group(0).kill_on_drop(true).spawn()?;
    let id = child.id().and_then(|id| i32::try_from(id).ok());
    let _group = Group(id.and_then(Pid::from_raw));
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(io::Error::other("the program has no output"));
    };
    let complaints = async {
        let mut errors = Vec::new();
        let mut reader = stderr.take(ERROR_BYTES);
        reader.read_to_end(&mut errors).await?;
        // Further complaints are read and dropped, so that the program does not wait for a reader.
        tokio::io::copy(&mut reader.into_inner(), &mut tokio::io::sink()).await?;
        Ok(errors)
    };
    let (output, errors) = tokio::try_join!(bounded(stdout), complaints)?;
    let status = child.wait().await?;
    Ok(Ended { status, output, errors })
}
