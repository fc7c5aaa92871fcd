//! A command beside the sessions: its input, output, and exit over one connection.
//!
//! It lives as long as its client listens: when the connection goes, it is hung up, as a terminal would do.

use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use jackin_api::wire::{DATA_CHUNK, Event, Exec, Exit, Frame, FrameKind, Reply, ReplyError};
use tokio::io::AsyncReadExt;
use tokio::sync::{mpsc, oneshot, watch};

use super::connection::{Closed, Connection, Outgoing};
use super::input::{self, Input};
use crate::capsule::Capsule;
use crate::log::log;
use crate::process::{self, Pipes};
use crate::terminal::Terminal;

/// How long its output may pause after its end before it counts as complete: a child of it may hold it open for ever.
const QUIET: Duration = Duration::from_millis(250);

/// How many chunks of output may wait for the client.
const CHUNKS: usize = 4;

type Chunk = (FrameKind, Vec<u8>);

/// A command that was started.
struct Running {
    capsule: Rc<Capsule>,
    pid: u32,
    streams: Streams,
    has_ended: watch::Receiver<Option<Exit>>,
}

enum Streams {
    Terminal(Terminal),
    Pipes(Pipes),
}

pub(super) async fn serve(capsule: &Rc<Capsule>, mut connection: Connection, exec: Exec) -> Result<(), Closed> {
    let running = match start(capsule, exec) {
        Ok(running) => running,
        Err(refusal) => return connection.reply(Err(refusal)).await,
    };
    let Running { capsule, pid, streams, has_ended } = running;
    let hang_up = HangUp { capsule, pid, has_ended: has_ended.clone() };
    connection.reply(Ok(Reply::Started { pid })).await?;
    let Connection { mut incoming, mut outgoing } = connection;
    let (sender, chunks) = mpsc::channel(CHUNKS);
    let ended = match streams {
        Streams::Terminal(terminal) => tokio::select! {
            ended = deliver(chunks, has_ended.clone(), &mut outgoing) => ended,
            never = async {
                pump(sender, FrameKind::Output, has_ended.clone(), async |buffer| terminal.read(buffer).await).await;
                pending().await
            } => never,
            gone = input::obey(&mut incoming, Input::Terminal(&terminal), pid) => gone.and(Err(Closed::Quietly)),
        },
        Streams::Pipes(Pipes { stdin, mut stdout, mut stderr }) => {
            let errors = sender.clone();
            tokio::select! {
                ended = deliver(chunks, has_ended.clone(), &mut outgoing) => ended,
                never = async {
                    tokio::join!(
                        pump(sender, FrameKind::Output, has_ended.clone(), async |buffer| stdout.read(buffer).await),
                        pump(errors, FrameKind::ErrorOutput, has_ended.clone(), async |buffer| stderr.read(buffer).await),
                    );
                    pending().await
                } => never,
                gone = input::obey(&mut incoming, Input::Pipe(Some(stdin)), pid) => gone.and(Err(Closed::Quietly)),
            }
        }
    };
    let exit = ended?;
    drop(hang_up);
    outgoing.send(&Frame::Event(Event::Ended { exit: Some(exit) })).await
}

fn start(capsule: &Rc<Capsule>, exec: Exec) -> Result<Running, ReplyError> {
    let (program, variables, directory, tty) = capsule.prepare_exec(exec)?;
    let (streams, pid) = match tty {
        Some(size) => {
            let (terminal, pid) = process::start_on_terminal(&program, &variables, &directory, size)?;
            (Streams::Terminal(terminal), pid)
        }
        None => {
            let (pipes, pid) = process::start_on_pipes(&program, &variables, &directory)?;
            (Streams::Pipes(pipes), pid)
        }
    };
    let exit = capsule.reaper.watch(pid);
    capsule.command_started(pid);
    log!("command-started", "pid" => pid, "program" => program.path.to_string_lossy());
    let (sender, has_ended) = watch::channel(None);
    tokio::task::spawn_local(note_end(Rc::clone(capsule), pid, exit, sender));
    Ok(Running { capsule: Rc::clone(capsule), pid, streams, has_ended })
}

/// Keeps the account of live commands right also when nobody is connected any more.
async fn note_end(capsule: Rc<Capsule>, pid: u32, exit: oneshot::Receiver<Exit>, ended: watch::Sender<Option<Exit>>) {
    let exit = exit.await.unwrap_or(Exit { code: None, signal: None });
    capsule.command_ended(pid);
    log!("command-ended", "pid" => pid, "code" => exit.code, "signal" => exit.signal);
    // Its client may have gone.
    let _ = ended.send(Some(exit));
}

async fn exit_of(mut has_ended: watch::Receiver<Option<Exit>>) -> Exit {
    let exit = has_ended.wait_for(Option::is_some).await.ok().and_then(|exit| *exit);
    exit.unwrap_or(Exit { code: None, signal: None })
}

/// Hangs the command up when its connection goes before it.
struct HangUp {
    capsule: Rc<Capsule>,
    pid: u32,
    has_ended: watch::Receiver<Option<Exit>>,
}

impl Drop for HangUp {
    fn drop(&mut self) {
        let still_runs = self.capsule.live_groups().contains(&self.pid);
        if self.has_ended.borrow().is_none() && still_runs {
            process::signal_group(self.pid, rustix::process::Signal::HUP);
        }
    }
}

/// Reads one stream until it is closed, or quiet after the command's end.
async fn pump(
    chunks: mpsc::Sender<Chunk>,
    kind: FrameKind,
    has_ended: watch::Receiver<Option<Exit>>,
    mut read: impl AsyncFnMut(&mut [u8]) -> std::io::Result<usize>,
) {
    let mut buffer = vec![0; DATA_CHUNK];
    loop {
        let quiet = async {
            exit_of(has_ended.clone()).await;
            tokio::time::sleep(QUIET).await;
        };
        let count = tokio::select! {
            biased;
            count = read(&mut buffer) => count.unwrap_or(0),
            () = quiet => 0,
        };
        if count == 0 || chunks.send((kind, buffer[..count].to_vec())).await.is_err() {
            return;
        }
    }
}

/// Sends what the pumps read until they are done, then waits for the end.
async fn deliver(
    mut chunks: mpsc::Receiver<Chunk>,
    has_ended: watch::Receiver<Option<Exit>>,
    outgoing: &mut Outgoing,
) -> Result<Exit, Closed> {
    while let Some((kind, bytes)) = chunks.recv().await {
        outgoing.send_data(kind, &bytes).await?;
    }
    Ok(exit_of(has_ended).await)
}
