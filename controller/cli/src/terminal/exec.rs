//! The loop of a command: standard streams as they are, signals passed on, the exit code handed back.

use std::io::{self, Write};
use std::time::Duration;

use jackin_api::wire::{Environment, ErrorCode, Exec, Signal};
use jackin_daemon::capsule::{CapsuleClient, CapsuleError, StreamItem, StreamReader, StreamWriter};
use tokio::io::AsyncWriteExt;
use tokio::signal::unix::{SignalKind, signal};

use super::TerminalError;
use super::observed::Observed;
use super::raw::{self, RawMode};
use super::stdin::Stdin;

/// How long a signal waits for input that is on its way to a command.
const PATIENCE: Duration = Duration::from_millis(500);

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
                // The command is hung up with the connection.
                Ok(number) => Ok(128 + number),
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

/// What is passed on.
enum Act {
    Type(Vec<u8>),
    EndInput,
    Resize,
    Signal(Signal),
}

/// Passes input, signals and sizes on, until a signal does not get through: gives its number.
async fn pass_on(mut writer: StreamWriter, wants_stdin: bool, has_terminal: bool) -> Result<i32, TerminalError> {
    let mut stdin = if wants_stdin { Some(Stdin::open()?) } else { None };
    if stdin.is_none() && !has_terminal {
        writer.end_of_input().await?;
    }
    let mut resized = signal(SignalKind::window_change())?;
    let mut signals = Signals::new()?;
    let mut next_act = None;
    loop {
        let act = match next_act.take() {
            Some(act) => act,
            None => tokio::select! {
                typed = next(stdin.as_mut()) => typed.map_or(Act::EndInput, Act::Type),
                _ = resized.recv() => Act::Resize,
                (signal, _) = signals.next() => Act::Signal(signal),
            },
        };
        if matches!(act, Act::EndInput) {
            stdin = None;
        }
        let mut sending = std::pin::pin!(send(&mut writer, act, has_terminal));
        let (signal, number) = tokio::select! {
            biased;
            sent = &mut sending => {
                sent?;
                continue;
            }
            signal = signals.next() => signal,
        };
        // What is on its way has to be whole before anything can follow it, and the command may read nothing for ever.
        match tokio::time::timeout(PATIENCE, sending).await {
            Ok(sent) => sent?,
            Err(_) => return Ok(number),
        }
        next_act = Some(Act::Signal(signal));
    }
}

async fn send(writer: &mut StreamWriter, act: Act, has_terminal: bool) -> Result<(), CapsuleError> {
    match act {
        Act::Type(typed) => writer.input(&typed).await,
        Act::EndInput => writer.end_of_input().await,
        Act::Resize => match raw::size().filter(|_| has_terminal) {
            Some(size) => writer.resize(size).await,
            None => Ok(()),
        },
        Act::Signal(signal) => writer.signal(signal).await,
    }
}

/// The signals that a command gets, and their numbers.
struct Signals([(tokio::signal::unix::Signal, Signal, i32); 4]);

impl Signals {
    fn new() -> io::Result<Self> {
        let listen = |kind: SignalKind, passed| Ok::<_, io::Error>((signal(kind)?, passed, kind.as_raw_value()));
        Ok(Self([
            listen(SignalKind::interrupt(), Signal::Int)?,
            listen(SignalKind::quit(), Signal::Quit)?,
            listen(SignalKind::terminate(), Signal::Term)?,
            listen(SignalKind::hangup(), Signal::Hup)?,
        ]))
    }

    /// Waits for one. Safe to cancel.
    async fn next(&mut self) -> (Signal, i32) {
        let [interrupt, quit, terminate, hang_up] = &mut self.0;
        let (_, signal, number) = tokio::select! {
            _ = interrupt.0.recv() => interrupt,
            _ = quit.0.recv() => quit,
            _ = terminate.0.recv() => terminate,
            _ = hang_up.0.recv() => hang_up,
        };
        (*signal, *number)
    }
}

async fn next(stdin: Option<&mut Stdin>) -> Option<Vec<u8>> {
    match stdin {
        Some(stdin) => stdin.next().await,
        None => std::future::pending().await,
    }
}
