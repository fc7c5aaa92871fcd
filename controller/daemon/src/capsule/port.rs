//! The port through which passes speak with capsules.

use std::path::Path;

use async_trait::async_trait;
use futures::stream::{BoxStream, StreamExt};
use jackin_api::wire::{Notice, Personalise, Spawn, Status};

use super::{CapsuleClient, CapsuleError, NoticeStream};

/// Notices until the connection ends.
pub(crate) type CapsuleNotices = BoxStream<'static, Result<Notice, CapsuleError>>;

/// The capsule of one instance: the directory of its socket and, where it is known, its process id as the engine tells it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CapsuleAt<'a> {
    /// The directory.
    pub(crate) run: &'a str,
    /// The process that must be at the other end.
    pub(crate) pid: Option<u32>,
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

/// Capsules behind their sockets.
pub(crate) struct SocketCapsules;

impl SocketCapsules {
    async fn connect(at: CapsuleAt<'_>) -> Result<CapsuleClient, CapsuleError> {
        CapsuleClient::connect(Path::new(at.run), CAPSULE_SOCKET, at.pid).await
    }
}

#[async_trait]
impl Capsules for SocketCapsules {
    async fn status(&self, at: CapsuleAt<'_>) -> Result<Status, CapsuleError> {
        Self::connect(at).await?.status().await
    }

    async fn personalise(&self, at: CapsuleAt<'_>, personalise: Personalise) -> Result<(), CapsuleError> {
        Self::connect(at).await?.personalise(personalise).await
    }

    async fn spawn(&self, at: CapsuleAt<'_>, spawn: Spawn) -> Result<(), CapsuleError> {
        Self::connect(at).await?.spawn(spawn).await.map(drop)
    }

    async fn subscribe(&self, at: CapsuleAt<'_>) -> Result<CapsuleNotices, CapsuleError> {
        let (_, notices) = Self::connect(at).await?.subscribe().await?;
        Ok(futures::stream::try_unfold(notices, next).boxed())
    }
}

async fn next(mut notices: NoticeStream) -> Result<Option<(Notice, NoticeStream)>, CapsuleError> {
    Ok(notices.next().await?.map(|notice| (notice, notices)))
}
