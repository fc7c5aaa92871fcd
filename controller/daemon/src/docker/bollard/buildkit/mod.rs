//! Building with the engine's BuildKit, over the Engine API and with a session.
//!
//! BuildKit writes labels into the image alone, where whoever builds on it inherits them, and not into its history, by which an image
//! of ours is told from theirs. So it builds an image without a name, and the classic builder puts labels and name on top of that,
//! which changes no file.

mod messages;
mod session;
mod vertexes;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::{StreamExt, TryStreamExt, stream};
use hyper::header::CONTENT_TYPE;
use jackin_api::words::{COMPONENT, COMPONENT_UNNAMED, FORMAT, OWNER};
use jackin_plan::world::{BuildRequest, Builder, ImageId, Labels};
use prost::Message;
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::messages::Status;
use self::session::unsendable;
use self::vertexes::Vertexes;
use super::DockerEngine;
use super::build::build_failure;
use super::failure::Failure;
use super::upload::{ArchiveFault, upload};
use crate::docker::{BuildMaterial, BuildProgress, EngineError, EngineErrorCause, Operation};
use crate::tarball;

/// One line of what the engine tells.
#[derive(Deserialize)]
struct News {
    id: Option<String>,
    aux: Option<serde_json::Value>,
    #[serde(rename = "errorDetail")]
    error: Option<Told>,
}

#[derive(Deserialize)]
struct Told {
    message: String,
}

impl DockerEngine {
    /// Whether the engine has BuildKit; asked once.
    pub(super) async fn finds_buildkit(&self) -> Result<bool, EngineError> {
        let object = self.address.to_string();
        let asked = self.buildkit.get_or_try_init(|| async {
            self.client(Operation::Ping, &object).await?;
            let session = self.session(Default::default()).await;
            session.map(|session| session.is_some()).map_err(|failure| failure.into_error(Operation::Ping, &object))
        });
        asked.await.copied()
    }

    pub(super) async fn build_with_buildkit(
        &self,
        request: &BuildRequest,
        material: BuildMaterial,
        progress: mpsc::UnboundedSender<BuildProgress>,
        cancel: CancellationToken,
    ) -> Result<ImageId, EngineError> {
        let object = request.tags.first().map_or("", String::as_str);
        let failed = |cause| EngineError::new(Operation::BuildImage, object, cause);
        if !self.finds_buildkit().await? {
            return Err(failed(EngineErrorCause::NoBuildKit));
        }
        // Dropping the request closes its connection and the session, and the engine then stops the steps that run.
        let made = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(failed(EngineErrorCause::Cancelled)),
            made = self.solve(request, material, progress) => made.map_err(|(cause, fault)| fault.explain(failed(cause)))?,
        };
        if request.tags.is_empty() {
            // Somebody builds on it, and that has the name.
            return Ok(made);
        }
        let (silent, _) = mpsc::unbounded_channel();
        let on_top = BuildRequest { dockerfile: "Dockerfile".to_owned(), ..finishing(request) };
        let text = format!("FROM {made}\n");
        let context = tarball::whole(|tarball| {
            tarball.file("Dockerfile".into(), u64::try_from(text.len()).unwrap_or(u64::MAX), false, text.as_bytes())
        });
        self.build_classic(&on_top, context, silent, cancel).await
    }

    /// Lets BuildKit carry out the Dockerfile; the image, which has no name.
    async fn solve(
        &self,
        request: &BuildRequest,
        material: BuildMaterial,
        progress: mpsc::UnboundedSender<BuildProgress>,
    ) -> Result<ImageId, (EngineErrorCause, ArchiveFault)> {
        let BuildMaterial { context, secrets } = material;
        let (body, fault) = upload(context);
        let mut vertexes = Vertexes::new(progress);
        let mut image = None;
        let ended = async {
            let session = self.session(secrets).await?.ok_or(Failure::Other(EngineErrorCause::NoBuildKit))?;
            let query = query(request, &session.id)?;
            let sent = self.post(&format!("/build?{query}")).header(CONTENT_TYPE, "application/x-tar").body(body);
            let sent = sent.map_err(unsendable)?;
            // Also the head of the answer may take long: it comes when the context was taken in.
            let lines = stream::once(async { self.connection().await?.send(sent).await?.lines().await }).try_flatten();
            let mut news = Box::pin(lines.map(|line| read(&line?)));
            while let Some(news) = self.hear_of_build(&mut news).await? {
                hear(news, &mut vertexes, &mut image)?;
            }
            Ok(())
        };
        let ended = ended.await;
        vertexes.end();
        let cause = match (ended, image) {
            (Ok(()), Some(image)) => return Ok(ImageId(image)),
            (Ok(()), None) => silence(),
            (Err(failure), _) => {
                let (instruction, tail) = vertexes.failure();
                build_failure(failure, instruction, tail)
            }
        };
        Err((cause, fault))
    }
}

/// What BuildKit is asked for: the image as it is, marked as ours to clear away until it has a name.
fn query(request: &BuildRequest, session: &str) -> Result<String, Failure> {
    let BuildRequest { tags: _, dockerfile, labels, no_cache, build_args, target, builder: _ } = request;
    let mut marks: Labels = labels
        .iter()
        .filter(|(key, _)| [OWNER, FORMAT].contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if !marks.is_empty() {
        marks.insert(COMPONENT.to_owned(), COMPONENT_UNNAMED.to_owned());
    }
    let json = |map: &Labels| serde_json::to_string(map).unwrap_or_default();
    let nocache = if *no_cache { "1" } else { "0" };
    let pairs = [
        ("version", "2"),
        ("session", session),
        ("buildid", session),
        ("dockerfile", dockerfile),
        ("nocache", nocache),
        ("rm", "1"),
        ("forcerm", "1"),
        ("target", target.as_deref().unwrap_or_default()),
        ("buildargs", &json(build_args)),
        ("labels", &json(&marks)),
    ];
    serde_urlencoded::to_string(pairs)
        .map_err(|error| Failure::Other(EngineErrorCause::BadAnswer { source: Arc::new(error) }))
}

/// What the classic builder is asked for on top: name and labels.
fn finishing(request: &BuildRequest) -> BuildRequest {
    let BuildRequest { tags, dockerfile, labels, no_cache, build_args: _, target: _, builder: _ } = request;
    BuildRequest {
        tags: tags.clone(),
        dockerfile: dockerfile.clone(),
        labels: labels.clone(),
        no_cache: *no_cache,
        build_args: Labels::new(),
        target: None,
        builder: Builder::Classic,
    }
}

fn read(line: &str) -> Result<News, Failure> {
    serde_json::from_str(line).map_err(unclear)
}

fn hear(news: News, vertexes: &mut Vertexes, image: &mut Option<String>) -> Result<(), Failure> {
    let News { id, aux, error } = news;
    if let Some(Told { message }) = error {
        // It comes after a status of success.
        return Err(Failure::Answer { status: 500, message });
    }
    match (id.as_deref(), aux) {
        (Some("moby.buildkit.trace"), Some(serde_json::Value::String(text))) => {
            let bytes = STANDARD.decode(text).map_err(unclear)?;
            vertexes.hear(Status::decode(&*bytes).map_err(unclear)?);
        }
        (Some("moby.image.id"), Some(aux)) => *image = aux["ID"].as_str().map(str::to_owned),
        _ => {}
    }
    Ok(())
}

fn unclear(error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure::Other(EngineErrorCause::BadAnswer { source: Arc::new(error) })
}

fn silence() -> EngineErrorCause {
    EngineErrorCause::Unreachable { source: Arc::new(std::io::Error::from(std::io::ErrorKind::UnexpectedEof)) }
}
