//! What an image has for a new home, copied into it once.
//!
//! The home lies outside of the image and hides what the image has in its place, so an image keeps it in [`DEFAULT_HOME`]. Each of its
//! entries appears in the home whole or not at all, and none takes the place of one that is there.

use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, symlink};
use std::path::Path;

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::log::log;

/// Where an image has what a new home begins with.
pub(crate) const DEFAULT_HOME: &str = "/jackin/default-home";

/// What says in the home that it was done.
const DONE: &str = ".jackin/seeded";

/// Where entries are copied to, before they get their names.
const COPIES: &str = ".jackin/seeding";

/// Seeds a home, unless that was done. What cannot be copied is logged and tried again with the next start.
pub(crate) fn seed(home: &Path, from: &Path) {
    if let Err(error) = try_to_seed(home, from) {
        log!("home-not-seeded", "path" => home.to_string_lossy(), "error" => error.to_string());
    }
}

fn try_to_seed(home: &Path, from: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(from) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    if home.join(DONE).try_exists()? {
        return Ok(());
    }
    let copies = home.join(COPIES);
    match fs::remove_dir_all(&copies) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => DirBuilder::new().recursive(true).mode(0o700).create(&copies)?,
    }
    for entry in entries {
        let entry = entry?;
        let (name, copied) = (home.join(entry.file_name()), copies.join(entry.file_name()));
        copy(&entry.path(), &copied)?;
        match renameat_with(CWD, &copied, CWD, &name, RenameFlags::NOREPLACE) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
    }
    fs::remove_dir_all(&copies)?;
    File::options().write(true).create(true).truncate(false).mode(0o600).open(home.join(DONE)).map(drop)
}

/// Copies a file, a link or a folder with all that is in it; what is none of them is left out.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let metadata = fs::symlink_metadata(from)?;
    let mode = metadata.mode() & 0o777;
    if metadata.is_symlink() {
        symlink(fs::read_link(from)?, to)
    } else if metadata.is_dir() {
        // Its new owner must be able to fill it.
        DirBuilder::new().mode(mode | 0o700).create(to)?;
        fs::read_dir(from)?.try_for_each(|entry| {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()))
        })
    } else if metadata.is_file() {
        let mut copied = File::options().write(true).create_new(true).mode(mode | 0o600).open(to)?;
        io::copy(&mut File::open(from)?, &mut copied).map(drop)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    struct Folders(tempfile::TempDir);

    impl Folders {
        fn new() -> Self {
            let folders = Self(tempfile::tempdir().expect("a folder"));
            fs::create_dir(folders.home()).expect("a home");
            folders.with("default/.config/tool/settings", "new").with("default/.profile", "new")
        }

        fn home(&self) -> std::path::PathBuf {
            self.0.path().join("home")
        }

        fn with(self, path: &str, text: &str) -> Self {
            let path = self.0.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, text).expect("a file");
            self
        }

        fn seed(&self) {
            seed(&self.home(), &self.0.path().join("default"));
        }

        fn read(&self, path: &str) -> Option<String> {
            fs::read_to_string(self.home().join(path)).ok()
        }
    }

    #[test]
    fn a_new_home_gets_what_the_image_has_and_one_that_has_it_keeps_its_own() {
        let folders = Folders::new().with("home/.profile", "own");
        fs::set_permissions(folders.0.path().join("default/.config/tool"), fs::Permissions::from_mode(0o555))
            .expect("a mode");
        symlink(".profile", folders.0.path().join("default/link")).expect("a link");
        folders.seed();
        assert_eq!(folders.read(".config/tool/settings").as_deref(), Some("new"));
        assert_eq!(folders.read(".profile").as_deref(), Some("own"));
        assert_eq!(folders.read("link").as_deref(), Some("own"), "a link stays one");
        assert!(!folders.home().join(COPIES).exists());
    }

    #[test]
    fn it_is_done_once_and_what_was_removed_since_stays_away() {
        let folders = Folders::new();
        folders.seed();
        fs::remove_file(folders.home().join(".profile")).expect("removed");
        folders.seed();
        assert_eq!(folders.read(".profile"), None);
    }

    #[test]
    fn one_that_was_interrupted_is_finished_without_touching_what_is_there() {
        let folders = Folders::new().with("home/.jackin/seeding/.profile", "half").with("home/.config/own", "own");
        folders.seed();
        assert_eq!(folders.read(".profile").as_deref(), Some("new"));
        assert_eq!(
            (folders.read(".config/own").as_deref(), folders.read(".config/tool/settings")),
            (Some("own"), None)
        );
    }

    #[test]
    fn an_image_without_one_seeds_nothing_and_marks_nothing() {
        let folders = Folders::new();
        seed(&folders.home(), Path::new("/nonexistent/default-home"));
        assert_eq!(fs::read_dir(folders.home()).expect("a home").count(), 0);
    }
}
