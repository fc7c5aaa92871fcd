//! The kinds as they are served: the embedder's and the server's own, found by group, version and plural.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use crate::kind::KindDefinition;
use crate::store::Object;
use crate::{events, namespaces};

/// What the server does beyond the generic machinery for a kind.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Role {
    /// A kind of the embedder.
    Embedded,
    Namespace,
    Event,
}

/// Another shape of a stored object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    /// From the stored shape to the served one.
    pub(crate) read: fn(&mut Value),
    /// From the served shape to the stored one.
    pub(crate) write: fn(&mut Value),
}

/// One kind at one place in the URL space.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    pub(crate) definition: KindDefinition,
    /// Resource in the store.
    pub(crate) storage: Arc<str>,
    pub(crate) role: Role,
    pub(crate) view: Option<View>,
    /// Whether status has a path of its own.
    pub(crate) has_status: bool,
}

impl Served {
    fn embedded(definition: KindDefinition) -> Self {
        let storage = format!("{}/{}", definition.group, definition.plural).into();
        Self { definition, storage, role: Role::Embedded, view: None, has_status: true }
    }

    /// `plural.group`, as messages say it.
    pub(crate) fn qualified(&self) -> String {
        if self.definition.group.is_empty() {
            self.definition.plural.clone()
        } else {
            format!("{}.{}", self.definition.plural, self.definition.group)
        }
    }

    pub(crate) fn api_version(&self) -> String {
        if self.definition.group.is_empty() {
            self.definition.version.clone()
        } else {
            format!("{}/{}", self.definition.group, self.definition.version)
        }
    }

    /// The object in the served shape.
    pub(crate) fn value(&self, object: &Object) -> Value {
        let mut value = object.value();
        if let Some(view) = self.view {
            (view.read)(&mut value);
        }
        value
    }

    /// The object's JSON in the served shape; the stored bytes where the shapes are the same.
    pub(crate) fn bytes(&self, object: &Object) -> Bytes {
        if self.view.is_some() { Bytes::from(self.value(object).to_string()) } else { object.bytes.clone() }
    }
}

/// All kinds.
#[derive(Debug)]
pub(crate) struct Registry {
    served: Vec<Arc<Served>>,
}

impl Registry {
    pub(crate) fn new(kinds: Vec<KindDefinition>) -> Self {
        let own = [namespaces::served(), events::core(), events::events_k8s_io()];
        let served = own.into_iter().chain(kinds.into_iter().map(Served::embedded)).map(Arc::new).collect();
        Self { served }
    }

    pub(crate) fn all(&self) -> &[Arc<Served>] {
        &self.served
    }

    pub(crate) fn find(&self, group: &str, version: &str, plural: &str) -> Option<&Arc<Served>> {
        self.in_version(group, version).find(|served| served.definition.plural == plural)
    }

    pub(crate) fn in_version(&self, group: &str, version: &str) -> impl Iterator<Item = &Arc<Served>> {
        self.served
            .iter()
            .filter(move |served| served.definition.group == group && served.definition.version == version)
    }

    /// Whether objects of this group and kind are kept here, in whatever version.
    pub(crate) fn knows(&self, group: &str, kind: &str) -> bool {
        self.served.iter().any(|served| served.definition.group == group && served.definition.kind == kind)
    }

    /// Group and version pairs in the order of their first kind, the core group left out.
    pub(crate) fn group_versions(&self) -> Vec<(String, String)> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for served in &self.served {
            let pair = (served.definition.group.clone(), served.definition.version.clone());
            if !pair.0.is_empty() && !pairs.contains(&pair) {
                pairs.push(pair);
            }
        }
        pairs
    }
}
