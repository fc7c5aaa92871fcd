//! Digests of files: type, exec bit, link target, content.
//!
//! A process remembers the digest of each file that it read, by all that the file system says changes with the content.

use std::collections::HashMap;
use std::fs::Metadata;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use camino::{Utf8Path, Utf8PathBuf};
use jackin_api::words::Digest;
use sha2::{Digest as _, Sha256};

use crate::metrics;

/// A file that changed more recently than this may change again within one tick of its clock, so its digest is not remembered.
const SETTLED: Duration = Duration::from_millis(100);

/// More files than this are forgotten at once: the memory is bounded, and whoever still needs one reads it again.
const REMEMBERED: usize = 200_000;

#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    mode: u32,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            mode: metadata.mode(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    fn is_settled(&self) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = u64::try_from(self.changed.0).unwrap_or_default();
        let nanos = u32::try_from(self.changed.1).unwrap_or_default();
        Duration::new(seconds, nanos) + SETTLED < now
    }
}

type Memory = Mutex<HashMap<Utf8PathBuf, (Stamp, Digest)>>;

fn memory() -> &'static Memory {
    static MEMORY: OnceLock<Memory> = OnceLock::new();
    MEMORY.get_or_init(Memory::default)
}

/// The digest of a regular file: that it is one, whether it may be run, and its content.
///
/// `metadata` is the file's own, taken before.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn fingerprint(path: &Utf8Path, metadata: &Metadata) -> io::Result<Digest> {
    let stamp = Stamp::of(metadata);
    let remembered = memory().lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned();
    if let Some((known, digest)) = remembered
        && known == stamp
    {
        metrics::source_file(false);
        return Ok(digest);
    }
    metrics::source_file(true);
    let settled = stamp.is_settled();
    let digest = read(path, is_executable(metadata))?;
    if settled {
        let mut memory = memory().lock().unwrap_or_else(PoisonError::into_inner);
        if memory.len() >= REMEMBERED {
            memory.clear();
        }
        memory.insert(path.to_owned(), (stamp, digest.clone()));
    }
    Ok(digest)
}

/// Whether anybody may run the file.
pub(crate) fn is_executable(metadata: &Metadata) -> bool {
    metadata.mode() & 0o111 != 0
}

fn read(path: &Utf8Path, executable: bool) -> io::Result<Digest> {
    let mut file = std::fs::File::open(path)?;
    let mut hash = file_hash(executable);
    let mut buffer = [0; 64 * 1024];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(finish(hash)),
            Ok(count) => hash.update(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// A hash that is ready for the content of a regular file; [`finish`] gives what [`fingerprint`] does.
pub(crate) fn file_hash(executable: bool) -> Sha256 {
    let mut hash = Sha256::new();
    hash.update(if executable { b"executable\0".as_slice() } else { b"file\0" });
    hash
}

/// The digest of what was put in.
pub(crate) fn finish(hash: Sha256) -> Digest {
    Digest(format!("sha256:{}", hex(&hash.finalize())))
}

/// The digest of some text or bytes.
pub(super) fn sha256(content: impl AsRef<[u8]>) -> Digest {
    digest_of(&[content.as_ref()])
}

/// The digest of several parts, each marked with its length so that no two lists of parts look alike.
///
/// One part alone is hashed as it is.
pub(crate) fn digest_of(parts: &[&[u8]]) -> Digest {
    let mut hash = Sha256::new();
    if let [only] = parts {
        hash.update(only);
    } else {
        for part in parts {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
    }
    finish(hash)
}

/// Hexadecimal digits, lower case.
fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |index: u8| char::from(DIGITS[usize::from(index)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn digest(path: &Utf8Path) -> Digest {
        fingerprint(path, &std::fs::metadata(path).unwrap()).unwrap()
    }

    #[test]
    fn the_exec_bit_counts_and_the_rest_of_the_mode_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(folder.path()).unwrap().join("run.sh");
        let with_mode = |mode| {
            std::fs::write(&path, "echo").unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            digest(&path)
        };
        assert_eq!(with_mode(0o644), with_mode(0o600));
        assert_ne!(with_mode(0o644), with_mode(0o755));
    }

    #[test]
    fn a_file_written_twice_within_a_tick_is_read_twice() {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(folder.path()).unwrap().join("data");
        let mut seen = std::collections::BTreeSet::new();
        for turn in 0..100 {
            std::fs::write(&path, format!("{turn:03}")).unwrap();
            seen.insert(digest(&path));
        }
        assert_eq!(seen.len(), 100);
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(digest_of(&[b"ab", b"c"]), digest_of(&[b"a", b"bc"]));
    }

    #[test]
    fn digests_are_those_of_common_tools() {
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256("").0, empty);
    }
}
