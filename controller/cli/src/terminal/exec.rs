//! The loop of a command: standard streams as they are, signals passed on, the exit code handed back.

use std::io::{self, Write};

use jackin_api::wire::{Environment, ErrorCode, Exec, Signal};
use jackin_daemon::capsule::{CapsuleClient, CapsuleError, StreamItem, StreamReader, StreamWriter};
use tokio::io::AsyncWriteExt;
use tokio::signal::unix::{SignalKind, signal};

use super::TerminalError;
use super::observed::Observed;
use super::raw::{self, RawMode};
use super::stdin::Stdin;

/// What to run and how.
#[derive(Debug, Clone, Default)]
pub(crate) struct ExecOptions {
    /// The command.
    pub(crate) argv: Vec<String>,
    /// Variables over those of a session.
    pub(crate) env: Environment,
    /// Where it starts; the instance's working directory when absent.
    pub(crate) cwd: Option<String>,
    /// Passes standard input on.
    pub(crate) stdin: bool,
    /// Gives it a terminal, where we have one.
    pub(crate) tty: bool,
}

/// Runs a command and gives its exit code as a shell would: 127 and 126 when it cannot be run, 128 and more for a signal.
///
/// # Errors
/// When the connection breaks or this terminal cannot be used.
pub(crate) async fn exec(client: CapsuleClient, options: ExecOptions) -> Result<i32, TerminalError> {
    let ExecOptions { argv, env, cwd, stdin, tty } = options;
    let has_terminal = tty && raw::is_interactive();
    let size = has_terminal.then(|| raw::size().unwrap_or_default());
    let (reader, writer) = match client.exec(Exec { argv, env, cwd, tty: size }).await {
        Err(CapsuleError::Refused(refusal))
            if matches!(refusal.code, ErrorCode::ProgramNotFound | ErrorCode::NotExecutable) =>
        {
            let _ = writeln!(io::stderr(), "error: {}", refusal.message);
            return Ok(if refusal.code == ErrorCode::ProgramNotFound { 127 } else { 126 });
        }
        outcome => outcome?,
    };
    let raw_mode = has_terminal.then(RawMode::enter).transpose()?;
    let mut observed = Observed::default();
    let ended = {
        let mut passing = std::pin::pin!(pass_on(writer, stdin, has_terminal));
        let mut showing = std::pin::pin!(show(reader, &mut observed));
        tokio::select! {
            ended = &mut showing => ended,
            // Whether all input was taken or the command closed it: its output and end are still to come.
            passed = &mut passing => match passed {
                Ok(never) => match never {},
                Err(_) => showing.await,
            },
        }
    };
    if raw_mode.is_some() {
        let mut stdout = io::stdout().lock();
        let _ = stdout.write_all(&observed.farewell_after_command()).and_then(|()| stdout.flush());
    }
    drop(raw_mode);
    ended
}

/// Shows both outputs until the end; gives the exit code.
async fn show(mut reader: StreamReader, observed: &mut Observed) -> Result<i32, TerminalError> {
    let mut stdout = tokio::io::stdout();
    let mut stderr = tokio::io::stderr();
    loop {
        match reader.next().await? {
            Some(StreamItem::Output(bytes) | StreamItem::Paint(bytes)) => {
                observed.note(&bytes);
                stdout.write_all(&bytes).await?;
                stdout.flush().await?;
            }
            Some(StreamItem::ErrorOutput(bytes)) => {
                stderr.write_all(&bytes).await?;
                stderr.flush().await?;
            }
            Some(StreamItem::TakenOver | StreamItem::Resized(_)) => {}
            Some(StreamItem::Ended(Some(exit))) => return Ok(exit.shell_code()),
            Some(StreamItem::Ended(None)) | None => return Err(TerminalError::Lost),
        }
    }
}

/// Passes input, signals and sizes on for ever.
async fn pass_on(
    mut writer: StreamWriter,
    wants_stdin: bool,
    has_terminal: bool,
) -> Result<std::convert::Infallible, TerminalError> {
    let mut stdin = if wants_stdin { Some(Stdin::open()?) } else { None };
    if stdin.is_none() && !has_terminal {
        writer.end_of_input().await?;
    }
    let mut resized = signal(SignalKind::window_change())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut quit = signal(SignalKind::quit())?;
    let mut terminated = signal(SignalKind::terminate())?;
    let mut hung_up = signal(SignalKind::hangup())?;
    loop {
        let signal = tokio::select! {
            typed = next(stdin.as_mut()) => {
                match typed {
                    Some(typed) => writer.input(&typed).await?,
                    None => {
                        stdin = None;
                        writer.end_of_input().await?;
                    }
                }
                continue;
            }
            _ = resized.recv() => {
                if let Some(size) = raw::size().filter(|_| has_terminal) {
                    writer.resize(size).await?;
                }
                continue;
            }
            _ = interrupted.recv() => Signal::Int,
            _ = quit.recv() => Signal::Quit,
            _ = terminated.recv() => Signal::Term,
            _ = hung_up.recv() => Signal::Hup,
        };
        writer.signal(signal).await?;
    }
}

async fn next(stdin: Option<&mut Stdin>) -> Option<Vec<u8>> {
    match stdin {
        Some(stdin) => stdin.next().await,
        None => std::future::pending().await,
    }
}
