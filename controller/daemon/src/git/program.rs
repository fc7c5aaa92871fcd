//! Running `git`: bounded in time, with no questions, and with nothing of a repository's that could run.

use std::ffi::OsStr;
use std::process::Stdio;
use std::time::Duration;

use camino::Utf8Path;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

use crate::text::printable;

/// How long one command may take.
const LIMIT: Duration = Duration::from_mins(5);

/// Settings that win over those of the operator and of the repository.
const SETTINGS: [&str; 5] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "submodule.recurse=false",
];

/// How the operator reaches hosts: theirs where they say so, as for their own git.
const OF_THE_OPERATOR: [&str; 3] = ["GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT"];

/// Ends a command with all that it started when it is dropped.
pub(super) struct Group(Option<Pid>);

impl Group {
    pub(super) fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // It may have ended by itself.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// A command of git, with no input and its output to be read. Of the `GIT_*` of whoever started us, only how hosts are reached does reach it.
pub(super) fn git(repository: Option<&Utf8Path>, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    let of_the_operator = |name: &OsStr| OF_THE_OPERATOR.iter().any(|known| name == *known);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"GIT_")) {
        if !of_the_operator(&name) {
            command.env_remove(name);
        }
    }
    if !OF_THE_OPERATOR.iter().any(|name| std::env::var_os(name).is_some()) {
        command.env("GIT_SSH_COMMAND", "ssh -o BatchMode=yes");
    }
    command
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_ASKPASS", "true")
        .env("SSH_ASKPASS", "false")
        .env("SSH_ASKPASS_REQUIRE", "force")
        .env("GIT_ALLOW_PROTOCOL", "file:git:http:https:ssh")
        .env("LC_ALL", "C")
        .args(SETTINGS.iter().flat_map(|setting| ["-c", setting]));
    if let Some(repository) = repository {
        command.args(["--git-dir", repository.as_str()]);
    }
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.process_group(0).kill_on_drop(true);
    command
}

/// Runs a command to its end; what it printed, or what it said of its failure.
pub(super) async fn run(mut command: Command) -> Result<Vec<u8>, String> {
    let child = command.spawn().map_err(|error| format!("`git` cannot be run: {error}"))?;
    let _group = Group::of(&child);
    let output = within(child.wait_with_output()).await?.map_err(|error| format!("`git` cannot be read: {error}"))?;
    if output.status.success() { Ok(output.stdout) } else { Err(said(&output.stderr)) }
}

/// What comes of it, unless it takes too long.
pub(super) async fn within<T>(work: impl Future<Output = T>) -> Result<T, String> {
    let late = |_| format!("`git` was not done within {} minutes", LIMIT.as_secs() / 60);
    tokio::time::timeout(LIMIT, work).await.map_err(late)
}

/// The end of what git said, on one line.
pub(super) fn said(errors: &[u8]) -> String {
    let text = printable(&String::from_utf8_lossy(errors));
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    match lines.as_slice() {
        [] => "`git` failed and said nothing".to_owned(),
        lines => lines[lines.len().saturating_sub(3)..].join("; "),
    }
}
