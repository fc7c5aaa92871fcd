//! The host's end of a capsule's socket.
//!
//! Here lives the client that the daemon and the command line share: opening the socket without trusting the folder that it
//! lies in, asking, and the streams of attached terminals, commands and notices. The messages are `jackin_api::wire`; the other
//! end is the crate `jackin-capsule`. Raw mode and detach keys are the command line's.
//!
//! # Guarantees
//!
//! - The socket is reached through descriptors, never through a path that the container may change between two looks, and its
//!   peer is the process that the caller expects.
//! - Every frame, string and list that comes back is bounded; every single reply is bounded in time.
//! - What a session shows does not reach the clipboard of who looks, unless the role allows it.
//! - An answer of a later version is an error of its own, never a misread.
//!
//! # Caveats
//!
//! A capsule closes a connection that asks nothing for a minute: connect when there is something to ask. Connecting costs less
//! than a millisecond.

mod client;
mod error;
mod frames;
mod port;
pub(crate) mod sanitize;
mod socket;
mod stream;
pub(crate) mod through;

pub use client::CapsuleClient;
#[cfg(any(test, feature = "simulation"))]
pub(crate) use client::greeting;
pub use error::CapsuleError;
#[cfg(feature = "simulation")]
pub(crate) use port::CapsuleNotices;
pub(crate) use port::{CAPSULE_SOCKET, CapsuleAt, Capsules, ReachableCapsules};
pub use socket::Peer;
pub(crate) use socket::connect;
pub use stream::{NoticeStream, StreamItem, StreamReader, StreamWriter};
pub use through::ThroughError;

/// What a client asks the daemon to turn a connection into, to reach a capsule through the engine.
pub const STREAM_PROTOCOL: &str = "jackin-capsule";
