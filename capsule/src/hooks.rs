//! What the capsule knows of hooks: the latest run of each, told by the session's own process ([`crate::prelude`]) while it runs them.

use std::rc::Rc;
use std::time::Instant;

use jackin_api::wire::{Exit, Hook, HookRun, Notice};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use crate::capsule::{Capsule, now};
use crate::log::log;
use crate::session::Session;

/// The most bytes that a prelude can have to tell.
const NEWS: u64 = 64 * 1024;

/// One line of a prelude.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Report {
    /// A hook begins.
    Began(Hook),
    /// It ended well.
    Passed,
    /// It did not, or could not be run; nothing comes after it.
    Failed(Result<Exit, String>),
}

impl Report {
    pub(crate) fn line(&self) -> String {
        let words = match self {
            Self::Began(hook) => format!("began {}", hook.name()),
            Self::Passed => "passed".to_owned(),
            Self::Failed(Ok(Exit { code: Some(code), .. })) => format!("code {code}"),
            Self::Failed(Ok(Exit { signal: Some(signal), .. })) => format!("signal {signal}"),
            Self::Failed(Ok(_)) => "error its end was not seen".to_owned(),
            Self::Failed(Err(error)) => format!("error {}", error.replace('\n', " ")),
        };
        format!("{words}\n")
    }

    fn parse(line: &str) -> Option<Self> {
        match line.split_once(' ').unwrap_or((line, "")) {
            ("began", name) => Hook::of_name(name).map(Self::Began),
            ("passed", "") => Some(Self::Passed),
            ("code", code) => code.parse().ok().map(|code| Self::Failed(Ok(Exit::with_code(code)))),
            ("signal", signal) => signal.parse().ok().map(|signal| Self::Failed(Ok(Exit::by_signal(signal)))),
            ("error", error) => Some(Self::Failed(Err(error.to_owned()))),
            _ => None,
        }
    }
}

/// A hook that runs.
struct Open {
    run: HookRun,
    begun: Instant,
    /// Where in the session's output it began.
    output: u64,
}

/// Follows the hooks of a session until its agent takes over or its process ends.
///
/// A hook that ends with its session, as one that is killed does, is told of with the end of the session: `ended` gives it.
pub(crate) async fn follow(
    capsule: Rc<Capsule>,
    session: Rc<Session>,
    news: UnixStream,
    ended: impl Future<Output = Exit>,
) {
    let (news, mut answers) = news.into_split();
    let mut lines = BufReader::new(news.take(NEWS)).lines();
    let mut open: Option<Open> = None;
    while let Ok(Some(line)) = lines.next_line().await {
        match (Report::parse(&line), open.take()) {
            (Some(Report::Began(hook)), _) => {
                let run = HookRun {
                    hook,
                    session: session.id.clone(),
                    started_at: now(),
                    duration_ms: None,
                    exit: None,
                    error: None,
                    output: String::new(),
                };
                capsule.note_hook(run.clone());
                tell(&capsule, &session);
                open = Some(Open { run, begun: Instant::now(), output: session.output_position() });
            }
            (Some(Report::Passed), Some(open)) => close(&capsule, &session, open, Ok(Exit::with_code(0))),
            (Some(Report::Failed(how)), Some(open)) => close(&capsule, &session, open, how),
            (_, still) => open = still,
        }
        // It waits for this, so that what is printed after it is not taken for what was printed before.
        let _ = answers.write_all(b"\n").await;
    }
    match open {
        Some(open) => {
            let exit = ended.await;
            close(&capsule, &session, open, Ok(exit));
        }
        None => {
            session.prepared();
            tell(&capsule, &session);
        }
    }
}

fn close(capsule: &Capsule, session: &Session, open: Open, how: Result<Exit, String>) {
    let Open { mut run, begun, output } = open;
    match how {
        Ok(exit) => run.exit = Some(exit),
        Err(error) => run.error = Some(error),
    }
    run.duration_ms = Some(u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX));
    // It may print what it was given, and what is kept of it is shown to others.
    run.output = session.last_lines(output, HookRun::LINES, |text| capsule.hide_values(text));
    let failed = run.has_failed();
    log!("hook-ended", "session" => session.name(), "hook" => run.hook.name(), "failed" => failed,
        "milliseconds" => run.duration_ms);
    if failed {
        session.fail(&run);
    }
    capsule.note_hook(run);
    tell(capsule, session);
}

fn tell(capsule: &Capsule, session: &Session) {
    capsule.tell(Notice::HooksChanged { id: session.id.clone(), name: session.name() });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_prelude_tells_is_read_as_it_was_told() {
        let all = [
            Report::Began(Hook::SetupOnce),
            Report::Passed,
            Report::Failed(Ok(Exit::with_code(3))),
            Report::Failed(Ok(Exit::by_signal(9))),
            Report::Failed(Err("there is no HOME".to_owned())),
        ];
        for report in all {
            assert_eq!(Report::parse(report.line().trim_end()), Some(report));
        }
        assert_eq!(Report::parse("began dinner"), None);
    }
}
