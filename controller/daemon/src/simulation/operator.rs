//! Actions, carried out: edits at the API, hands at the engine, and what happens inside of instances.

use jackin_api::kinds::{Image, Instance};
use jackin_api::words as labels;
use jackin_plan::world::{Container, ContainerSpec, Limits, RestartPolicy, Security};
use jiff::SignedDuration;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};

use crate::docker::{Engine, LabelFilter};

use super::daemon::{World, owner};
use super::guard::Guard;
use super::script::Action;
use super::wish::{BASE, NAMESPACE, SOURCES, Wish};

/// Label by which a container of the operator's is known.
const BY_HAND: &str = "by-hand";

/// Who acts, and on what.
pub(super) struct Operator<'a> {
    pub(super) world: &'a World,
    pub(super) guard: &'a Guard,
    pub(super) client: &'a Client,
    pub(super) wish: &'a mut Wish,
}

impl Operator<'_> {
    /// Carries out what needs no controller to die. What cannot be done at present is not done.
    pub(super) async fn act(&mut self, action: Action, number: u64) {
        match action {
            Action::Env(_)
            | Action::Notes(_)
            | Action::Memory(..)
            | Action::RestartPolicy(_)
            | Action::Count(..)
            | Action::Recipe
            | Action::Break(_)
            | Action::Plain(_)
            | Action::Agent
            | Action::Policy(..)
            | Action::Present(..) => {
                self.edit(action);
                // A conflict or an object that is going: it is applied again when it is quiet.
                _ = self.wish.apply(self.client).await;
            }
            Action::Run(..) | Action::Restart(..) | Action::DeleteInstance(_) | Action::Rebuild => {
                _ = self.request(action, number).await;
            }
            Action::RemoveForce(_)
            | Action::Kill(_)
            | Action::Pause(_)
            | Action::Stop(_)
            | Action::Rename(_)
            | Action::Disconnect(_)
            | Action::RemoveImage
            | Action::LookAlike(_)
            | Action::RemoveLookAlike => {
                // Docker refuses an operator what makes no sense.
                _ = self.by_hand(action).await;
            }
            Action::Source(which, there) => self.world.faults.files.set(SOURCES[which % 2], there),
            Action::Session(..) | Action::Mute(_) | Action::Exit(..) | Action::Starve(_) => self.inside(action).await,
            Action::Jump(seconds) => self.world.faults.time.jump(SignedDuration::from_secs(seconds)),
            Action::Crash(steps, _) => self.world.faults.crash_after(Some(steps)),
            Action::Away(..) | Action::Half(_) | Action::LoseStore => {}
        }
    }

    fn edit(&mut self, action: Action) {
        let wish = &mut *self.wish;
        let space = |which: usize| which % 2;
        match action {
            Action::Env(which) => wish.workspaces[space(which)].env += 1,
            Action::Notes(which) => wish.workspaces[space(which)].notes ^= true,
            Action::Memory(which, memory) => wish.workspaces[space(which)].memory = memory,
            Action::RestartPolicy(which) => wish.workspaces[space(which)].restart_always ^= true,
            Action::Count(which, count) => wish.workspaces[space(which)].count = count,
            Action::Recipe => wish.recipe += 1,
            Action::Break(broken) => wish.broken = broken,
            Action::Plain(plain) => wish.plain = plain,
            Action::Agent => wish.agent += 1,
            Action::Policy(policy, deadline) => {
                (wish.policy, wish.deadline) = (policy, deadline);
                self.guard.set_policy(policy);
            }
            Action::Present(which, present) => {
                if !present {
                    self.guard.ask("");
                }
                wish.workspaces[space(which)].present = present;
            }
            _ => {}
        }
    }

    async fn instances(&self) -> Vec<Instance> {
        let all: Api<Instance> = Api::namespaced(self.client.clone(), NAMESPACE);
        all.list(&ListParams::default()).await.map(|list| list.items).unwrap_or_default()
    }

    async fn request(&self, action: Action, number: u64) -> Result<(), kube::Error> {
        let all = self.instances().await;
        let instances: Api<Instance> = Api::namespaced(self.client.clone(), NAMESPACE);
        let chosen = |which: usize| all.get(which % all.len().max(1)).map(|instance| instance.name_any());
        let change = |spec: Value| Patch::Merge(json!({"spec": spec}));
        let (name, patch) = match action {
            Action::Run(which, run) => (chosen(which), change(json!({"run": if run { "running" } else { "stopped" }}))),
            Action::Restart(which, recreate) => {
                (chosen(which), change(json!({"restart": {"id": format!("r{number}"), "recreate": recreate}})))
            }
            Action::DeleteInstance(which) => {
                let Some(name) = chosen(which) else { return Ok(()) };
                self.guard.ask(&name);
                return instances.delete(&name, &DeleteParams::default()).await.map(drop);
            }
            _ => {
                let images: Api<Image> = Api::namespaced(self.client.clone(), NAMESPACE);
                let patch = change(json!({"rebuild": format!("b{number}")}));
                return images.patch("dev", &PatchParams::default(), &patch).await.map(drop);
            }
        };
        let Some(name) = name else { return Ok(()) };
        self.guard.ask(&name);
        instances.patch(&name, &PatchParams::default(), &patch).await.map(drop)
    }

    /// A container of ours of an instance, chosen.
    async fn chosen(&self, which: usize) -> Option<Container> {
        let filter = LabelFilter::new().with(labels::OWNER, &owner().0).with(labels::COMPONENT, labels::COMPONENT_ROLE);
        let engine = &self.guard.engine;
        let all = engine.list_containers(&filter).await.ok()?;
        let chosen = all.get(which % all.len().max(1))?;
        engine.inspect_container(&chosen.id.0).await.ok()?
    }

    async fn by_hand(&self, action: Action) -> Result<(), crate::docker::EngineError> {
        let engine = &self.guard.engine;
        let which = match action {
            Action::RemoveForce(which)
            | Action::Kill(which)
            | Action::Pause(which)
            | Action::Stop(which)
            | Action::Rename(which)
            | Action::Disconnect(which)
            | Action::LookAlike(which) => which,
            Action::RemoveLookAlike => return self.remove_look_alikes().await,
            _ => {
                let ours = LabelFilter::new().with(labels::OWNER, &owner().0);
                for image in engine.list_images(&ours).await? {
                    engine.remove_image(&image.id.0).await?;
                }
                return Ok(());
            }
        };
        let Some(container) = self.chosen(which).await else { return Ok(()) };
        let id = &container.id;
        match action {
            Action::RemoveForce(_) => engine.remove_container(id, true).await,
            Action::Kill(_) => engine.kill_container(id, "SIGKILL").await,
            Action::Pause(_) => engine.pause_container(id).await,
            Action::Stop(_) => engine.stop_container(id, 1).await,
            Action::Rename(_) => engine.rename_container(id, &format!("mine-{}", &id.0[..6])).await,
            Action::Disconnect(_) => {
                for network in container.network_ids.values() {
                    engine.disconnect_network(network, id, true).await?;
                }
                Ok(())
            }
            _ => {
                // The name must be free before a foreign container can have it.
                engine.remove_container(id, true).await?;
                let image = engine.inspect_image(BASE).await?;
                let Some(image) = image else { return Ok(()) };
                let spec = look_alike(&container, image.id);
                let made = engine.create_container(&spec).await?;
                engine.start_container(&made).await
            }
        }
    }

    /// Removes the operator's own containers.
    pub(super) async fn remove_look_alikes(&self) -> Result<(), crate::docker::EngineError> {
        let mine = LabelFilter::new().with(BY_HAND, "yes");
        for container in self.guard.engine.list_containers(&mine).await? {
            self.guard.engine.remove_container(&container.id, true).await?;
        }
        Ok(())
    }

    async fn inside(&self, action: Action) {
        let capsules = &self.world.capsules;
        let (Action::Session(which, ..) | Action::Mute(which) | Action::Exit(which, _) | Action::Starve(which)) =
            action
        else {
            return;
        };
        let Some(container) = self.chosen(which).await else { return };
        match action {
            Action::Session(_, state, attached) => capsules.set_session(&container, state, attached),
            Action::Mute(_) => capsules.set_mute(&container, true),
            // One that does not run cannot end.
            Action::Exit(_, code) => drop(self.guard.engine.crash_container(&container.id, code)),
            _ => drop(self.guard.engine.starve_container(&container.id)),
        }
    }
}

/// A container that looks like ours in all but its owner.
fn look_alike(container: &Container, image: jackin_plan::world::ImageId) -> ContainerSpec {
    let mut theirs = container.labels.clone();
    theirs.insert(labels::OWNER.to_owned(), "somebody-else".to_owned());
    theirs.insert(BY_HAND.to_owned(), "yes".to_owned());
    ContainerSpec {
        name: container.name.clone(),
        image,
        command: vec!["init".to_owned()],
        env: std::collections::BTreeMap::new(),
        user: None,
        workdir: None,
        hostname: None,
        labels: theirs,
        mounts: Vec::new(),
        networks: Vec::new(),
        aliases: Vec::new(),
        limits: Limits::default(),
        restart: RestartPolicy::No,
        security: Security::default(),
        stop_timeout_seconds: 1,
    }
}
