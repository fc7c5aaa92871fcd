//! A world from what was seen, so that a pass can go on in the model from where it stands in reality.

use std::collections::BTreeMap;

use jackin_api::words as labels;

use crate::desired::{DesiredImage, DesiredMount, Site};
use crate::observed::{Capsule, Mounted, Observed, SidecarEngine, SidecarSeen};
use crate::resolve::Wanted;
use crate::sidecar::sockets;
use crate::strays::SeenContainer;
use crate::world::{ContainerState, Image, Network, NetworkId, NetworkSpec};

use super::{CapsuleState, Contained, World};

impl World {
    /// Adds what was seen of one instance. Several instances of one engine make one world.
    pub fn see(&mut self, site: &Site, wanted: &Wanted, observed: &Observed) {
        let Observed {
            containers,
            name_holder,
            network,
            namesakes,
            volumes,
            capsule,
            output: _,
            mounts,
            mounted,
            programs,
            directories,
            sidecar,
        } = observed;
        self.see_sidecar(wanted, sidecar);
        let mut asked = false;
        for container in containers {
            let answers = container.state == ContainerState::Running && !std::mem::replace(&mut asked, true);
            let state = if answers { state_of(capsule, mounted) } else { CapsuleState::default() };
            self.insert(container.clone(), state);
        }
        if let Some(holder) = name_holder {
            self.insert(holder.clone(), CapsuleState::default());
        }
        if let Some(found) = network {
            self.networks.insert(found.id.clone(), found.clone());
        }
        let ours = site.owner.labels(labels::COMPONENT_AGENT);
        self.volumes.extend(volumes.iter().map(|name| (name.clone(), ours.clone())));
        self.programs.extend(programs.clone());
        match wanted {
            Wanted::Run(desired) if *directories => {
                self.directories.extend([desired.run.clone(), desired.home.clone()]);
                self.directories.extend(desired.sidecar.as_ref().map(|_| sockets(&desired.run)));
            }
            Wanted::Remove { run, home, .. } if *directories => self.directories.extend([run.clone(), home.clone()]),
            Wanted::Run(_) | Wanted::Remove { .. } | Wanted::Stop | Wanted::Unresolved(_) => {}
        }
        if let Wanted::Run(desired) = wanted {
            // Of several networks of one name no more is seen than how many they are.
            for index in 0..*namesakes {
                let id = NetworkId(format!("namesake-{index}"));
                let NetworkSpec { name, labels, internal } = crate::network::spec(&site.owner, desired);
                self.networks.insert(id.clone(), Network { id, name, labels, internal, members: Vec::new() });
            }
            let source = |mount: &DesiredMount| Some((mount.source.clone(), mounts.get(&mount.target)?.clone()));
            self.sources.extend(desired.mounts.iter().filter_map(source));
            match &desired.image {
                DesiredImage::Valid(image) | DesiredImage::Invalid { serving: Some(image), .. } => {
                    self.insert_image(&image.id, BTreeMap::new());
                }
                DesiredImage::Invalid { serving: None, .. } => {}
            }
        }
    }

    /// Its containers, as a list of the engine's has them.
    pub fn listed(&self) -> impl Iterator<Item = SeenContainer> {
        self.containers.values().map(|Contained { container, .. }| SeenContainer {
            id: container.id.clone(),
            name: container.name.clone(),
            state: container.state,
            labels: container.labels.clone(),
            image: container.image.clone(),
            networks: container.networks.clone(),
            volumes: self.mounts.get(&container.id).into_iter().flatten().cloned().collect(),
        })
    }

    fn see_sidecar(&mut self, wanted: &Wanted, seen: &SidecarSeen) {
        let SidecarSeen { containers, image, volumes, engine } = seen;
        for container in containers {
            let silent = match engine {
                SidecarEngine::Silent(tried) => Some(tried.clone()),
                SidecarEngine::Answers | SidecarEngine::NotAsked => None,
            };
            self.insert(container.clone(), CapsuleState { silent, ..CapsuleState::default() });
        }
        self.volumes.extend(volumes.iter().map(|volume| (volume.name.clone(), volume.labels.clone())));
        if let (Wanted::Run(desired), Some(image)) = (wanted, image) {
            let named = desired.sidecar.iter().map(|sidecar| sidecar.image.clone());
            let tags = image.tags.iter().cloned().chain(named).collect();
            self.images.insert(image.id.clone(), Image { tags, ..image.clone() });
        }
    }
}

fn state_of(capsule: &Capsule, mounted: &BTreeMap<String, Mounted>) -> CapsuleState {
    let mounted = mounted.clone();
    match capsule {
        Capsule::Answers(status) => CapsuleState {
            silent: None,
            environment_digest: status.environment_digest.clone(),
            sessions: status.sessions.clone(),
            hooks: status.hooks.clone(),
            mounted,
        },
        Capsule::Silent(tried) => CapsuleState { silent: Some(tried.clone()), mounted, ..CapsuleState::default() },
        Capsule::NotAsked => CapsuleState { mounted, ..CapsuleState::default() },
    }
}
