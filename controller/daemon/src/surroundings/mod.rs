//! What a pass needs beside the API and the engine: the time, chance, this machine's files, programs, and capsules.
//!
//! Each is a port. The real ones are the default; the simulator brings its own, so that a pass in it is the same code at another
//! hour on another machine. Nothing here decides.

mod chance;
mod clock;
mod files;
mod looks;
mod programs;

pub(crate) use chance::Chance;
pub(crate) use clock::Clock;
pub(crate) use files::{Files, LocalFiles};
pub(crate) use programs::{LocalPrograms, Programs};
