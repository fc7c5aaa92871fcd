//! From a URL and a method to a handler; every answer, failures included, is a Kubernetes object.
//!
//! Paths are taken apart by hand, since the same pattern serves kinds that are known only at run time.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderMap, Method};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::Value;

use crate::discovery;
use crate::handlers::{self, Call, Subresource, Target, json_response};
use crate::options::Options;
use crate::protobuf;
use crate::registry::{Registry, Role, Served};
use crate::representation::Representation;
use crate::server::ApiServer;
use crate::status_error::StatusError;

/// The largest body that is read.
const BODY_LIMIT: usize = 3 << 20;

pub(crate) fn router(server: ApiServer) -> Router {
    Router::new().fallback(answer).with_state(server)
}

async fn answer(State(server): State<ApiServer>, request: Request) -> Response {
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let response = dispatch(&server, request).await.unwrap_or_else(|error| failure(&error));
    tracing::debug!(%method, path, status = response.status().as_u16(), "request");
    response
}

fn failure(error: &StatusError) -> Response {
    json_response(error.code, Bytes::from(error.to_value().to_string()))
}

async fn dispatch(server: &ApiServer, request: Request) -> Result<Response, StatusError> {
    let path = request.uri().path().to_owned();
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let target = match find(server.registry(), &segments)? {
        Place::Target(target) => target,
        Place::Fixed => return fixed(server, &request, &segments),
        Place::AccessReview => return access_review(request).await,
    };
    let (parts, body) = request.into_parts();
    let options = Options::parse(&parts.uri)?;
    let representation = Representation::negotiate(&parts.headers)?;
    let call = Call { server: server.clone(), target, options, representation, now: server.now() };
    run(call, &parts.method, &parts.headers, body).await
}

async fn run(call: Call, method: &Method, headers: &HeaderMap, body: Body) -> Result<Response, StatusError> {
    let named = call.target.name.is_some();
    let whole = call.target.subresource.is_none();
    match (method.as_str(), named) {
        ("GET", true) if !call.options.watch => handlers::get::get(&call),
        ("GET", _) if call.options.watch && whole => handlers::watch::watch(call),
        ("GET", false) => handlers::list::list(&call),
        ("POST", false) if call.target.served.role == Role::Namespace => {
            handlers::create::create(call, namespace_body(headers, body).await?).await
        }
        ("POST", false) => handlers::create::create(call, json_body(headers, body).await?).await,
        ("PUT", true) => handlers::update::update(call, json_body(headers, body).await?).await,
        ("PATCH", true) => {
            let kind = handlers::patch::PatchKind::of(&content_type(headers))?;
            handlers::patch::patch(call, kind, read(body).await?).await
        }
        ("DELETE", true) if whole => handlers::delete::delete(call, delete_body(headers, body).await?).await,
        ("DELETE", false) => handlers::delete::delete_collection(call, delete_body(headers, body).await?).await,
        _ => Err(StatusError::method_not_allowed()),
    }
}

enum Place {
    Target(Target),
    /// Discovery, OpenAPI, health.
    Fixed,
    AccessReview,
}

fn find(registry: &Registry, segments: &[&str]) -> Result<Place, StatusError> {
    let (group, version, rest) = match segments {
        ["apis", "authorization.k8s.io", "v1", "selfsubjectaccessreviews"] => return Ok(Place::AccessReview),
        ["api", "v1", rest @ ..] if !rest.is_empty() => ("", "v1", rest),
        ["apis", group, version, rest @ ..] if !rest.is_empty() => (*group, *version, rest),
        _ => return Ok(Place::Fixed),
    };
    let named = |plural: &str| registry.find(group, version, plural).cloned().ok_or_else(StatusError::no_such_resource);
    let (served, namespace, rest) = match rest {
        // `namespaces/NAME/PLURAL` is an object's list, unless the last part is a subresource of the namespace.
        ["namespaces", _, "status" | "finalize"] | ["namespaces"] | ["namespaces", _] => {
            (named("namespaces")?, None, &rest[1..])
        }
        ["namespaces", namespace, plural, rest @ ..] => (named(plural)?, Some(*namespace), rest),
        [plural, rest @ ..] => (named(plural)?, None, rest),
        [] => return Err(StatusError::no_such_resource()),
    };
    target(served, namespace, rest).map(Place::Target)
}

fn target(served: Arc<Served>, namespace: Option<&str>, rest: &[&str]) -> Result<Target, StatusError> {
    let (name, subresource) = match rest {
        [] => (None, None),
        [name] => (Some((*name).to_owned()), None),
        [name, "status"] if served.has_status => (Some((*name).to_owned()), Some(Subresource::Status)),
        _ => return Err(StatusError::no_such_resource()),
    };
    // An object of a namespaced kind has no URL outside its namespace.
    if served.definition.namespaced != namespace.is_some() && (namespace.is_some() || name.is_some()) {
        return Err(StatusError::no_such_resource());
    }
    Ok(Target { served, namespace: namespace.map(ToOwned::to_owned), name, subresource })
}

fn fixed(server: &ApiServer, request: &Request, segments: &[&str]) -> Result<Response, StatusError> {
    if request.method() != Method::GET {
        return Err(StatusError::method_not_allowed());
    }
    if let ["openapi", rest @ ..] = segments {
        return server.documents().answer(rest).ok_or_else(StatusError::no_such_resource);
    }
    if let ["healthz" | "readyz" | "livez", ..] = segments {
        return Ok(handlers::response(200, "text/plain; charset=utf-8", Body::from("ok")));
    }
    let document = discovery::answer(server, segments).ok_or_else(StatusError::no_such_resource)?;
    Ok(json_response(200, Bytes::from(document.to_string())))
}

/// Who reached the listener may do everything; clients ask before they try.
async fn access_review(request: Request) -> Result<Response, StatusError> {
    if request.method() != Method::POST {
        return Err(StatusError::method_not_allowed());
    }
    let body = read(request.into_body()).await?;
    // Newer clients send protobuf here; they accept a JSON answer without the spec.
    let mut review: Value = serde_json::from_slice(&body).unwrap_or_default();
    if !review.is_object() {
        review = serde_json::json!({"spec": {}});
    }
    review["kind"] = "SelfSubjectAccessReview".into();
    review["apiVersion"] = "authorization.k8s.io/v1".into();
    review["status"] = serde_json::json!({"allowed": true});
    Ok(json_response(201, Bytes::from(review.to_string())))
}

fn content_type(headers: &HeaderMap) -> String {
    let value = headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

async fn json_body(headers: &HeaderMap, body: Body) -> Result<Bytes, StatusError> {
    match content_type(headers).as_str() {
        "" | "application/json" => read(body).await,
        other => Err(StatusError::unsupported_media_type(format!(
            "the body of the request was in an unknown format ({other}) - accepted media types include: application/json"
        ))),
    }
}

/// A namespace may come as protobuf; it goes on as JSON.
async fn namespace_body(headers: &HeaderMap, body: Body) -> Result<Bytes, StatusError> {
    if content_type(headers) != protobuf::MEDIA_TYPE {
        return json_body(headers, body).await;
    }
    let namespace = protobuf::namespace(&read(body).await?)
        .ok_or_else(|| StatusError::bad_request("the body of the request is not a namespace in protobuf"))?;
    Ok(Bytes::from(namespace.to_string()))
}

async fn delete_body(headers: &HeaderMap, body: Body) -> Result<Bytes, StatusError> {
    let bytes = read(body).await?;
    if bytes.is_empty() {
        return Ok(bytes);
    }
    json_body(headers, Body::from(bytes)).await
}

async fn read(body: Body) -> Result<Bytes, StatusError> {
    match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => Err(StatusError::too_large()),
        Err(error) => Err(StatusError::bad_request(format!("the body of the request could not be read: {error}"))),
    }
}
