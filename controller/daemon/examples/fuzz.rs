//! Plays hostile inputs on all cores, and tells of each that fails: `make fuzz FUZZ_INPUTS=10000000`, or `make fuzz SEED=7` for one.

// A program for people at a terminal.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use jackin_daemon::fuzz::{Target, play};

/// How much more memory may be resident at the end than after the first thousand inputs, in kilobytes: what an allocator keeps.
const GROWTH: u64 = 32 * 1024;

/// After how many failures it is enough.
const FAILURES: u64 = 20;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (inputs, from) = match arguments.iter().map(|argument| argument.parse::<u64>()).collect::<Result<Vec<_>, _>>() {
        Ok(numbers) if (1..=2).contains(&numbers.len()) => (numbers[0], numbers.get(1).copied().unwrap_or(0)),
        Ok(_) | Err(_) => {
            eprintln!("error: not understood\nhint: fuzz INPUTS [FIRST SEED]");
            return ExitCode::from(2);
        }
    };
    // Each failure is told with its seed; a panic's own words are for who replays one.
    if inputs > 1 {
        std::panic::set_hook(Box::new(|_| {}));
    }
    let held = [Target::Frames, Target::Terminal].map(|target| fuzz(target, inputs, from));
    if held.iter().all(|held| *held) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Plays the inputs of one target; whether all held.
fn fuzz(target: Target, inputs: u64, from: u64) -> bool {
    let (next, failed) = (AtomicU64::new(from), AtomicU64::new(0));
    let started = Instant::now();
    (from..from + inputs.min(1000)).for_each(|seed| drop(play(target, seed)));
    let before = resident();
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while failed.load(Ordering::Relaxed) < FAILURES {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= from + inputs {
                        return;
                    }
                    if let Err(wrong) = play(target, seed) {
                        failed.fetch_add(1, Ordering::Relaxed);
                        println!("{target:?}, seed {seed}: {wrong}");
                    }
                }
            });
        }
    });
    let failed = failed.into_inner();
    let grown = resident().saturating_sub(before);
    println!("{target:?}: {inputs} inputs in {:.0?}, {failed} failed, memory grew by {grown} kB", started.elapsed());
    if grown > GROWTH {
        println!("{target:?}: memory grew by more than {GROWTH} kB");
    }
    failed == 0 && grown <= GROWTH
}

/// Resident memory in kilobytes, where the system tells.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
}
