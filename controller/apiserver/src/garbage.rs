//! Deletion and what follows from it: finalizers, propagation, orphans, waiting owners, emptied namespaces.
//!
//! Flow: [`begin`] marks or removes one object under a propagation policy; [`settle`] follows the consequences of each
//! removal until nothing is left to do. Both run inside the transaction of the request, so that a crash cannot separate
//! an owner's removal from its dependents'.
//!
//! Guarantees: a dependent goes only when *all* its owners are gone; an owner whose kind is not kept here counts as
//! present, since its absence cannot be known; an owner is looked for by uid in the dependent's namespace (or in none).
//!
//! Caveat: removals that follow from garbage collection are not shown to the kind's admission function.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::metadata;
use crate::namespaces;
use crate::registry::Registry;
use crate::store::{Key, Object, Transaction, Urgency};

const FOREGROUND: &str = "foregroundDeletion";

/// What happens to the objects that an object owns when it is deleted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Propagation {
    /// The object goes, then its dependents.
    #[default]
    Background,
    /// The object stays, terminating, until the dependents that block it are gone.
    Foreground,
    /// The dependents stay and forget the owner.
    Orphan,
}

/// Deletes an object as far as its finalizers allow, and follows the consequences.
pub(crate) fn delete(
    transaction: &mut Transaction<'_>,
    registry: &Registry,
    object: &Arc<Object>,
    propagation: Propagation,
    now: Timestamp,
) {
    let removed = begin(transaction, registry, object, propagation, now);
    settle(transaction, registry, removed, now);
}

/// Removes an object whose last finalizer went, and follows the consequences.
pub(crate) fn remove(
    transaction: &mut Transaction<'_>,
    registry: &Registry,
    key: &Key,
    last: Value,
    now: Timestamp,
) -> Arc<Object> {
    let tombstone = transaction.delete(key, last, Urgency::Durable);
    settle(transaction, registry, vec![tombstone.clone()], now);
    tombstone
}

/// Finds what a crash or an older program left: dependents of owners that are gone, owners that wait for nothing.
pub(crate) fn sweep(transaction: &mut Transaction<'_>, registry: &Registry, now: Timestamp) {
    for served in registry.all() {
        for object in transaction.list(&served.storage, None) {
            delete_if_orphaned(transaction, registry, &object, now);
        }
    }
    for served in registry.all() {
        for object in transaction.list(&served.storage, None) {
            let mut removed = Vec::new();
            release_owner(transaction, &object, &mut removed);
            settle(transaction, registry, removed, now);
        }
    }
    for namespace in transaction.list(&Arc::from(namespaces::STORAGE), None) {
        remove_empty_namespace(transaction, &namespace.key.name);
    }
}

/// Deletes an object that names owners of which none is left.
pub(crate) fn delete_if_orphaned(
    transaction: &mut Transaction<'_>,
    registry: &Registry,
    object: &Arc<Object>,
    now: Timestamp,
) {
    if object.owners.is_empty() || object.terminating {
        return;
    }
    let uids = holding_uids(transaction, &object.key.namespace);
    if !has_owner(registry, object, &uids) {
        delete(transaction, registry, object, Propagation::Background, now);
    }
}

fn begin(
    transaction: &mut Transaction<'_>,
    registry: &Registry,
    object: &Arc<Object>,
    propagation: Propagation,
    now: Timestamp,
) -> Vec<Arc<Object>> {
    if object.terminating {
        return Vec::new();
    }
    if &*object.key.resource == namespaces::STORAGE {
        return begin_namespace(transaction, registry, object, now);
    }
    if propagation == Propagation::Orphan {
        for dependent in dependents(transaction, object) {
            let uid = object.uid.clone();
            forget_owners(transaction, &dependent, |owner| owner != uid);
        }
    }
    let foreground = propagation == Propagation::Foreground;
    if object.finalizers.is_empty() && !foreground {
        return vec![transaction.delete(&object.key, object.value(), Urgency::Durable)];
    }
    let mut value = object.value();
    mark(&mut value, now);
    if foreground && !object.finalizers.iter().any(|finalizer| finalizer == FOREGROUND) {
        let mut finalizers = object.finalizers.clone();
        finalizers.push(FOREGROUND.to_owned());
        value["metadata"]["finalizers"] = json!(finalizers);
    }
    let marked = transaction.put(object.key.clone(), value, Urgency::Durable);
    let mut removed = Vec::new();
    if foreground {
        let holding = holding_uids(transaction, &object.key.namespace);
        for dependent in dependents(transaction, object) {
            if has_owner(registry, &dependent, &holding) {
                let uid = object.uid.clone();
                forget_owners(transaction, &dependent, |owner| owner != uid);
            } else {
                removed.extend(begin(transaction, registry, &dependent, Propagation::Foreground, now));
            }
        }
        release_owner(transaction, &marked, &mut removed);
    }
    removed
}

fn begin_namespace(
    transaction: &mut Transaction<'_>,
    registry: &Registry,
    namespace: &Arc<Object>,
    now: Timestamp,
) -> Vec<Arc<Object>> {
    let mut value = namespace.value();
    mark(&mut value, now);
    value["status"]["phase"] = "Terminating".into();
    transaction.put(namespace.key.clone(), value, Urgency::Durable);
    let mut removed = Vec::new();
    for object in transaction.in_namespace(&namespace.key.name) {
        removed.extend(begin(transaction, registry, &object, Propagation::Background, now));
    }
    remove_empty_namespace(transaction, &namespace.key.name);
    removed
}

fn mark(value: &mut Value, now: Timestamp) {
    value["metadata"]["deletionTimestamp"] = metadata::time(now).into();
    value["metadata"]["deletionGracePeriodSeconds"] = 0.into();
}

/// Follows removals: dependents without owners, owners that waited, namespaces that became empty.
fn settle(transaction: &mut Transaction<'_>, registry: &Registry, mut removed: Vec<Arc<Object>>, now: Timestamp) {
    while let Some(gone) = removed.pop() {
        let dependents = dependents(transaction, &gone);
        if !dependents.is_empty() {
            let uids = holding_uids(transaction, &gone.key.namespace);
            for dependent in dependents {
                if has_owner(registry, &dependent, &uids) {
                    let uid = gone.uid.clone();
                    forget_owners(transaction, &dependent, |owner| owner != uid);
                } else {
                    removed.extend(begin(transaction, registry, &dependent, Propagation::Background, now));
                }
            }
        }
        for owner in owners_of(transaction, &gone) {
            release_owner(transaction, &owner, &mut removed);
        }
        remove_empty_namespace(transaction, &gone.key.namespace);
    }
}

/// Takes the foreground finalizer from a terminating owner that no dependent blocks any more.
fn release_owner(transaction: &mut Transaction<'_>, owner: &Arc<Object>, removed: &mut Vec<Arc<Object>>) {
    let Some(owner) = transaction.get(&owner.key).filter(|current| current.uid == owner.uid) else {
        return;
    };
    if !owner.terminating || !owner.finalizers.iter().any(|finalizer| finalizer == FOREGROUND) {
        return;
    }
    let blocks = |dependent: &Arc<Object>| {
        dependent.owners.iter().any(|reference| reference.uid == owner.uid && reference.blocks)
    };
    if dependents(transaction, &owner).iter().any(blocks) {
        return;
    }
    let rest: Vec<&String> = owner.finalizers.iter().filter(|finalizer| *finalizer != FOREGROUND).collect();
    let mut value = owner.value();
    if rest.is_empty() {
        if let Some(metadata) = value["metadata"].as_object_mut() {
            metadata.remove("finalizers");
        }
        removed.push(transaction.delete(&owner.key, value, Urgency::Durable));
    } else {
        value["metadata"]["finalizers"] = json!(rest);
        transaction.put(owner.key.clone(), value, Urgency::Durable);
    }
}

fn remove_empty_namespace(transaction: &mut Transaction<'_>, name: &str) {
    let Some(namespace) = transaction.get(&namespaces::key(name)) else {
        return;
    };
    // A namespace may hold a finalizer of somebody else; then its removal comes with the finalizer's.
    if namespace.terminating && namespace.finalizers.is_empty() && transaction.in_namespace(name).is_empty() {
        transaction.delete(&namespace.key, namespace.value(), Urgency::Durable);
    }
}

/// Whether nothing but a namespace's own finalizers keeps it.
pub(crate) fn namespace_is_empty(transaction: &Transaction<'_>, name: &str) -> bool {
    transaction.in_namespace(name).is_empty()
}

fn dependents(transaction: &Transaction<'_>, owner: &Object) -> Vec<Arc<Object>> {
    let mut objects = transaction.in_namespace(&owner.key.namespace);
    objects.retain(|object| object.owners.iter().any(|reference| reference.uid == owner.uid));
    objects
}

fn owners_of(transaction: &Transaction<'_>, dependent: &Object) -> Vec<Arc<Object>> {
    if dependent.owners.is_empty() {
        return Vec::new();
    }
    let mut objects = transaction.in_namespace(&dependent.key.namespace);
    objects.retain(|object| dependent.owners.iter().any(|reference| reference.uid == object.uid));
    objects
}

/// Uids of what can hold a dependent: an owner lives in the dependent's namespace or in none, and one that waits in the
/// foreground for its dependents to go does not hold them.
fn holding_uids(transaction: &Transaction<'_>, namespace: &str) -> HashSet<String> {
    let waits = |object: &Object| object.terminating && object.finalizers.iter().any(|name| name == FOREGROUND);
    let mut objects = transaction.in_namespace(namespace);
    objects.extend(transaction.list(&Arc::from(namespaces::STORAGE), None));
    objects.iter().filter(|object| !waits(object)).map(|object| object.uid.clone()).collect()
}

fn has_owner(registry: &Registry, dependent: &Object, uids: &HashSet<String>) -> bool {
    dependent.owners.iter().any(|owner| uids.contains(&owner.uid) || !registry.knows(&owner.group, &owner.kind))
}

fn forget_owners(transaction: &mut Transaction<'_>, dependent: &Arc<Object>, keep: impl Fn(&str) -> bool) {
    let mut value = dependent.value();
    if let Some(references) = value["metadata"]["ownerReferences"].as_array_mut() {
        references.retain(|reference| keep(reference["uid"].as_str().unwrap_or_default()));
        if references.is_empty()
            && let Some(metadata) = value["metadata"].as_object_mut()
        {
            metadata.remove("ownerReferences");
        }
    }
    transaction.put(dependent.key.clone(), value, Urgency::Durable);
}
