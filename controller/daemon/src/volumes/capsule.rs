//! The capsule's program on this host: where it is, whether it will run in any image, what it is.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use jackin_api::words::Digest;

use crate::docker::Archive;
use crate::images::{digest_of, fingerprint, says_missing};
use crate::tarball::{self, HostFile};

/// Name of the program, on the host and in its volume.
const NAME: &str = "jackin-capsule";

/// Variable that names the program.
const VARIABLE: &str = "JACKIN_CAPSULE";

/// The capsule's program as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapsuleProgram {
    /// Where it is.
    pub path: Utf8PathBuf,
    /// Digest of what its volume holds.
    pub content: Digest,
    file: Digest,
    size: u64,
}

/// Why there is no usable capsule.
#[derive(Debug, thiserror::Error)]
pub enum CapsuleError {
    /// It is nowhere.
    #[error("find the capsule: it is not at {}", .places.iter().map(|place| format!("`{place}`")).collect::<Vec<_>>().join(" or "))]
    Missing {
        /// Where it was looked for.
        places: Vec<Utf8PathBuf>,
    },
    /// It is no program for this system.
    #[error("use the capsule `{path}`: it is not a program for 64-bit Linux")]
    NotAProgram {
        /// The file.
        path: Utf8PathBuf,
    },
    /// It needs libraries, which an image may not have.
    #[error("use the capsule `{path}`: it is not linked statically")]
    NotStatic {
        /// The file.
        path: Utf8PathBuf,
    },
    /// It could not be read.
    #[error("read the capsule `{path}`")]
    Unreadable {
        /// The file.
        path: Utf8PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The place of this program is not known.
    #[error("find the capsule beside this program")]
    NoPlace(#[source] io::Error),
}

impl CapsuleError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Missing { .. } | Self::NoPlace(_) => {
                Some("install `jackin-capsule` beside `jackin`, or name it in JACKIN_CAPSULE")
            }
            Self::NotAProgram { .. } | Self::NotStatic { .. } => Some(
                "build it with `cargo build -p jackin-capsule` inside the repository, whose settings link it statically",
            ),
            Self::Unreadable { .. } => None,
        }
    }
}

impl CapsuleProgram {
    /// Finds it: named by `JACKIN_CAPSULE`, beside this program, or in `../lib/jackin`. Blocks on the file system.
    ///
    /// # Errors
    /// When it is nowhere, or is none that runs in every image.
    pub fn find() -> Result<Self, CapsuleError> {
        let named = std::env::var(VARIABLE).ok().filter(|path| !path.is_empty()).map(Utf8PathBuf::from);
        let places = match named {
            Some(path) => vec![path],
            None => beside().map_err(CapsuleError::NoPlace)?,
        };
        Self::find_in(places)
    }

    fn find_in(places: Vec<Utf8PathBuf>) -> Result<Self, CapsuleError> {
        for path in &places {
            match std::fs::metadata(path) {
                Ok(_) => return Self::at(path),
                Err(error) if says_missing(&error) => {}
                Err(source) => {
                    return Err(CapsuleError::Unreadable { path: path.clone(), source });
                }
            }
        }
        Err(CapsuleError::Missing { places })
    }

    /// The program at a path.
    ///
    /// # Errors
    /// When it cannot be read, or does not run in every image.
    pub fn at(path: &Utf8Path) -> Result<Self, CapsuleError> {
        let unreadable = |source| CapsuleError::Unreadable { path: path.to_owned(), source };
        let metadata = std::fs::metadata(path).map_err(unreadable)?;
        let head = head(path).map_err(unreadable)?;
        let interpreter = has_interpreter(&head).ok_or_else(|| CapsuleError::NotAProgram { path: path.to_owned() })?;
        if interpreter || !metadata.is_file() {
            return Err(CapsuleError::NotStatic { path: path.to_owned() });
        }
        let file = fingerprint(path, &metadata).map_err(unreadable)?;
        let content = digest_of(&[b"capsule", file.0.as_bytes()]);
        Ok(Self { path: path.to_owned(), content, file, size: metadata.len() })
    }

    /// What its volume holds: the program, alone. It fails when the file is no longer what was found.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn archive(&self) -> Archive {
        let Self { path, file, size, .. } = self.clone();
        tarball::stream(move |tarball| {
            let executable = crate::images::is_executable(&std::fs::metadata(&path)?);
            if !executable {
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("`{path}` may not be run")));
            }
            tarball.host_file(NAME.into(), &HostFile { path, size, executable, digest: &file })
        })
    }
}

fn beside() -> io::Result<Vec<Utf8PathBuf>> {
    let program = std::env::current_exe()?.canonicalize()?;
    let program = Utf8PathBuf::try_from(program).map_err(io::Error::other)?;
    let folder = program.parent().unwrap_or(Utf8Path::new("/"));
    Ok(vec![folder.join(NAME), folder.join("../lib/jackin").join(NAME)])
}

/// The first bytes of a file: more than the heads of any program that a linker makes.
fn head(path: &Utf8Path) -> io::Result<Vec<u8>> {
    use io::Read;
    let mut head = Vec::new();
    std::fs::File::open(path)?.take(64 * 1024).read_to_end(&mut head)?;
    Ok(head)
}

/// Whether a program names the interpreter that loads its libraries; `None` when it is no program for 64-bit Linux.
fn has_interpreter(file: &[u8]) -> Option<bool> {
    const INTERPRETER: u32 = 3;
    let bytes = |at: usize, count: usize| file.get(at..at.checked_add(count)?);
    // Magic, 64 bits, least significant byte first.
    if bytes(0, 6)? != b"\x7fELF\x02\x01" {
        return None;
    }
    let short = |at: usize| Some(usize::from(u16::from_le_bytes(bytes(at, 2)?.try_into().ok()?)));
    let table = usize::try_from(u64::from_le_bytes(bytes(32, 8)?.try_into().ok()?)).ok()?;
    let (entry_size, count) = (short(54)?, short(56)?);
    let mut found = false;
    for index in 0..count {
        let at = table.checked_add(index.checked_mul(entry_size)?)?;
        found |= u32::from_le_bytes(bytes(at, 4)?.try_into().ok()?) == INTERPRETER;
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tarball::tests::entries;

    /// The head of a program with one segment of this type.
    fn program(segment: u32) -> Vec<u8> {
        let mut file = vec![0; 64 + 56];
        file[..6].copy_from_slice(b"\x7fELF\x02\x01");
        file[32] = 64;
        file[54] = 56;
        file[56] = 1;
        file[64..68].copy_from_slice(&segment.to_le_bytes());
        file
    }

    fn at(content: &[u8]) -> (tempfile::TempDir, Utf8PathBuf) {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(folder.path()).unwrap().join(NAME);
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        (folder, path)
    }

    #[tokio::test]
    async fn a_static_program_is_sent_alone_and_may_be_run() {
        let (_folder, path) = at(&program(1));
        let found = CapsuleProgram::find_in(vec!["/nonexistent/x".into(), path]).unwrap();
        let sent = entries(found.archive()).await.unwrap();
        let [(name, mode, _)] = sent.as_slice() else { panic!("{sent:?}") };
        assert_eq!((name.as_str(), *mode), (NAME, 0o755));
    }

    #[test]
    fn this_very_program_is_static() {
        assert_eq!(
            has_interpreter(&head(&Utf8PathBuf::try_from(std::env::current_exe().unwrap()).unwrap()).unwrap()),
            Some(false)
        );
    }

    #[test]
    fn a_program_that_needs_libraries_is_refused() {
        let (_folder, path) = at(&program(3));
        assert!(matches!(CapsuleProgram::at(&path), Err(CapsuleError::NotStatic { .. })));
        for wrong in [&b"#!/bin/sh"[..], &program(1)[..66], b""] {
            let (_folder, path) = at(wrong);
            assert!(matches!(CapsuleProgram::at(&path), Err(CapsuleError::NotAProgram { .. })));
        }
        let error = CapsuleProgram::find_in(vec![path.join("none"), "/nonexistent/x".into()]).unwrap_err();
        assert!(matches!(error, CapsuleError::Missing { places } if places.len() == 2));
    }
}
