//! Plugins and marketplaces of an agent, as `jackin.role.toml` has them.

use jackin_api::kinds::{GitSource, Marketplace, RolePlugins};
use jackin_api::validate::normal_git_url;

use super::fields::{Fields, tell};
use super::{Input, Told, inside};

pub(super) fn plugins(agent: &str, input: &Input<'_>, of: &mut Fields, told: &mut Vec<Told>) -> RolePlugins {
    let mut plugins = RolePlugins::default();
    for mut marketplace in of.tables("marketplaces", told) {
        let field = marketplace.path("source");
        match marketplace.text("source", told).map(|source| marketplace_of(&source, input).ok_or(source)) {
            Some(Ok(found)) => plugins.marketplaces.push(found),
            Some(Err(source)) => tell(told, &field, format!("`{source}` is no folder of the role and no repository")),
            None => tell(told, &field, "a marketplace without it is none"),
        }
        // Of a repository the image gets the folders of the plugins and nothing else.
        marketplace.texts("sparse", told);
        marketplace.finish(told);
    }
    for plugin in of.texts("plugins", told) {
        match plugin.parse() {
            Ok(id) => plugins.plugins.push(id),
            Err(error) => tell(told, &format!("{agent}.plugins"), error.to_string()),
        }
    }
    plugins
}

/// A marketplace as it is written for the agent: `owner/name` at GitHub, an address, or a folder.
fn marketplace_of(source: &str, input: &Input<'_>) -> Option<Marketplace> {
    let git = |url: &str| {
        let (url, reference) = url.split_once('#').map_or((url, None), |(url, reference)| (url, Some(reference)));
        let git = GitSource { url: url.to_owned(), reference: reference.map(str::to_owned), ..GitSource::default() };
        Some(Marketplace { git: Some(git), path: None })
    };
    if source.starts_with(['.', '/']) {
        return inside(input.inside, source).map(|path| Marketplace { path: Some(path), git: None });
    }
    match source.split_once('/') {
        _ if normal_git_url(source).is_some() => git(source),
        Some((owner, name)) if !owner.is_empty() && !name.contains('/') => git(&format!("https://github.com/{source}")),
        _ => None,
    }
}
