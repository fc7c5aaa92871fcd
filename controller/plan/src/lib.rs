//! What should happen: pure functions over api types.
//!
//! Nothing here reads a clock, a file, the environment or a socket, and nothing here holds a secret: time and observations arrive
//! as arguments, references to secrets stay references. The neighbour that looks and acts is the daemon.

pub mod world;
