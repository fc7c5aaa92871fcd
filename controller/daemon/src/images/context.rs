//! The archive that is sent to the engine for a build.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};

use crate::docker::Archive;
use crate::tarball::{self, HostFile};

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
            let (root, entries) = (root.clone(), entries.clone());
            tarball::stream(move |tarball| {
                entries.iter().try_for_each(|entry| add(tarball, &root, Utf8Path::new(""), entry))
            })
        }
        SourceKind::Inline { dockerfile: text } => tarball::whole(|tarball| {
            let size = u64::try_from(text.len()).map_err(io::Error::other)?;
            tarball.file(Utf8Path::new(dockerfile), size, false, text.as_bytes())
        }),
        SourceKind::Image { .. } => tarball::whole(|_| Ok(())),
    }
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
    use jackin_api::kinds::{InlineSource, Role};

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
    async fn an_inline_source_sends_its_dockerfile_alone() {
        let mut role = Role::default();
        role.spec.source.inline = Some(InlineSource { dockerfile: "FROM a\n".to_owned() });
        let source = crate::images::observe_source(&role).unwrap();
        let sent = entries(context_archive(&source)).await.unwrap();
        assert_eq!(sent, [("Dockerfile".to_owned(), 0o644, "FROM a\n".to_owned())]);
    }
}
