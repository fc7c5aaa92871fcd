//! Simulates seeds until one fails, on all cores: `make soak SEEDS=100000`, or `make soak SEED=7` for one with its transcript.

// A program for people at a terminal.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jackin_daemon::simulation::{Report, simulate};

/// Failures after which no further seed is begun.
const ENOUGH: usize = 5;

/// Every seed that is a multiple of this is simulated twice, and must come to the same transcript.
const TWICE: u64 = 50;

/// What is to be run.
struct Options {
    first: u64,
    seeds: u64,
    one: Option<u64>,
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(unknown) => {
            eprintln!("error: `{unknown}` is not understood\nhint: soak [--seeds N] [--from N] [--seed N]");
            return ExitCode::from(2);
        }
    };
    let failures = match options.one {
        Some(seed) => {
            let report = simulate(seed, true);
            report.transcript.iter().for_each(|line| println!("{line}"));
            Vec::from_iter(Some(report).filter(|report| !report.violations.is_empty()))
        }
        None => soak(&options),
    };
    for report in &failures {
        println!("\nseed {} fails; `make soak SEED={0}` replays it\n{}", report.seed, report.script);
        report.violations.iter().for_each(|violation| println!("  violated: {violation}"));
    }
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn options() -> Result<Options, String> {
    let mut options = Options { first: 0, seeds: 1000, one: None };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let number = || arguments.next().and_then(|number| number.parse().ok()).ok_or_else(|| argument.clone());
        let mut number = number;
        match argument.as_str() {
            "--seeds" => options.seeds = number()?,
            "--from" => options.first = number()?,
            "--seed" => options.one = Some(number()?),
            _ => return Err(argument),
        }
    }
    Ok(options)
}

/// Runs all seeds, each on one of as many threads as there are cores; gives back those that failed.
fn soak(options: &Options) -> Vec<Report> {
    let begun = Instant::now();
    let (next, done) = (AtomicU64::new(options.first), AtomicU64::new(0));
    let (priced, paid) = (AtomicU64::new(0), AtomicU64::new(0));
    let end = options.first + options.seeds;
    let failures = Mutex::new(Vec::new());
    let enough =
        || failures.lock().is_ok_and(|failures: std::sync::MutexGuard<'_, Vec<Report>>| failures.len() >= ENOUGH);
    let work = || {
        while !enough() {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                break;
            }
            let report = if seed.is_multiple_of(TWICE) { same(seed) } else { simulate(seed, false) };
            done.fetch_add(1, Ordering::Relaxed);
            priced.fetch_add(u64::from(report.paid.is_some()), Ordering::Relaxed);
            paid.fetch_add(u64::from(report.paid.is_some_and(|paid| paid > 0)), Ordering::Relaxed);
            if !report.violations.is_empty()
                && let Ok(mut failures) = failures.lock()
            {
                failures.push(report);
            }
        }
    };
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut told = begun;
        while workers.iter().any(|worker| !worker.is_finished()) {
            std::thread::park_timeout(Duration::from_millis(100));
            if told.elapsed() > Duration::from_secs(10) {
                told = Instant::now();
                eprintln!("{}", progress(&done, options.seeds, begun));
            }
        }
    });
    eprintln!("{}", progress(&done, options.seeds, begun));
    let (priced, paid) = (priced.into_inner(), paid.into_inner());
    eprintln!("{priced} edits compared with the model's cheapest sequence, {paid} of them with writes");
    failures.into_inner().unwrap_or_default()
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

fn progress(done: &AtomicU64, seeds: u64, begun: Instant) -> String {
    let (done, seconds) = (done.load(Ordering::Relaxed), begun.elapsed().as_secs_f64());
    #[allow(clippy::cast_precision_loss)]
    let speed = done as f64 / seconds;
    format!("{done} of {seeds} seeds in {seconds:.0} s, {speed:.0} a second")
}
