//! A connection to an instance's capsule through the daemon and the engine, for who cannot reach its socket.
//!
//! The request asks for an upgrade; the connection is then the capsule's, byte for byte. It ends with the daemon: whoever uses it
//! connects again.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::header::{CONNECTION, UPGRADE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use hyper_util::rt::TokioIo;

use super::routes::{At, Local, Refusal, running};
use crate::capsule::{STREAM_PROTOCOL, through};
use crate::text::with_causes;

/// `GET …/instances/NAME/stream`.
pub(super) async fn stream(
    State(local): State<Arc<Local>>,
    Path((namespace, name)): At,
    mut request: Request,
) -> Result<Response, Refusal> {
    if !asks_for_it(request.headers()) {
        let message = format!("ask for an upgrade to `{STREAM_PROTOCOL}`");
        return Err(Refusal::new(StatusCode::UPGRADE_REQUIRED, "BadRequest", message));
    }
    let container = running(&local.context, &namespace, &name).await?;
    let opened = through::open(local.context.engine.as_ref(), &container).await;
    let mut capsule = opened
        .map_err(|error| Refusal::new(StatusCode::BAD_GATEWAY, "InternalError", with_causes(&error)))?
        .into_duplex();
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let upgraded = match upgrade.await {
            Ok(upgraded) => upgraded,
            Err(error) => return tracing::debug!(%error, "a client left before its connection was a capsule's"),
        };
        let passed = tokio::io::copy_bidirectional(&mut TokioIo::new(upgraded), &mut capsule).await;
        if let Err(error) = passed {
            tracing::debug!(instance = %name, %error, "a connection through the engine ended");
        }
    });
    let response = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(CONNECTION, "upgrade")
        .header(UPGRADE, STREAM_PROTOCOL)
        .body(Body::empty());
    response.map_err(|error| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", error.to_string()))
}

fn asks_for_it(headers: &HeaderMap) -> bool {
    headers.get(UPGRADE).is_some_and(|protocol| protocol == STREAM_PROTOCOL)
}
