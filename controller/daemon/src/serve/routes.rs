//! The local routes beside the API: the daemon itself, how to reach a capsule, logs, and plans for objects that are not applied.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::StreamExt;
use jackin_api::kinds::{GitSource, Image, Instance};
use jackin_api::words as labels;
use jackin_apiserver::ApiServer;
use jackin_plan::ladder::FIRST_SESSION;
use jackin_plan::launch;
use jackin_plan::resolve::{Wanted, resolve};
use jackin_plan::strays::Options;
use jackin_plan::world::{Container, ContainerId, ContainerState};
use jiff::Timestamp;
use kube::{Api, ResourceExt};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::capsule::CAPSULE_SOCKET;
use crate::context::Context;
use crate::doctor::{self, Finding};
use crate::metrics;
use crate::pass::{self, around};
use crate::strays::{self, StraysError};
use crate::text::with_causes;
use crate::trust::TrustError;

use super::{plan_route, stream_route};

/// What the routes share.
pub(super) struct Local {
    pub(super) context: Arc<Context>,
    server: ApiServer,
    stop: CancellationToken,
    started_at: Timestamp,
}

/// The routes.
pub(super) fn router(context: Arc<Context>, server: ApiServer, stop: CancellationToken) -> Router {
    let started_at = context.clock.now();
    let local = Arc::new(Local { context, server, stop, started_at });
    Router::new()
        .route("/metrics", get(counted))
        .route("/jackin/v1/status", get(status))
        .route("/jackin/v1/doctor", get(examine))
        .route("/jackin/v1/stop", post(end))
        .route("/jackin/v1/dump", get(dump))
        .route("/jackin/v1/plan", post(plan_route::plan))
        .route("/jackin/v1/prune", post(prune))
        .route("/jackin/v1/commit", post(commit))
        .route("/jackin/v1/trust", get(trusted).post(trust))
        .route("/jackin/v1/namespaces/{namespace}/instances/{name}/connection", get(connection))
        .route("/jackin/v1/namespaces/{namespace}/instances/{name}/stream", get(stream_route::stream))
        .route("/jackin/v1/namespaces/{namespace}/instances/{name}/agents/{agent}/session", get(session))
        .route("/jackin/v1/namespaces/{namespace}/instances/{name}/log", get(log))
        .route("/jackin/v1/namespaces/{namespace}/images/{name}/log", get(build_log))
        .with_state(local)
}

/// An error as the API writes it.
pub(super) struct Refusal(StatusCode, &'static str, String);

impl Refusal {
    pub(super) fn new(code: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self(code, reason, message.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self(code, reason, message) = self;
        let body = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": message, "reason": reason, "code": code.as_u16()});
        (code, Json(body)).into_response()
    }
}

impl From<kube::Error> for Refusal {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(answer) if answer.is_not_found() => {
                Self::new(StatusCode::NOT_FOUND, "NotFound", answer.message)
            }
            other => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", other.to_string()),
        }
    }
}

async fn status(State(local): State<Arc<Local>>) -> Json<Value> {
    let (engine, engine_error) = match local.context.engine.ping().await {
        Ok(engine) => {
            let shown = json!({"name": engine.name, "version": engine.version, "apiVersion": engine.api_version});
            (Some(shown), None)
        }
        Err(error) => (None, Some(error.full_message())),
    };
    Json(json!({
        "pid": std::process::id(),
        "version": env!("CARGO_PKG_VERSION"),
        "owner": local.context.site.owner.0,
        "home": local.context.home.root(),
        "startedAt": local.started_at,
        "engine": engine,
        "engineError": engine_error,
    }))
}

/// `GET /metrics`, in the text format of Prometheus.
async fn counted() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics::install().render())
}

async fn examine(State(local): State<Arc<Local>>) -> Json<Vec<Finding>> {
    Json(doctor::examine(&local.context).await)
}

async fn end(State(local): State<Arc<Local>>) -> StatusCode {
    local.stop.cancel();
    StatusCode::ACCEPTED
}

async fn dump(State(local): State<Arc<Local>>) -> Json<Value> {
    Json(local.server.store().dump())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PruneRequest {
    dry_run: bool,
    options: Options,
}

/// What nothing refers to, and what became of it.
async fn prune(
    State(local): State<Arc<Local>>,
    Json(PruneRequest { dry_run, options }): Json<PruneRequest>,
) -> Result<Json<Value>, Refusal> {
    let context = &local.context;
    let pruned = if dry_run { strays::look(context, options).await } else { strays::prune(context, options).await };
    match pruned {
        Ok(objects) => Ok(Json(json!({ "objects": objects }))),
        Err(error @ StraysError::Busy { .. }) => {
            Err(Refusal::new(StatusCode::CONFLICT, "Conflict", with_causes(&error)))
        }
        Err(StraysError::Engine(error)) => Err(unreachable(error)),
        Err(StraysError::Api(error)) => Err(error.into()),
    }
}

/// The commit that a repository's branch or tag is at now; nothing where that is not known, or not to be asked.
async fn commit(State(local): State<Arc<Local>>, Json(source): Json<GitSource>) -> Json<Value> {
    Json(json!({ "commit": local.context.commit(&source).await }))
}

async fn trusted(State(local): State<Arc<Local>>) -> Result<Json<Value>, Refusal> {
    Ok(Json(json!({ "git": local.context.trust.list().map_err(|error| not_trusted(&error))? })))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TrustRequest {
    url: String,
    trusted: bool,
}

/// Gives trust to a repository or takes it back; images that wait for it are woken.
async fn trust(
    State(local): State<Arc<Local>>,
    Json(TrustRequest { url, trusted }): Json<TrustRequest>,
) -> Result<Json<Value>, Refusal> {
    let (url, changed) = local.context.trust.change(&url, trusted).map_err(|error| not_trusted(&error))?;
    Ok(Json(json!({ "url": url, "changed": changed })))
}

fn not_trusted(error: &TrustError) -> Refusal {
    let (code, reason) = match error {
        TrustError::BadAddress { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "Invalid"),
        TrustError::Io { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "InternalError"),
    };
    Refusal::new(code, reason, with_causes(error))
}

pub(super) type At = Path<(String, String)>;

/// How to reach an instance's capsule, and the session that it should have.
async fn connection(State(local): State<Arc<Local>>, Path((namespace, name)): At) -> Result<Json<Value>, Refusal> {
    let context = &local.context;
    let snapshot = around(context, instance(context, &namespace, &name).await?).await?;
    let pid = match containers(context, &snapshot.instance).await {
        Ok(all) => match all.into_iter().find(|container| container.state == ContainerState::Running) {
            Some(running) => running.pid,
            None => return Err(not_running(&snapshot.instance)),
        },
        // An engine that is away is no reason to keep anybody from a session that goes on without it.
        Err(_) if context.files.exists(&format!("{}/{CAPSULE_SOCKET}", snapshot.run)).unwrap_or(false) => None,
        Err(unreachable) => return Err(unreachable),
    };
    let session = match resolve(&snapshot) {
        Wanted::Run(desired) => launch::session(&desired, &desired.agent, FIRST_SESSION),
        Wanted::Stop | Wanted::Remove { .. } | Wanted::Unresolved(_) => None,
    };
    let security = snapshot.role.as_ref().and_then(|role| role.spec.security.as_ref());
    let clipboard = security.map(|security| security.clipboard).unwrap_or_default();
    Ok(Json(
        json!({"directory": snapshot.run, "socket": CAPSULE_SOCKET, "pid": pid, "session": session, "clipboard": clipboard}),
    ))
}

/// The container in which an instance runs.
pub(super) async fn running(context: &Context, namespace: &str, name: &str) -> Result<ContainerId, Refusal> {
    let instance = instance(context, namespace, name).await?;
    let all = containers(context, &instance).await?;
    let running = all.into_iter().find(|container| container.state == ContainerState::Running);
    running.map(|container| container.id).ok_or_else(|| not_running(&instance))
}

fn not_running(instance: &Instance) -> Refusal {
    let conditions = instance.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    let why = labels::find(conditions, labels::ConditionType::Ready).map_or("", |ready| ready.message.as_str());
    let message = format!("instance `{}` does not run: {why}", instance.name_any());
    Refusal::new(StatusCode::CONFLICT, "NotRunning", message)
}

/// The session of an agent in an instance.
async fn session(
    State(local): State<Arc<Local>>,
    Path((namespace, name, agent)): Path<(String, String, String)>,
) -> Result<Json<Value>, Refusal> {
    let snapshot = around(&local.context, instance(&local.context, &namespace, &name).await?).await?;
    let Wanted::Run(desired) = resolve(&snapshot) else {
        return Err(Refusal::new(StatusCode::CONFLICT, "NotRunning", format!("instance `{name}` should not run")));
    };
    match launch::session(&desired, &agent, &agent) {
        Some(session) => Ok(Json(json!(session))),
        None => {
            let known: Vec<_> = desired.agents.keys().map(String::as_str).collect();
            let message =
                format!("role `{}` does not support agent `{agent}`; it has {}", desired.role, known.join(", "));
            Err(Refusal::new(StatusCode::NOT_FOUND, "NotFound", message))
        }
    }
}

#[derive(Deserialize)]
struct LogOptions {
    #[serde(default = "default_tail")]
    tail: usize,
}

fn default_tail() -> usize {
    200
}

/// The log of an instance's container: what its capsule said.
async fn log(
    State(local): State<Arc<Local>>,
    Path((namespace, name)): At,
    Query(options): Query<LogOptions>,
) -> Result<String, Refusal> {
    let context = &local.context;
    let all = containers(context, &instance(context, &namespace, &name).await?).await?;
    let Some(newest) = all.iter().max_by_key(|container| container.created_at) else {
        return Err(Refusal::new(StatusCode::NOT_FOUND, "NotFound", format!("instance `{name}` has no container")));
    };
    context.engine.container_logs(&newest.id, options.tail).await.map_err(unreachable)
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
struct BuildLogOptions {
    tail: Option<usize>,
    follow: bool,
}

/// What the last build of an image printed, as it is printed where it is followed.
async fn build_log(
    State(local): State<Arc<Local>>,
    Path((namespace, name)): At,
    Query(BuildLogOptions { tail, follow }): Query<BuildLogOptions>,
) -> Result<Response, Refusal> {
    let context = &local.context;
    let images: Api<Image> = Api::namespaced(context.client.clone(), &namespace);
    let not_found = |message: String| Refusal::new(StatusCode::NOT_FOUND, "NotFound", message);
    let image = images.get_opt(&name).await?;
    let image = image.ok_or_else(|| not_found(format!("images.jackin.dev \"{name}\" not found")))?;
    let log = context.builds.logs().read(&namespace, &image.spec.role, tail, follow).ok_or_else(|| {
        not_found(format!(
            "image `{name}` was not built since the controller started; `jackin describe image {name}` shows the steps of its \
             last build"
        ))
    })?;
    Ok(Body::from_stream(log.map(Ok::<_, std::convert::Infallible>)).into_response())
}

async fn instance(context: &Context, namespace: &str, name: &str) -> Result<Instance, Refusal> {
    let instances: Api<Instance> = Api::namespaced(context.client.clone(), namespace);
    let found = instances.get_opt(name).await?;
    found.ok_or_else(|| {
        Refusal::new(StatusCode::NOT_FOUND, "NotFound", format!("instances.jackin.dev \"{name}\" not found"))
    })
}

async fn containers(context: &Context, instance: &Instance) -> Result<Vec<Container>, Refusal> {
    let namespace = instance.namespace().unwrap_or_default();
    pass::containers(context, &namespace, instance.identity()).await.map_err(unreachable)
}

fn unreachable(error: crate::docker::EngineError) -> Refusal {
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", error.full_message())
}
