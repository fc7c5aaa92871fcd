//! Starting programs, on a terminal or on pipes, and signalling their process groups.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use jackin_api::wire::{ErrorCode, ReplyError, Size};
use rustix::process::Pid;
use tokio::net::UnixStream;
use tokio::net::unix::pipe;

use crate::environment::Variables;
use crate::program::Program;
use crate::serve::refuse;
use crate::terminal::Terminal;

/// The capsule's ends of a program's three pipes.
#[derive(Debug)]
pub(crate) struct Pipes {
    pub(crate) stdin: pipe::Sender,
    pub(crate) stdout: pipe::Receiver,
    pub(crate) stderr: pipe::Receiver,
}

/// Starts a program as the leader of a session of its own, on a new terminal.
pub(crate) fn start_on_terminal(
    program: &Program,
    variables: &Variables,
    directory: &Path,
    size: Size,
) -> Result<(Terminal, u32), ReplyError> {
    let no_terminal = |error: &dyn std::fmt::Display| refuse(ErrorCode::Failed, &format!("open a terminal: {error}"));
    // The blocking flavour: tokio's would wait for the child and take its exit code from the reaper.
    let (master, slave) = pty_process::blocking::open().map_err(|error| no_terminal(&error))?;
    master.resize(pty_process::Size::new(size.rows, size.cols)).map_err(|error| no_terminal(&error))?;
    let terminal = Terminal::new(OwnedFd::from(master)).map_err(|error| no_terminal(&error))?;
    let child = pty_process::blocking::Command::new(&program.path)
        .arg0(&program.name)
        .args(&program.arguments)
        .env_clear()
        .envs(variables)
        .current_dir(directory)
        .spawn(slave)
        .map_err(|error| not_started(program, &error))?;
    Ok((terminal, child.id()))
}

/// A line to the next program that is started: our end, and the one that it inherits.
pub(crate) fn line_to_program() -> Result<(UnixStream, OwnedFd), ReplyError> {
    let open = || -> io::Result<_> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        rustix::io::fcntl_setfd(&theirs, rustix::io::FdFlags::empty())?;
        Ok((UnixStream::from_std(ours)?, OwnedFd::from(theirs)))
    };
    open().map_err(|error| refuse(ErrorCode::Failed, &format!("open a line to the hooks: {error}")))
}

/// Starts a program as the leader of a process group of its own, on three pipes.
pub(crate) fn start_on_pipes(
    program: &Program,
    variables: &Variables,
    directory: &Path,
) -> Result<(Pipes, u32), ReplyError> {
    let mut child = Command::new(&program.path)
        .arg0(&program.name)
        .args(&program.arguments)
        .env_clear()
        .envs(variables)
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|error| not_started(program, &error))?;
    let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(refuse(ErrorCode::Failed, "the program has no pipes"));
    };
    let pipes = || -> io::Result<Pipes> {
        Ok(Pipes {
            stdin: pipe::Sender::from_owned_fd(stdin.into())?,
            stdout: pipe::Receiver::from_owned_fd(stdout.into())?,
            stderr: pipe::Receiver::from_owned_fd(stderr.into())?,
        })
    };
    let pipes = pipes().map_err(|error| refuse(ErrorCode::Failed, &format!("open pipes: {error}")))?;
    Ok((pipes, child.id()))
}

fn not_started(program: &Program, error: &dyn std::fmt::Display) -> ReplyError {
    refuse(ErrorCode::Failed, &format!("start `{}`: {error}", program.path.display()))
}

/// Sends a signal to a process group. One that is gone is no error: it has what it was to get.
pub(crate) fn signal_group(group: u32, signal: rustix::process::Signal) {
    // Group 1 would mean every process that there is, and group 0 our own.
    if let Some(pid) = i32::try_from(group).ok().filter(|&group| group > 1).and_then(Pid::from_raw) {
        let _ = rustix::process::kill_process_group(pid, signal);
    }
}

/// The system's word for a signal of the wire.
pub(crate) fn system_signal(signal: jackin_api::wire::Signal) -> rustix::process::Signal {
    use jackin_api::wire::Signal as Wire;
    use rustix::process::Signal as System;
    match signal {
        Wire::Hup => System::HUP,
        Wire::Int => System::INT,
        Wire::Quit => System::QUIT,
        Wire::Kill => System::KILL,
        Wire::Term => System::TERM,
        Wire::Usr1 => System::USR1,
        Wire::Usr2 => System::USR2,
        Wire::Cont => System::CONT,
        Wire::Stop => System::STOP,
    }
}
