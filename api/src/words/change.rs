//! Digests of inputs, and what differs between two of them.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A digest in the engine's notation (`sha256:…`).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Digest(pub String);

impl Digest {
    /// The first twelve hexadecimal digits, for names and for people.
    pub fn short(&self) -> &str {
        let hex = self.0.strip_prefix("sha256:").unwrap_or(&self.0);
        hex.get(..12).unwrap_or(hex)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Digests of the inputs of one thing, by field. Values are never kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct DigestMap(pub BTreeMap<String, Digest>);

impl DigestMap {
    /// All differences from `self` to `other`, in the order of the fields.
    ///
    /// ```
    /// use jackin_api::words::{ChangeKind, Digest, DigestMap};
    /// let map = |value: &str| DigestMap([("image".to_owned(), Digest(value.to_owned()))].into());
    /// let changes = map("a").changes_to(&map("b"));
    /// assert_eq!(changes[0].to_string(), "~ image");
    /// ```
    pub fn changes_to(&self, other: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        for field in self.0.keys().chain(other.0.keys().filter(|field| !self.0.contains_key(*field))) {
            let (old, new) = (self.0.get(field), other.0.get(field));
            let change = match (old, new) {
                (Some(old), Some(new)) if old == new => continue,
                (Some(_), Some(_)) => ChangeKind::Changed,
                (Some(_), None) => ChangeKind::Removed,
                (None, _) => ChangeKind::Added,
            };
            changes.push(Change { field: field.clone(), change, old: old.cloned(), new: new.cloned() });
        }
        changes.sort_by(|left, right| left.field.cmp(&right.field));
        changes
    }
}

/// One field that differs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// The field, such as `mounts[/workspace].source`.
    pub field: String,
    /// How it differs.
    pub change: ChangeKind,
    /// Digest of the value that is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<Digest>,
    /// Digest of the value that should be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<Digest>,
}

/// How a field differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ChangeKind {
    /// It is not there and should be.
    Added,
    /// It is there with another value.
    Changed,
    /// It is there and should not be.
    Removed,
}

impl Change {
    /// The change with the first digits of both digests, as in `~ image (0123456789ab -> ba9876543210)`.
    pub fn with_digests(&self) -> String {
        let digits = |digest: &Option<Digest>| digest.as_ref().map_or("none", Digest::short).to_owned();
        format!("{self} ({} -> {})", digits(&self.old), digits(&self.new))
    }
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.change {
            ChangeKind::Added => '+',
            ChangeKind::Changed => '~',
            ChangeKind::Removed => '-',
        };
        write!(formatter, "{sign} {}", self.field)
    }
}
