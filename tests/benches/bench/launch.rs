//! Rungs of the ladder against the calls that they come down to: create, start, heal, remake.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use jackin_api::kinds::{Instance, SessionStatus};
use jackin_api::words::{Phase, PlanKind};
use kube::api::{Patch, PatchParams};
use serde_json::json;
use tokio::process::Command;
use tokio::time::Instant;

use super::bare::Bare;
use super::counts::Counts;
use super::report::{Bar, Parts, Row, Samples, milliseconds};
use super::stage::{Stage, Watch, is_ready, status};
use super::subject::Subject;

/// What the rungs may cost over their calls.
const BAR: Bar = Bar::Ratio(1.15);

/// How soon a container that somebody removed is made again: it is ready, and not only made, within what is promised for its making.
const REMAKE_BAR: Bar = Bar::Milliseconds(2000.0);

/// From the start of the `jackin apply` that asks for one more instance until that is ready; bare: what an apply cannot do without, then
/// create, start, capsule answers.
pub(crate) async fn create(
    stage: &Stage,
    subject: &Subject,
    row: &'static str,
    rounds: usize,
    read: impl Fn() -> std::io::Result<()>,
) -> anyhow::Result<Row> {
    let instances = stage.instances().await?;
    let bare = Bare::of(stage, &container_of(&instances.get(&subject.instance(0)).await?)?).await?;
    let name = subject.instance(1);
    let more = subject.manifest(stage, 2)?;
    let mut pair = Pair::default();
    for round in 0..=rounds {
        let mut watch = Watch::begin(&instances, &name).await?;
        let before = Counts::of(stage).await?;
        let begun = Instant::now();
        let mut apply = Command::new(stage.jackin())
            .args(["apply", "-f"])
            .arg(&more)
            .env("JACKIN_HOME", stage.home())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?;
        let ready = watch.until(is_ready).await?;
        let ours = begun.elapsed();
        ensure!(apply.wait().await?.success(), "`jackin apply` failed");
        let mut parts = parts_of(&ready, PlanKind::CreateFromValidImage)?;
        parts.extend(Counts::of(stage).await?.since(&before));
        // While its session starts it is at work, and the other one, which is idle, would go in its place.
        if !is_idle(&ready) {
            watch.until(is_idle).await?;
        }
        stage.apply(subject, 1).await?;
        watch.until_gone().await?;

        let begun = Instant::now();
        tokio::task::block_in_place(&read)?;
        let has_read = begun.elapsed();
        bare.create().await?;
        let created = begun.elapsed();
        bare.start().await?;
        let started = begun.elapsed();
        bare.answers().await?;
        let theirs = begun.elapsed();
        bare.remove().await?;
        let times = [("read", has_read), ("create", created), ("start", started), ("answers", theirs)];
        pair.push(round, (ours, parts), (theirs, steps(&times)));
    }
    Ok(pair.row(row, BAR))
}

/// From the write that wants it to run until it is ready; bare: start, capsule answers.
pub(crate) async fn start(stage: &Stage, rounds: usize) -> anyhow::Result<Row> {
    let instances = stage.instances().await?;
    let name = Subject::PLAIN.instance(0);
    let bare = Bare::of(stage, &container_of(&instances.get(&name).await?)?).await?;
    bare.create().await?;
    bare.start().await?;
    bare.answers().await?;
    let run = |run: &str| Patch::Merge(json!({"spec": {"run": run}}));
    let mut pair = Pair::default();
    for round in 0..=rounds {
        let mut watch = Watch::begin(&instances, &name).await?;
        instances.patch(&name, &PatchParams::default(), &run("stopped")).await?;
        watch.until(|instance| status(instance).is_ok_and(|status| status.phase == Phase::Stopped)).await?;
        let begun = Instant::now();
        instances.patch(&name, &PatchParams::default(), &run("running")).await?;
        let ready = watch.until(is_ready).await?;
        let ours = begun.elapsed();
        let parts = parts_of(&ready, PlanKind::StartStopped)?;

        bare.stop().await?;
        let begun = Instant::now();
        bare.start().await?;
        let started = begun.elapsed();
        bare.answers().await?;
        let theirs = begun.elapsed();
        pair.push(round, (ours, parts), (theirs, steps(&[("start", started), ("answers", theirs)])));
    }
    bare.remove().await?;
    Ok(pair.row("start-stopped", BAR))
}

/// From the request that kills its container until it is ready again; bare: kill, hear of its death, start, capsule answers.
///
/// Each instance is killed once: a container that dies soon after its start is left alone for a while, and that is no repair's cost.
pub(crate) async fn heal(stage: &Stage, rounds: usize) -> anyhow::Result<Row> {
    stage.scale(&Subject::PLAIN, rounds + 1).await?;
    let instances = stage.instances().await?;
    let first = container_of(&instances.get(&Subject::PLAIN.instance(0)).await?)?;
    let bare = Bare::of(stage, &first).await?;
    bare.create().await?;
    bare.start().await?;
    bare.answers().await?;
    let mut pair = Pair::default();
    for round in 0..=rounds {
        let name = Subject::PLAIN.instance(round);
        let before = instances.get(&name).await?;
        let id = container_of(&before)?;
        let launch = |instance: &Instance| Some(status(instance).ok()?.last_launch.as_ref()?.id.clone());
        let last = launch(&before);
        let mut watch = Watch::begin(&instances, &name).await?;
        let begun = Instant::now();
        stage.engine.post(&format!("/containers/{id}/kill"), None).await?;
        let ready = watch.until(|instance| is_ready(instance) && launch(instance) != last).await?;
        let ours = begun.elapsed();
        ensure!(container_of(&ready)? == id, "another container took its place");
        let parts = parts_of(&ready, PlanKind::StartStopped)?;

        let begun = bare.kill_and_hear_of_it().await?;
        let died = begun.elapsed();
        bare.start().await?;
        let started = begun.elapsed();
        bare.answers().await?;
        let theirs = begun.elapsed();
        pair.push(round, (ours, parts), (theirs, steps(&[("die", died), ("start", started), ("answers", theirs)])));
    }
    bare.remove().await?;
    Ok(pair.row("heal-after-kill", BAR))
}

/// From the request that removes its running container until it is ready in another one; bare: remove, hear of it, create, start,
/// capsule answers.
pub(crate) async fn remake(stage: &Stage, rounds: usize) -> anyhow::Result<Row> {
    let instances = stage.instances().await?;
    let name = Subject::PLAIN.instance(0);
    let bare = Bare::of(stage, &container_of(&instances.get(&name).await?)?).await?;
    bare.create().await?;
    bare.start().await?;
    bare.answers().await?;
    let mut pair = Pair::default();
    for round in 0..=rounds {
        let id = container_of(&instances.get(&name).await?)?;
        let mut watch = Watch::begin(&instances, &name).await?;
        let begun = Instant::now();
        stage.engine.delete(&format!("/containers/{id}?force=1")).await?;
        let another = |instance: &Instance| container_of(instance).is_ok_and(|another| another != id);
        let ready = watch.until(|instance| is_ready(instance) && another(instance)).await?;
        let ours = begun.elapsed();
        let parts = parts_of(&ready, PlanKind::CreateFromValidImage)?;

        let begun = bare.remove_and_hear_of_it().await?;
        let removed = begun.elapsed();
        bare.create().await?;
        let created = begun.elapsed();
        bare.start().await?;
        let started = begun.elapsed();
        bare.answers().await?;
        let theirs = begun.elapsed();
        let times = [("destroy", removed), ("create", created), ("start", started), ("answers", theirs)];
        pair.push(round, (ours, parts), (theirs, steps(&times)));
    }
    bare.remove().await?;
    Ok(pair.row("remake-after-remove", REMAKE_BAR))
}

/// Both sides of a comparison as they grow.
#[derive(Default)]
struct Pair {
    ours: (Samples, Parts),
    bare: (Samples, Parts),
}

type Measured = (Duration, BTreeMap<String, f64>);

impl Pair {
    /// Takes a pair. The first one only warms up.
    fn push(&mut self, round: usize, ours: Measured, bare: Measured) {
        if round == 0 {
            return;
        }
        for (side, (whole, parts)) in [(&mut self.ours, ours), (&mut self.bare, bare)] {
            side.0.push(milliseconds(whole));
            for (part, value) in parts {
                side.1.entry(part).or_default().push(value);
            }
        }
    }

    fn row(self, name: &'static str, bar: Bar) -> Row {
        let (ours, ours_parts) = self.ours;
        let (bare, bare_parts) = self.bare;
        Row { name, bar, ours, bare: Some(bare), ours_parts, bare_parts }
    }
}

/// How long each part took, of times that all count from the same moment.
fn steps(times: &[(&str, Duration)]) -> BTreeMap<String, f64> {
    let mut before = Duration::ZERO;
    let mut parts = BTreeMap::new();
    for (name, time) in times {
        parts.insert((*name).to_owned(), milliseconds(time.saturating_sub(before)));
        before = *time;
    }
    parts
}

/// What the controller says of its last launch, which must have been this plan.
fn parts_of(instance: &Instance, plan: PlanKind) -> anyhow::Result<BTreeMap<String, f64>> {
    let launch = status(instance)?.last_launch.as_ref().context("the instance tells of no launch")?;
    ensure!(launch.plan == plan, "the plan was {}, and {plan} was expected", launch.plan);
    #[allow(clippy::cast_precision_loss)]
    let mut parts: BTreeMap<_, _> = launch
        .steps
        .iter()
        .map(|step| (step.step.split(' ').next().unwrap_or_default().to_owned(), step.duration_ms as f64))
        .collect();
    #[allow(clippy::cast_precision_loss)]
    parts.insert("launch".to_owned(), launch.duration_ms.unwrap_or_default() as f64);
    Ok(parts)
}

fn is_idle(instance: &Instance) -> bool {
    let idle = |session: &SessionStatus| session.state == "Idle";
    status(instance).is_ok_and(|status| !status.sessions.is_empty() && status.sessions.iter().all(idle))
}

fn container_of(instance: &Instance) -> anyhow::Result<String> {
    let container = status(instance)?.container.as_ref().context("the instance has no container")?;
    Ok(container.id.clone())
}
