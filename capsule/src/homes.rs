//! The home directory of sessions: made when missing, never touched when there.

use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Component, Path};

use crate::log::log;

/// Makes the home and the named directories in it. What cannot be made is logged, and the capsule serves all the same.
pub(crate) fn prepare(home: &Path, directories: &[impl AsRef<Path>]) {
    create(home);
    for directory in directories {
        let directory = directory.as_ref();
        if directory.components().all(|component| matches!(component, Component::Normal(_) | Component::CurDir)) {
            create(&home.join(directory));
        } else {
            log!("home-directory-refused", "path" => directory.to_string_lossy(), "error" => "it leaves the home");
        }
    }
}

fn create(directory: &Path) {
    // The agent's logins will lie here: nobody else's business.
    match std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            log!("home-directory-failed", "path" => directory.to_string_lossy(), "error" => error.to_string());
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_stays_as_it_is_and_nothing_is_made_outside() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = folder.path().join("home");
        std::fs::create_dir_all(home.join(".codex")).expect("a directory");
        std::fs::write(home.join(".codex/auth.json"), "login").expect("a file");
        std::fs::write(home.join(".claude"), "a file in the way").expect("a file");

        prepare(&home, &[".codex", ".local/share/amp", ".claude", "../outside", "/tmp/jackin-outside"]);

        assert_eq!(std::fs::read_to_string(home.join(".codex/auth.json")).expect("kept"), "login");
        assert_eq!(std::fs::read_to_string(home.join(".claude")).expect("kept"), "a file in the way");
        assert!(home.join(".local/share/amp").is_dir());
        assert!(!folder.path().join("outside").exists());
        assert!(!Path::new("/tmp/jackin-outside").exists());
    }
}
