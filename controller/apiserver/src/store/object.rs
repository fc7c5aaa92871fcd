//! One stored object: its JSON bytes and the few facts that indexes, selectors and garbage collection need.
//!
//! The parsed tree is not kept: it is several times the size of the bytes, and lists, reads and watches send the bytes
//! as they are.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

/// Where an object lives.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Key {
    /// Storage resource, `plural` or `group/plural`.
    pub(crate) resource: Arc<str>,
    /// Empty for objects of the whole cluster.
    pub(crate) namespace: Arc<str>,
    pub(crate) name: Arc<str>,
}

impl Key {
    pub(crate) fn new(resource: &Arc<str>, namespace: &str, name: &str) -> Self {
        Self { resource: resource.clone(), namespace: namespace.into(), name: name.into() }
    }

    /// The key on disk; none of the parts can hold a NUL.
    pub(crate) fn to_disk(&self) -> String {
        format!("{}\0{}\0{}", self.resource, self.namespace, self.name)
    }

    pub(crate) fn from_disk(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '\0');
        let (resource, namespace, name) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self { resource: resource.into(), namespace: namespace.into(), name: name.into() })
    }
}

/// A reference to an owner.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Owner {
    pub(crate) uid: String,
    pub(crate) group: String,
    pub(crate) kind: String,
    /// Whether a foreground deletion of the owner waits for this object.
    pub(crate) blocks: bool,
}

/// One version of one object.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) key: Key,
    pub(crate) resource_version: u64,
    pub(crate) uid: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) owners: Vec<Owner>,
    pub(crate) finalizers: Vec<String>,
    pub(crate) terminating: bool,
    pub(crate) bytes: Bytes,
}

impl Object {
    /// Takes over a value whose metadata is complete; `resource_version` is written into it.
    pub(crate) fn new(key: Key, mut value: Value, resource_version: u64) -> Self {
        value["metadata"]["resourceVersion"] = Value::String(resource_version.to_string());
        Self::index(key, &value, resource_version)
    }

    /// An object for an answer that was never stored (a dry run); its metadata stays as it is.
    pub(crate) fn unstored(key: Key, value: &Value) -> Self {
        Self::index(key, value, 0)
    }

    /// Reads an object from disk; `None` when the bytes are not an object with a resource version.
    pub(crate) fn from_bytes(key: Key, bytes: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(bytes).ok()?;
        let resource_version = value["metadata"]["resourceVersion"].as_str()?.parse().ok()?;
        Some(Self::index(key, &value, resource_version))
    }

    fn index(key: Key, value: &Value, resource_version: u64) -> Self {
        let metadata = &value["metadata"];
        let text = |field: &Value| field.as_str().unwrap_or_default().to_owned();
        let labels = metadata["labels"]
            .as_object()
            .map(|labels| labels.iter().map(|(name, value)| (name.clone(), text(value))).collect())
            .unwrap_or_default();
        let owners = metadata["ownerReferences"].as_array().map_or_else(Vec::new, |references| {
            references
                .iter()
                .map(|reference| Owner {
                    uid: text(&reference["uid"]),
                    group: group_of(reference["apiVersion"].as_str().unwrap_or_default()).to_owned(),
                    kind: text(&reference["kind"]),
                    blocks: reference["blockOwnerDeletion"].as_bool().unwrap_or(false),
                })
                .collect()
        });
        let finalizers =
            metadata["finalizers"].as_array().map_or_else(Vec::new, |finalizers| finalizers.iter().map(text).collect());
        Self {
            key,
            resource_version,
            uid: text(&metadata["uid"]),
            labels,
            owners,
            finalizers,
            terminating: metadata["deletionTimestamp"].is_string(),
            bytes: Bytes::from(value.to_string()),
        }
    }

    /// The parsed tree, made anew for each call.
    pub(crate) fn value(&self) -> Value {
        // The bytes were serialised by this type, or parsed once when they were read from disk.
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }
}

/// The group of an `apiVersion`; empty for the core group.
fn group_of(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}
