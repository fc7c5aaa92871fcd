//! What builds print: kept for each role until its next build, for those who look later, and told to those who follow it.
//!
//! It is kept in memory alone, as nobody knows what a build prints: it ends with the controller.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use futures::Stream;
use futures::stream;
use tokio::sync::watch;

use crate::docker::BuildProgress;
use crate::text::printable;

/// Lines that are kept of a build; the oldest go first.
const KEPT: usize = 10_000;

/// The logs of the last build of each role.
#[derive(Default)]
pub(crate) struct BuildLogs {
    logs: Mutex<BTreeMap<(String, String), watch::Receiver<Printed>>>,
}

/// What a build has printed so far.
#[derive(Debug, Default)]
struct Printed {
    lines: VecDeque<String>,
    /// How many lines were printed before the first that is kept.
    gone: usize,
    ended: bool,
}

/// The log of a build that runs. Dropping it ends the log.
pub(crate) struct BuildLog(watch::Sender<Printed>);

impl BuildLogs {
    /// Begins the log of a role's build, in place of the one before.
    pub(crate) fn begin(&self, namespace: &str, role: &str) -> BuildLog {
        let (sender, receiver) = watch::channel(Printed::default());
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        logs.insert((namespace.to_owned(), role.to_owned()), receiver);
        BuildLog(sender)
    }

    /// The lines of a role's last build, `tail` of those that are there and then, where it is followed, all until the build ends.
    /// `None` when nothing was built for the role since this controller started.
    pub(crate) fn read(
        &self,
        namespace: &str,
        role: &str,
        tail: Option<usize>,
        follow: bool,
    ) -> Option<impl Stream<Item = String> + Send + use<>> {
        let logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        let log = logs.get(&(namespace.to_owned(), role.to_owned()))?.clone();
        let next = {
            let printed = log.borrow();
            let first = printed.lines.len().saturating_sub(tail.unwrap_or(usize::MAX));
            printed.gone + first
        };
        Some(stream::unfold((log, next, follow), |(mut log, next, follow)| async move {
            let (text, next, ended) = {
                let waited = log.wait_for(|printed| !follow || printed.ended || printed.end() > next).await;
                // Who wrote it is gone: what it wrote last is there.
                let printed = waited.ok()?;
                (printed.from(next), printed.end(), printed.ended || !follow)
            };
            match text {
                text if text.is_empty() && ended => None,
                text => Some((text, (log, next, follow))),
            }
        }))
    }
}

impl Printed {
    fn end(&self) -> usize {
        self.gone + self.lines.len()
    }

    /// The lines from this one on, each with its end.
    fn from(&self, next: usize) -> String {
        self.lines.iter().skip(next.saturating_sub(self.gone)).map(|line| format!("{line}\n")).collect()
    }
}

impl BuildLog {
    /// Takes in what a build says.
    pub(crate) fn hear(&self, news: &BuildProgress) {
        let BuildProgress::Line(line) = news else { return };
        let line = printable(line);
        self.0.send_modify(|printed| {
            if printed.lines.len() == KEPT {
                printed.lines.pop_front();
                printed.gone += 1;
            }
            printed.lines.push_back(line);
        });
    }
}

impl Drop for BuildLog {
    fn drop(&mut self) {
        self.0.send_modify(|printed| printed.ended = true);
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;

    use super::*;

    fn line(text: &str) -> BuildProgress {
        BuildProgress::Line(text.to_owned())
    }

    async fn all(log: impl Stream<Item = String>) -> String {
        log.collect::<Vec<_>>().await.concat()
    }

    #[tokio::test]
    async fn who_follows_gets_every_line_until_the_build_ends_and_who_comes_later_gets_them_too() {
        let logs = BuildLogs::default();
        let log = logs.begin("default", "dev");
        log.hear(&line("one"));
        let follows = tokio::spawn(all(logs.read("default", "dev", None, true).unwrap()));
        tokio::task::yield_now().await;
        assert_eq!(all(logs.read("default", "dev", None, false).unwrap()).await, "one\n");
        log.hear(&line("two\u{1b}[31m"));
        log.hear(&line("three"));
        drop(log);
        assert_eq!(follows.await.unwrap(), "one\ntwo[31m\nthree\n");
        assert_eq!(all(logs.read("default", "dev", Some(1), true).unwrap()).await, "three\n");
        assert!(logs.read("default", "other", None, false).is_none());
    }

    #[tokio::test]
    async fn a_flood_keeps_the_last_lines_and_the_next_build_takes_the_place() {
        let logs = BuildLogs::default();
        let log = logs.begin("default", "dev");
        (0..KEPT + 5).for_each(|number| log.hear(&line(&number.to_string())));
        let kept = all(logs.read("default", "dev", None, false).unwrap()).await;
        assert_eq!((kept.lines().count(), kept.lines().next()), (KEPT, Some("5")));
        drop(logs.begin("default", "dev"));
        assert_eq!(all(logs.read("default", "dev", None, true).unwrap()).await, "");
    }
}
