//! Images of the engine in memory: kept, named, pulled, imported, removed.

use std::collections::BTreeMap;

use jackin_plan::world::{Image, ImageId, Labels};

use super::world::{FakeImage, World, digest, in_use};
use crate::docker::{EngineErrorCause, EventAction, EventKind, LabelFilter};

impl World {
    pub(super) fn list_images(&self, filter: &LabelFilter) -> Vec<Image> {
        let shown = self.images.values().filter(|image| filter.matches(&image.found.labels));
        shown.map(|image| image.found.clone()).collect()
    }

    /// An image by id or name.
    pub(super) fn image(&self, reference: &str) -> Option<&FakeImage> {
        let name = with_tag(reference);
        let by_name = || self.images.values().find(|image| image.found.tags.contains(&name));
        self.images.get(&ImageId(reference.to_owned())).or_else(by_name)
    }

    /// Keeps an image, whose id is its content's.
    pub(super) fn keep_image(&mut self, content: &str, labels: &Labels, size_bytes: u64) -> ImageId {
        let id = ImageId(format!("sha256:{content}"));
        let found = Image {
            id: id.clone(),
            content: None,
            tags: Vec::new(),
            labels: labels.clone(),
            size_bytes,
            repository_digests: Vec::new(),
            created_at: None,
        };
        self.images.entry(id.clone()).or_insert(FakeImage { found, last_instruction: None });
        id
    }

    pub(super) fn import_image(&mut self, archive: &[u8], reference: &str, labels: &Labels) -> ImageId {
        let content = digest(&[archive, format!("{labels:?}").as_bytes()]);
        let id = self.keep_image(&content, labels, archive.len() as u64);
        self.tell_of_image(&id, EventAction::Created);
        self.name_image(&id, reference);
        id
    }

    pub(super) fn pull_image(&mut self, reference: &str) -> Result<ImageId, EngineErrorCause> {
        let name = with_tag(reference);
        let missing = || EngineErrorCause::ImageMissing { image: reference.to_owned() };
        let (labels, content) = self.at_registry(&name)?.ok_or_else(missing)?;
        let id = self.keep_image(&content, &labels, 0);
        if let Some(image) = self.images.get_mut(&id) {
            let repository = name.rsplit_once(':').map_or(name.as_str(), |(repository, _)| repository);
            image.found.repository_digests = vec![format!("{repository}@{id}")];
        }
        self.name_image(&id, &name);
        self.tell_of_image(&id, EventAction::Other("pull".to_owned()));
        Ok(id)
    }

    pub(super) fn registry_digest(&self, reference: &str) -> Result<Option<String>, EngineErrorCause> {
        Ok(self.at_registry(&with_tag(reference))?.map(|(_, content)| format!("sha256:{content}")))
    }

    /// Labels and content of what the registry has under a name.
    fn at_registry(&self, name: &str) -> Result<Option<(Labels, String)>, EngineErrorCause> {
        if self.registry_unreachable {
            let message = format!("Get http://{name}: dial tcp: connect: connection refused");
            return Err(EngineErrorCause::Refused { status: 500, message });
        }
        let found = self.registry.get(name).cloned();
        Ok(found.map(|labels| {
            let content = digest(&[b"registry", name.as_bytes(), format!("{labels:?}").as_bytes()]);
            (labels, content)
        }))
    }

    pub(super) fn tag_image(&mut self, id: &ImageId, reference: &str) -> Result<(), EngineErrorCause> {
        let id = self.image(&id.0).ok_or(EngineErrorCause::NotFound)?.found.id.clone();
        self.name_image(&id, reference);
        Ok(())
    }

    /// Gives an image a name, taking it from whatever has it.
    pub(super) fn name_image(&mut self, id: &ImageId, reference: &str) {
        let name = with_tag(reference);
        for image in self.images.values_mut() {
            image.found.tags.retain(|tag| *tag != name);
        }
        if let Some(image) = self.images.get_mut(id) {
            image.found.tags.push(name);
            image.found.tags.sort();
            self.tell_of_image(id, EventAction::Other("tag".to_owned()));
        }
    }

    pub(super) fn remove_image(&mut self, reference: &str) -> Result<(), EngineErrorCause> {
        let Some(found) = self.image(reference).map(|image| image.found.clone()) else {
            return Ok(());
        };
        let name = with_tag(reference);
        let by_name = found.id.0 != reference;
        let last = !by_name || found.tags == [name.clone()];
        let user = self.containers.values().find(|container| container.found.image == found.id);
        if let Some(user) = user.filter(|_| last) {
            return Err(in_use(format!("container {} is using its referenced image", user.found.id)));
        }
        if let Some(image) = self.images.get_mut(&found.id) {
            image.found.tags.retain(|tag| by_name && *tag != name);
        }
        self.tell_of_image(&found.id, EventAction::Other("untag".to_owned()));
        if last {
            self.images.remove(&found.id);
            self.tell(EventKind::Image, EventAction::Destroyed, found.id.0, None, BTreeMap::new());
        }
        Ok(())
    }

    fn tell_of_image(&mut self, id: &ImageId, action: EventAction) {
        let Some(image) = self.images.get(id) else { return };
        let mut attributes = image.found.labels.clone();
        let name = image.found.tags.first().cloned().unwrap_or_else(|| id.0.clone());
        attributes.insert("name".to_owned(), name.clone());
        self.tell(EventKind::Image, action, id.0.clone(), Some(name), attributes);
    }
}

/// A reference with the tag that it means.
pub(super) fn with_tag(reference: &str) -> String {
    match reference.rsplit_once(':') {
        Some((_, tag)) if !tag.contains('/') => reference.to_owned(),
        _ => format!("{reference}:latest"),
    }
}
