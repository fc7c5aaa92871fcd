//! The order of start and stop.
//!
//! Start: own the orphans, make the homes, take the signals, bind the socket, serve. Stop, on SIGTERM or SIGINT: hang up and
//! terminate every session and command, wait for them as long as the stop timeout allows, kill what is left, end.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rustix::process::{DumpableBehavior, Pid, Signal};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::LocalSet;

use crate::arguments::Settings;
use crate::capsule::Capsule;
use crate::log::log;
use crate::{homes, process, seed, serve, socket};

/// What an end by SIGTERM is called among processes: some session had to be killed.
const KILLED: u8 = 143;

/// How long clients may take to hear of the end of their sessions.
const FAREWELL: Duration = Duration::from_millis(100);

pub(crate) fn run(settings: Settings, started: Instant) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed("start", &error),
    };
    let tasks = LocalSet::new();
    let code = tasks.block_on(&runtime, serve_until_stopped(settings, started));
    // Tasks that still wait for a client must not hold up the end.
    runtime.shutdown_background();
    code
}

fn failed(what: &str, error: &std::io::Error) -> ExitCode {
    log!("failed", "to" => what, "error" => error.to_string());
    ExitCode::FAILURE
}

async fn serve_until_stopped(settings: Settings, started: Instant) -> ExitCode {
    let Settings { socket: path, stop_timeout, home, home_dirs, hooks } = settings;
    let own_program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/proc/1/exe"));
    let is_init = own_the_orphans();
    let home = home.or_else(|| std::env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from));
    if let Some(home) = &home {
        seed::seed(home, Path::new(seed::DEFAULT_HOME));
        homes::prepare(home, &home_dirs);
    }
    let signals = [SignalKind::child(), SignalKind::terminate(), SignalKind::interrupt()].map(signal);
    let [Ok(child_ended), Ok(mut terminate), Ok(mut interrupt)] = signals else {
        return failed("take signals", &std::io::Error::last_os_error());
    };
    let listener = match socket::bind(&path) {
        Ok(listener) => listener,
        Err(error) => return failed(&format!("serve at {}", path.display()), &error),
    };
    let capsule = Rc::new(Capsule::new(path.clone(), home, own_program, hooks));
    let reaping = tokio::task::spawn_local(Rc::clone(&capsule.reaper).run(child_ended));
    let serving = tokio::task::spawn_local(serve::accept(Rc::clone(&capsule), listener));
    let ready = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    log!("ready", "version" => env!("CARGO_PKG_VERSION"), "socket" => path.to_string_lossy(), "micros" => ready);

    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    let was_graceful = stop(&capsule, stop_timeout).await;
    serving.abort();
    // Another capsule may be starting on the same path; a leftover is replaced by it in any case.
    let _ = socket::remove(&path);
    tokio::time::sleep(FAREWELL).await;
    if is_init {
        // As process 1, group 1 means every process in the container but this one.
        let _ = rustix::process::kill_process_group(Pid::INIT, Signal::KILL);
    }
    capsule.reaper.reap();
    reaping.abort();
    log!("stopped", "graceful" => was_graceful);
    if was_graceful { ExitCode::SUCCESS } else { ExitCode::from(KILLED) }
}

/// Makes every orphan below us a child of ours, and our memory unreadable for the programs that we start.
/// Says whether we are process 1.
fn own_the_orphans() -> bool {
    let own = rustix::process::getpid();
    let is_init = own == Pid::INIT;
    if !is_init && let Err(error) = rustix::process::set_child_subreaper(Some(own)) {
        log!("subreaper-failed", "error" => error.to_string());
    }
    if let Err(error) = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        log!("hiding-memory-failed", "error" => error.to_string());
    }
    is_init
}

/// Stops all sessions and commands; says whether none had to be killed.
async fn stop(capsule: &Capsule, timeout: Duration) -> bool {
    capsule.begin_stop();
    let groups = capsule.live_groups();
    log!("stopping", "groups" => groups.len());
    for group in groups {
        // Shells ignore SIGTERM and leave on SIGHUP; a stopped process hears neither before it continues.
        for signal in [Signal::HUP, Signal::TERM, Signal::CONT] {
            process::signal_group(group, signal);
        }
    }
    if tokio::time::timeout(timeout, all_ended(capsule)).await.is_ok() {
        return true;
    }
    for group in capsule.live_groups() {
        process::signal_group(group, Signal::KILL);
    }
    let _ = tokio::time::timeout(FAREWELL, all_ended(capsule)).await;
    false
}

async fn all_ended(capsule: &Capsule) {
    while capsule.is_busy() {
        capsule.ended.notified().await;
    }
}
