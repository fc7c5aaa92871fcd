//! Images: looking, pulling, importing, naming, removing. Building is in `build`.

use bollard::models::CreateImageInfo;
use bollard::query_parameters::{CreateImageOptions, ListImagesOptions, RemoveImageOptions, TagImageOptions};
use futures::{TryFutureExt, TryStreamExt};
use jackin_plan::world::{Image, ImageId, Labels};

use super::connect::{bounded, within};
use super::containers::settled;
use super::failure::Failure;
use super::reference::{is_id, repository_and_tag};
use super::upload::upload;
use super::{DockerEngine, limit, translate};
use crate::docker::{Archive, EngineError, EngineErrorCause, LabelFilter, Operation};
use crate::metrics::{self, Beyond};

impl DockerEngine {
    pub(super) async fn images(&self, filter: &LabelFilter) -> Result<Vec<Image>, EngineError> {
        let (operation, object) = (Operation::ListImages, "");
        let options = ListImagesOptions { filters: translate::filters(filter), ..ListImagesOptions::default() };
        let client = self.client(operation, object).await?;
        let found = bounded(operation, object, limit::READ, client.list_images(Some(options))).await?;
        let mut images: Vec<_> = found.into_iter().map(translate::listed_image).collect();
        images.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(images)
    }

    pub(super) async fn image(&self, reference: &str) -> Result<Option<Image>, EngineError> {
        let operation = Operation::InspectImage;
        let client = self.client(operation, reference).await?;
        match within(limit::READ, client.inspect_image(reference)).await {
            Ok(found) => Ok(translate::image(found)),
            Err(failure) if failure.is_missing() => Ok(None),
            Err(failure) => Err(failure.into_error(operation, reference)),
        }
    }

    pub(super) async fn newest_history(&self, image: &ImageId) -> Result<Option<String>, EngineError> {
        let operation = Operation::ImageHistory;
        let client = self.client(operation, &image.0).await?;
        match within(limit::READ, client.image_history(&image.0)).await {
            Ok(found) => Ok(found.into_iter().next().map(|newest| translate::instruction(&newest.created_by))),
            Err(failure) if failure.is_missing() => Ok(None),
            Err(failure) => Err(failure.into_error(operation, &image.0)),
        }
    }

    pub(super) async fn pull(&self, reference: &str) -> Result<ImageId, EngineError> {
        let operation = Operation::PullImage;
        let (repository, tag) = repository_and_tag(reference);
        let options = CreateImageOptions {
            from_image: Some(repository.to_owned()),
            tag: tag.map(str::to_owned),
            ..CreateImageOptions::default()
        };
        let client = self.client(operation, reference).await?;
        let login = self.logins.of_image(operation, reference).await?;
        metrics::network_call(Beyond::Registry);
        let mut news = client.create_image(Some(options), None, login);
        while bounded(operation, reference, limit::PULL_SILENCE, news.try_next()).await?.is_some() {}
        self.id_of(operation, reference).await
    }

    pub(super) async fn digest_at_registry(&self, reference: &str) -> Result<Option<String>, EngineError> {
        let operation = Operation::RegistryDigest;
        let client = self.client(operation, reference).await?;
        let login = self.logins.of_image(operation, reference).await?;
        metrics::network_call(Beyond::Registry);
        match within(limit::REGISTRY, client.inspect_registry_image(reference, login)).await {
            Ok(found) => Ok(found.descriptor.digest),
            Err(failure) if failure.says(&["manifest unknown", "repository name not known"]) => Ok(None),
            Err(failure) => Err(failure.into_error(operation, reference)),
        }
    }

    pub(super) async fn import(
        &self,
        archive: Archive,
        reference: &str,
        labels: &Labels,
    ) -> Result<ImageId, EngineError> {
        let operation = Operation::ImportImage;
        let (repository, tag) = repository_and_tag(reference);
        let options = CreateImageOptions {
            from_src: Some("-".to_owned()),
            repo: Some(repository.to_owned()),
            tag: tag.map(str::to_owned),
            changes: labels.iter().map(|(key, value)| label_instruction(key, value)).collect(),
            ..CreateImageOptions::default()
        };
        let client = self.client(operation, reference).await?;
        let (body, fault) = upload(archive);
        let news = client.create_image(Some(options), Some(body), None);
        let told = news.try_fold(None, |id, news: CreateImageInfo| async move {
            Ok(news.status.filter(|status| is_id(status)).or(id))
        });
        let id = bounded(operation, reference, limit::ARCHIVE, told).await.map_err(|error| fault.explain(error))?;
        match id {
            Some(id) => Ok(ImageId(id)),
            None => self.id_of(operation, reference).await,
        }
    }

    /// The id of an image that must exist by now.
    async fn id_of(&self, operation: Operation, reference: &str) -> Result<ImageId, EngineError> {
        let missing = || {
            let cause = EngineErrorCause::ImageMissing { image: reference.to_owned() };
            EngineError::new(operation, reference, cause)
        };
        Ok(self.image(reference).await?.ok_or_else(missing)?.id)
    }

    pub(super) async fn tag(&self, image: &ImageId, reference: &str) -> Result<(), EngineError> {
        let operation = Operation::TagImage;
        let (repository, tag) = repository_and_tag(reference);
        let options = TagImageOptions { repo: Some(repository.to_owned()), tag: tag.map(str::to_owned) };
        let client = self.client(operation, &image.0).await?;
        bounded(operation, &image.0, limit::WRITE, client.tag_image(&image.0, Some(options))).await
    }

    pub(super) async fn forget_image(&self, reference: &str) -> Result<(), EngineError> {
        let names = match is_id(reference) {
            // By id the engine refuses an image of several names; `force` would take it from stopped containers too.
            true => self.image(reference).await?.map(names_of).unwrap_or_default(),
            false => Vec::new(),
        };
        for name in names.iter().skip(1) {
            self.untag(name).await?;
        }
        self.untag(reference).await
    }

    async fn untag(&self, reference: &str) -> Result<(), EngineError> {
        let operation = Operation::RemoveImage;
        let client = self.client(operation, reference).await?;
        let removed = client.remove_image(reference, None::<RemoveImageOptions>, None);
        let answer = within(limit::WRITE, removed.map_ok(drop)).await;
        match settled(answer, operation, reference, Failure::is_missing) {
            // With an image the engine removes what only it was built on, which fails where somebody else does so in the same moment:
            // what was to go is gone all the same.
            Err(error) if matches!(self.image(reference).await, Ok(None)) => {
                tracing::debug!(error = %error.full_message(), reference, "removed, and not all that was beneath it");
                Ok(())
            }
            answer => answer,
        }
    }
}

/// Names of an image, and those by digest that are of other repositories than its first name: an image that was fetched or pushed has
/// them, they stay when a name moves on, and they count as names where an image is to be removed.
fn names_of(image: Image) -> Vec<String> {
    let Image { mut tags, repository_digests, .. } = image;
    let first = tags.first().map(|name| repository_and_tag(name).0.to_owned());
    let of_others = |name: &String| name.split_once('@').map(|(repository, _)| repository) != first.as_deref();
    tags.extend(repository_digests.into_iter().filter(of_others));
    tags
}

/// A Dockerfile instruction for one label, quoted.
fn label_instruction(key: &str, value: &str) -> String {
    format!("LABEL {}={}", quoted(key), quoted(value))
}

fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$");
    format!("\"{escaped}\"")
}
