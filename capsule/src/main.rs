//! PID 1 in every instance: one static program that reaps, forwards signals, keeps sessions and serves them on a socket.
//!
//! It assumes nothing about the image: no shell, no `/etc/passwd`, no `/tmp`, any user id, a read-only root. What is said over the
//! socket is `jackin_api::wire`; the host's end of it is `jackin_daemon::capsule`.
//!
//! Everything runs on one thread. That is not only small: between starting a process and noting its id nothing else can run, so
//! the one reaper can never take an exit code that nobody waits for yet.
//!
//! ```text
//! arguments  what it was started with          serve    connections, one task each; a bad one harms itself alone
//! init       the order of start and stop       session  a process on a terminal, its viewers, its state
//! reaper     every child's end, once           shell    the shell for images that have none
//! process    starting programs
//! connect    the socket on standard streams, for a host that reaches it through the engine
//! prelude    a session's hooks, before its agent   hooks    what the capsule knows of them
//! report     what an agent's own hook says         files    what an agent needs in its home
//! seed       what the image has for a new home     account  the name of who runs it
//! ```
//!
//! What a terminal shows, and how to paint it anew, is the crate `jackin-screen`.

mod account;
mod arguments;
mod capsule;
mod connect;
mod environment;
mod files;
mod homes;
mod hooks;
mod init;
mod log;
mod prelude;
mod process;
mod program;
mod reaper;
mod report;
mod seed;
mod serve;
mod session;
mod shell;
mod socket;
mod terminal;
mod turns;

use std::io::Write;
use std::process::ExitCode;
use std::time::Instant;

use arguments::Invocation;

fn main() -> ExitCode {
    let started = Instant::now();
    match arguments::parse(std::env::args_os().skip(1)) {
        Ok(Invocation::Run(settings)) => init::run(*settings, started),
        Ok(Invocation::Shell { line }) => shell::run(line),
        Ok(Invocation::Prelude(prelude)) => prelude::run(prelude),
        Ok(Invocation::Report(report)) => report::run(report),
        Ok(Invocation::Connect { socket }) => connect::run(&socket),
        Ok(Invocation::Environment) => prelude::print_environment(),
        Ok(Invocation::Print(text)) => {
            // Nobody to tell when standard output is closed.
            let _ = writeln!(std::io::stdout(), "{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}\n\n{}", arguments::USAGE);
            // Some agents take 2 from a hook for a word of their own: not to do what they were about to do.
            if std::env::args_os().nth(1).is_some_and(|first| first == "report") {
                return ExitCode::FAILURE;
            }
            ExitCode::from(2)
        }
    }
}
