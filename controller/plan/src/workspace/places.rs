//! The places that a template asks for, and which instances have them.
//!
//! # Which stay
//! Those in which a session lives before all others, then those that are as their spec wants them, then those with the lowest
//! index. What nobody can tell the sessions of counts as lived in. New ones take the lowest indices that are free.
//!
//! A count that is added or taken away makes nothing anew: the plain name goes on as index 0, and of several the one that would
//! stay longest goes on under the plain name.

use std::collections::BTreeMap;

use jackin_api::kinds::{Instance, InstanceTemplate};
use jackin_api::words::{ConditionType, is_true};
use kube::ResourceExt;

use super::live;

/// A place that a template asks for.
pub(super) struct Place<'a> {
    pub(super) name: String,
    pub(super) index: Option<u32>,
    /// The instance that has this place under its other name, while a count is being added or taken away.
    pub(super) takes_over: Option<&'a Instance>,
}

/// An instance that could have one of the places.
struct Candidate<'a> {
    index: u32,
    instance: &'a Instance,
}

/// The places of a template.
pub(super) struct Places<'a, 'b> {
    /// The name without an index.
    plain: String,
    template: &'b InstanceTemplate,
    existing: &'b BTreeMap<String, &'a Instance>,
    /// Revision of its role now.
    revision: Option<String>,
}

impl<'a, 'b> Places<'a, 'b> {
    pub(super) fn new(
        workspace: &str,
        template: &'b InstanceTemplate,
        existing: &'b BTreeMap<String, &'a Instance>,
        revision: Option<String>,
    ) -> Self {
        Self { plain: format!("{workspace}-{}", template.name), template, existing, revision }
    }

    pub(super) fn all(&self) -> Vec<Place<'a>> {
        match self.template.count {
            None => vec![self.without_index()],
            Some(count) => self.with_indices(usize::try_from(count).unwrap_or(usize::MAX)),
        }
    }

    fn without_index(&self) -> Place<'a> {
        let takes_over = if self.living(&self.plain).is_some() { None } else { self.candidates().into_iter().next() };
        Place { name: self.plain.clone(), index: None, takes_over: takes_over.map(|candidate| candidate.instance) }
    }

    fn with_indices(&self, count: usize) -> Vec<Place<'a>> {
        let mut stay = self.candidates();
        stay.truncate(count);
        let mut places: BTreeMap<u32, Option<&Instance>> = BTreeMap::new();
        for Candidate { index, instance } in stay {
            let is_plain = instance.name_any() == self.plain;
            places.insert(index, is_plain.then_some(instance));
        }
        let mut free = (0..).filter(|index| !self.is_identity_of_another(&self.indexed(*index)));
        while places.len() < count {
            let Some(index) = free.next() else { break };
            places.entry(index).or_insert(None);
        }
        let place = |(index, takes_over)| Place { name: self.indexed(index), index: Some(index), takes_over };
        places.into_iter().map(place).collect()
    }

    /// Those that could have a place, the ones that stay longest first.
    fn candidates(&self) -> Vec<Candidate<'a>> {
        let mut found: Vec<_> = self
            .existing
            .keys()
            .filter_map(|name| {
                let instance = self.living(name)?;
                let index = if *name == self.plain { 0 } else { self.index_of(name)? };
                // Between the two steps of a change of names both are there, and the new one has the place.
                let renamed = *name == self.plain && self.living(&self.indexed(0)).is_some();
                (!renamed).then_some(Candidate { index, instance })
            })
            .collect();
        found.sort_by_key(|candidate| {
            let idle = live(candidate.instance).is_none();
            (idle, self.is_outdated(candidate.instance), candidate.index)
        });
        found
    }

    fn indexed(&self, index: u32) -> String {
        format!("{}-{index}", self.plain)
    }

    fn index_of(&self, name: &str) -> Option<u32> {
        let index = name.strip_prefix(&self.plain)?.strip_prefix('-')?.parse().ok()?;
        (self.indexed(index) == name).then_some(index)
    }

    /// The instance of this name, when it is of this template and not going.
    fn living(&self, name: &str) -> Option<&'a Instance> {
        let instance = self.existing.get(name).filter(|instance| instance.metadata.deletion_timestamp.is_none())?;
        (instance.spec.template == self.template.name).then_some(*instance)
    }

    /// Whether an instance of another name has what is kept under this one: a container and a home.
    fn is_identity_of_another(&self, name: &str) -> bool {
        self.existing.iter().any(|(other, instance)| other != name && instance.identity() == name)
    }

    fn is_outdated(&self, instance: &Instance) -> bool {
        let conditions = instance.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
        let stated = |type_| is_true(conditions, type_);
        let behind = self.revision.is_some() && instance.spec.role_revision != self.revision;
        behind || stated(ConditionType::RepairPending) || stated(ConditionType::Drifted)
    }
}
