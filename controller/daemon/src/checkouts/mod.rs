//! The host's side of an instance's mounts: what is there.
//!
//! Observation only: a look at each source, links resolved. Making checkouts of git repositories will live here; whether a mount
//! may be used is the planner's decision.

mod mounted;

pub use mounted::observe_mounted;

use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use jackin_api::validate::{is_home, is_sensitive};

use crate::images::says_missing;

/// A mount's source as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedMount {
    /// Path on the host, as the mount says it.
    pub source: String,
    /// Path inside the instance.
    pub target: String,
    /// What is there.
    pub state: MountState,
}

/// What is at a mount's source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MountState {
    /// A file or folder that may be mounted.
    Present {
        /// Its path with all links resolved.
        real_path: Utf8PathBuf,
        /// Whether it is a folder.
        is_folder: bool,
    },
    /// The file system says that nothing is there.
    Missing,
    /// It is there, and its real path must not be mounted.
    Forbidden {
        /// What of it is the trouble: the part with credentials, or `a whole home directory`.
        part: String,
    },
    /// It could not be looked at, so nothing is known of it.
    Unreadable {
        /// Why.
        error: String,
    },
}

/// Looks at the source of a mount. Blocks on the file system, for as long as that pleases: call it where that may be.
pub fn observe_mount(source: &str) -> MountState {
    let source = Utf8Path::new(source);
    if !source.is_absolute() {
        let error = format!("`{source}` is not an absolute path");
        return MountState::Unreadable { error };
    }
    let found = source.canonicalize_utf8().and_then(|real| Ok((std::fs::metadata(&real)?, real)));
    match found {
        // A link may lead where the path as written would have been refused.
        Ok((metadata, real_path)) => match forbidden(&real_path) {
            Some(part) => MountState::Forbidden { part },
            None if metadata.is_dir() || metadata.is_file() => {
                MountState::Present { real_path, is_folder: metadata.is_dir() }
            }
            None => MountState::Forbidden { part: "a socket, pipe or device".to_owned() },
        },
        Err(error) if says_missing(&error) => MountState::Missing,
        Err(error) => MountState::Unreadable { error: words(&error) },
    }
}

fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::InvalidData => "its real path is not in UTF-8".to_owned(),
        _ => error.to_string(),
    }
}

fn forbidden(real_path: &Utf8Path) -> Option<String> {
    if let Some(part) = is_sensitive(real_path.as_str()) {
        return Some(part.to_owned());
    }
    let own_home = std::env::var("HOME")
        .is_ok_and(|home| Utf8Path::new(&home).canonicalize_utf8().is_ok_and(|home| home == *real_path));
    (own_home || is_home(real_path.as_str())).then(|| "a whole home directory".to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn root(folder: &tempfile::TempDir) -> Utf8PathBuf {
        Utf8Path::from_path(folder.path()).unwrap().canonicalize_utf8().unwrap()
    }

    fn state(source: impl Into<String>) -> MountState {
        observe_mount(&source.into())
    }

    #[test]
    fn a_link_is_resolved_to_what_it_shows() {
        let folder = tempfile::tempdir().unwrap();
        let root = root(&folder);
        std::fs::create_dir(root.join("shop")).unwrap();
        std::fs::write(root.join("file"), "").unwrap();
        symlink("shop", root.join("link")).unwrap();
        let present = |name: &str, is_folder| MountState::Present { real_path: root.join(name), is_folder };
        assert_eq!(state(root.join("link")), present("shop", true));
        assert_eq!(state(root.join("file")), present("file", false));
    }

    #[test]
    fn only_what_the_file_system_denies_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let root = root(&folder);
        std::fs::write(root.join("file"), "").unwrap();
        symlink("loop", root.join("loop")).unwrap();
        symlink("nowhere", root.join("dangling")).unwrap();
        assert_eq!(state(root.join("none")), MountState::Missing);
        assert_eq!(state(root.join("file/inside")), MountState::Missing);
        assert_eq!(state(root.join("dangling")), MountState::Missing);
        assert!(matches!(state(root.join("loop")), MountState::Unreadable { .. }));
        assert!(matches!(state(root.join("x".repeat(300))), MountState::Unreadable { .. }));
        assert!(matches!(state("relative"), MountState::Unreadable { .. }));
    }

    #[test]
    fn a_link_into_credentials_or_to_a_home_is_forbidden() {
        let folder = tempfile::tempdir().unwrap();
        let root = root(&folder);
        std::fs::create_dir(root.join(".ssh")).unwrap();
        symlink(".ssh", root.join("keys")).unwrap();
        symlink("/", root.join("everything")).unwrap();
        let forbidden = |part: &str| MountState::Forbidden { part: part.to_owned() };
        assert_eq!(state(root.join("keys")), forbidden(".ssh"));
        assert_eq!(state(root.join("everything")), forbidden("a whole home directory"));
        assert!(matches!(state("/dev/null"), MountState::Forbidden { .. }));
    }
}
