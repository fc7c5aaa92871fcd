//! C06: drift with repairs held back. C27: an agent is at work and its container cannot stay: nothing is done until it is idle, the deadline, or an explicit restart.

use anyhow::{Result, ensure};

use super::with_mount;
use crate::stage::{EngineLog, Found, MAIN, NOTHING, REPLACEMENT, Stage, play, sorted};

/// An agent works in the instance while its mount is edited: the repair is announced and seen to wait, with its reasons.
struct Held {
    manifest: String,
    log: EngineLog,
    before: Found,
}

impl Held {
    fn begin(stage: &Stage, disruption: &str) -> Result<Self> {
        stage.apply(&with_mount(stage, "first", &[disruption, MAIN])?)?;
        let before = stage.container("desk-main")?;
        stage.leave_at_work("desk-main")?;
        let manifest = with_mount(stage, "second", &[disruption, MAIN])?;
        let announced = stage.diff(&manifest)?;
        let told = announced.instance("desk-main")?;
        assert_eq!(announced.operations, Vec::<String>::new(), "{told}");
        let waits = (&told["waits"]["for"], &told["waits"]["sessions"][0]);
        assert_eq!(waits, (&"Sessions".into(), &"main".into()), "{told}");
        // What it is that waits, is what would be done at once where sessions may be ended.
        let at_once = stage.diff(&with_mount(stage, "second", &["disruption: {policy: always}", MAIN])?)?;
        assert_eq!(sorted(at_once.operations), sorted(REPLACEMENT));
        assert_eq!(told["waits"]["plan"], at_once.told["instances"][0]["plan"]);
        let log = EngineLog::follow(stage)?;
        stage.submit(&manifest)?;
        let pending = stage.until_condition("instance", "desk-main", "RepairPending", "True")?;
        let told = (&pending["reason"], pending["message"].as_str().unwrap_or_default());
        ensure!(told.0 == "SessionsLive" && told.1.contains("mounts["), "it does not say why: {pending}");
        Ok(Self { manifest, log, before })
    }

    /// Nothing was done until now.
    fn stays(&mut self, stage: &Stage) -> Result<()> {
        let now = stage.container("desk-main")?;
        assert_eq!((&now.id, now.pid), (&self.before.id, self.before.pid));
        assert_eq!(self.log.operations()?, Vec::<String>::new());
        Ok(())
    }

    /// The repair is done, and was the smallest.
    fn until_done(mut self, stage: &Stage) -> Result<()> {
        let id = &self.before.id;
        stage.until_container("desk-main", "replaced", |found| found.id != *id && found.state == "running")?;
        stage.until_condition("instance", "desk-main", "RepairPending", "False")?;
        stage.rest(&self.manifest)?;
        assert_eq!(sorted(self.log.operations()?), sorted(REPLACEMENT));
        assert_eq!(stage.jackin(&["exec", "desk-main", "--", "cat", "/work/which"])?, "second");
        Ok(())
    }
}

#[test]
fn a_replacement_waits_until_the_agent_is_idle() -> Result<()> {
    play(|stage| {
        let mut held = Held::begin(stage, "disruption: {policy: whenIdle}")?;
        held.stays(stage)?;
        stage.jackin(&["exec", "desk-main", "--", "killall", "sleep"])?;
        held.until_done(stage)
    })
}

#[test]
fn a_replacement_waits_no_longer_than_the_deadline() -> Result<()> {
    play(|stage| Held::begin(stage, "disruption: {policy: whenIdle, deadline: 3s}")?.until_done(stage))
}

#[test]
fn a_replacement_that_waits_for_ever_goes_ahead_at_an_explicit_restart() -> Result<()> {
    play(|stage| {
        let mut held = Held::begin(stage, "disruption: {policy: never}")?;
        held.stays(stage)?;
        stage.jackin(&["restart", "desk-main"])?;
        held.until_done(stage)
    })
}

#[test]
fn a_suspended_workspace_costs_nothing_and_shows_which_repair_waits_and_why() -> Result<()> {
    play(|stage| {
        stage.apply(&with_mount(stage, "first", &[MAIN])?)?;
        stage.settle("desk-main")?;
        let before = stage.container("desk-main")?;
        stage.change(&with_mount(stage, "second", &["suspend: true", MAIN])?, NOTHING)?;
        let pending = stage.until_condition("instance", "desk-main", "RepairPending", "True")?;
        let told = (&pending["reason"], pending["message"].as_str().unwrap_or_default());
        ensure!(told.0 == "Suspended" && told.1.contains("mounts["), "it does not say why: {pending}");
        let after = stage.container("desk-main")?;
        assert_eq!((after.id, after.pid), (before.id, before.pid));
        stage.change(&with_mount(stage, "second", &[MAIN])?, &REPLACEMENT)
    })
}
