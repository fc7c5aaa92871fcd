//! What a repair may cost: no more engine writes than the cheapest sequence that the model knows.
//!
//! The price is asked of [`cheapest`], which never looks at the planner's ladder. What it is asked about is the world as it was before
//! an edit, and the desired state as it is once the edit is carried out.

use std::collections::BTreeMap;

use jackin_api::kinds::Instance;
use jackin_plan::model::{self, Frame, cheapest};
use jackin_plan::resolve::{Wanted, resolve};
use kube::Api;
use kube::api::ListParams;

use crate::context::Context;
use crate::docker::Operation;
use crate::pass::{around, observe};

use super::script::Action;
use crate::dice::Dice;

/// The model's world, and what is wanted, by instance.
pub(super) struct Seen {
    world: model::World,
    wanted: BTreeMap<String, Wanted>,
}

/// Looks at all instances, as their passes would; `None` when something cannot be read.
pub(super) async fn look(context: &Context) -> Option<Seen> {
    let instances = Api::<Instance>::all(context.client.clone()).list(&ListParams::default()).await.ok()?;
    let (mut world, mut all) = (model::World::default(), BTreeMap::new());
    for instance in instances.items {
        let identity = instance.identity().to_owned();
        let snapshot = around(context, instance).await.ok()?;
        let wanted = resolve(&snapshot);
        let observed = observe(context, &snapshot, &wanted).await.ok()?;
        world.see(&context.site, &wanted, &observed);
        all.insert(identity, wanted);
    }
    Some(Seen { world, wanted: all })
}

/// The price of coming from one to the other; `None` when the model knows none.
pub(super) fn price(context: &Context, before: &Seen, after: &Seen) -> Option<usize> {
    let mut world = before.world.clone();
    // What is on the host, and images, are there before the engine is asked for anything that counts.
    world.programs.extend(after.world.programs.clone());
    world.sources.extend(after.world.sources.clone());
    world.images.extend(after.world.images.clone());
    let mut price = 0;
    for (name, wanted) in &after.wanted {
        before.wanted.get(name)?;
        if let Wanted::Run(desired) = wanted {
            let frame = Frame { site: &context.site, key: &desired.key, now: context.clock.now() };
            price += cheapest(&world, wanted, true, frame)?;
        }
        // A volume of programs is made for the first that needs it.
        world.volumes.extend(after.world.volumes.clone());
    }
    Some(price)
}

/// Whether a call is one of those that a price counts: builds, pulls and what fills a volume are not.
pub(super) fn counts(operation: Operation, container: Option<&str>) -> bool {
    let filler = || container.is_some_and(|name| name.ends_with(".filler"));
    match operation {
        Operation::CreateContainer | Operation::RemoveContainer => !filler(),
        Operation::StartContainer
        | Operation::PauseContainer
        | Operation::UnpauseContainer
        | Operation::StopContainer
        | Operation::KillContainer
        | Operation::RenameContainer
        | Operation::UpdateContainer
        | Operation::CreateNetwork
        | Operation::RemoveNetwork
        | Operation::ConnectNetwork
        | Operation::DisconnectNetwork
        | Operation::CreateVolume
        | Operation::RemoveVolume => true,
        _ => false,
    }
}

/// The edit of a seed whose price is looked at.
pub(super) fn edit(seed: u64) -> Action {
    let mut dice = Dice::of(seed, 4);
    let memory = 256 * u32::try_from(5 + dice.below(4)).unwrap_or(5);
    let edits = [
        Action::Env(0),
        Action::Notes(0),
        Action::Memory(0, memory),
        Action::RestartPolicy(0),
        Action::Recipe,
        Action::Agent,
        Action::Env(1),
        Action::Notes(1),
    ];
    dice.pick(&edits)
}
