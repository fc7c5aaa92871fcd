//! The files that an agent needs in its home: its own settings where it has none yet, and those of jackin.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path};

use jackin_api::wire::{ErrorCode, HomeFile, ReplyError};
use rustix::fs::{Mode, OFlags};

use crate::log::log;
use crate::serve::refuse;

/// Refuses files that are too large, or lead out of the home.
pub(crate) fn check(files: &[HomeFile]) -> Result<(), ReplyError> {
    if files.iter().map(|file| file.content.len()).sum::<usize>() > HomeFile::BYTES {
        return Err(refuse(ErrorCode::BadRequest, &format!("its files have more than {} bytes", HomeFile::BYTES)));
    }
    let leads_out = |file: &&HomeFile| {
        let path = Path::new(&file.path);
        path.file_name().is_none() || !path.components().all(|component| matches!(component, Component::Normal(_)))
    };
    match files.iter().find(leads_out) {
        Some(file) => Err(refuse(ErrorCode::BadRequest, &format!("`{}` leaves the home", file.path.escape_debug()))),
        None => Ok(()),
    }
}

/// Writes what is missing, and what is jackin's own and differs. What cannot be written is logged: the agent may do without.
pub(crate) fn write(home: &Path, files: &[HomeFile]) {
    for file in files {
        if let Err(error) = write_one(home, file) {
            log!("home-file-failed", "path" => file.path, "error" => error.to_string());
        }
    }
}

fn write_one(home: &Path, file: &HomeFile) -> io::Result<()> {
    let path = home.join(&file.path);
    let is_own = Path::new(&file.path).starts_with(HomeFile::OWN);
    match std::fs::symlink_metadata(&path) {
        Ok(_) if !is_own => return Ok(()),
        Ok(_) if has_content(&path, file.content.as_bytes()).unwrap_or(false) => return Ok(()),
        _ => {}
    }
    let folder = path.parent().unwrap_or(home);
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".jackin-new");
    let new = folder.join(name);
    // Left by a start that was interrupted.
    let _ = std::fs::remove_file(&new);
    let mut written = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    written.write_all(file.content.as_bytes())?;
    if is_own {
        return std::fs::rename(&new, &path);
    }
    // Unlike a rename, a link takes nobody's place.
    let linked = std::fs::hard_link(&new, &path);
    std::fs::remove_file(&new)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Whether this is a file of that content. The agent may have put anything there: what is no file is not waited for, and of a file no
/// more is read than would be its content.
fn has_content(path: &Path, content: &[u8]) -> io::Result<bool> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() != content.len() as u64 {
        return Ok(false);
    }
    let mut found = Vec::with_capacity(content.len());
    file.take(content.len() as u64).read_to_end(&mut found)?;
    Ok(found == content)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use rustix::fs::{CWD, FileType};

    use super::*;

    fn file(path: &str, content: &str) -> HomeFile {
        HomeFile { path: path.to_owned(), content: content.to_owned() }
    }

    #[test]
    fn what_the_user_has_stays_what_is_missing_is_made_and_what_is_ours_follows() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = folder.path();
        std::fs::write(home.join(".claude.json"), "theirs").expect("a file");
        let read = |path: &str| std::fs::read_to_string(home.join(path)).expect("a file");

        write(
            home,
            &[file(".claude.json", "seed"), file(".config/a/b.json", "seed"), file(".jackin/hook.js", "first")],
        );
        assert_eq!(
            [read(".claude.json"), read(".config/a/b.json"), read(".jackin/hook.js")],
            ["theirs", "seed", "first"]
        );

        std::fs::write(home.join(".config/a/b.json"), "changed").expect("a file");
        write(home, &[file(".config/a/b.json", "seed"), file(".jackin/hook.js", "second")]);
        assert_eq!([read(".config/a/b.json"), read(".jackin/hook.js")], ["changed", "second"]);
        assert_eq!(
            std::fs::read_dir(home.join(".config/a")).expect("a folder").count(),
            1,
            "nothing is left beside it"
        );
    }

    #[test]
    fn what_an_agent_put_in_place_of_our_file_holds_nobody_up_and_makes_room() {
        let folder = tempfile::tempdir().expect("a folder");
        let own = folder.path().join(".jackin");
        std::fs::create_dir(&own).expect("a folder");
        rustix::fs::mknodat(CWD, own.join("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe");
        std::fs::write(folder.path().join("theirs"), "ours").expect("a file");
        std::os::unix::fs::symlink("../theirs", own.join("link")).expect("a link");
        let (home, (sender, written)) = (folder.path().to_owned(), mpsc::channel());
        std::thread::spawn(move || {
            write(&home, &[file(".jackin/pipe", "ours"), file(".jackin/link", "ours")]);
            sender.send(()).expect("somebody who waits");
        });
        written.recv_timeout(Duration::from_secs(20)).expect("it waits for who writes to the pipe");
        for name in ["pipe", "link"] {
            assert!(own.join(name).symlink_metadata().expect("a file").is_file(), "{name}");
            assert_eq!(std::fs::read_to_string(own.join(name)).expect("a file"), "ours");
        }
    }

    #[test]
    fn what_leads_out_or_is_too_large_is_refused() {
        for path in ["../x", "/x", "a/../../x", "", "a/.."] {
            assert_eq!(check(&[file(path, "")]).expect_err(path).code, ErrorCode::BadRequest);
        }
        let large = "x".repeat(HomeFile::BYTES / 2 + 1);
        assert!(check(&[file("a", &large)]).is_ok());
        assert!(check(&[file("a", &large), file("b", &large)]).is_err());
    }
}
