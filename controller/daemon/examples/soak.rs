//! Simulates seeds on all cores, and tells of each that fails: `make soak SEEDS=100000`, or `make soak SEED=7` for one with its transcript.

// A program for people at a terminal.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jackin_daemon::simulation::{Report, simulate};

/// How often it is told how far it is, at a terminal and otherwise.
const OFTEN: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(30)];

/// What is to be run.
struct Options {
    first: u64,
    seeds: u64,
    one: Option<u64>,
    /// Every seed that is a multiple of this is simulated twice, and must come to the same transcript.
    twice: u64,
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(unknown) => {
            eprintln!("error: `{unknown}` is not understood\nhint: soak [--seeds N] [--from N] [--twice N] [--seed N]");
            return ExitCode::from(2);
        }
    };
    let failed = match options.one {
        Some(seed) => {
            let report = simulate(seed, true);
            report.transcript.iter().for_each(|line| println!("{line}"));
            tell(&report);
            Vec::from_iter(Some(seed).filter(|_| !report.violations.is_empty()))
        }
        None => soak(&options),
    };
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Tells of a seed that fails, at once: who waits for the last seed can begin to look for the cause.
fn tell(report: &Report) {
    let Report { seed, violations, script, paid: _, transcript: _ } = report;
    if !violations.is_empty() {
        let violations: String = violations.iter().map(|violation| format!("  violated: {violation}\n")).collect();
        println!("\nseed {seed} fails; `make soak SEED={seed}` replays it\n{script}{violations}");
    }
}

fn options() -> Result<Options, String> {
    let mut options = Options { first: 0, seeds: 1000, one: None, twice: 50 };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let number = || arguments.next().and_then(|number| number.parse().ok()).ok_or_else(|| argument.clone());
        let mut number = number;
        match argument.as_str() {
            "--seeds" => options.seeds = number()?,
            "--from" => options.first = number()?,
            "--seed" => options.one = Some(number()?),
            "--twice" => options.twice = number()?,
            _ => return Err(argument),
        }
    }
    Ok(options)
}

/// What came of the seeds so far.
#[derive(Default)]
struct Tally {
    done: AtomicU64,
    /// Those whose last edit could be compared with the model's cheapest sequence, and those of them with writes.
    priced: AtomicU64,
    paid: AtomicU64,
    failed: Mutex<Vec<u64>>,
}

impl Tally {
    fn count(&self, report: &Report) {
        self.done.fetch_add(1, Ordering::Relaxed);
        self.priced.fetch_add(u64::from(report.paid.is_some()), Ordering::Relaxed);
        self.paid.fetch_add(u64::from(report.paid.is_some_and(|paid| paid > 0)), Ordering::Relaxed);
        if !report.violations.is_empty() {
            tell(report);
            self.failed.lock().unwrap_or_else(PoisonError::into_inner).push(report.seed);
        }
    }

    fn progress(&self, seeds: u64, begun: Instant) -> String {
        let (done, seconds) = (self.done.load(Ordering::Relaxed), begun.elapsed().as_secs_f64());
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner).len();
        #[allow(clippy::cast_precision_loss)]
        let speed = done as f64 / seconds;
        format!("{done} of {seeds} seeds in {seconds:.0} s, {speed:.0} a second, {failed} failed")
    }
}

/// Runs all seeds, each on one of as many threads as there are cores; gives back those that failed.
fn soak(options: &Options) -> Vec<u64> {
    let (begun, tally) = (Instant::now(), Tally::default());
    let next = AtomicU64::new(options.first);
    let end = options.first.saturating_add(options.seeds);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                break;
            }
            let twice = seed.checked_rem(options.twice) == Some(0);
            tally.count(&if twice { same(seed) } else { simulate(seed, false) });
        }
    };
    let often = OFTEN[usize::from(!std::io::stderr().is_terminal())];
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut told = begun;
        while workers.iter().any(|worker| !worker.is_finished()) {
            std::thread::park_timeout(Duration::from_millis(100));
            if told.elapsed() > often {
                told = Instant::now();
                eprintln!("{}", tally.progress(options.seeds, begun));
            }
        }
    });
    eprintln!("{}", tally.progress(options.seeds, begun));
    let Tally { done: _, priced, paid, failed } = tally;
    let (priced, paid) = (priced.into_inner(), paid.into_inner());
    eprintln!("{priced} edits compared with the model's cheapest sequence, {paid} of them with writes");
    let mut failed = failed.into_inner().unwrap_or_default();
    failed.sort_unstable();
    if !failed.is_empty() {
        println!("{} of {} seeds fail: {failed:?}", failed.len(), options.seeds);
    }
    failed
}

/// Simulates a seed twice: what differs then is a fault of the simulation.
fn same(seed: u64) -> Report {
    let (one, other) = (simulate(seed, true), simulate(seed, true));
    let differs = one.transcript.iter().zip(&other.transcript).find(|(one, other)| one != other);
    let mut report = Report { transcript: Vec::new(), ..one };
    if let Some((one, other)) = differs {
        report.violations.push(format!("the second time it goes another way: `{one}`, `{other}`"));
    }
    report
}
