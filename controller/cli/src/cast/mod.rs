//! Recordings of terminals in the asciicast format: <https://docs.asciinema.org/manual/asciicast/v2/>.
//!
//! What is written is version 2, which every player knows; versions 2 and 3 are read.

mod read;
mod write;

pub(crate) use read::{CastError, Moment, Reader};
pub(crate) use write::{Recording, Start};
