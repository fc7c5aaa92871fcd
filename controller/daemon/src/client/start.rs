//! Starting a daemon where nobody listens, as tmux starts its server.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hyper::Request;

use super::transport::{Body, Transport};
use super::{ConnectError, START_DEADLINE};
use crate::home::Home;

/// How much of the log is read for an error.
const LOG_TAIL: u64 = 4096;
/// How many lines of it are kept.
const LOG_LINES: usize = 10;
/// Settings of the C library's allocator, which it reads before anything of ours runs: one arena, which gives back what is free at
/// its end. With an arena for each thread, a sixth of an idle daemon's memory is free and kept.
const ALLOCATOR: (&str, &str) = ("GLIBC_TUNABLES", "glibc.malloc.arena_max=1:glibc.malloc.trim_threshold=131072");

/// Starts the current executable as a daemon and waits until somebody answers.
pub(super) async fn start(home: &Home, transport: &Transport) -> Result<(), ConnectError> {
    let unprepared = |source| ConnectError::Home { home: home.root().to_owned(), source };
    home.create().map_err(|error| unprepared(error.into()))?;
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(home.daemon_log())
        .map_err(|error| unprepared(error.into()))?;
    let before = log.metadata().map_or(0, |metadata| metadata.len());
    let mut child = spawn(home, log).map_err(ConnectError::Spawn)?;

    let began = Instant::now();
    let mut pause = Duration::from_millis(2);
    loop {
        if is_ready(transport).await {
            return Ok(());
        }
        // One that ends without a failure lost the race for the lock to another, which is then waited for.
        if let Ok(Some(status)) = child.try_wait()
            && !status.success()
            && !is_ready(transport).await
        {
            let log = last_lines(home, before);
            return Err(ConnectError::Ended { status, log });
        }
        if began.elapsed() > START_DEADLINE {
            let log = last_lines(home, before);
            return Err(ConnectError::TimedOut { waited: START_DEADLINE, log });
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 5 / 4).min(Duration::from_millis(50));
    }
}

fn spawn(home: &Home, log: File) -> std::io::Result<Child> {
    let (tunables, allocator) = ALLOCATOR;
    let mut command = Command::new(std::env::current_exe()?);
    if std::env::var_os(tunables).is_none() {
        command.env(tunables, allocator);
    }
    command
        .args(["controller", "run", "--detach"])
        .env("JACKIN_HOME", home.root())
        // It outlives this folder, which may be removed or unmounted.
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
}

async fn is_ready(transport: &Transport) -> bool {
    if transport.probe().await.is_err() {
        return false;
    }
    let Ok(request) = Request::get("/readyz").body(Body::empty()) else {
        return false;
    };
    let answer = tokio::time::timeout(Duration::from_secs(2), transport.ask(request)).await;
    matches!(answer, Ok(Ok((status, _))) if status.is_success())
}

/// The last lines of the log after `start`.
fn last_lines(home: &Home, start: u64) -> Vec<String> {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(home.daemon_log())?;
        let end = file.metadata()?.len();
        file.seek(SeekFrom::Start(start.max(end.saturating_sub(LOG_TAIL))))?;
        let mut bytes = Vec::new();
        file.take(LOG_TAIL).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_default();
    let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let first = lines.len().saturating_sub(LOG_LINES);
    lines[first..].iter().map(|line| (*line).to_owned()).collect()
}
