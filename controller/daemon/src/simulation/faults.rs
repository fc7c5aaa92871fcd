//! What goes wrong between the controller and the world: on the way to the engine, on the way of its events, and at the API.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::Notify;

use crate::docker::fake::{Delivery, Interference};
use crate::docker::{Engine, EngineErrorCause, EngineEvent, Operation};

use super::files::MemoryFiles;
use super::guard::Guard;
use super::price::counts;
use super::time::VirtualTime;
use super::transcript::Transcript;
use super::wish::SECRET;
use crate::dice::Dice;

/// Steps in one moment that nobody needs who waits between tries.
const BUSY: u32 = 20_000;

/// What goes wrong at present.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Weather {
    /// Calls of a thousand that fail, before or after their effect; a third as many events are lost, doubled or late.
    pub(super) rate: u64,
    /// Nobody answers.
    pub(super) away: bool,
    /// Lists work and inspections fail.
    pub(super) half: bool,
}

/// The faults of one simulation.
pub(super) struct Faults {
    pub(super) time: Arc<VirtualTime>,
    pub(super) transcript: Arc<Transcript>,
    pub(super) files: Arc<MemoryFiles>,
    /// Who looks at each call. Not held here: it holds the engine, and the engine these faults.
    pub(super) guard: OnceLock<Weak<Guard>>,
    dice: Mutex<Dice>,
    weather: Mutex<Weather>,
    crash: Crash,
    /// The moment of the last call, and how many there were in it.
    moment: Mutex<(Duration, u32)>,
    writes: AtomicU64,
    /// Writes that have a price, while somebody counts.
    counted: Mutex<Option<Vec<String>>>,
    identity: u128,
}

/// The end of the controller's process, at one of its steps.
#[derive(Default)]
struct Crash {
    /// Steps until then.
    countdown: Mutex<Option<u64>>,
    happened: AtomicBool,
    told: Notify,
}

impl Crash {
    /// One step; it does not come back from the last.
    async fn step(&self) {
        let due = {
            let mut countdown = self.countdown.lock().unwrap_or_else(PoisonError::into_inner);
            *countdown = countdown.and_then(|left| left.checked_sub(1)).or(countdown.filter(|left| *left == 0));
            *countdown == Some(0)
        };
        if due {
            self.happened.store(true, Ordering::Relaxed);
            self.told.notify_one();
        }
        if self.happened.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    }
}

impl Faults {
    pub(super) fn new(seed: u64, time: Arc<VirtualTime>, transcript: Arc<Transcript>, files: Arc<MemoryFiles>) -> Self {
        Self {
            time,
            transcript,
            files,
            guard: OnceLock::new(),
            dice: Mutex::new(Dice::of(seed, 2)),
            weather: Mutex::default(),
            crash: Crash::default(),
            moment: Mutex::default(),
            writes: AtomicU64::new(0),
            counted: Mutex::default(),
            identity: u128::from(seed),
        }
    }

    pub(super) fn weather(&self) -> MutexGuard<'_, Weather> {
        self.weather.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn dice(&self) -> MutexGuard<'_, Dice> {
        self.dice.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the controller die after so many steps, or no more.
    pub(super) fn crash_after(&self, steps: Option<u64>) {
        *self.crash.countdown.lock().unwrap_or_else(PoisonError::into_inner) = steps;
    }

    /// Comes when the controller dies.
    pub(super) async fn crashed(&self) {
        self.crash.told.notified().await;
    }

    /// A new controller may live.
    pub(super) fn revive(&self) {
        self.crash_after(None);
        self.crash.happened.store(false, Ordering::Relaxed);
    }

    /// Calls of the controller that asked the engine for a change.
    pub(super) fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    /// Begins to count the writes that have a price; answers those that were counted before.
    pub(super) fn count(&self, on: bool) -> Vec<String> {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *counted, on.then(Vec::new)).unwrap_or_default()
    }

    fn guard(&self) -> Option<Arc<Guard>> {
        self.guard.get().and_then(Weak::upgrade)
    }

    async fn counts(&self, operation: Operation, object: &str) {
        let name = match self.guard() {
            Some(guard) if operation == Operation::RemoveContainer => {
                guard.engine.inspect_container(object).await.ok().flatten().map(|container| container.name)
            }
            _ => None,
        };
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(counted) = counted.as_mut().filter(|_| counts(operation, Some(name.as_deref().unwrap_or(object)))) {
            counted.push(format!("{operation} {object}"));
        }
    }

    /// A step at the API, between which the controller may die.
    pub(super) async fn api_step(&self) {
        self.step().await;
    }

    /// One step of the controller. It does not come back from the last, nor from the one that is too many for its moment.
    async fn step(&self) {
        if self.stands_still() {
            if let Some(guard) = self.guard() {
                guard.violated(format!("{BUSY} steps in one moment: something is tried again without a pause"));
            }
            self.crash_after(Some(1));
        }
        self.crash.step().await;
    }

    /// Whether this is the step with which a moment has had too many. Virtual time goes on only when nobody has anything to do, so
    /// that who never waits would hold it for ever.
    fn stands_still(&self) -> bool {
        let now = self.time.elapsed();
        let mut moment = self.moment.lock().unwrap_or_else(PoisonError::into_inner);
        *moment = if moment.0 == now { (now, moment.1 + 1) } else { (now, 1) };
        moment.1 == BUSY
    }

    /// A call that is slow, or whose answer others overtake.
    async fn dawdle(&self) {
        let disturbed = self.weather().rate > 0;
        let wait = if disturbed {
            let mut dice = self.dice();
            if dice.permille(8) { dice.below(12_000) } else { dice.pick(&[0, 0, 0, 0, 1, 3, 20]) }
        } else {
            0
        };
        match wait {
            0 => tokio::task::yield_now().await,
            wait => tokio::time::sleep(Duration::from_millis(wait)).await,
        }
    }

    /// How a call fails, when it does.
    fn strike(&self, operation: Operation, share: u64) -> Option<EngineErrorCause> {
        let weather = *self.weather();
        if weather.away {
            return Some(unreachable());
        }
        if weather.half && matches!(operation, Operation::InspectContainer | Operation::InspectNetwork) {
            return Some(refused(500));
        }
        let mut dice = self.dice();
        if weather.rate == 0 || !dice.permille(weather.rate / share) {
            return None;
        }
        let full = || EngineErrorCause::NoSpace { message: "no space left on device".to_owned() };
        Some(match (dice.below(6), operation.is_write()) {
            (0, _) => unreachable(),
            (1 | 2, _) => EngineErrorCause::Timeout { after: Duration::from_secs(10) },
            (3, true) => refused(409),
            (4, true) => full(),
            _ => refused(500),
        })
    }

    async fn told(&self, when: &str, operation: Operation, object: &str, cause: EngineErrorCause) -> EngineErrorCause {
        if let EngineErrorCause::Timeout { after } = &cause {
            tokio::time::sleep(*after).await;
        }
        self.transcript.line(|| format!("engine  {operation} {object}: {when} its effect: {cause}"));
        cause
    }
}

fn unreachable() -> EngineErrorCause {
    EngineErrorCause::Unreachable { source: Arc::new(io::Error::from(io::ErrorKind::ConnectionRefused)) }
}

fn refused(status: u16) -> EngineErrorCause {
    EngineErrorCause::Refused { status, message: "simulated".to_owned() }
}

#[async_trait]
impl Interference for Faults {
    async fn before(&self, operation: Operation, object: &str) -> Result<(), EngineErrorCause> {
        self.dawdle().await;
        self.step().await;
        if let Some(cause) = self.strike(operation, 1) {
            return Err(self.told("before", operation, object, cause).await);
        }
        if operation.is_write() {
            self.writes.fetch_add(1, Ordering::Relaxed);
            self.transcript.line(|| format!("engine  {operation} {object}"));
            self.counts(operation, object).await;
            if let Some(guard) = self.guard() {
                guard.check(operation, object).await;
            }
        }
        Ok(())
    }

    async fn after(&self, operation: Operation, object: &str) -> Result<(), EngineErrorCause> {
        self.dawdle().await;
        self.step().await;
        match self.strike(operation, 2) {
            Some(cause) => Err(self.told("after", operation, object, cause).await),
            None => Ok(()),
        }
    }

    async fn deliver(&self, event: &EngineEvent) -> Delivery {
        if let Some(guard) = self.guard().filter(|_| event.attributes.values().any(|value| value.contains(SECRET))) {
            guard.violated(format!("a secret can be read in an event of {}", event.id));
        }
        let rate = self.weather().rate;
        if rate == 0 {
            return Delivery::Times(1);
        }
        let (fate, late) = {
            let mut dice = self.dice();
            let struck = dice.permille(rate * 2);
            (struck.then(|| dice.below(4)), dice.below(8_000))
        };
        let Some(fate) = fate else { return Delivery::Times(1) };
        self.transcript.line(|| format!("event   {:?} {}: fate {fate}", event.action, event.id));
        match fate {
            0 => Delivery::Times(0),
            1 => Delivery::Times(2),
            2 => {
                tokio::time::sleep(Duration::from_millis(late)).await;
                Delivery::Times(1)
            }
            _ => Delivery::StreamEnds,
        }
    }

    fn now(&self) -> Timestamp {
        self.time.now()
    }

    fn path_exists(&self, path: &str) -> bool {
        self.files.has(path)
    }

    fn identity(&self) -> u128 {
        self.identity
    }
}
