//! Paths of the host: made absolute, so that an object means the same wherever it is applied from, and the digest of what lies
//! there, so that an edited file is a changed object.

use camino::{Utf8Path, Utf8PathBuf};
use jackin_api::SOURCE_DIGEST_ANNOTATION;
use jackin_api::kinds::{GitSource, Role};

use super::Object;
use super::node::Node;
use super::problem::Problem;

/// The operator's home.
pub(super) fn home() -> Option<Utf8PathBuf> {
    let home = std::env::var("HOME").ok().filter(|home| home.starts_with('/') && home.len() > 1)?;
    Some(normal(Utf8Path::new(&home)))
}

/// Makes every path of the host absolute, and notes the digest of a role's folder.
pub(super) fn resolve(object: &mut Object, node: &Node, folder: &Utf8Path) -> Vec<Problem> {
    let mut problems = Vec::new();
    match object {
        Object::Workspace(workspace) => {
            for (index, mount) in workspace.spec.mounts.iter_mut().enumerate() {
                let field = format!("spec.mounts[{index}].source");
                make_absolute(&mut mount.source, &field, node, folder, &mut problems);
            }
        }
        Object::Agent(agent) => {
            let install = agent.spec.install.as_mut();
            if let Some(host) = install.and_then(|install| install.host_path.as_mut()) {
                make_absolute(&mut host.path, "spec.install.hostPath.path", node, folder, &mut problems);
            }
        }
        Object::Role(role) => {
            for (git, field) in repositories(role) {
                let trusted = git.trusted_url.as_mut().map(|url| (url, format!("{field}.trustedUrl")));
                for (url, field) in [(&mut git.url, format!("{field}.url"))].into_iter().chain(trusted) {
                    if url.starts_with(['.', '~']) {
                        make_absolute(url, &field, node, folder, &mut problems);
                    }
                }
            }
            let field = "spec.source.path";
            if let Some(path) = &mut role.spec.source.path {
                make_absolute(path, field, node, folder, &mut problems);
                if problems.is_empty() {
                    let folder = Utf8PathBuf::from(path.as_str());
                    match digest(&folder, role) {
                        Ok(digest) => {
                            let annotations = role.metadata.annotations.get_or_insert_default();
                            annotations.extend(digest.map(|digest| (SOURCE_DIGEST_ANNOTATION.to_owned(), digest)));
                        }
                        Err((message, hint)) => {
                            problems.push(Problem::new(message, field, node.locate(field)).hint(hint));
                        }
                    }
                }
            }
        }
    }
    problems
}

/// Every repository that a role names, with its field.
fn repositories(role: &mut Role) -> Vec<(&mut GitSource, String)> {
    let source = role.spec.source.git.as_mut().map(|git| (git, "spec.source.git".to_owned()));
    let marketplaces = role.spec.plugins.iter_mut().flat_map(|(agent, plugins)| {
        plugins.marketplaces.iter_mut().enumerate().filter_map(move |(index, marketplace)| {
            let git = marketplace.git.as_mut()?;
            Some((git, format!("spec.plugins.{agent}.marketplaces[{index}].git")))
        })
    });
    source.into_iter().chain(marketplaces).collect()
}

fn make_absolute(path: &mut String, field: &str, node: &Node, folder: &Utf8Path, problems: &mut Vec<Problem>) {
    if path.is_empty() {
        return;
    }
    let absolute = match path.strip_prefix('~') {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => match home() {
            Some(home) => home.join(rest.trim_start_matches('/')),
            None => {
                let problem = Problem::new("`~` needs HOME to be set", field, node.locate(field));
                problems.push(problem.hint("write the absolute path"));
                return;
            }
        },
        Some(_) => {
            let problem =
                Problem::new(format!("homes of other users are not looked up: `{path}`"), field, node.locate(field));
            problems.push(problem.hint("write the absolute path, or `./~…` for a file of that name"));
            return;
        }
        None => folder.join(path.as_str()),
    };
    *path = normal(&absolute).into_string();
}

/// The path without `.` and `..` and doubled slashes. Links are not followed: what is mounted is what is written.
fn normal(path: &Utf8Path) -> Utf8PathBuf {
    let mut normal = Utf8PathBuf::from("/");
    for component in path.components() {
        match component {
            camino::Utf8Component::Normal(part) => normal.push(part),
            camino::Utf8Component::ParentDir => {
                normal.pop();
            }
            camino::Utf8Component::CurDir | camino::Utf8Component::RootDir | camino::Utf8Component::Prefix(_) => {}
        }
    }
    normal
}

/// The digest of a role's folder, or what is wrong with it and what to do.
fn digest(folder: &Utf8Path, role: &Role) -> Result<Option<String>, (String, String)> {
    if !folder.is_dir() {
        let message = format!("role source is not a folder: `{folder}`");
        return Err((message, "write a folder with a Dockerfile, relative to this file".to_owned()));
    }
    if !folder.join("Dockerfile").is_file() {
        let message = format!("role source has no Dockerfile: `{folder}`");
        return Err((message, format!("write `{folder}/Dockerfile`")));
    }
    jackin_daemon::images::role_source_digest(role)
        .map(|digest| digest.map(|digest| digest.to_string()))
        .map_err(|error| (format!("role source cannot be read: `{folder}`"), error.to_string()))
}
