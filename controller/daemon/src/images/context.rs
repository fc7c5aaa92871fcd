//! The archive that is sent to the engine for a build.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};

use crate::docker::Archive;
use crate::tarball::{self, HostFile};

use super::hooks::{self, HookFile};
use super::walk::{ContextEntry, EntryKind};
use super::{ObservedSource, SourceKind};

/// The context of a source, read while it is sent: equal sources give equal bytes.
///
/// It fails when a file is no longer what was observed. A source that is an image has an empty context.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn context_archive(source: &ObservedSource) -> Archive {
    let dockerfile = source.dockerfile();
    match &source.kind {
        SourceKind::Folder { root, entries } => {
            let (root, entries, hooks) = (root.clone(), entries.clone(), source.hooks.clone());
            let target = source.build.target.clone();
            tarball::stream(move |tarball| {
                for entry in &entries {
                    if !hooks.is_empty() && entry.path == dockerfile {
                        add_dockerfile_with_hooks(tarball, &root, entry, target.as_deref())?;
                    } else {
                        add(tarball, &root, Utf8Path::new(""), entry)?;
                    }
                }
                hooks.iter().try_for_each(|hook| add_hook(tarball, hook))
            })
        }
        SourceKind::Inline { dockerfile: text } => tarball::whole(|tarball| {
            let size = u64::try_from(text.len()).map_err(io::Error::other)?;
            tarball.file(Utf8Path::new(dockerfile), size, false, text.as_bytes())
        }),
        SourceKind::Image { .. } => tarball::whole(|_| Ok(())),
    }
}

fn add_dockerfile_with_hooks<W: io::Write>(
    tarball: &mut tarball::Tarball<W>,
    root: &Utf8Path,
    entry: &ContextEntry,
    target: Option<&str>,
) -> io::Result<()> {
    let path = root.join(&entry.path);
    let executable = matches!(entry.kind, EntryKind::File { executable: true, .. });
    let text = tarball::read_as_observed(&path, executable, &entry.digest)?;
    let text = hooks::with_copy(&String::from_utf8_lossy(&text), target);
    let size = u64::try_from(text.len()).map_err(io::Error::other)?;
    tarball.file(&entry.path, size, executable, text.as_bytes())
}

fn add_hook<W: io::Write>(tarball: &mut tarball::Tarball<W>, hook: &HookFile) -> io::Result<()> {
    let path = Utf8Path::new(hooks::FOLDER).join(hook.hook.name());
    let HookFile { file, size, executable, digest, .. } = hook;
    tarball.host_program(&path, &HostFile { path: file.clone(), size: *size, executable: *executable, digest })
}

/// Adds an entry of the folder `root` to an archive, below `prefix`.
pub(crate) fn add<W: io::Write>(
    tarball: &mut tarball::Tarball<W>,
    root: &Utf8Path,
    prefix: &Utf8Path,
    entry: &ContextEntry,
) -> io::Result<()> {
    let path: Utf8PathBuf = prefix.join(&entry.path);
    match &entry.kind {
        EntryKind::Folder => tarball.folder(&path),
        EntryKind::Link { target } => tarball.link(&path, target),
        EntryKind::File { executable, size } => {
            let file =
                HostFile { path: root.join(&entry.path), size: *size, executable: *executable, digest: &entry.digest };
            tarball.host_file(&path, &file)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tarball::tests::entries;
    use jackin_api::kinds::{Hooks, InlineSource, Role};

    #[tokio::test]
    async fn equal_sources_give_equal_bytes() {
        let archive = async |names: [&str; 3]| {
            let folder = tempfile::tempdir().unwrap();
            let path = Utf8Path::from_path(folder.path()).unwrap();
            for name in names {
                std::fs::write(path.join(name), name).unwrap();
            }
            let mut role = Role::default();
            role.spec.source.path = Some(path.to_string());
            context_archive(&crate::images::observe_source(&role).unwrap()).collect().await.unwrap()
        };
        assert_eq!(archive(["Dockerfile", "b", "a"]).await, archive(["a", "Dockerfile", "b"]).await);
    }

    #[tokio::test]
    async fn hooks_are_sent_to_be_run_and_copied_last_whatever_is_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(folder.path()).unwrap();
        for (name, text) in [("Dockerfile", "FROM a\nUSER 7 \\\n"), (".dockerignore", "*"), ("check.sh", "exit 0")] {
            std::fs::write(path.join(name), text).unwrap();
        }
        let mut role = Role::default();
        role.spec.source.path = Some(path.to_string());
        role.spec.hooks = Some(Hooks { preflight: Some("check.sh".to_owned()), ..Hooks::default() });
        let source = crate::images::observe_source(&role).unwrap();
        let sent = entries(context_archive(&source)).await.unwrap();
        let hook = (".jackin-hooks/preflight".to_owned(), 0o755, "exit 0".to_owned());
        let dockerfile = "FROM a\nUSER 7 \nCOPY .jackin-hooks/ /jackin/hooks/\n".to_owned();
        let ignore = (".dockerignore".to_owned(), 0o644, "*".to_owned());
        assert_eq!(sent, [ignore, ("Dockerfile".to_owned(), 0o644, dockerfile), hook]);

        std::fs::write(path.join("check.sh"), "exit 1").unwrap();
        let error = entries(context_archive(&source)).await.unwrap_err();
        assert!(error.to_string().contains("changed"), "{error}");
    }

    #[tokio::test]
    async fn an_inline_source_sends_its_dockerfile_alone() {
        let mut role = Role::default();
        role.spec.source.inline = Some(InlineSource { dockerfile: "FROM a\n".to_owned() });
        let source = crate::images::observe_source(&role).unwrap();
        let sent = entries(context_archive(&source)).await.unwrap();
        assert_eq!(sent, [("Dockerfile".to_owned(), 0o644, "FROM a\n".to_owned())]);
    }
}
