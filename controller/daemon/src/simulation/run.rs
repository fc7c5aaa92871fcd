//! One simulation from its first moment to its verdict.

use std::sync::Arc;
use std::time::Duration;

use jackin_api::kinds::DisruptionPolicy;
use jackin_apiserver::Medium;
use jackin_plan::world::Labels;

use crate::docker::fake::FakeEngine;

use super::capsules::MemoryCapsules;
use super::daemon::{Daemon, HOME, World, owner};
use super::faults::Faults;
use super::files::MemoryFiles;
use super::guard::Guard;
use super::logs::Logs;
use super::operator::Operator;
use super::price;
use super::properties::{Look, Orphans};
use super::script::{Action, Phase, Quiet, print, script};
use super::time::VirtualTime;
use super::transcript::Transcript;
use super::wish::{BASE, SOURCES, Wish};

/// How long after the last change it is taken to be quiet: two re-lists have passed.
const STILL: Duration = Duration::from_secs(12);
/// How long convergence may take; the longest wait after failures is five minutes.
const PATIENCE: Duration = Duration::from_secs(1_800);
/// How long the engine is away when what is claimed meanwhile is looked at.
const AWAY: Duration = Duration::from_secs(40);

/// What came of a simulation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// What should not have been; empty when all is well.
    pub violations: Vec<String>,
    /// The script, to be read.
    pub script: String,
    /// What the last edit cost, in engine writes, where the model knows the least that it can cost.
    pub paid: Option<usize>,
    /// What happened, where that was asked for.
    pub transcript: Vec<String>,
}

/// Why a life of the controller ended.
enum End {
    /// The script is over.
    Script,
    /// It died, and the next one begins; whether what was written lazily had reached the disk.
    Died { flushed: bool },
    /// Something is wrong.
    Wrong(Vec<String>),
}

/// Runs the simulation of a seed, in this thread.
///
/// # Panics
/// When no runtime can be made.
#[must_use]
pub fn simulate(seed: u64, transcript: bool) -> Report {
    let script = script(seed);
    let printed = print(&script);
    let mut simulation = Simulation::new(seed, script, transcript);
    let logs = Logs::new(simulation.guard.clone());
    let violations = tracing::subscriber::with_default(logs, || simulation.lives());
    let transcript = simulation.world.faults.transcript.lines();
    Report { seed, violations, script: printed, paid: simulation.paid, transcript }
}

struct Simulation {
    seed: u64,
    world: World,
    guard: Arc<Guard>,
    wish: Wish,
    script: Vec<Phase>,
    /// The phase and the action that come next.
    place: (usize, usize),
    /// Whether the coming crash loses what was written lazily.
    loses: bool,
    /// What the controller had asked the engine for when it was started anew in the quiet of a phase.
    restarted: Option<u64>,
    number: u64,
    orphans: Orphans,
    /// What the edit in the quiet cost, where that could be compared.
    paid: Option<usize>,
}

impl Simulation {
    fn new(seed: u64, script: Vec<Phase>, wanted: bool) -> Self {
        let time = Arc::new(VirtualTime::default());
        let transcript = Arc::new(Transcript::new(time.clone(), wanted));
        let files = Arc::new(MemoryFiles::default());
        SOURCES.iter().for_each(|source| files.set(source, true));
        let faults = Arc::new(Faults::new(seed, time.clone(), transcript, files));
        let engine = FakeEngine::interfered_with(faults.clone());
        engine.seed_image(BASE, &Labels::new());
        engine.seed_registry(BASE, &Labels::new());
        let calm = engine.undisturbed();
        let capsules = Arc::new(MemoryCapsules::new(calm.clone(), time.clone()));
        let guard = Arc::new(Guard::new(calm, capsules.clone(), owner(), time));
        _ = faults.guard.set(Arc::downgrade(&guard));
        guard.set_policy(Wish::default().policy);
        let world = World { engine, faults, capsules, medium: Medium::default() };
        let (place, loses, restarted, number) = ((0, 0), false, None, 0);
        let (wish, orphans) = (Wish::default(), Orphans::default());
        Self { seed, world, guard, wish, script, place, loses, restarted, number, orphans, paid: None }
    }

    fn say(&self, text: impl FnOnce() -> String) {
        self.world.faults.transcript.line(text);
    }

    /// One life after another, until the script is over or something is wrong; gives back what should not have been.
    fn lives(&mut self) -> Vec<String> {
        loop {
            match self.live() {
                End::Script => return self.guard.violations(),
                End::Wrong(mut found) => {
                    found.extend(self.guard.violations());
                    return found;
                }
                End::Died { .. } => {}
            }
            let violations = self.guard.violations();
            if !violations.is_empty() {
                return violations;
            }
        }
    }

    /// One life of the controller, in a runtime of its own, which takes all of it along when it ends.
    fn live(&mut self) -> End {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.unwrap_or_else(|error| panic!("a runtime could not be made: {error}"));
        self.world.faults.revive();
        self.number += 1;
        let (faults, seed) = (self.world.faults.clone(), self.seed ^ (self.number << 32));
        let end = runtime.block_on(async {
            faults.time.begin();
            self.say(|| "life    begins".to_owned());
            let end = tokio::select! {
                biased;
                () = faults.crashed() => End::Died { flushed: !self.loses },
                end = self.play(seed) => end,
            };
            self.guard.use_client(None);
            faults.time.end();
            end
        });
        if let End::Died { flushed } = end {
            self.say(|| format!("life    ends, lazy writes {}", if flushed { "kept" } else { "lost" }));
        }
        end
    }

    /// Plays the script on, from where it is.
    async fn play(&mut self, seed: u64) -> End {
        let daemon = match Daemon::start(&self.world, seed).await {
            Ok(daemon) => daemon,
            Err(error) => return End::Wrong(vec![format!("the controller does not start: {error}")]),
        };
        self.guard.use_client(Some(daemon.client.clone()));
        _ = self.wish.apply(&daemon.client).await;
        while let Some(phase) = self.script.get(self.place.0).cloned() {
            self.world.faults.weather().rate = phase.rate;
            while let Some((wait, action)) = phase.actions.get(self.place.1).copied() {
                tokio::time::sleep(wait).await;
                self.place.1 += 1;
                if let Some(end) = self.act(&daemon, action).await {
                    return end;
                }
            }
            match self.quiet(&daemon, phase.quiet).await {
                Ok(None) => {}
                Ok(Some(end)) => return end,
                Err(found) => return End::Wrong(found),
            }
            self.place = (self.place.0 + 1, 0);
            self.restarted = None;
        }
        match self.price(&daemon).await {
            Ok(()) => End::Script,
            Err(found) => End::Wrong(found),
        }
    }

    /// One more edit, in the quiet and with everybody's leave: it may cost no more than the cheapest sequence that the model knows.
    async fn price(&mut self, daemon: &Daemon) -> Result<(), Vec<String>> {
        (self.wish.policy, self.wish.deadline) = (DisruptionPolicy::Always, false);
        self.guard.set_policy(self.wish.policy);
        self.quiet(daemon, Quiet::Mended).await?;
        let before = price::look(&daemon.context).await;
        self.world.faults.count(true);
        let edit = price::edit(self.seed);
        self.act(daemon, edit).await;
        self.settle(daemon, true).await?;
        let paid = self.world.faults.count(false);
        let after = price::look(&daemon.context).await;
        let Some((before, after)) = before.zip(after) else { return Ok(()) };
        let Some(least) = price::price(&daemon.context, &before, &after) else { return Ok(()) };
        self.say(|| format!("price   {edit}: {least}, paid {}", paid.len()));
        if paid.len() > least {
            return Err(vec![format!("{edit} can be had for {least} writes, and cost {}: {paid:?}", paid.len())]);
        }
        self.paid = Some(paid.len());
        Ok(())
    }

    async fn act(&mut self, daemon: &Daemon, action: Action) -> Option<End> {
        self.say(|| format!("action  {action}"));
        self.number += 1;
        match action {
            Action::LoseStore => {
                let version = daemon.store.resource_version();
                self.world.medium.clear(version + 1);
                self.wish.forget();
                self.orphans.remember(&self.guard.engine).await;
                return Some(End::Died { flushed: false });
            }
            Action::Crash(_, loses) => self.loses = loses,
            Action::Away(seconds, restarts) => return self.away(Duration::from_secs(seconds), restarts).await,
            Action::Half(seconds) => {
                self.world.faults.weather().half = true;
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                self.world.faults.weather().half = false;
            }
            _ => {}
        }
        let number = self.number;
        let Self { world, guard, wish, .. } = self;
        Operator { world, guard, client: &daemon.client, wish }.act(action, number).await;
        if let Action::Crash(_, false) = action {
            _ = daemon.store.flush().await;
        }
        None
    }

    async fn away(&self, duration: Duration, restarts: bool) -> Option<End> {
        self.world.faults.weather().away = true;
        self.world.engine.set_unreachable(true);
        if restarts {
            self.world.engine.restart();
        }
        tokio::time::sleep(duration).await;
        self.world.faults.weather().away = false;
        self.world.engine.set_unreachable(false);
        None
    }

    /// Ends the faults, waits until nothing changes, and looks.
    async fn quiet(&mut self, daemon: &Daemon, quiet: Quiet) -> Result<Option<End>, Vec<String>> {
        self.say(|| format!("quiet   {quiet:?}"));
        *self.world.faults.weather() = super::faults::Weather::default();
        // A crash may have cut short its absence.
        self.world.engine.set_unreachable(false);
        self.world.faults.crash_after(None);
        let mended = quiet != Quiet::AsItIs;
        if mended {
            self.mend(daemon).await;
        }
        self.settle(daemon, mended).await?;
        match quiet {
            Quiet::Mended | Quiet::AsItIs => {}
            Quiet::Away => {
                self.world.faults.weather().away = true;
                self.world.engine.set_unreachable(true);
                tokio::time::sleep(AWAY).await;
                let claims = self.look(daemon, mended).claims().await;
                self.world.faults.weather().away = false;
                self.world.engine.set_unreachable(false);
                if !claims.is_empty() {
                    return Err(claims);
                }
                self.settle(daemon, mended).await?;
            }
            Quiet::Restart if self.restarted.is_some() => {
                if self.restarted != Some(self.world.faults.writes()) {
                    return Err(vec!["a new controller changes the engine, and nothing had changed".to_owned()]);
                }
            }
            Quiet::Restart => {
                self.restarted = Some(self.world.faults.writes());
                _ = daemon.store.flush().await;
                return Ok(Some(End::Died { flushed: true }));
            }
        }
        for directory in self.world.faults.files.below(&format!("{HOME}/data")) {
            self.world.faults.files.leave_work(&directory);
        }
        Ok(None)
    }

    /// Mends what only somebody outside can mend.
    async fn mend(&mut self, daemon: &Daemon) {
        SOURCES.iter().for_each(|source| self.world.faults.files.set(source, true));
        self.world.capsules.calm(true);
        self.wish.broken = false;
        let Self { world, guard, wish, .. } = self;
        _ = Operator { world, guard, client: &daemon.client, wish }.remove_look_alikes().await;
    }

    fn look<'a>(&'a self, daemon: &'a Daemon, mended: bool) -> Look<'a> {
        let Self { world, guard, wish, orphans, .. } = self;
        Look { world, guard, daemon, wish, mended, orphans }
    }

    /// Waits until nothing changes any more and all is as it should be.
    async fn settle(&mut self, daemon: &Daemon, mended: bool) -> Result<(), Vec<String>> {
        let begun = tokio::time::Instant::now();
        let foreign = self.guard.foreign().await;
        let mut before = (0, 0);
        let mut changed = begun;
        _ = self.wish.apply(&daemon.client).await;
        loop {
            let now = (daemon.store.resource_version(), self.world.faults.writes());
            if now != before {
                (before, changed) = (now, tokio::time::Instant::now());
            }
            if changed.elapsed() >= STILL {
                // What was on its way out when it was applied is gone by now.
                _ = self.wish.apply(&daemon.client).await;
                let mut found = self.look(daemon, mended).unsettled().await;
                let late = begun.elapsed() > PATIENCE;
                if found.is_empty() || late {
                    found.extend(self.look(daemon, mended).broken().await);
                    if self.guard.foreign().await != foreign {
                        found.push("a foreign container was touched".to_owned());
                    }
                    return if found.is_empty() { Ok(()) } else { Err(found) };
                }
            } else if begun.elapsed() > PATIENCE {
                return Err(vec!["it never becomes quiet".to_owned()]);
            }
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
    }
}
