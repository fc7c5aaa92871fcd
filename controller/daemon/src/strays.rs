//! What of ours nothing refers to: looked up, told of, and removed when somebody asks for it.
//!
//! What a stray is, is decided in [`jackin_plan::strays`]. Here everything is read, and a list that fails is an error: nothing is
//! taken for unreferenced because it could not be read.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jackin_api::kinds::{Agent, Image, Instance, Workspace};
use jackin_api::words as labels;
use jackin_plan::network;
use jackin_plan::observed::Program;
use jackin_plan::strays::{Inventory, Options, References, SeenContainer, Stray, StrayKind, strays};
use jackin_plan::world::{ContainerId, NetworkId};
use k8s_openapi::api::core::v1::ObjectReference;
use kube::api::ListParams;
use kube::runtime::events::{Event, EventType};
use kube::{Api, ResourceExt};
use serde::Serialize;

use crate::context::Context;
use crate::docker::{ContainerSummary, EngineError, LabelFilter};
use crate::pass::program;

/// How long to wait for passes to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// Seconds that a container without an instance is given to end.
const STOP_SECONDS: u32 = 10;

/// Why nothing could be told or removed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StraysError {
    /// The engine did not tell.
    #[error("read the engine")]
    Engine(#[from] EngineError),
    /// The API did not tell.
    #[error("use the API")]
    Api(#[from] kube::Error),
    /// Instances are being worked on all the time.
    #[error("prune: instances are being worked on for more than {} s; try again", .after.as_secs())]
    Busy {
        /// How long we waited.
        after: Duration,
    },
}

/// A stray, and what became of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Pruned {
    stray: Stray,
    /// Whether it is gone; with nothing removed yet, whether it would go.
    removed: bool,
    /// Why it is still there although it was to go.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// What would be removed.
pub(crate) async fn look(context: &Context, options: Options) -> Result<Vec<Pruned>, StraysError> {
    let found = find(context, options).await?;
    let told = |stray: Stray| Pruned { removed: stray.is_pruned(options), stray, error: None };
    Ok(found.into_iter().map(told).collect())
}

/// Removes what the options allow.
pub(crate) async fn prune(context: &Context, options: Options) -> Result<Vec<Pruned>, StraysError> {
    // A pass that has filled a volume or seen a network and not yet used it would find it gone.
    let alone = tokio::time::timeout(PATIENCE, context.at_work.alone()).await;
    let _alone = alone.map_err(|_| StraysError::Busy { after: PATIENCE })?;
    let mut pruned = Vec::new();
    for stray in find(context, options).await? {
        let error = match stray.is_pruned(options) {
            true => remove(context, &stray, options).await.err().map(|error| error.full_message()),
            false => None,
        };
        let removed = stray.is_pruned(options) && error.is_none();
        if removed {
            tracing::info!(kind = %stray.kind, name = %stray.name, id = %stray.id, "stray removed");
        }
        pruned.push(Pruned { stray, removed, error });
    }
    Ok(pruned)
}

async fn find(context: &Context, options: Options) -> Result<Vec<Stray>, StraysError> {
    // The store first: an instance that is made after that has no container yet in the second list.
    let references = references(context).await?;
    let inventory = inventory(context).await?;
    Ok(strays(&context.site.owner, &inventory, &references, options))
}

/// Without force wherever the engine knows it: what is in use by then is refused, and stays.
async fn remove(context: &Context, stray: &Stray, options: Options) -> Result<(), EngineError> {
    let engine = &context.engine;
    match stray.kind {
        StrayKind::Container => {
            let id = ContainerId(stray.id.clone());
            if options.force {
                engine.stop_container(&id, STOP_SECONDS).await?;
            }
            engine.remove_container(&id, false).await
        }
        StrayKind::Network => engine.remove_network(&NetworkId(stray.id.clone())).await,
        StrayKind::Volume => engine.remove_volume(&stray.id).await,
        // Its own name only: one that somebody else gave it is theirs, and keeps the image.
        StrayKind::Image => engine.remove_image(&stray.name).await,
    }
}

async fn inventory(context: &Context) -> Result<Inventory, EngineError> {
    let engine = &context.engine;
    let (all, ours) = (LabelFilter::new(), LabelFilter::new().with(labels::OWNER, &context.site.owner.0));
    let built = LabelFilter::new().with(labels::COMPONENT, labels::COMPONENT_IMAGE);
    let (containers, networks, volumes, images) = tokio::try_join!(
        engine.list_containers(&all),
        engine.list_networks(&ours),
        engine.list_volumes(&ours),
        engine.list_images(&built),
    )?;
    Ok(Inventory {
        containers: containers.into_iter().map(seen).collect(),
        networks,
        volumes,
        images,
        at: context.clock.now(),
    })
}

/// What is looked at of a container in a list.
pub(crate) fn seen(found: ContainerSummary) -> SeenContainer {
    let ContainerSummary { id, name, state, labels, image, networks, volumes } = found;
    SeenContainer { id, name, state, labels, image, networks, volumes }
}

async fn references(context: &Context) -> Result<References, kube::Error> {
    let all = ListParams::default();
    let instances: Api<Instance> = Api::all(context.client.clone());
    let workspaces: Api<Workspace> = Api::all(context.client.clone());
    let images: Api<Image> = Api::all(context.client.clone());
    let agents: Api<Agent> = Api::all(context.client.clone());
    let (instances, workspaces, images, agents) =
        tokio::try_join!(instances.list(&all), workspaces.list(&all), images.list(&all), agents.list(&all))?;
    let owner = &context.site.owner;
    let network = |workspace: &Workspace| {
        let wanted = workspace.spec.network.clone().unwrap_or_default();
        network::name_for(owner, &workspace.namespace().unwrap_or_default(), &workspace.name_any(), &wanted)
    };
    let statuses: Vec<_> = images.items.into_iter().filter_map(|image| image.status).collect();
    let recipes = statuses.iter().flat_map(|status| [&status.recipe, &status.image_recipe]).flatten().cloned();
    let recipes = recipes.chain(context.builds.running()).map(|recipe| recipe.0).collect();
    let (volumes, unread_agents) = programs(context, &agents.items).await;
    Ok(References {
        instances: identities(&instances.items),
        networks: workspaces.iter().map(network).collect(),
        volumes,
        unread_agents,
        images: statuses.into_iter().filter_map(|status| Some(status.image?.id)).collect(),
        recipes,
    })
}

/// Namespace and identity of each instance.
fn identities(instances: &[Instance]) -> BTreeSet<(String, String)> {
    let identity = |instance: &Instance| (instance.namespace().unwrap_or_default(), instance.identity().to_owned());
    instances.iter().map(identity).collect()
}

/// Names of the volumes of all programs, and the agents whose program could not be told.
async fn programs(context: &Context, agents: &[Agent]) -> (BTreeSet<String>, BTreeSet<String>) {
    let owner = &context.site.owner;
    let mut volumes = BTreeSet::from([owner.capsule_volume(&context.site.capsule)]);
    let mut unread = BTreeSet::new();
    for agent in agents {
        let name = agent.name_any();
        match program(context, agent).await {
            Program::Known { content } => _ = volumes.insert(owner.agent_volume(&name, &content)),
            Program::InImage => {}
            Program::Unfetched | Program::Unavailable { .. } => _ = unread.insert(name),
        }
    }
    (volumes, unread)
}

/// Tells operators of containers of ours whose instance does not exist. Nothing is done about them: an instance of that name, applied
/// again, goes on with its container.
pub(crate) async fn tell(context: &Context, made: &BTreeMap<(String, String), BTreeSet<String>>) {
    let instances: Api<Instance> = Api::all(context.client.clone());
    let Ok(instances) = instances.list(&ListParams::default()).await else { return };
    let known = identities(&instances.items);
    for ((namespace, instance), names) in made.iter().filter(|(key, _)| !known.contains(*key)) {
        let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
        let note = format!(
            "container {} was made for an instance that does not exist; apply its workspace again to go on with it, or \
             `jackin prune` removes it",
            names.join(", ")
        );
        let about = ObjectReference {
            kind: Some("Instance".to_owned()),
            api_version: Some("jackin.dev/v1alpha1".to_owned()),
            namespace: Some(namespace.clone()),
            name: Some(instance.clone()),
            ..ObjectReference::default()
        };
        let event = Event {
            type_: EventType::Warning,
            reason: "Orphaned".to_owned(),
            note: Some(note),
            action: "List".to_owned(),
            secondary: None,
        };
        if let Err(error) = context.recorder.publish(&event, &about).await {
            tracing::debug!(%error, "event not written");
        }
    }
}
