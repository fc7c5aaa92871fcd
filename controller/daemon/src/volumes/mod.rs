//! Volumes of programs: named after their content, filled once, mounted read-only.
//!
//! A volume is filled by copying into a container that was created with it and is never started, so nothing of an image runs.
//! Here also lives what is known of the capsule's own program ([`CapsuleProgram`]); the agents' programs are [`crate::agents`].
//!
//! # Guarantees
//!
//! - A volume is ready when it exists and no filler of it does. A crash or a failure at any moment leaves the filler, and the
//!   next attempt fills the volume again and removes it.
//! - Within a process a volume is filled once, however many ask.
//!
//! # Caveats
//!
//! One daemon serves a home, so a filler that was there before we looked is a leftover. One that appears while we create ours is
//! another daemon's, and reported as [`VolumeError::InProgress`].

mod capsule;
mod empty;
mod error;

pub use capsule::{CapsuleError, CapsuleProgram};
pub use error::VolumeError;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use jackin_api::words::{COMPONENT, COMPONENT_AGENT, COMPONENT_CAPSULE, COMPONENT_DATA, COMPONENT_FILLER, OWNER};
use jackin_plan::names::Owner;
use jackin_plan::world::{
    ContainerId, ContainerSpec, ImageId, Limits, Mount, MountSource, RestartPolicy, Security, Volume, VolumeSpec,
};

use crate::docker::{Archive, Engine, EngineErrorCause, LabelFilter};

/// Where a filler has its volume.
const TARGET: &str = "/volume";

/// The volumes of one engine and owner.
pub struct Volumes {
    engine: Arc<dyn Engine>,
    owner: Owner,
    filling: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl Volumes {
    /// The volumes of `owner` on `engine`.
    pub fn new(engine: Arc<dyn Engine>, owner: Owner) -> Self {
        Self { engine, owner, filling: Mutex::default() }
    }

    /// The volumes with programs that are ready, and those with data.
    ///
    /// # Errors
    /// When the engine does not list them.
    pub async fn observe(&self) -> Result<ObservedVolumes, VolumeError> {
        let ours = LabelFilter::new().with(OWNER, &self.owner.0);
        // Volumes first: a filler that is gone by the second list had filled its volume, and one that is new there had none yet.
        let volumes = self.engine.list_volumes(&ours).await?;
        let fillers = self.engine.list_containers(&ours.with(COMPONENT, COMPONENT_FILLER)).await?;
        let unready: BTreeSet<String> = fillers.into_iter().map(|filler| filler.name).collect();
        let mut observed = ObservedVolumes::default();
        for volume in volumes {
            match volume.labels.get(COMPONENT).map(String::as_str) {
                Some(COMPONENT_AGENT | COMPONENT_CAPSULE) if !unready.contains(&filler_name(&volume.name)) => {
                    observed.programs.insert(volume.name);
                }
                Some(COMPONENT_DATA) => observed.data.push(volume),
                _ => {}
            }
        }
        Ok(observed)
    }

    /// The volumes with data, alone.
    ///
    /// # Errors
    /// When the engine does not list them.
    pub async fn data(&self) -> Result<Vec<Volume>, VolumeError> {
        let data = LabelFilter::new().with(OWNER, &self.owner.0).with(COMPONENT, COMPONENT_DATA);
        Ok(self.engine.list_volumes(&data).await?)
    }

    /// Makes an empty volume for data, unless it is there.
    ///
    /// # Errors
    /// When the engine fails, or the name belongs to a volume that is not ours.
    pub async fn ensure_data(&self, volume: &VolumeSpec) -> Result<(), VolumeError> {
        // A volume that has the name is what the engine answers with, whosever it is.
        self.engine.create_volume(volume).await?;
        let found = self.engine.inspect_volume(&volume.name).await?;
        match found {
            Some(found) if !self.owner.owns(&found.labels) => {
                Err(VolumeError::Foreign { kind: "volume", name: found.name })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Makes a volume that holds the content, unless it is there.
    ///
    /// `content` is awaited only when there is something to fill.
    ///
    /// # Errors
    /// When the content cannot be had, the engine fails, or the name belongs to a volume that is not ours.
    pub async fn ensure_filled<Failure>(
        &self,
        volume: &VolumeSpec,
        content: impl Future<Output = Result<Archive, Failure>> + Send,
    ) -> Result<(), VolumeError>
    where
        Failure: std::error::Error + Send + Sync + 'static,
    {
        let lock = {
            let mut filling = self.filling.lock().unwrap_or_else(PoisonError::into_inner);
            filling.retain(|_, lock| Arc::strong_count(lock) > 1);
            filling.entry(volume.name.clone()).or_default().clone()
        };
        let _alone = lock.lock().await;
        let leftover = match self.look(volume).await? {
            Found::Ready => return Ok(()),
            Found::Nothing => None,
            Found::Filler(id) => Some(id),
        };
        let failed = |source: Failure| VolumeError::Content { volume: volume.name.clone(), source: Box::new(source) };
        // The content before the filler: a download that fails leaves nothing on the engine.
        let content = content.await.map_err(failed)?;
        let filler = match leftover {
            Some(id) => id,
            None => self.create_filler(volume).await?,
        };
        self.engine.put_archive(&filler, TARGET, content).await?;
        self.engine.remove_container(&filler, true).await?;
        Ok(())
    }

    async fn look(&self, volume: &VolumeSpec) -> Result<Found, VolumeError> {
        let found = self.engine.inspect_volume(&volume.name).await?;
        if found.as_ref().is_some_and(|found| !self.owner.owns(&found.labels)) {
            return Err(VolumeError::Foreign { kind: "volume", name: volume.name.clone() });
        }
        let name = filler_name(&volume.name);
        match self.engine.inspect_container(&name).await? {
            Some(filler) if self.owner.owns(&filler.labels) => Ok(Found::Filler(filler.id)),
            Some(_) => Err(VolumeError::Foreign { kind: "container", name }),
            None if found.is_some() => Ok(Found::Ready),
            None => Ok(Found::Nothing),
        }
    }

    async fn create_filler(&self, volume: &VolumeSpec) -> Result<ContainerId, VolumeError> {
        let image = empty::ensure(&*self.engine, &self.owner).await?;
        let spec = self.filler(volume, image);
        self.engine.create_container(&spec).await.map_err(|error| match error.cause {
            EngineErrorCause::NameConflict { .. } => VolumeError::InProgress { volume: volume.name.clone() },
            _ => error.into(),
        })
    }

    fn filler(&self, volume: &VolumeSpec, image: ImageId) -> ContainerSpec {
        ContainerSpec {
            name: filler_name(&volume.name),
            image,
            // An engine wants a command; this one is in no image and never runs.
            command: vec!["/never-started".to_owned()],
            env: BTreeMap::new(),
            user: None,
            workdir: None,
            hostname: None,
            labels: self.owner.labels(COMPONENT_FILLER),
            mounts: vec![Mount {
                target: TARGET.to_owned(),
                source: MountSource::Volume { name: volume.name.clone(), labels: volume.labels.clone() },
                read_only: false,
            }],
            networks: Vec::new(),
            aliases: Vec::new(),
            limits: Limits::default(),
            restart: RestartPolicy::No,
            security: Security::default(),
            stop_timeout_seconds: 0,
        }
    }
}

/// The volumes of ours on the engine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObservedVolumes {
    /// Names of the volumes with programs that are ready.
    pub programs: BTreeSet<String>,
    /// Volumes that hold data.
    pub data: Vec<Volume>,
}

enum Found {
    Ready,
    Nothing,
    Filler(ContainerId),
}

fn filler_name(volume: &str) -> String {
    format!("{volume}.filler")
}

#[cfg(test)]
#[cfg(feature = "fake")]
mod tests;
