//! The role's plugins: found through the marketplaces that it names, and read to be put into the image.
//!
//! Nothing of a plugin runs and no agent's program is asked: a plugin is a folder, and the image gets it as it is. How an agent is
//! told of it is the Agent's business (`spec.plugins`).
//!
//! # Flow
//!
//! [`look_up`] finds the folder of each plugin, and names the repositories that are still to be fetched for that; whoever calls it
//! fetches them and asks again. [`read`] reads the folders.

mod lookup;
mod marketplace;

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use jackin_api::kinds::{GitSource, PluginId};
use jackin_api::words::Digest;
use jackin_plan::launch::PLUGINS;
use serde_json::{Map, Value};

use super::SourceError;
use super::fingerprint::digest_of;
use super::walk::{ContextEntry, EntryKind, walk_everything};
use crate::git::{Checkout, stays};

pub(crate) use lookup::look_up;
pub(super) use lookup::{Found, Lookup};

/// Where a plugin says what it is, inside its folder.
pub(super) const MANIFEST: &str = ".claude-plugin/plugin.json";

/// Fields of a marketplace's entry that are about the marketplace and not about the plugin.
const OF_THE_MARKETPLACE: [&str; 4] = ["source", "strict", "category", "tags"];

/// A repository that plugins come from, and where its files are.
pub(crate) type Fetched = (GitSource, Checkout);

/// A plugin as it was found.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plugin {
    /// The agent that it is for.
    pub(super) agent: String,
    /// Which plugin.
    pub(super) id: PluginId,
    /// Where its files lie, links resolved.
    pub(super) folder: Utf8PathBuf,
    /// Its files.
    pub(super) entries: Vec<ContextEntry>,
    /// What it says of itself, where its own file lacks what the marketplace says of it.
    pub(super) manifest: Option<String>,
}

/// Reads plugins. Blocks on the file system.
pub(super) fn read(found: Vec<Found>) -> Result<Vec<Plugin>, SourceError> {
    found.into_iter().map(read_one).collect()
}

/// Digests of the plugins by agent and name: where each lies in the image, and its content.
pub(super) fn fields(plugins: &[Plugin]) -> BTreeMap<String, Digest> {
    let digest = |plugin: &Plugin| {
        let Plugin { agent, id, folder: _, entries, manifest } = plugin;
        let mut parts = vec![PLUGINS.to_owned(), manifest.clone().unwrap_or_default()];
        parts.extend(entries.iter().flat_map(|entry| [entry.path.to_string(), entry.digest.0.clone()]));
        let parts: Vec<_> = parts.iter().map(String::as_bytes).collect();
        (format!("plugins[{agent}/{id}]"), digest_of(&parts))
    };
    plugins.iter().map(digest).collect()
}

fn read_one(found: Found) -> Result<Plugin, SourceError> {
    let Found { agent, id, folder, entry } = found;
    let mut entries = walk_everything(&folder)?;
    entries.retain(|entry| !entry.path.starts_with(".git"));
    if let Some(link) = entries.iter().find(|entry| leads_out(entry)) {
        return Err(SourceError::plugin(&id, format!("its link `{}` leads out of its folder", link.path)));
    }
    let manifest = manifest(&id, &folder, entry)?;
    if manifest.is_some() {
        entries.retain(|entry| entry.path != MANIFEST);
    }
    Ok(Plugin { agent, id, folder, entries, manifest })
}

fn leads_out(entry: &ContextEntry) -> bool {
    match &entry.kind {
        EntryKind::Link { target } => !stays(&entry.path, target),
        EntryKind::Folder | EntryKind::File { .. } => false,
    }
}

/// What the plugin's own file says, with what it leaves to the marketplace; nothing when that adds nothing.
fn manifest(id: &PluginId, folder: &Utf8Path, entry: Map<String, Value>) -> Result<Option<String>, SourceError> {
    let own = match super::source::read_text(&folder.join(MANIFEST))? {
        Some(text) => serde_json::from_str::<Map<String, Value>>(&text)
            .map_err(|error| SourceError::plugin(id, format!("its `{MANIFEST}` cannot be read: {error}")))?,
        None => Map::new(),
    };
    let mut whole = entry;
    OF_THE_MARKETPLACE.iter().for_each(|field| drop(whole.remove(*field)));
    whole.extend(own.clone());
    Ok((whole != own).then(|| Value::Object(whole).to_string()))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
