//! What was done to our objects, by the engine's own account.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::engine::Client;
use super::operations::{Event, Fold};
use super::{PATIENCE, Stage, eventually};

/// The engine's event stream, read on.
pub(crate) struct EngineLog {
    child: Child,
    lines: Receiver<String>,
    engine: Client,
    owner: String,
    prefix: String,
    fold: Fold,
    /// The type, action and actor of the event of ours before this one.
    last: Option<(Value, Value, Value)>,
}

impl EngineLog {
    /// Begins to read, and gives back once nothing can be missed any more.
    pub(crate) fn follow(stage: &Stage) -> Result<Self> {
        let mut child = stage
            .engine
            .command()
            .args(["events", "--format", "{{json .}}"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let output = child.stdout.take().context("the events have no stream")?;
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let (owner, prefix) = (stage.owner()?, stage.prefix()?);
        let engine = stage.engine.clone();
        let mut log = Self { child, lines, engine, owner, prefix, fold: Fold::default(), last: None };
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if log.until_mark(Duration::from_millis(200))?.is_some() {
                log.fold = Fold::begin(stage)?;
                return Ok(log);
            }
        }
        bail!("the engine's events do not come")
    }

    /// What was done to our objects since the last call, as `type action name`.
    pub(crate) fn writes(&mut self) -> Result<Vec<String>> {
        let told = |event: &Event| format!("{} {} {}", event.kind, event.action, event.name);
        Ok(self.events()?.iter().map(told).collect())
    }

    /// All operations since the log began, in their order: events folded, so that each thing that was asked for counts once.
    pub(crate) fn operations(&mut self) -> Result<Vec<String>> {
        self.events()?;
        Ok(self.fold.operations())
    }

    /// Waits until an operation was done.
    pub(crate) fn until(&mut self, operation: &str) -> Result<()> {
        eventually(operation, || Ok(self.operations()?.iter().any(|done| done == operation).then_some(())))
    }

    /// Reads on as events come, until there were so many since the log began, or `is_over`; whether there were so many.
    pub(crate) fn count(&mut self, wanted: usize, mut is_over: impl FnMut() -> Result<bool>) -> Result<bool> {
        let mut seen = 0;
        while seen < wanted {
            match self.lines.recv_timeout(Duration::from_millis(50)) {
                Ok(line) => seen += usize::from(self.read(&serde_json::from_str(&line)?).is_some()),
                Err(RecvTimeoutError::Timeout) if is_over()? => return Ok(seen + self.events()?.len() >= wanted),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => bail!("the engine's events ended"),
            }
        }
        Ok(true)
    }

    fn read(&mut self, event: &Value) -> Option<Event> {
        let ours = Event::of(event, &self.owner, &self.prefix, &self.fold)?;
        // Engines tell twice that a running container was disconnected; what is not ours may be told in between.
        let told = (event["Type"].clone(), event["Action"].clone(), event["Actor"].clone());
        let is_repeated = event["Action"] == "disconnect" && self.last.as_ref() == Some(&told);
        self.last = Some(told);
        let event = Some(ours).filter(|_| !is_repeated)?;
        self.fold.add(&event);
        Some(event)
    }

    fn events(&mut self) -> Result<Vec<Event>> {
        self.until_mark(PATIENCE)?.context("the engine's events stay away")
    }

    /// Makes and removes a volume of our own and reads until its events came: all earlier events came before them.
    fn until_mark(&mut self, patience: Duration) -> Result<Option<Vec<Event>>> {
        let mark = format!("jackin-e2e-mark-{}", uuid::Uuid::new_v4().simple());
        self.engine.run(&["volume", "create", &mark])?;
        self.engine.run(&["volume", "rm", &mark])?;
        let mut events = Vec::new();
        let begun = Instant::now();
        while let Ok(line) = self.lines.recv_timeout(patience.saturating_sub(begun.elapsed())) {
            let event: Value = serde_json::from_str(&line)?;
            if event["Actor"]["ID"] == mark.as_str() && event["Action"] == "destroy" {
                return Ok(Some(events));
            }
            events.extend(self.read(&event));
        }
        Ok(None)
    }
}

impl Drop for EngineLog {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
