//! What BuildKit tells of a build's steps, which run beside each other, in lines and steps as the classic builder has them.

use std::collections::BTreeMap;

use jackin_plan::world::BuildStep;
use tokio::sync::mpsc;

use super::messages::{Log, Status, Time, Vertex};
use crate::docker::BuildProgress;
use crate::docker::bollard::build::TAIL;

/// The steps of a build, as far as they were told.
pub(super) struct Vertexes {
    progress: mpsc::UnboundedSender<BuildProgress>,
    known: BTreeMap<String, Known>,
    /// How many of them have a number.
    shown: usize,
    /// Digest of the step that failed first.
    failed: Option<String>,
}

/// A step that was told of.
#[derive(Default)]
struct Known {
    /// Its number in the lines, from 1 on; 0 until it is told.
    number: usize,
    name: String,
    begun: bool,
    ended: bool,
    /// Output after the last line break.
    rest: String,
    tail: Vec<String>,
}

impl Vertexes {
    pub(super) fn new(progress: mpsc::UnboundedSender<BuildProgress>) -> Self {
        Self { progress, known: BTreeMap::new(), shown: 0, failed: None }
    }

    pub(super) fn hear(&mut self, status: Status) {
        let Status { vertexes, logs } = status;
        for vertex in &vertexes {
            self.vertex(vertex);
        }
        for log in &logs {
            self.log(log);
        }
    }

    fn vertex(&mut self, vertex: &Vertex) {
        let known = self.known.entry(vertex.digest.clone()).or_default();
        known.name.clone_from(&vertex.name);
        let mut told = Vec::new();
        if !known.begun && (vertex.started.is_some() || vertex.cached) {
            known.begun = true;
            told.push(known.name.clone());
        }
        let ends = vertex.completed.is_some() && !known.ended;
        if ends {
            known.ended = true;
            told.push(end_of(vertex));
        }
        if !vertex.error.is_empty() && !is_cancelled(&vertex.error) && self.failed.is_none() {
            self.failed = Some(vertex.digest.clone());
        }
        let instruction = instruction(&vertex.name);
        // What BuildKit does by itself is only told when it fails.
        if instruction.is_some() || !vertex.error.is_empty() {
            self.lines(&vertex.digest, told);
        }
        if let Some(instruction) = instruction.filter(|_| ends && vertex.error.is_empty()) {
            let step = BuildStep { instruction, duration_ms: duration_ms(vertex), cached: vertex.cached };
            self.tell(BuildProgress::Step(step));
        }
    }

    fn log(&mut self, log: &Log) {
        let Some(known) = self.known.get_mut(&log.vertex) else { return };
        known.rest.push_str(&String::from_utf8_lossy(&log.text));
        let mut lines = Vec::new();
        while let Some((line, rest)) = known.rest.split_once('\n') {
            lines.push(line.trim_end_matches('\r').to_owned());
            known.rest = rest.to_owned();
        }
        known.keep(&lines);
        self.lines(&log.vertex, lines);
    }

    /// Tells what was printed without a line break at its end.
    pub(super) fn end(&mut self) {
        let mut rests = Vec::new();
        for (digest, known) in self.known.iter_mut().filter(|(_, known)| !known.rest.is_empty()) {
            let rest = std::mem::take(&mut known.rest);
            known.keep(std::slice::from_ref(&rest));
            rests.push((digest.clone(), rest));
        }
        rests.into_iter().for_each(|(digest, rest)| self.lines(&digest, vec![rest]));
    }

    /// Tells lines of a step, each with the step's number.
    fn lines(&mut self, digest: &str, lines: Vec<String>) {
        let Some(known) = self.known.get_mut(digest).filter(|_| !lines.is_empty()) else { return };
        if known.number == 0 {
            self.shown += 1;
            known.number = self.shown;
        }
        let number = known.number;
        lines.into_iter().for_each(|line| self.tell(BuildProgress::Line(format!("#{number} {line}"))));
    }

    /// The instruction that failed, and the last lines of its output.
    pub(super) fn failure(&self) -> (Option<String>, Vec<String>) {
        match self.failed.as_ref().and_then(|digest| self.known.get(digest)) {
            Some(known) => {
                let name = instruction(&known.name).unwrap_or_else(|| known.name.clone());
                (Some(name), known.tail.clone())
            }
            None => (None, Vec::new()),
        }
    }

    fn tell(&self, news: BuildProgress) {
        // Nobody need listen.
        let _ = self.progress.send(news);
    }
}

impl Known {
    fn keep(&mut self, lines: &[String]) {
        self.tail.extend(lines.iter().filter(|line| !line.is_empty()).cloned());
        let surplus = self.tail.len().saturating_sub(TAIL);
        self.tail.drain(..surplus);
    }
}

fn end_of(vertex: &Vertex) -> String {
    match (vertex.error.as_str(), vertex.cached) {
        ("", true) => "CACHED".to_owned(),
        ("", false) => format!("DONE {}.{}s", duration_ms(vertex) / 1000, duration_ms(vertex) % 1000 / 100),
        (error, _) => format!("ERROR: {error}"),
    }
}

/// Whether a step ended because another one failed.
fn is_cancelled(error: &str) -> bool {
    error.contains("context canceled")
}

/// The instruction in `[tools 2/3] RUN make`; `None` for what BuildKit does by itself.
fn instruction(name: &str) -> Option<String> {
    let (place, instruction) = name.strip_prefix('[')?.split_once("] ")?;
    (place != "internal").then(|| instruction.to_owned())
}

fn duration_ms(vertex: &Vertex) -> u64 {
    let Some((started, completed)) = vertex.started.zip(vertex.completed) else { return 0 };
    let ms = |time: Time| i128::from(time.seconds) * 1000 + i128::from(time.nanos) / 1_000_000;
    u64::try_from(ms(completed) - ms(started)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vertex(digest: &str, name: &str) -> Vertex {
        let started = Some(Time { seconds: 10, nanos: 900_000_000 });
        Vertex { digest: digest.to_owned(), name: name.to_owned(), started, ..Vertex::default() }
    }

    fn ended(vertex: Vertex, error: &str) -> Vertex {
        Vertex { completed: Some(Time { seconds: 12, nanos: 0 }), error: error.to_owned(), ..vertex }
    }

    fn said(digest: &str, text: &str) -> Log {
        Log { vertex: digest.to_owned(), text: text.as_bytes().to_vec() }
    }

    fn hear(status: Vec<Status>) -> (Vertexes, Vec<String>, Vec<BuildStep>) {
        let (progress, mut heard) = mpsc::unbounded_channel();
        let mut vertexes = Vertexes::new(progress);
        status.into_iter().for_each(|status| vertexes.hear(status));
        vertexes.end();
        let (mut lines, mut steps) = (Vec::new(), Vec::new());
        while let Ok(news) = heard.try_recv() {
            match news {
                BuildProgress::Line(line) => lines.push(line),
                BuildProgress::Step(step) => steps.push(step),
            }
        }
        (vertexes, lines, steps)
    }

    #[test]
    fn steps_beside_each_other_are_told_apart_by_their_numbers() {
        let (one, two) = (vertex("1", "[a 2/2] RUN make a"), vertex("2", "[b 2/2] RUN make b"));
        let internal = vertex("0", "[internal] load .dockerignore");
        let cached = Vertex { cached: true, ..ended(vertex("3", "[b 1/2] FROM tiny"), "") };
        let news = vec![
            Status { vertexes: vec![internal.clone(), one.clone(), two.clone()], logs: vec![] },
            Status { vertexes: vec![ended(internal, "")], logs: vec![said("1", "of a\nmo"), said("2", "of b\r\n")] },
            Status { vertexes: vec![cached, ended(one, "")], logs: vec![said("1", "re\nend")] },
        ];
        let (_, lines, steps) = hear(news);
        let expected = [
            "#1 [a 2/2] RUN make a",
            "#2 [b 2/2] RUN make b",
            "#1 of a",
            "#2 of b",
            "#3 [b 1/2] FROM tiny",
            "#3 CACHED",
            "#1 DONE 1.1s",
            "#1 more",
            "#1 end",
        ];
        assert_eq!(lines, expected);
        let steps: Vec<_> = steps.into_iter().map(|step| (step.instruction, step.duration_ms, step.cached)).collect();
        assert_eq!(steps, [("FROM tiny".to_owned(), 1100, true), ("RUN make a".to_owned(), 1100, false)]);
    }

    #[test]
    fn the_step_that_failed_is_named_and_not_those_that_ended_with_it() {
        let lines: String = (0..30).map(|line| format!("{line}\n")).collect();
        let (one, two) = (vertex("1", "[1/2] RUN other"), vertex("2", "[2/2] RUN false"));
        let news = vec![
            Status { vertexes: vec![one.clone(), two.clone()], logs: vec![said("1", "no\n"), said("2", &lines)] },
            Status { vertexes: vec![ended(one, "context canceled"), ended(two, "exit code: 1")], logs: vec![] },
        ];
        let (vertexes, _, steps) = hear(news);
        let (instruction, tail) = vertexes.failure();
        assert_eq!((instruction.as_deref(), tail.len(), tail[19].as_str()), (Some("RUN false"), TAIL, "29"));
        assert_eq!(steps, []);
    }
}
