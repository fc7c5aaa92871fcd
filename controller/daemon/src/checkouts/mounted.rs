//! What a running container shows at its mounts' targets, beside what is at their sources now.
//!
//! A mount shows the file or folder that was at its source when the container was started. Where that was replaced since (removed and
//! cloned again, say), the container goes on showing the old one.

use std::os::fd::OwnedFd;

use jackin_api::kinds::Mount;
use jackin_plan::observed::{FileIdentity, Mounted};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, fstat, open, openat2};

/// Both ends of a mount, as far as they could be looked at. Blocks on the file system, for as long as that pleases: call it where that
/// may be.
///
/// Nothing is told of a container whose processes this user may not look into.
pub fn observe_mounted(mount: &Mount, pid: u32) -> Option<Mounted> {
    let flags_of_folder = flags() | OFlags::DIRECTORY;
    let root = open(format!("/proc/{pid}/root"), flags_of_folder, Mode::empty()).ok()?;
    let shown = inside(&root, &mount.target)?;
    let source = openat2(CWD, mount.source.as_str(), flags(), Mode::empty(), ResolveFlags::empty()).ok()?;
    Some(Mounted { shown, source: identity(&source)? })
}

/// The file at a path inside. A link that somebody made there leads to nothing outside.
fn inside(root: &OwnedFd, target: &str) -> Option<FileIdentity> {
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    identity(&openat2(root, target, flags(), Mode::empty(), resolve).ok()?)
}

fn flags() -> OFlags {
    OFlags::PATH | OFlags::CLOEXEC
}

fn identity(file: &OwnedFd) -> Option<FileIdentity> {
    let stat = fstat(file).ok()?;
    Some(FileIdentity { device: stat.st_dev, inode: stat.st_ino })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn mount(source: &str, target: &str) -> Mount {
        Mount { source: source.to_owned(), target: target.to_owned(), ..Mount::default() }
    }

    #[test]
    fn the_same_folder_is_the_same_at_both_ends_and_another_one_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
        std::fs::create_dir(path("one")).expect("a folder");
        std::fs::create_dir(path("two")).expect("a folder");
        symlink(path("one"), path("link")).expect("a link");
        let mounts = [mount(&path("link"), &path("one")), mount(&path("one"), &path("two")), mount(&path("no"), "/")];
        let same = |mount: &Mount| observe_mounted(mount, std::process::id()).map(|seen| seen.shown == seen.source);
        assert_eq!(mounts.each_ref().map(same), [Some(true), Some(false), None]);
    }

    #[test]
    fn of_a_process_that_is_gone_nothing_is_told() {
        assert_eq!(observe_mounted(&mount("/", "/"), i32::MAX.unsigned_abs()), None);
    }
}
