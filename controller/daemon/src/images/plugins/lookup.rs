//! Where the plugins of a role lie, as far as the repositories that they come from were fetched.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use jackin_api::kinds::{GitSource, Marketplace as Declared, PluginId, RolePlugins};
use serde_json::{Map, Value};

use super::super::SourceError;
use super::super::error::says_missing;
use super::Fetched;
use super::marketplace::{Marketplace, Place};

/// A plugin whose folder is known.
#[derive(Debug)]
pub(in super::super) struct Found {
    pub(in super::super) agent: String,
    pub(in super::super) id: PluginId,
    /// Where its files lie, links resolved.
    pub(in super::super) folder: Utf8PathBuf,
    /// What the marketplace says of it.
    pub(in super::super) entry: Map<String, Value>,
}

/// What was found, and what has to be fetched before the rest is.
#[derive(Debug, Default)]
pub(crate) struct Lookup {
    pub(in super::super) found: Vec<Found>,
    /// Repositories that are not among those that were fetched. Empty: everything was found.
    pub(crate) wanted: Vec<GitSource>,
}

/// Looks plugins up; `root` is the role's own folder, if it has one. Blocks on the file system.
///
/// # Errors
/// When a marketplace or a plugin is not there, or leads out of where it should lie.
pub(crate) fn look_up(
    root: Option<&Utf8Path>,
    declared: &BTreeMap<String, RolePlugins>,
    fetched: &[Fetched],
) -> Result<Lookup, SourceError> {
    let mut lookup = Lookup::default();
    for (agent, of_agent) in declared {
        let marketplaces = marketplaces(root, &of_agent.marketplaces, fetched, &mut lookup.wanted)?;
        let all_are_here = marketplaces.len() == of_agent.marketplaces.len();
        for id in &of_agent.plugins {
            let Some(marketplace) = marketplaces.iter().find(|marketplace| marketplace.name == id.marketplace) else {
                if !all_are_here {
                    // It may be in one that is not fetched.
                    continue;
                }
                let names: Vec<_> = marketplaces.iter().map(|marketplace| marketplace.name.as_str()).collect();
                let why = format!("no marketplace calls itself so; there is {}", names.join(", "));
                return Err(SourceError::plugin(id, why));
            };
            let (entry, place) = marketplace.find(id)?;
            if let Some(folder) = folder_of(id, place, fetched, &mut lookup.wanted)? {
                lookup.found.push(Found { agent: agent.clone(), id: id.clone(), folder, entry });
            }
        }
    }
    Ok(lookup)
}

/// The marketplaces that are here; those that are not fetched are wanted.
fn marketplaces(
    root: Option<&Utf8Path>,
    declared: &[Declared],
    fetched: &[Fetched],
    wanted: &mut Vec<GitSource>,
) -> Result<Vec<Marketplace>, SourceError> {
    let mut marketplaces = Vec::new();
    for declared in declared {
        let said = declared.to_string();
        let bad = |why: &str| SourceError::Marketplace { marketplace: said.clone(), why: why.to_owned() };
        let folder = match declared {
            Declared { path: Some(path), .. } => {
                let root = root.ok_or_else(|| bad("it is a folder of the role's source, and this source has none"))?;
                inside(root, path)?.map_err(bad)?
            }
            Declared { git: Some(source), .. } => match folder_in(source, fetched, wanted) {
                Some(folder) => folder,
                None => continue,
            },
            Declared { path: None, git: None } => return Err(bad("it says neither `path` nor `git`")),
        };
        marketplaces.push(Marketplace::read(&folder, &said)?);
    }
    Ok(marketplaces)
}

fn folder_of(
    id: &PluginId,
    place: Place,
    fetched: &[Fetched],
    wanted: &mut Vec<GitSource>,
) -> Result<Option<Utf8PathBuf>, SourceError> {
    let (of, path) = match place {
        Place::Folder { of, path } => (of, path),
        Place::Repository { source, path } => match folder_in(&source, fetched, wanted) {
            Some(of) => (of, path),
            None => return Ok(None),
        },
    };
    inside(&of, &path)?.map(Some).map_err(|why| SourceError::plugin(id, why.to_owned()))
}

/// The files of a repository; one that was not fetched is wanted.
fn folder_in(source: &GitSource, fetched: &[Fetched], wanted: &mut Vec<GitSource>) -> Option<Utf8PathBuf> {
    let found = fetched.iter().find(|(fetched, _)| fetched == source).map(|(_, checkout)| checkout.folder.clone());
    if found.is_none() && !wanted.contains(source) {
        wanted.push(source.clone());
    }
    found
}

/// A folder inside another one, links resolved; else what is wrong with it.
fn inside(of: &Utf8Path, path: &str) -> Result<Result<Utf8PathBuf, &'static str>, SourceError> {
    let at = of.join(path);
    let folder = match at.canonicalize_utf8() {
        Ok(folder) => folder,
        Err(error) if says_missing(&error) => return Ok(Err("its folder does not exist")),
        Err(error) => return Err(SourceError::unreadable(&at, error)),
    };
    let of = of.canonicalize_utf8().map_err(|error| SourceError::unreadable(of, error))?;
    if !folder.starts_with(&of) {
        return Ok(Err("its folder lies outside of where it comes from"));
    }
    Ok(if folder.is_dir() { Ok(folder) } else { Err("it is no folder") })
}
