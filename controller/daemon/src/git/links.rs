//! The links of a commit: where one may lead, and how it is made.

use std::io;

use camino::{Utf8Component, Utf8Path};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2, symlinkat};

/// Makes a link below a folder. The folders above it must be there, and be folders: nothing is made through another link.
pub(super) fn make(folder: &Utf8Path, path: &Utf8Path, target: &Utf8Path) -> io::Result<()> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut parent = openat(CWD, folder.as_str(), flags, Mode::empty())?;
    if let Some(above) = path.parent().filter(|above| !above.as_str().is_empty()) {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        parent = openat2(&parent, above.as_str(), flags, Mode::empty(), resolve)?;
    }
    Ok(symlinkat(target.as_str(), parent, name)?)
}

/// Whether a link stays inside. Steps upwards count at its start only, where they lead through real folders: later ones could start
/// from wherever another link leads.
pub(crate) fn stays(path: &Utf8Path, target: &Utf8Path) -> bool {
    let mut depth = path.components().count().saturating_sub(1);
    let mut down = false;
    for part in target.components() {
        match part {
            Utf8Component::ParentDir if down || depth == 0 => return false,
            Utf8Component::ParentDir => depth -= 1,
            Utf8Component::Normal(_) => down = true,
            Utf8Component::CurDir => {}
            Utf8Component::RootDir | Utf8Component::Prefix(_) => return false,
        }
    }
    !target.as_str().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_stays_inside_or_is_refused() {
        let stays = |path: &str, target: &str| stays(Utf8Path::new(path), Utf8Path::new(target));
        assert!(stays("a", "b") && stays("d/a", "../b") && stays("d/e/a", "../../b/c") && stays("d/a", "./e"));
        assert!(!stays("a", "../b") && !stays("d/a", "../../b") && !stays("a", "/etc/passwd") && !stays("a", ""));
        // `d/up` may be a link to the top, and then this is beside it.
        assert!(!stays("a", "d/up/../x"));
    }

    #[test]
    fn no_link_is_made_through_another() {
        let folder = tempfile::tempdir().unwrap();
        let top = Utf8Path::from_path(folder.path()).unwrap();
        std::fs::create_dir_all(top.join("inner/d")).unwrap();
        let make = |path: &str, target: &str| make(&top.join("inner"), Utf8Path::new(path), Utf8Path::new(target));
        make("d/up", "..").unwrap();
        make("a", ".").unwrap();
        for path in ["a/x", "d/up/x", "d/../../x", "d/up/d/x"] {
            make(path, "y").unwrap_err();
        }
        let names = |path: &str| std::fs::read_dir(top.join(path)).unwrap().count();
        assert_eq!((names(""), names("inner"), names("inner/d")), (1, 2, 1));
    }
}
