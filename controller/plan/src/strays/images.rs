//! Images that nothing refers to: which of them go by age and by room.

use std::cmp::Reverse;

use jackin_api::words as labels;
use jiff::Timestamp;

use crate::names::Owner;
use crate::world::Image;

use super::{Inventory, Needs, Options, References, SeenContainer, Stray, StrayKind, StrayReason, users};

/// Those that nothing refers to, the newest first.
///
/// With both an age and a room, those older than the age go, the oldest first, until the rest has room: as the engine prunes its build
/// cache.
pub(super) fn images(
    owner: &Owner,
    inventory: &Inventory,
    references: &References,
    stay: &[&SeenContainer],
    options: Options,
) -> Vec<Stray> {
    let unused = |found: &&Image| !is_wanted(found, references) && !is_used(found, stay);
    // What was published by somebody goes like what we built: our name is taken away, and the image with it unless it has another.
    let named = |found| Some((found, owner.given_name(found).or_else(|| owner.adopted_name(found))?));
    let mut unused: Vec<(&Image, String)> = inventory.images.iter().filter(unused).filter_map(named).collect();
    // One whose age is not known is taken for new: what is not known removes nothing.
    unused.sort_by_key(|(found, _)| (found.created_at.map(Reverse), found.id.clone()));
    let mut taken = 0_u64;
    let stray = |(found, name): (&Image, String)| {
        taken = taken.saturating_add(found.size_bytes);
        let has_room = options.keep_bytes.is_some_and(|most| taken <= most);
        Stray {
            kind: StrayKind::Image,
            id: found.id.0.clone(),
            name,
            reason: StrayReason::NotServed,
            needs: needs(found, inventory.at, has_room, options),
            size_bytes: Some(found.size_bytes),
            created_at: found.created_at,
        }
    };
    unused.into_iter().map(stray).collect()
}

fn needs(found: &Image, now: Timestamp, has_room: bool, options: Options) -> Option<Needs> {
    if !options.images {
        return Some(Needs::Images);
    }
    let is_young = |most: u64| found.created_at.is_none_or(|made| age_seconds(made, now) < most);
    if options.older_than_seconds.is_some_and(is_young) {
        return Some(Needs::Age);
    }
    has_room.then_some(Needs::Room)
}

/// Nothing for what was made after now: a clock that was set back makes nothing old.
fn age_seconds(made: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(now.duration_since(made).as_secs()).unwrap_or_default()
}

fn is_wanted(found: &Image, references: &References) -> bool {
    let recipe = found.labels.get(labels::RECIPE);
    references.images.contains(&found.id.0) || recipe.is_some_and(|of| references.recipes.contains(of))
}

fn is_used(found: &Image, stay: &[&SeenContainer]) -> bool {
    !users(stay, |container| container.image == found.id).is_empty()
}
