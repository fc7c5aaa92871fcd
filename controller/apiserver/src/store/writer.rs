//! The one writer, as a rule a thread: it runs jobs in order, commits them in batches, publishes, and answers.
//!
//! Flow: take a job and whatever else waits, run each over a [`Transaction`], commit the kept ones at once (one sync to
//! disk however many came together), make them visible, wake the watchers, answer.
//!
//! Guarantees: readers never see what is not committed; a job that fails or panics leaves nothing behind; versions are
//! not reused after a failed commit, because the disk may have kept it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::broadcast;

use super::Shared;
use super::disk::Disk;
use super::medium::Sheet;
use super::transaction::{Staged, Transaction};
use crate::status_error::StatusError;

/// How many jobs share a commit at most.
const BATCH: usize = 64;
/// Lazy commits reach the disk when nothing was written for this long.
const IDLE: Duration = Duration::from_secs(1);

/// Tells the caller how the commit went.
pub(super) type Completion = Box<dyn FnOnce(Result<(), StatusError>) + Send>;
pub(super) type Job = Box<dyn FnOnce(&mut Transaction<'_>) -> Completion + Send>;

pub(super) enum Command {
    Run(Job),
    Flush(Completion),
}

/// The writer; dropping the last handle of a thread makes everything durable and frees the file.
#[derive(Debug)]
pub(super) enum Writer {
    /// A thread over a file.
    Thread {
        /// Where jobs go; absent once it is to end.
        commands: Option<Sender<Command>>,
        /// The thread itself.
        thread: Option<JoinHandle<()>>,
    },
    /// Whoever asks, one at a time, over a medium in memory.
    InPlace(Box<Mutex<InPlace>>),
}

/// What a writer in its callers' threads works on.
#[derive(Debug)]
pub(super) struct InPlace {
    shared: Arc<Shared>,
    sheet: Sheet,
    version: u64,
    commits: broadcast::Sender<()>,
}

impl Writer {
    pub(super) fn start(shared: Arc<Shared>, disk: Disk, commits: broadcast::Sender<()>) -> std::io::Result<Self> {
        let (commands, received) = channel();
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || run(&shared, disk, &received, &commits))?;
        Ok(Self::Thread { commands: Some(commands), thread: Some(thread) })
    }

    pub(super) fn in_place(shared: Arc<Shared>, sheet: Sheet, commits: broadcast::Sender<()>) -> Self {
        let version = shared.read().resource_version;
        Self::InPlace(Box::new(Mutex::new(InPlace { shared, sheet, version, commits })))
    }

    /// False when the thread has ended.
    pub(super) fn send(&self, command: Command) -> bool {
        match self {
            Self::Thread { commands, .. } => commands.as_ref().is_some_and(|commands| commands.send(command).is_ok()),
            Self::InPlace(writer) => {
                writer.lock().unwrap_or_else(PoisonError::into_inner).run(command);
                true
            }
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let Self::Thread { commands, thread } = self else { return };
        drop(commands.take());
        // A job whose caller gave up may hold the last handle: then this is the thread itself, which ends by itself.
        if let Some(thread) = thread.take()
            && thread.thread().id() != std::thread::current().id()
            && thread.join().is_err()
        {
            tracing::error!("the store's writer thread panicked");
        }
    }
}

impl InPlace {
    fn run(&mut self, command: Command) {
        let Self { shared, sheet, version, commits } = self;
        match command {
            Command::Run(job) => {
                let keep = |staged: &Staged, version| {
                    sheet.commit(&staged.objects, version, staged.durable);
                    Ok(())
                };
                run_batch(shared, keep, version, vec![job], commits);
            }
            Command::Flush(completion) => {
                sheet.flush();
                completion(Ok(()));
            }
        }
    }
}

fn run(shared: &Shared, mut disk: Disk, received: &Receiver<Command>, commits: &broadcast::Sender<()>) {
    let mut version = shared.read().resource_version;
    while let Some(first) = next(&mut disk, received) {
        let mut jobs = Vec::new();
        let mut flushes = Vec::new();
        for command in std::iter::once(first).chain(received.try_iter()).take(BATCH) {
            match command {
                Command::Run(job) => jobs.push(job),
                Command::Flush(completion) => flushes.push(completion),
            }
        }
        let keep = |staged: &Staged, version| disk.commit(&staged.objects, version, staged.durable);
        run_batch(shared, keep, &mut version, jobs, commits);
        if !flushes.is_empty() {
            let outcome = disk.flush().map_err(|error| StatusError::internal(format!("flush the store: {error}")));
            for completion in flushes {
                completion(outcome.clone());
            }
        }
    }
    if let Err(error) = disk.close(version) {
        tracing::error!(%error, "the store could not be closed cleanly");
    }
}

/// The next command; `None` when all handles are gone. Waiting costs nothing once everything is on disk.
fn next(disk: &mut Disk, received: &Receiver<Command>) -> Option<Command> {
    if disk.is_behind() {
        match received.recv_timeout(IDLE) {
            Ok(command) => return Some(command),
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => {
                if let Err(error) = disk.flush() {
                    tracing::error!(%error, "the store could not be flushed");
                }
            }
        }
    }
    received.recv().ok()
}

fn run_batch(
    shared: &Shared,
    keep: impl FnOnce(&Staged, u64) -> Result<(), redb::Error>,
    version: &mut u64,
    jobs: Vec<Job>,
    commits: &broadcast::Sender<()>,
) {
    let (completions, staged) = {
        let state = shared.read();
        let mut transaction = Transaction::new(&state, *version);
        let completions: Vec<Completion> = jobs.into_iter().map(|job| job(&mut transaction)).collect();
        let (staged, last) = transaction.finish();
        *version = last;
        (completions, staged)
    };
    let mut outcome = Ok(());
    if !staged.changes.is_empty() {
        match keep(&staged, *version) {
            Ok(()) => {
                shared.state.write().unwrap_or_else(PoisonError::into_inner).apply(staged);
                // Nobody need watch.
                _ = commits.send(());
            }
            Err(error) => {
                tracing::error!(%error, "a commit to the store failed");
                outcome = Err(StatusError::internal(format!("write to the store: {error}")));
            }
        }
    }
    for completion in completions {
        completion(outcome.clone());
    }
}

/// Runs one caller's function; its changes are kept only when it succeeds and is not a dry run.
pub(super) fn run_job<T>(
    transaction: &mut Transaction<'_>,
    keep: bool,
    job: impl FnOnce(&mut Transaction<'_>) -> Result<T, StatusError>,
) -> Result<T, StatusError> {
    let result = catch_unwind(AssertUnwindSafe(|| job(transaction)))
        .unwrap_or_else(|_| Err(StatusError::internal("the handling of the request panicked")));
    if keep && result.is_ok() {
        transaction.keep_job()
    } else {
        transaction.discard_job()
    }
    result
}
