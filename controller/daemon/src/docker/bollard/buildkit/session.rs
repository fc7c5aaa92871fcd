//! The session of a build: a connection that is turned round, over which the engine asks us for secrets and logins.
//!
//! # Flow
//!
//! We ask for `POST /session` with an upgrade to HTTP/2, and are the server from then on; the engine calls gRPC methods. It asks now and
//! then whether we are there, for a secret when a step begins that reads it, and for a login when a registry wants one.
//!
//! # Guarantees
//!
//! - A value goes from memory to the engine's socket and nowhere else. What was not given is answered with "not found", so that steps
//!   that do not require it run without it.
//! - Dropping the session ends it, and the engine then gives up the build that it is for.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use docker_credential::DockerCredential;
use http_body_util::{BodyExt, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderMap, HeaderValue, UPGRADE};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::upgrade::Upgraded;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioExecutor;
use prost::Message;
use secrecy::{ExposeSecret, SecretString};
use tokio_util::task::AbortOnDropHandle;

use super::messages::{Health, LoginGiven, LoginWanted, SecretGiven, SecretWanted};
use crate::docker::EngineErrorCause;
use crate::docker::bollard::DockerEngine;
use crate::docker::bollard::failure::Failure;
use crate::docker::bollard::http::nothing;
use crate::docker::bollard::limit;
use crate::docker::bollard::logins::Logins;
use crate::docker::bollard::reference::kept_as;
use crate::docker::bollard::upload::Body;

const GET_SECRET: &str = "/moby.buildkit.secrets.v1.Secrets/GetSecret";
const GET_LOGIN: &str = "/moby.filesync.v1.Auth/Credentials";
const CHECK_HEALTH: &str = "/grpc.health.v1.Health/Check";

/// Bytes that a question may have.
const QUESTION_BYTES: usize = 64 * 1024;

/// Codes of gRPC.
mod code {
    pub(super) const OK: &str = "0";
    pub(super) const INVALID_ARGUMENT: &str = "3";
    pub(super) const NOT_FOUND: &str = "5";
    pub(super) const UNIMPLEMENTED: &str = "12";
    pub(super) const INTERNAL: &str = "13";
}

type Secrets = BTreeMap<String, SecretString>;
type Parts = futures::stream::Iter<std::vec::IntoIter<Result<Frame<Bytes>, Infallible>>>;

/// What the engine is given.
struct Given {
    secrets: Secrets,
    logins: Logins,
}

/// An open session.
pub(in crate::docker::bollard) struct Session {
    /// By which a build refers to it.
    pub(in crate::docker::bollard) id: String,
    _serving: AbortOnDropHandle<()>,
}

impl DockerEngine {
    /// Opens a session that gives these secrets; `None` when the engine has no BuildKit.
    pub(in crate::docker::bollard) async fn session(&self, secrets: Secrets) -> Result<Option<Session>, Failure> {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let request = self
            .post("/session")
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "h2c")
            .header("X-Docker-Expose-Session-Uuid", &id)
            .header("X-Docker-Expose-Session-Name", "jackin")
            .header("X-Docker-Expose-Session-Grpc-Method", GET_SECRET)
            .header("X-Docker-Expose-Session-Grpc-Method", GET_LOGIN)
            .body(nothing())
            .map_err(unsendable)?;
        let opened = tokio::time::timeout(limit::READ, self.turned_round(request)).await;
        let late = |_| Failure::Other(EngineErrorCause::Timeout { after: limit::READ });
        let Some((connection, driver)) = opened.map_err(late)?? else { return Ok(None) };
        let given = Arc::new(Given { secrets, logins: self.logins.clone() });
        let serving = async move {
            let _driver = driver;
            let service = service_fn(move |request| answer_call(given.clone(), request));
            let served = http2::Builder::new(TokioExecutor::new()).serve_connection(connection, service).await;
            if let Err(error) = served {
                tracing::debug!(%error, "the session of a build ended");
            }
        };
        Ok(Some(Session { id, _serving: AbortOnDropHandle::new(tokio::spawn(serving)) }))
    }

    /// The connection over which the engine asks us from now on; `None` when it does not know what that is.
    async fn turned_round(&self, request: Request<Body>) -> Result<Option<(Upgraded, AbortOnDropHandle<()>)>, Failure> {
        let answer = self.connection().await?.send(request).await?;
        match answer.response.status() {
            StatusCode::SWITCHING_PROTOCOLS => answer.upgraded().await.map(Some),
            status if status.is_server_error() => Err(answer.refusal().await),
            _ => Ok(None),
        }
    }
}

/// A request that cannot be put together: nothing was sent.
pub(super) fn unsendable(error: hyper::http::Error) -> Failure {
    Failure::Other(EngineErrorCause::BadAnswer { source: Arc::new(error) })
}

async fn answer_call(given: Arc<Given>, request: Request<Incoming>) -> Result<Response<StreamBody<Parts>>, Infallible> {
    let (head, body) = request.into_parts();
    let question = Limited::new(body, QUESTION_BYTES).collect().await.map(|body| body.to_bytes());
    let answer = match question {
        Ok(question) => answer_to(&given, head.uri.path(), &question).await,
        Err(_) => Err(code::INVALID_ARGUMENT),
    };
    Ok(response(answer))
}

/// The answer to a call, as bytes of its message, or the code of why there is none.
async fn answer_to(given: &Given, method: &str, question: &[u8]) -> Result<Vec<u8>, &'static str> {
    // One byte says that it is not compressed, four how long it is.
    let message = question.get(5..).ok_or(code::INVALID_ARGUMENT);
    match method {
        CHECK_HEALTH => Ok(Health { status: 1 }.encode_to_vec()),
        GET_SECRET => {
            let wanted = SecretWanted::decode(message?).map_err(|_| code::INVALID_ARGUMENT)?;
            let value = given.secrets.get(&wanted.id).ok_or(code::NOT_FOUND)?;
            Ok(SecretGiven { value: value.expose_secret().as_bytes().to_vec() }.encode_to_vec())
        }
        GET_LOGIN => {
            let LoginWanted { host } = LoginWanted::decode(message?).map_err(|_| code::INVALID_ARGUMENT)?;
            match given.logins.of_registry(kept_as(&host)).await {
                Ok(login) => Ok(as_message(login).encode_to_vec()),
                Err(cause) => {
                    tracing::warn!(%cause, "a build goes without a login");
                    Err(code::INTERNAL)
                }
            }
        }
        _ => Err(code::UNIMPLEMENTED),
    }
}

/// Without a login the registry is asked as anybody may.
fn as_message(login: Option<DockerCredential>) -> LoginGiven {
    match login {
        None => LoginGiven::default(),
        Some(DockerCredential::UsernamePassword(name, secret)) => LoginGiven { name, secret },
        Some(DockerCredential::IdentityToken(secret)) => LoginGiven { name: String::new(), secret },
    }
}

fn response(answer: Result<Vec<u8>, &'static str>) -> Response<StreamBody<Parts>> {
    let (message, status) = match answer {
        Ok(message) => (Some(message), code::OK),
        Err(status) => (None, status),
    };
    let told = HeaderMap::from_iter([(
        hyper::header::HeaderName::from_static("grpc-status"),
        HeaderValue::from_static(status),
    )]);
    let (parts, headers) = match message {
        Some(message) => (vec![Ok(Frame::data(framed(&message))), Ok(Frame::trailers(told))], HeaderMap::new()),
        // Without a message the code is told in the head.
        None => (Vec::new(), told),
    };
    let mut response = Response::new(StreamBody::new(futures::stream::iter(parts)));
    response.headers_mut().extend(headers);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

/// A message as it travels: not compressed, its length before it.
fn framed(message: &[u8]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(5 + message.len());
    bytes.put_u8(0);
    bytes.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    bytes.put_slice(message);
    bytes.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_secret_is_given_by_its_id_and_what_was_not_given_is_not_found() {
        let secrets = Secrets::from([("token".to_owned(), SecretString::from("hunter2"))]);
        let given = Given { secrets, logins: Logins { folder: None } };
        let ask = async |id: &str| {
            answer_to(&given, GET_SECRET, &framed(&SecretWanted { id: id.to_owned() }.encode_to_vec())).await
        };
        assert_eq!(SecretGiven::decode(&*ask("token").await.unwrap()).unwrap().value, b"hunter2");
        assert_eq!(ask("other").await, Err(code::NOT_FOUND));
        assert_eq!(answer_to(&given, GET_SECRET, &[0]).await, Err(code::INVALID_ARGUMENT));
        assert_eq!(answer_to(&given, "/moby.filesync.v1.Auth/FetchToken", &[]).await, Err(code::UNIMPLEMENTED));
        assert!(answer_to(&given, CHECK_HEALTH, &[]).await.is_ok());
    }
}
