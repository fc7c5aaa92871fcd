//! A controller that has nothing to do: what it writes, and what it costs.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use kube::api::ListParams;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::report::{Bar, Row, Samples};
use super::say;
use super::stage::{Stage, status};
use super::subject::Subject;

/// Ticks of `/proc` in a second, on every Linux of the day.
const TICKS: f64 = 100.0;
/// For how long nothing must have been written before the controller counts as idle.
const QUIET: Duration = Duration::from_secs(10);
/// How long it may take to come to rest.
const PATIENCE: Duration = Duration::from_secs(180);

/// Watches the controller with this many ready instances for a while.
pub(crate) async fn idle(stage: &Stage, instances: usize, period: Duration) -> anyhow::Result<Vec<Row>> {
    stage.scale(&Subject::PLAIN, instances).await.context("run the instances")?;
    rest(stage).await?;
    let pid = stage.daemon_pid().await?;
    let since = SystemTime::now();
    let before = Reading::take(stage, pid).await?;
    let begun = Instant::now();
    sleep(period).await;
    let elapsed = begun.elapsed();
    let after = Reading::take(stage, pid).await?;
    let events = engine_events(stage, since).await?;
    for event in &events {
        say(&format!("  engine event while idle: {event}"));
    }
    #[allow(clippy::cast_precision_loss)]
    let writes = events.len() as f64;
    let cpu = (after.ticks - before.ticks) / TICKS / elapsed.as_secs_f64() * 100.0;
    let stored = after.resource_version - before.resource_version;
    Ok(vec![
        figure("idle-engine-writes", Bar::AtMost(0.0, "events"), writes),
        figure("idle-store-writes", Bar::AtMost(0.0, "versions"), stored),
        figure("idle-cpu", Bar::Below(1.0, "% of a core"), cpu),
        memory(&after),
        figure("idle-disk-writes", Bar::AtMost(0.0, "bytes"), after.written - before.written),
    ])
}

fn figure(name: &'static str, bar: Bar, value: f64) -> Row {
    let mut ours = Samples::default();
    ours.push(value);
    Row { name, bar, ours, bare: None, ours_parts: Default::default(), bare_parts: Default::default() }
}

/// Resident memory, and how much of it is its own rather than pages of its program.
fn memory(reading: &Reading) -> Row {
    let mut row = figure("idle-memory", Bar::Below(40.0, "MB"), reading.megabytes);
    row.ours_parts.entry("anonymous".to_owned()).or_default().push(reading.anonymous);
    row.ours_parts.entry("file".to_owned()).or_default().push(reading.megabytes - reading.anonymous);
    row
}

/// Waits until nothing was written for a while, and no instance has a record of failures that will still be dropped.
async fn rest(stage: &Stage) -> anyhow::Result<()> {
    let begun = Instant::now();
    let mut last = resource_version(stage).await?;
    let mut since = Instant::now();
    loop {
        sleep(Duration::from_millis(500)).await;
        let found = stage.instances().await?.list(&ListParams::default()).await?;
        let pending = found.items.iter().any(|instance| status(instance).is_ok_and(|status| status.retry.is_some()));
        let now = resource_version(stage).await?;
        if std::mem::replace(&mut last, now).to_bits() != now.to_bits() || pending {
            since = Instant::now();
        }
        if since.elapsed() > QUIET {
            return Ok(());
        }
        if begun.elapsed() > PATIENCE {
            bail!("the controller does not come to rest: it still writes after {} s", PATIENCE.as_secs());
        }
    }
}

/// What can be read of the controller at a moment.
struct Reading {
    resource_version: f64,
    ticks: f64,
    megabytes: f64,
    anonymous: f64,
    written: f64,
}

impl Reading {
    async fn take(stage: &Stage, pid: u32) -> anyhow::Result<Self> {
        let read = |file: &str| std::fs::read_to_string(format!("/proc/{pid}/{file}"));
        let (stat, memory, io) = (read("stat")?, read("status")?, read("io")?);
        // The name of a program may hold spaces and parentheses; what follows the last one is numbers.
        let (_, rest) = stat.rsplit_once(") ").context("stat of the controller")?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks = number(fields.get(11).copied())? + number(fields.get(12).copied())?;
        let megabytes = |name: &str| number(field(&memory, name)).map(|kibibytes| kibibytes * 1024.0 / 1e6);
        Ok(Self {
            resource_version: resource_version(stage).await?,
            ticks,
            megabytes: megabytes("VmRSS:")?,
            anonymous: megabytes("RssAnon:")?,
            written: number(field(&io, "write_bytes:"))?,
        })
    }
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()
}

fn number(text: Option<&str>) -> anyhow::Result<f64> {
    Ok(text.context("a number of the controller's process")?.parse()?)
}

/// The version that the store's last write made.
async fn resource_version(stage: &Stage) -> anyhow::Result<f64> {
    let listed = stage.instances().await?.list_metadata(&ListParams::default().limit(1)).await?;
    number(listed.metadata.resource_version.as_deref())
}

/// What the engine tells of objects of ours since a moment. Each write makes an event.
async fn engine_events(stage: &Stage, since: SystemTime) -> anyhow::Result<Vec<String>> {
    let seconds = |time: SystemTime| time.duration_since(UNIX_EPOCH).map(|since| since.as_secs_f64());
    let query = format!("since={:.9}&until={:.9}", seconds(since)?, seconds(SystemTime::now())?);
    let mut events = stage.engine.events(&query).await?;
    // Networks and volumes tell their names and not their labels.
    let marks =
        [stage.owner.clone(), format!("jackin.{}.", &stage.owner[..6]), format!("jackin-{}/", &stage.owner[..6])];
    let mut ours = Vec::new();
    while let Some(event) = events.next().await? {
        let text = event.to_string();
        if marks.iter().any(|mark| text.contains(mark)) {
            ours.push(short(&event));
        }
    }
    Ok(ours)
}

fn short(event: &Value) -> String {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    format!("{} {} {}", word(&event["Type"]), word(&event["Action"]), word(&event["Actor"]["Attributes"]["name"]))
}
