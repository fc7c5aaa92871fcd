//! What was done to our objects, by the engine's own account.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{PATIENCE, Stage, docker};

/// The engine's event stream, read on.
pub(crate) struct EngineLog {
    child: Child,
    lines: Receiver<String>,
    owner: String,
    prefix: String,
}

impl EngineLog {
    /// Begins to read, and gives back once nothing can be missed any more.
    pub(crate) fn follow(stage: &Stage) -> Result<Self> {
        let mut child = Command::new("docker")
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
        let mut log = Self { child, lines, owner, prefix };
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if log.until_mark(Duration::from_millis(200))?.is_some() {
                return Ok(log);
            }
        }
        bail!("the engine's events do not come")
    }

    /// What was done to our objects since the last call, as `type action name`.
    pub(crate) fn writes(&mut self) -> Result<Vec<String>> {
        self.until_mark(PATIENCE)?.context("the engine's events stay away")
    }

    /// Makes and removes a volume of our own and reads until its events came: all earlier events came before them.
    fn until_mark(&mut self, patience: Duration) -> Result<Option<Vec<String>>> {
        let mark = format!("jackin-e2e-mark-{}", uuid::Uuid::new_v4().simple());
        docker(&["volume", "create", &mark])?;
        docker(&["volume", "rm", &mark])?;
        let mut writes = Vec::new();
        let mut last = None;
        let begun = Instant::now();
        while let Ok(line) = self.lines.recv_timeout(patience.saturating_sub(begun.elapsed())) {
            let event: Value = serde_json::from_str(&line)?;
            if event["Actor"]["ID"] == mark.as_str() && event["Action"] == "destroy" {
                return Ok(Some(writes));
            }
            // Engines tell twice that a running container was disconnected.
            let of = (event["Type"].clone(), event["Action"].clone(), event["Actor"].clone());
            let is_repeated = event["Action"] == "disconnect" && last.as_ref() == Some(&of);
            last = Some(of);
            if !is_repeated {
                writes.extend(self.ours(&event));
            }
        }
        Ok(None)
    }

    fn ours(&self, event: &Value) -> Option<String> {
        let attributes = &event["Actor"]["Attributes"];
        let id = event["Actor"]["ID"].as_str().unwrap_or_default();
        let name = attributes["name"].as_str().unwrap_or(id);
        let images = format!("{}/", self.prefix.trim_end_matches('.').replace('.', "-"));
        let is_ours = attributes["jackin.owner"] == self.owner.as_str()
            || name.starts_with(&self.prefix)
            || name.starts_with(&images);
        let name = name.strip_prefix(&self.prefix).unwrap_or(name);
        let (type_, action) = (event["Type"].as_str()?, event["Action"].as_str()?);
        is_ours.then(|| format!("{type_} {action} {name}"))
    }
}

impl Drop for EngineLog {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
