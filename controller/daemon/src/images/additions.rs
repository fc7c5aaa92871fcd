//! What an image has beside what its Dockerfile makes: hooks and plugins of the role.
//!
//! They are put on top of the finished image in a step of their own, and the role's Dockerfile is built as it stands: a `COPY .` in it
//! takes none of them, and whatever is its last line, user or stage does not matter to them.

use std::collections::BTreeMap;
use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use jackin_api::words::Digest;
use jackin_plan::launch::{HOOKS, PLUGINS};
use jackin_plan::world::ImageId;

use super::context;
use super::hooks::{self, HookFile};
use super::plugins::{self, Plugin};
use super::source::DOCKERFILE;
use crate::docker::Archive;
use crate::tarball::{self, HostFile, Tarball};

/// See the module.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Additions {
    pub(super) hooks: Vec<HookFile>,
    pub(super) plugins: Vec<Plugin>,
}

impl Additions {
    pub(super) fn is_empty(&self) -> bool {
        let Self { hooks, plugins } = self;
        hooks.is_empty() && plugins.is_empty()
    }

    /// The fields of the recipe that they give.
    pub(super) fn fields(&self) -> BTreeMap<String, Digest> {
        let Self { hooks, plugins } = self;
        hooks::fields(hooks).into_iter().chain(plugins::fields(plugins)).collect()
    }

    /// What puts them on an image, read while it is sent. What `COPY` makes is root's, so that no agent can change it.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub(super) fn archive(&self, below: &ImageId) -> Archive {
        let Self { hooks, plugins } = self.clone();
        let text = self.dockerfile(below);
        tarball::stream(move |tarball| {
            text_file(tarball, DOCKERFILE.into(), &text)?;
            hooks.iter().try_for_each(|hook| add_hook(tarball, hook))?;
            plugins.iter().try_for_each(|plugin| add_plugin(tarball, plugin))
        })
    }

    fn dockerfile(&self, below: &ImageId) -> String {
        let Self { hooks, plugins } = self;
        let mut text = format!("FROM {below}\n");
        for (is_there, place) in [(!hooks.is_empty(), HOOKS), (!plugins.is_empty(), PLUGINS)] {
            if is_there {
                text += &format!("COPY {}/ {place}/\n", in_context(place));
            }
        }
        text
    }
}

/// Where the archive has what lies at a place of the image.
fn in_context(place: &str) -> &str {
    place.trim_start_matches('/')
}

fn add_hook<W: io::Write>(tarball: &mut Tarball<W>, hook: &HookFile) -> io::Result<()> {
    let path = Utf8Path::new(in_context(HOOKS)).join(hook.hook.name());
    let HookFile { file, size, executable, digest, .. } = hook;
    tarball.host_program(&path, &HostFile { path: file.clone(), size: *size, executable: *executable, digest })
}

fn add_plugin<W: io::Write>(tarball: &mut Tarball<W>, plugin: &Plugin) -> io::Result<()> {
    let Plugin { agent, id, folder, entries, manifest } = plugin;
    let prefix = Utf8PathBuf::from_iter([in_context(PLUGINS), agent, &id.to_string()]);
    for entry in entries {
        context::add(tarball, folder, &prefix, entry)?;
    }
    match manifest {
        Some(text) => text_file(tarball, &prefix.join(plugins::MANIFEST), text),
        None => Ok(()),
    }
}

fn text_file<W: io::Write>(tarball: &mut Tarball<W>, path: &Utf8Path, text: &str) -> io::Result<()> {
    let size = u64::try_from(text.len()).map_err(io::Error::other)?;
    tarball.file(path, size, false, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use jackin_api::kinds::{Hooks, Role};

    use super::*;
    use crate::images::{context_archive, observe_source};
    use crate::tarball::tests::entries;

    #[tokio::test]
    async fn the_dockerfile_is_sent_as_it_stands_and_hooks_go_on_top_to_be_run() {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(folder.path()).unwrap();
        let dockerfile = "FROM a\nUSER 7\nRUN cat <<x\n";
        for (name, text) in [("Dockerfile", dockerfile), (".dockerignore", "*"), ("check.sh", "exit 0")] {
            std::fs::write(path.join(name), text).unwrap();
        }
        let mut role = Role::default();
        role.spec.source.path = Some(path.to_string());
        role.spec.hooks = Some(Hooks { preflight: Some("check.sh".to_owned()), ..Hooks::default() });
        let source = observe_source(&role).unwrap();
        let file = |name: &str, mode, text: &str| (name.to_owned(), mode, text.to_owned());
        let sent = entries(context_archive(&source)).await.unwrap();
        assert_eq!(sent, [file(".dockerignore", 0o644, "*"), file("Dockerfile", 0o644, dockerfile)]);
        let on_top = || entries(source.additions.archive(&ImageId("sha256:0".to_owned())));
        let text = "FROM sha256:0\nCOPY jackin/hooks/ /jackin/hooks/\n";
        let expected = [file("Dockerfile", 0o644, text), file("jackin/hooks/preflight", 0o755, "exit 0")];
        assert_eq!(on_top().await.unwrap(), expected);

        std::fs::write(path.join("check.sh"), "exit 1").unwrap();
        let error = on_top().await.unwrap_err();
        assert!(error.to_string().contains("changed"), "{error}");
    }
}
