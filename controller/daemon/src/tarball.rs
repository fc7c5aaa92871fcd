//! Writing tar archives that come out the same each time: no times, no owners, two modes, one order.
//!
//! What goes into them is the caller's; how they travel is [`crate::docker::Archive`].

use std::fs::File;
use std::io::{self, Read, Write};

use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};
use jackin_api::words::Digest;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use crate::docker::Archive;
use crate::images::{file_hash, finish};

/// Bytes that travel at once.
const CHUNK: usize = 128 * 1024;

/// An archive being written.
pub(crate) struct Tarball<W: Write>(tar::Builder<W>);

/// A regular file of the host that goes into an archive as it was observed.
pub(crate) struct HostFile<'a> {
    pub(crate) path: Utf8PathBuf,
    pub(crate) size: u64,
    pub(crate) executable: bool,
    /// What [`crate::images::fingerprint`] gave for it.
    pub(crate) digest: &'a Digest,
}

impl<W: Write> Tarball<W> {
    fn new(writer: W) -> Self {
        Self(tar::Builder::new(writer))
    }

    /// Adds a folder.
    pub(crate) fn folder(&mut self, path: &Utf8Path) -> io::Result<()> {
        let mut header = header(tar::EntryType::Directory, 0, 0o755);
        self.0.append_data(&mut header, path, io::empty())
    }

    /// Adds a symbolic link.
    pub(crate) fn link(&mut self, path: &Utf8Path, target: &Utf8Path) -> io::Result<()> {
        let mut header = header(tar::EntryType::Symlink, 0, 0o777);
        self.0.append_link(&mut header, path, target)
    }

    /// Adds a regular file; `content` must give exactly `size` bytes.
    pub(crate) fn file(&mut self, path: &Utf8Path, size: u64, executable: bool, content: impl Read) -> io::Result<()> {
        let mut header = header(tar::EntryType::Regular, size, if executable { 0o755 } else { 0o644 });
        self.0.append_data(&mut header, path, Exact { content, left: size })
    }

    /// Adds a file of the host; fails when it is no longer what was observed.
    pub(crate) fn host_file(&mut self, path: &Utf8Path, file: &HostFile<'_>) -> io::Result<()> {
        self.host_file_as(path, file, file.executable)
    }

    /// The same, as a file that may be run whether it may be on the host or not.
    pub(crate) fn host_program(&mut self, path: &Utf8Path, file: &HostFile<'_>) -> io::Result<()> {
        self.host_file_as(path, file, true)
    }

    fn host_file_as(&mut self, path: &Utf8Path, file: &HostFile<'_>, executable: bool) -> io::Result<()> {
        let opened = File::open(&file.path).map_err(|error| named(&file.path, &error))?;
        let mut hashing = Hashing { content: opened, hash: file_hash(file.executable) };
        self.file(path, file.size, executable, &mut hashing).map_err(|error| named(&file.path, &error))?;
        if hashing.content.read(&mut [0])? == 0 && finish(hashing.hash) == *file.digest {
            Ok(())
        } else {
            Err(changed(&file.path))
        }
    }
}

fn header(kind: tar::EntryType, size: u64, mode: u32) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(mode);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}

fn named(path: &Utf8Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("read `{path}`: {error}"))
}

fn changed(path: &Utf8Path) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("`{path}` changed while it was read"))
}

/// Gives exactly so many bytes, or fails: an archive with less than its head says cannot be read.
struct Exact<R> {
    content: R,
    left: u64,
}

impl<R: Read> Read for Exact<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Ok(0);
        }
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let count = self.content.read(&mut buffer[..most])?;
        if count == 0 && most > 0 {
            let message = "the file became shorter while it was read";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
        }
        self.left -= u64::try_from(count).unwrap_or(self.left);
        Ok(count)
    }
}

struct Hashing<R> {
    content: R,
    hash: Sha256,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.content.read(buffer)?;
        self.hash.update(&buffer[..count]);
        Ok(count)
    }
}

/// An archive that `write` makes on a thread of its own while it is sent; an error of `write` fails the archive.
///
/// # Panics
/// Outside of a tokio runtime.
pub(crate) fn stream(write: impl FnOnce(&mut Tarball<Sender>) -> io::Result<()> + Send + 'static) -> Archive {
    let (chunks, receiver) = mpsc::channel(4);
    tokio::task::spawn_blocking(move || {
        let failures = chunks.clone();
        let sender = Sender { chunks, buffer: Vec::with_capacity(CHUNK) };
        let mut tarball = Tarball::new(sender);
        // Without its end an archive that was cut short would look complete, so it is written only after success.
        let result = write(&mut tarball).and_then(|()| tarball.0.into_inner()).and_then(|mut sender| sender.flush());
        if let Err(error) = result {
            // When nobody listens any more, nobody wants to know.
            let _ = failures.blocking_send(Err(error));
        }
    });
    Archive::from_stream(futures::stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|chunk| (chunk, receiver))
    }))
}

/// A small archive that `write` makes in memory; an error of `write` fails the archive.
pub(crate) fn whole(write: impl FnOnce(&mut Tarball<Vec<u8>>) -> io::Result<()>) -> Archive {
    let mut tarball = Tarball::new(Vec::new());
    let written = write(&mut tarball).and_then(|()| tarball.0.into_inner()).map(Bytes::from);
    Archive::from_stream(futures::stream::once(std::future::ready(written)))
}

/// The end of an archive's channel that is written to.
pub(crate) struct Sender {
    chunks: mpsc::Sender<io::Result<Bytes>>,
    buffer: Vec<u8>,
}

impl Sender {
    fn send(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK));
        let nobody = |_| io::Error::new(io::ErrorKind::BrokenPipe, "nobody reads the archive");
        self.chunks.blocking_send(Ok(Bytes::from(chunk))).map_err(nobody)
    }
}

impl Write for Sender {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK {
            self.send()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Path, mode and content or link target of each entry.
    pub(crate) async fn entries(archive: Archive) -> io::Result<Vec<(String, u32, String)>> {
        let bytes = archive.collect().await?;
        let mut archive = tar::Archive::new(bytes.as_ref());
        let mut entries = Vec::new();
        for entry in archive.entries()? {
            let mut entry = entry?;
            assert_eq!((entry.header().mtime()?, entry.header().uid()?), (0, 0));
            let path = entry.path()?.to_string_lossy().into_owned();
            let link = entry.link_name()?.map(|target| format!("-> {}", target.display()));
            let mut content = String::new();
            entry.read_to_string(&mut content)?;
            entries.push((path, entry.header().mode()?, link.unwrap_or(content)));
        }
        Ok(entries)
    }

    #[tokio::test]
    async fn long_paths_and_targets_come_through() {
        let (path, target) = ("d/".repeat(120) + "file", "t/".repeat(120) + "target");
        let (path_sent, target_sent) = (path.clone(), target.clone());
        let archive = stream(move |tarball| {
            tarball.file(path_sent.as_str().into(), 1, true, b"x".as_slice())?;
            tarball.link("link".into(), target_sent.as_str().into())
        });
        let entries = entries(archive).await.unwrap();
        assert_eq!(entries[0], (path, 0o755, "x".to_owned()));
        assert_eq!(entries[1].2, format!("-> {target}"));
    }

    #[tokio::test]
    async fn a_file_that_is_not_what_was_observed_fails_the_archive() {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(folder.path()).unwrap().join("file");
        for (observed, found) in [("long", "short!"), ("longer", "short"), ("same", "size")] {
            std::fs::write(&path, observed).unwrap();
            let digest = crate::images::fingerprint(&path, &std::fs::metadata(&path).unwrap()).unwrap();
            let send = || {
                let (path, digest) = (path.clone(), digest.clone());
                stream(move |tarball| {
                    let size = u64::try_from(observed.len()).unwrap();
                    let file = HostFile { path, size, executable: false, digest: &digest };
                    tarball.host_file("file".into(), &file)
                })
            };
            assert_eq!(entries(send()).await.unwrap()[0].2, observed);
            std::fs::write(&path, found).unwrap();
            assert!(send().collect().await.is_err(), "{found}");
        }
    }
}
