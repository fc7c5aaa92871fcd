//! `jackin attach` against `docker exec -it`: from the start of the program on a terminal to the first byte of a picture.

use std::ffi::OsString;
use std::time::Duration;

use anyhow::{Context, bail};
use pty_process::{Command, OwnedReadPty, OwnedWritePty, Size};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};

use super::report::{Bar, Row, Samples, milliseconds};
use super::stage::Stage;
use super::subject::Subject;

/// What attaching may cost of what an exec does.
const BAR: f64 = 0.33;
/// What `jackin attach` says before it has a picture: that the terminal should keep its title.
const PREAMBLE: &[u8] = b"\x1b[22;2t";
/// How long either may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// The docker client that attaching is compared with.
pub(crate) fn docker() -> OsString {
    std::env::var_os("JACKIN_BENCH_DOCKER").unwrap_or_else(|| "docker".into())
}

/// Both in turns, on the same instance.
pub(crate) async fn attach(stage: &Stage, rounds: usize) -> anyhow::Result<Row> {
    let name = Subject::PLAIN.instance(0);
    let container = format!("jackin.{}.default.{name}", &stage.owner[..6]);
    let docker = docker();
    let (mut ours, mut bare) = (Samples::default(), Samples::default());
    for round in 0..=rounds {
        let attach = Command::new(stage.jackin()).args(["attach", &name]).env("JACKIN_HOME", stage.home());
        // Control and backslash detach.
        let attached = first_byte(attach, PREAMBLE, b"\x1c").await.context("jackin attach")?;
        let exec = Command::new(&docker).args(["exec", "-it", &container, "sh"]);
        let executed = first_byte(exec, b"", b"exit\r").await.context("docker exec")?;
        if round > 0 {
            ours.push(milliseconds(attached));
            bare.push(milliseconds(executed));
        }
    }
    Ok(Row {
        name: "attach-first-paint",
        bar: Bar::Ratio(BAR),
        ours,
        bare: Some(bare),
        ours_parts: Default::default(),
        bare_parts: Default::default(),
    })
}

/// Runs a program on a terminal of its own: how long it takes until something comes that is not in `preamble`. Then it is told to
/// leave.
async fn first_byte(command: Command, preamble: &[u8], leave: &[u8]) -> anyhow::Result<Duration> {
    let (pty, other_end) = pty_process::open()?;
    pty.resize(Size::new(24, 80))?;
    let command = command.env("TERM", "xterm-256color");
    let begun = Instant::now();
    let mut child = command.spawn(other_end)?;
    let (mut output, mut input) = pty.into_split();
    let seen = timeout(PATIENCE, first(&mut output, preamble)).await.context("nothing was painted")?;
    let elapsed = begun.elapsed();
    if let Err(error) = seen {
        _ = child.kill().await;
        return Err(error);
    }
    let ended = timeout(PATIENCE, leave_and_wait(&mut child, output, &mut input, leave)).await;
    ended.context("it does not leave")??;
    Ok(elapsed)
}

async fn first(output: &mut OwnedReadPty, preamble: &[u8]) -> anyhow::Result<()> {
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = output.read(&mut buffer).await.unwrap_or_default();
        if count == 0 {
            bail!("it ended without a picture: {}", String::from_utf8_lossy(&seen).trim());
        }
        seen.extend_from_slice(&buffer[..count]);
        if !preamble.starts_with(&seen) {
            return Ok(());
        }
    }
}

async fn leave_and_wait(
    child: &mut tokio::process::Child,
    mut output: OwnedReadPty,
    input: &mut OwnedWritePty,
    leave: &[u8],
) -> anyhow::Result<()> {
    // A program that blocks on a full terminal never leaves.
    let drain = tokio::spawn(async move {
        let mut buffer = [0; 4096];
        while output.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
    });
    input.write_all(leave).await?;
    let status = child.wait().await?;
    drain.abort();
    if !status.success() {
        bail!("it ended with {status}");
    }
    Ok(())
}
