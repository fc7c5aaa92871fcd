//! The commands, one file each.
//!
//! A command gets its arguments and the [`Context`], writes data to standard output, says the rest on standard error, and ends in
//! an exit code or an error that knows its own.

pub(crate) mod apply;
pub(crate) mod approve;
pub(crate) mod attach;
mod capsule;
pub(crate) mod capture;
pub(crate) mod completion;
pub(crate) mod controller;
pub(crate) mod delete;
pub(crate) mod describe;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod events;
pub(crate) mod exec;
mod file;
pub(crate) mod get;
pub(crate) mod import;
pub(crate) mod instances;
pub(crate) mod logs;
pub(crate) mod notify;
mod output;
pub(crate) mod prune;
pub(crate) mod record;
pub(crate) mod replay;
pub(crate) mod restart;
pub(crate) mod send;
pub(crate) mod sessions;
pub(crate) mod start;
pub(crate) mod stop;
pub(crate) mod trust;
pub(crate) mod version;
pub(crate) mod wait;
mod waiting;

use std::future::Future;

use crate::args::{Arguments, Command};
use crate::command_error::CommandError;
use crate::console::Console;
use crate::context::Context;
use crate::namespace;

/// How a command ends: an exit code, or an error with one.
pub(crate) type Ended = Result<u8, CommandError>;

/// Runs the command that was typed. What an error says to type next is for the same namespace.
pub(crate) fn run(arguments: &Arguments, console: &Console) -> Ended {
    dispatch(arguments, console).map_err(|error| error.in_namespace(&namespace::of(&arguments.global)))
}

fn dispatch(arguments: &Arguments, console: &Console) -> Ended {
    let context = || Context::new(&arguments.global, *console);
    match &arguments.command {
        Command::Apply(apply) => serial(apply::run(apply, &context()?)),
        Command::Get(get) => serial(get::run(get, &context()?)),
        Command::Describe(describe) => serial(describe::run(describe, &context()?)),
        Command::Diff(diff) => serial(diff::run(diff, &context()?)),
        Command::Delete(delete) => serial(delete::run(delete, &context()?)),
        Command::Wait(wait) => serial(wait::run(wait, &context()?)),
        Command::Attach(attach) => serial(attach::run(attach, &context()?)),
        Command::Notify(notify) => serial(notify::run(notify, &context()?)),
        Command::Exec(exec) => serial(exec::run(exec, &context()?)),
        Command::Sessions(sessions) => serial(sessions::run(sessions, &context()?)),
        Command::Send(send) => serial(send::run(send, &context()?)),
        Command::Capture(capture) => serial(capture::run(capture, &context()?)),
        Command::Logs(logs) => serial(logs::run(logs, &context()?)),
        Command::Record(record) => serial(record::run(record, &context()?)),
        Command::Replay(replay) => serial(replay::run(replay, &context()?)),
        Command::Events(events) => serial(events::run(events, &context()?)),
        Command::Restart(restart) => serial(restart::run(restart, &context()?)),
        Command::Approve(approve) => serial(approve::run(approve, &context()?)),
        Command::Stop(stop) => serial(stop::run(stop, &context()?)),
        Command::Start(start) => serial(start::run(start, &context()?)),
        Command::Prune(prune) => serial(prune::run(prune, &context()?)),
        Command::Doctor(doctor) => serial(doctor::run(doctor, &context()?)),
        Command::Import(import) => import::run(import, &context()?),
        Command::Trust(trust) => serial(trust::run(trust, &context()?)),
        Command::Controller(controller) => controller::run(controller, &context()?),
        Command::Version(version) => serial(version::run(version, &context()?)),
        Command::Completion(completion) => completion::run(completion, console),
    }
}

/// Runs a command on this thread: starting more costs more than a short command takes.
fn serial(command: impl Future<Output = Ended>) -> Ended {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ended = runtime.block_on(command);
    // A read of standard input that is still under way must not keep the program.
    runtime.shutdown_background();
    ended
}
