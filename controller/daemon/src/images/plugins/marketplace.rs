//! A marketplace: the list of plugins in `.claude-plugin/marketplace.json`, and where it says that each lies.
//!
//! The form is that of Claude Code (version 2.1), of which what is needed to find a plugin is read; the rest of an entry is the
//! plugin's. Sources that are neither a folder of the marketplace nor a git repository are told as not supported.

use camino::{Utf8Path, Utf8PathBuf};
use jackin_api::kinds::{GitSource, PluginId};
use jackin_api::validate::fetched_git_source;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::SourceError;
use super::super::source::read_text;

/// Where a marketplace has its list.
const LIST: &str = ".claude-plugin/marketplace.json";

/// A marketplace as it was read.
#[derive(Debug)]
pub(super) struct Marketplace {
    /// The name that it gives itself.
    pub(super) name: String,
    /// Where its files lie.
    folder: Utf8PathBuf,
    plugins: Vec<Map<String, Value>>,
    /// The folder that sources without a leading `./` count from.
    plugin_root: String,
}

/// Where a plugin lies.
#[derive(Debug, PartialEq)]
pub(super) enum Place {
    /// In a folder, which must stay inside another one.
    Folder { of: Utf8PathBuf, path: String },
    /// In a folder of a repository; an empty path is the whole.
    Repository { source: GitSource, path: String },
}

#[derive(Deserialize)]
struct List {
    name: String,
    #[serde(default)]
    metadata: Metadata,
    plugins: Vec<Map<String, Value>>,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default, rename = "pluginRoot")]
    plugin_root: String,
}

impl Marketplace {
    /// Reads the list of the marketplace in a folder; `said` is what the role calls it.
    pub(super) fn read(folder: &Utf8Path, said: &str) -> Result<Self, SourceError> {
        let bad = |why: String| SourceError::Marketplace { marketplace: said.to_owned(), why };
        let text = read_text(&folder.join(LIST))?.ok_or_else(|| bad(format!("it has no `{LIST}`")))?;
        let List { name, metadata, plugins } =
            serde_json::from_str(&text).map_err(|error| bad(format!("its `{LIST}` cannot be read: {error}")))?;
        Ok(Self { name, folder: folder.to_owned(), plugins, plugin_root: metadata.plugin_root })
    }

    /// The entry of a plugin, and where it lies.
    pub(super) fn find(&self, id: &PluginId) -> Result<(Map<String, Value>, Place), SourceError> {
        let name = |entry: &&Map<String, Value>| entry.get("name").and_then(Value::as_str) == Some(id.name.as_str());
        let entry = self.plugins.iter().find(name).ok_or_else(|| {
            let others: Vec<_> = self.plugins.iter().filter_map(|entry| entry.get("name")?.as_str()).take(10).collect();
            SourceError::plugin(id, format!("the marketplace has no plugin of that name; it has {}", others.join(", ")))
        })?;
        let place = self.place(entry.get("source").unwrap_or(&Value::Null));
        let place = place.map_err(|why| SourceError::plugin(id, why))?;
        Ok((entry.clone(), place))
    }

    fn place(&self, source: &Value) -> Result<Place, String> {
        let text = |field: &str| source.get(field).and_then(Value::as_str).map(str::to_owned);
        let needed = |field: &str| text(field).ok_or_else(|| format!("its source has no `{field}`"));
        let repository = |url: String, path: String| {
            let (reference, commit) = (text("ref"), text("sha").or_else(|| text("commit")));
            let source = GitSource { url, reference, commit, trusted_url: None };
            match fetched_git_source("source", &source).into_iter().next() {
                Some(broken) => Err(format!("its source in the marketplace: {}", broken.message)),
                None => Ok(Place::Repository { source, path }),
            }
        };
        if let Some(path) = source.as_str() {
            let path = match path.strip_prefix("./") {
                Some(path) => path.to_owned(),
                None => format!("{}/{path}", self.plugin_root.trim_start_matches("./")).trim_matches('/').to_owned(),
            };
            return Ok(Place::Folder { of: self.folder.clone(), path });
        }
        match text("source").as_deref() {
            Some("github") => repository(github(&needed("repo")?), text("path").unwrap_or_default()),
            Some("url") => repository(needed("url")?, text("path").unwrap_or_default()),
            Some("git-subdir") => {
                let url = needed("url")?;
                let url = if url.contains(':') || url.starts_with('/') { url } else { github(&url) };
                repository(url, needed("path")?)
            }
            Some(other) => {
                Err(format!("plugins from `{other}` are not supported; only folders and git repositories are"))
            }
            None => Err("its entry in the marketplace says no source that is understood".to_owned()),
        }
    }
}

/// The address of a repository that is written as `owner/name`.
fn github(name: &str) -> String {
    format!("https://github.com/{name}")
}
