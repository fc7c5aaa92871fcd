//! `jackin attach` against `docker exec -it` and `docker attach`: from the start of the program on a terminal to the first byte of a picture.

use std::ffi::OsString;
use std::time::Duration;

use anyhow::{Context, bail};
use pty_process::{Command, OwnedReadPty, OwnedWritePty, Size};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};

use super::bare::Bare;
use super::report::{Bar, Row, Samples, milliseconds};
use super::stage::Stage;
use super::subject::Subject;

/// What attaching may cost of what an exec does.
const EXEC_BAR: f64 = 0.33;
/// What it may cost of what attaching to a container does, which paints nothing.
const ATTACH_BAR: f64 = 1.0;
/// What `jackin attach` says before it has a picture: that the terminal should keep its title.
const PREAMBLE: &[u8] = b"\x1b[22;2t";
/// How long either may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// The keys that make a program leave, and the code with which it then ends.
type Leave = (&'static [u8], i32);

/// The docker client that attaching is compared with.
pub(crate) fn docker() -> OsString {
    std::env::var_os("JACKIN_BENCH_DOCKER").unwrap_or_else(|| "docker".into())
}

/// A terminal of an instance, of a shell beside it by `docker exec`, and of a container by `docker attach`, in turns.
pub(crate) async fn attach(stage: &Stage, rounds: usize) -> anyhow::Result<Vec<Row>> {
    let name = Subject::PLAIN.instance(0);
    let container = container(stage, &name);
    let cat = Bare::of(stage, &container).await?.cat("attach").await?;
    let docker = docker();
    let (mut ours, mut executing, mut attaching) = (Samples::default(), Samples::default(), Samples::default());
    for round in 0..=rounds {
        let attach = Command::new(stage.jackin()).args(["attach", &name]).env("JACKIN_HOME", stage.home());
        // Control and backslash detach.
        let attached = first_byte(attach, PREAMBLE, b"", (b"\x1c", 0)).await.context("jackin attach")?;
        let exec = Command::new(&docker).args(["exec", "-it", &container, "sh"]);
        let executed = first_byte(exec, b"", b"", (b"exit\r", 0)).await.context("docker exec")?;
        // It paints nothing by itself: what is typed comes back, after the terminal itself has echoed it.
        let attach = Command::new(&docker).args(["attach", &cat]);
        let theirs = first_byte(attach, b"x", b"x", (b"\x10\x11", 1)).await.context("docker attach")?;
        if round > 0 {
            ours.push(milliseconds(attached));
            executing.push(milliseconds(executed));
            attaching.push(milliseconds(theirs));
        }
    }
    let row = |name, bar, bare| Row { ours: ours.clone(), bare: Some(bare), ..Row::new(name, bar) };
    Ok(vec![
        row("attach-and-docker-exec", Bar::Ratio(EXEC_BAR), executing),
        row("attach-and-docker-attach", Bar::Ratio(ATTACH_BAR), attaching),
    ])
}

/// The name of an instance's container.
pub(crate) fn container(stage: &Stage, instance: &str) -> String {
    format!("jackin.{}.default.{instance}", &stage.owner[..6])
}

/// Runs a program on a terminal of its own, on which `typed` waits for it: how long it takes until something comes that is not in
/// `preamble`. Then it is told to leave.
async fn first_byte(command: Command, preamble: &[u8], typed: &[u8], leave: Leave) -> anyhow::Result<Duration> {
    let (pty, other_end) = pty_process::open()?;
    pty.resize(Size::new(24, 80))?;
    let command = command.env("TERM", "xterm-256color");
    let begun = Instant::now();
    let mut child = command.spawn(other_end)?;
    let (mut output, mut input) = pty.into_split();
    input.write_all(typed).await?;
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
    (keys, code): Leave,
) -> anyhow::Result<()> {
    // A program that blocks on a full terminal never leaves.
    let drain = tokio::spawn(async move {
        let mut buffer = [0; 4096];
        while output.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
    });
    input.write_all(keys).await?;
    let status = child.wait().await?;
    drain.abort();
    if status.code() != Some(code) {
        bail!("it ended with {status}");
    }
    Ok(())
}
