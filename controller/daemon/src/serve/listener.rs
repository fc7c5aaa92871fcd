//! The socket, readable by its user only.

use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;

use axum::Router;
use fs_err as fs;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;

use crate::home::Home;

/// How long open requests may take to end. A watch never ends by itself.
const DRAIN: std::time::Duration = std::time::Duration::from_millis(500);

/// Binds the socket. The lock is held, so that one that is there was left behind.
///
/// It is bound under another name and then renamed: nobody can connect before its permissions are right. The directory is named
/// through its descriptor, as a socket's path holds 107 bytes and a home's path may be longer.
pub(super) fn bind(home: &Home) -> std::io::Result<UnixListener> {
    let run = home.run();
    let directory = fs::File::open(&run)?;
    let through = format!("/proc/self/fd/{}/bind.sock", directory.as_raw_fd());
    _ = fs::remove_file(run.join("bind.sock"));
    let listener = UnixListener::bind(&through)?;
    fs::set_permissions(run.join("bind.sock"), std::fs::Permissions::from_mode(0o600))?;
    fs::rename(run.join("bind.sock"), run.join(Home::API_SOCKET))?;
    Ok(listener)
}

/// Removes the socket, so that nobody finds one that nobody serves.
pub(super) fn remove(home: &Home) {
    _ = fs::remove_file(home.run().join(Home::API_SOCKET));
}

/// Serves until `stop`, then lets open requests end.
pub(super) async fn serve(listener: UnixListener, router: Router, stop: CancellationToken) {
    let graceful = GracefulShutdown::new();
    let server = auto::Builder::new(TokioExecutor::new());
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            // Out of descriptors, most likely: others end soon.
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            continue;
        };
        let service = TowerToHyperService::new(router.clone());
        let connection = server.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended");
            }
        });
    }
    _ = tokio::time::timeout(DRAIN, graceful.shutdown()).await;
}
