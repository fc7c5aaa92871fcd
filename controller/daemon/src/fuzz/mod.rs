//! Hostile input from a seed: frames of both directions, and what a program writes to its terminal.
//!
//! Not a test alone: `make fuzz` plays as many seeds as one likes. The same seed is the same input, on every machine.
//!
//! # Guarantees that are checked
//!
//! - Nothing panics: not decoding, parsing, making safe or writing frames, and no screen had to be started anew.
//! - Nothing grows: a decoder holds no more than one frame, what was made safe has bounded strings and lists without control
//!   characters, a screen's history is bounded.
//! - A paint of a screen shows that screen, and a split stream shows what the whole one does.

mod frames;
mod terminal;

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::dice::Dice;

/// What hostile input is fed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The decoder and the parser of frames, and what makes a capsule's words safe.
    Frames,
    /// The screen model, its paints, pictures and the filter of the clipboard.
    Terminal,
}

/// Plays one input; says what was wrong.
///
/// # Errors
/// What did not hold.
pub fn play(target: Target, seed: u64) -> Result<(), String> {
    let play = || match target {
        Target::Frames => frames::play(&mut Dice::of(seed, 1)),
        Target::Terminal => terminal::play(&mut Dice::of(seed, 2)),
    };
    catch_unwind(AssertUnwindSafe(play)).unwrap_or_else(|_| Err("it panicked".to_owned()))
}

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

#[cfg(test)]
mod tests {
    use super::{Target, play};

    #[test]
    fn hostile_frames_and_streams_neither_panic_nor_grow() {
        for seed in 0..3000 {
            for target in [Target::Frames, Target::Terminal] {
                assert_eq!(play(target, seed), Ok(()), "{target:?}, seed {seed}");
            }
        }
    }
}
