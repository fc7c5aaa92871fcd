//! Building one image.

use std::sync::Arc;
use std::time::Duration;

use jackin_api::words::{COMMIT, COMPONENT_IMAGE, COMPONENT_UNNAMED, Change, Digest, DigestMap, NAMESPACE, ROLE};
use jackin_plan::image::recipe_labels;
use jackin_plan::names::{Owner, is_label_of_ours};
use jackin_plan::world::{BuildRequest, BuildStep, Builder, ImageId, Labels};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::docker::{BuildMaterial, BuildProgress, Engine, EngineError, EngineErrorCause};
use crate::secrets::Policy;

use super::secrets::{self, Redactor, SecretFailure};
use super::{ObservedSource, SourceError, SourceKind, context_archive};

/// What is built, for whom, from what.
#[derive(Clone, Debug)]
pub struct BuildInputs {
    /// The source, as the recipe was computed from it.
    pub source: ObservedSource,
    /// Whose image it becomes.
    pub owner: Owner,
    /// Namespace of the role.
    pub namespace: String,
    /// Name of the role.
    pub role: String,
    /// Digest of the recipe.
    pub recipe: Digest,
    /// All fields of the recipe.
    pub fields: DigestMap,
    /// Whether every step runs, also where the engine has its result: for a build that somebody asked for.
    pub no_cache: bool,
    /// What references to secrets may do.
    pub references: Policy,
}

/// An image that was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuiltImage {
    /// Its id.
    pub id: ImageId,
    /// Its name.
    pub name: String,
    /// What the engine did, in its order.
    pub steps: Vec<BuildStep>,
    /// How long it took, without waiting for a turn.
    pub duration: Duration,
    /// What changed in the source during the build. Not empty: the image was of neither the old nor the new source, and is gone
    /// again; build again.
    pub changes: Vec<Change>,
}

/// Why an image was not built.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BuildError {
    /// The source is an image already.
    #[error("build the image of role `{role}`: its source is an image, which is used as it is")]
    NothingToBuild {
        /// The role.
        role: String,
    },
    /// A secret that it needs could not be read.
    #[error("build the image of role `{role}`")]
    Secret {
        /// The role.
        role: String,
        /// Which, and why.
        #[source]
        source: SecretFailure,
    },
    /// The engine did not build it.
    #[error("build the image of role `{role}`")]
    Engine {
        /// The role.
        role: String,
        /// Why.
        #[source]
        source: EngineError,
    },
    /// The source could not be read again after the build.
    #[error("read the source of role `{role}` again after its build")]
    Source {
        /// The role.
        role: String,
        /// Why.
        #[source]
        source: SourceError,
    },
    /// The build's own task ended without a result.
    #[error("build the image of role `{role}`: the build was given up")]
    GivenUp {
        /// The role.
        role: String,
    },
}

impl BuildError {
    /// Whether nothing can be concluded about the recipe: trying again may help with nothing changed.
    pub fn is_unknown(&self) -> bool {
        match self {
            Self::NothingToBuild { .. } | Self::Secret { .. } => false,
            Self::Engine { source, .. } => source.is_unknown(),
            Self::Source { source, .. } => source.is_unknown(),
            Self::GivenUp { .. } => true,
        }
    }
}

/// Builds an image and tells its progress. Secrets are read now, as far as its Dockerfile asks for them, and are in nothing that is told.
///
/// # Errors
/// When a secret cannot be read, the engine does not build it, or the source cannot be read again.
pub async fn build(
    engine: &dyn Engine,
    inputs: &BuildInputs,
    progress: impl Fn(BuildProgress) + Send,
    cancel: CancellationToken,
) -> Result<BuiltImage, BuildError> {
    let role = || inputs.role.clone();
    if !inputs.source.is_built() {
        return Err(BuildError::NothingToBuild { role: role() });
    }
    let request = request(inputs);
    let name = request.tags.join(" ");
    let start = Instant::now();
    let secrets = secrets::read(&inputs.source.build.secrets, &inputs.references).await;
    let secrets::Read { values, notes } = secrets.map_err(|source| BuildError::Secret { role: role(), source })?;
    notes.into_iter().for_each(|note| progress(BuildProgress::Line(note)));
    let redactor = Redactor::of(&values);
    let (sender, mut news) = mpsc::unbounded_channel();
    let material = BuildMaterial { context: context_archive(&inputs.source), secrets: values };
    let building = carry_out(engine, inputs, request, material, sender, cancel);
    let listening = async {
        let mut steps = Vec::new();
        while let Some(item) = news.recv().await {
            if is_own(&item) {
                continue;
            }
            let item = redactor.news(item);
            if let BuildProgress::Step(step) = &item {
                steps.push(step.clone());
            }
            progress(item);
        }
        steps
    };
    let (id, steps) = tokio::join!(building, listening);
    let id = id.map_err(|error| {
        let source = explained(redactor.error(error), &inputs.source);
        BuildError::Engine { role: role(), source }
    })?;
    let changes = changes(&inputs.source).await;
    if changes.as_ref().map_or(true, |changes| !changes.is_empty()) {
        // It bears the recipe of files that it may not have been made from, and must not be taken for theirs by anybody.
        let removed = engine.remove_image(&name).await;
        removed.map_err(|source| BuildError::Engine { role: role(), source })?;
    }
    let changes = changes.map_err(|source| BuildError::Source { role: role(), source })?;
    Ok(BuiltImage { id, name, steps, duration: start.elapsed(), changes })
}

/// Has the engine build what the Dockerfile says, and put the role's additions on top of that.
async fn carry_out(
    engine: &dyn Engine,
    inputs: &BuildInputs,
    request: BuildRequest,
    material: BuildMaterial,
    progress: mpsc::UnboundedSender<BuildProgress>,
    cancel: CancellationToken,
) -> Result<ImageId, EngineError> {
    let additions = &inputs.source.additions;
    if additions.is_empty() {
        return engine.build_image(&request, material, progress, cancel).await;
    }
    // Without a name, and ours to clear away until there is something on top of it.
    let labels = inputs.owner.labels(COMPONENT_UNNAMED);
    let below = BuildRequest { tags: Vec::new(), labels, ..request.clone() };
    let below = engine.build_image(&below, material, progress.clone(), cancel.clone()).await?;
    let on_top = BuildRequest {
        tags: request.tags,
        dockerfile: inputs.source.dockerfile().to_owned(),
        labels: request.labels,
        no_cache: false,
        build_args: Labels::new(),
        target: None,
        builder: Builder::Classic,
    };
    engine.build_image(&on_top, additions.archive(&below).into(), progress, cancel).await
}

/// Whether the news is of a label of ours, which engines add as a step of its own with a value that nobody wants to read.
fn is_own(news: &BuildProgress) -> bool {
    match news {
        BuildProgress::Step(step) => is_label_of_ours(&step.instruction),
        BuildProgress::Line(line) => line
            .strip_prefix("Step ")
            .and_then(|step| step.split_once(" : "))
            .is_some_and(|(_, of)| is_label_of_ours(of)),
    }
}

/// The failure, with what to do about it where that is known.
fn explained(mut error: EngineError, source: &ObservedSource) -> EngineError {
    if let (EngineErrorCause::BuildFailed { instruction: Some(step), message, .. }, Some(frontend)) =
        (&mut error.cause, &source.build.frontend)
        && step.contains(frontend.as_str())
    {
        *message = format!(
            "the engine cannot fetch `{frontend}`, which `# syntax=` names to read the Dockerfile; take that line out, or see what \
             `docker pull {frontend}` says: {message}"
        );
    }
    error
}

fn request(inputs: &BuildInputs) -> BuildRequest {
    let BuildInputs { source, owner, namespace, role, recipe, fields: _, no_cache, references: _ } = inputs;
    BuildRequest {
        tags: vec![owner.image(namespace, role, recipe)],
        dockerfile: source.dockerfile().to_owned(),
        labels: labels(inputs),
        no_cache: *no_cache,
        build_args: source.build.args.clone(),
        target: source.build.target.clone(),
        builder: source.build.builder,
    }
}

fn labels(inputs: &BuildInputs) -> Labels {
    let BuildInputs { source, owner, namespace, role, recipe, fields, no_cache: _, references: _ } = inputs;
    let mut labels = owner.labels(COMPONENT_IMAGE);
    labels.extend([(NAMESPACE, namespace), (ROLE, role)].map(|(key, value)| (key.to_owned(), value.clone())));
    labels.extend(recipe_labels(recipe, fields));
    labels.extend(source.checkout.iter().map(|checkout| (COMMIT.to_owned(), checkout.commit.clone())));
    labels
}

async fn changes(source: &ObservedSource) -> Result<Vec<Change>, SourceError> {
    match source.kind {
        SourceKind::Folder { .. } => {}
        SourceKind::Inline { .. } | SourceKind::Image { .. } => return Ok(Vec::new()),
    }
    let before = source.clone();
    let read = tokio::task::spawn_blocking(move || {
        before.observe_again().map(|after| before.fields.changes_to(&after.fields))
    });
    read.await.unwrap_or_else(|error| {
        let source = Arc::new(std::io::Error::other(error));
        Err(SourceError::Unreadable { path: "the role's source".into(), source })
    })
}

#[cfg(test)]
#[cfg(feature = "fake")]
#[path = "build_tests.rs"]
mod tests;
