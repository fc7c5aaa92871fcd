//! The port through which passes speak with capsules.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{BoxStream, StreamExt};
use jackin_api::wire::{Notice, Personalise, Spawn, Status};
use jackin_plan::world::ContainerId;

use super::{CapsuleClient, CapsuleError, NoticeStream, through};
use crate::docker::Engine;

/// Notices until the connection ends.
pub(crate) type CapsuleNotices = BoxStream<'static, Result<Notice, CapsuleError>>;

/// The capsule of one instance: the directory of its socket and, where it is known, its process id as the engine tells it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CapsuleAt<'a> {
    /// The directory.
    pub(crate) run: &'a str,
    /// The process that must be at the other end.
    pub(crate) pid: Option<u32>,
    /// The container that the engine may be asked to go through, where the socket is out of this host's reach.
    pub(crate) container: Option<&'a ContainerId>,
}

/// What passes ask of capsules; each call is a connection of its own.
#[async_trait]
pub(crate) trait Capsules: Send + Sync {
    /// What the capsule is and what runs in it.
    async fn status(&self, at: CapsuleAt<'_>) -> Result<Status, CapsuleError>;

    /// Sets the environment of new sessions.
    async fn personalise(&self, at: CapsuleAt<'_>, personalise: Personalise) -> Result<(), CapsuleError>;

    /// Starts a session, or finds the live one of that name.
    async fn spawn(&self, at: CapsuleAt<'_>, spawn: Spawn) -> Result<(), CapsuleError>;

    /// Everything that happens in the capsule from now on.
    async fn subscribe(&self, at: CapsuleAt<'_>) -> Result<CapsuleNotices, CapsuleError>;
}

/// Name of the capsule's socket in an instance's run directory.
pub(crate) const CAPSULE_SOCKET: &str = "jackin.sock";

/// Capsules behind their sockets, or behind the engine where this host cannot use those.
pub(crate) struct ReachableCapsules {
    pub(crate) engine: Arc<dyn Engine>,
}

impl ReachableCapsules {
    async fn connect(&self, at: CapsuleAt<'_>) -> Result<CapsuleClient, CapsuleError> {
        match (CapsuleClient::connect(Path::new(at.run), CAPSULE_SOCKET, at.pid).await, at.container) {
            (Err(error), Some(container)) if error.is_out_of_reach() => {
                tracing::debug!(%error, container = %container, "going through the engine");
                let stream = through::open(self.engine.as_ref(), container).await?;
                CapsuleClient::over(stream.into_duplex()).await
            }
            (reached, _) => reached,
        }
    }
}

#[async_trait]
impl Capsules for ReachableCapsules {
    async fn status(&self, at: CapsuleAt<'_>) -> Result<Status, CapsuleError> {
        self.connect(at).await?.status().await
    }

    async fn personalise(&self, at: CapsuleAt<'_>, personalise: Personalise) -> Result<(), CapsuleError> {
        self.connect(at).await?.personalise(personalise).await
    }

    async fn spawn(&self, at: CapsuleAt<'_>, spawn: Spawn) -> Result<(), CapsuleError> {
        self.connect(at).await?.spawn(spawn).await.map(drop)
    }

    async fn subscribe(&self, at: CapsuleAt<'_>) -> Result<CapsuleNotices, CapsuleError> {
        let (_, notices) = self.connect(at).await?.subscribe().await?;
        Ok(futures::stream::try_unfold(notices, next).boxed())
    }
}

async fn next(mut notices: NoticeStream) -> Result<Option<(Notice, NoticeStream)>, CapsuleError> {
    Ok(notices.next().await?.map(|notice| (notice, notices)))
}
