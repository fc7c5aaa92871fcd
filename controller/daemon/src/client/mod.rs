//! The way to a running daemon: its socket, and starting it when nobody listens there.
//!
//! Here lives what every client of the daemon needs: a connection for the Kubernetes API and for the local routes beside it.
//! What is asked, and how answers are shown, is the command line's; what answers is the server beside this module.
//!
//! # Guarantees
//!
//! - A home of any length works: the socket is reached through its folder's descriptor, not through its path.
//! - A daemon is started only where nothing listens, and at most one by each client. When several clients start one at once,
//!   the daemon's own lock decides; the others connect to the winner.

mod error;
mod request;
mod start;
mod transport;

pub use error::{ConnectError, RequestError};

use std::time::Duration;

use transport::Transport;

use crate::home::Home;

/// How long a client waits for a daemon that it started.
pub const START_DEADLINE: Duration = Duration::from_secs(10);

/// Whether a daemon may be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Where nothing listens, the current executable is started as `controller run --detach`.
    OnDemand,
    /// Where nothing listens, that is the answer.
    Never,
}

/// A connection to a daemon. Cheap to clone; each request takes a socket of a small pool.
#[derive(Clone, Debug)]
pub struct Connection {
    transport: Transport,
}

impl Connection {
    /// Connects to the daemon of `home`, which is started first where that is allowed and needed.
    ///
    /// # Errors
    /// When nothing listens and nothing may be started, or what was started ends or does not answer in time.
    pub async fn open(home: &Home, start: Start) -> Result<Self, ConnectError> {
        let transport = Transport::new(home);
        match transport.probe().await {
            Ok(()) => {}
            Err(error) if transport::is_nobody_there(&error) && start == Start::OnDemand => {
                start::start(home, &transport).await?;
            }
            Err(error) if transport::is_nobody_there(&error) => {
                let home = home.root().to_owned();
                return Err(ConnectError::NotRunning { home });
            }
            Err(source) => {
                let socket = home.run().join(Home::API_SOCKET);
                return Err(ConnectError::Socket { socket, source });
            }
        }
        Ok(Self { transport })
    }

    /// A client for the Kubernetes API. Must be called inside a runtime.
    #[must_use]
    pub fn kube(&self) -> kube::Client {
        kube::Client::new(self.transport.clone(), "default")
    }
}
