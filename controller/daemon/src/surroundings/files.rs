//! This machine's files, as far as a pass looks at them or makes them.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use fs_err as fs;
use futures::future::{join_all, try_join_all};
use jackin_api::kinds::{GitSource, Mount, Role};
use jackin_api::validate::normal_git_url;
use jackin_plan::observed::Mounted;

use crate::checkouts::{MountState, ObservedMount, observe_mount, observe_mounted};
use crate::git::{Checkout, GitSources};
use crate::images::{ObservedSource, Repositories, SourceError, folder_of, look_up, observe_role, says_missing};
use crate::text::with_causes;
use crate::trust::Trust;

use super::looks::Looks;

/// The files that a pass looks at or makes.
#[async_trait]
pub(crate) trait Files: Send + Sync {
    /// What is at the source of each mount. One that does not answer is unreadable after a while.
    async fn mounts(&self, mounts: &[Mount]) -> Vec<ObservedMount>;

    /// Both ends of the mounts of the container whose PID 1 has this number on the host, by target, as far as they can be looked at.
    async fn mounted(&self, _mounts: &[Mount], _pid: u32) -> BTreeMap<String, Mounted> {
        BTreeMap::new()
    }

    /// What a role's source holds. `asked` is a new value when somebody asks for a new look at where a branch or tag stands.
    async fn source(&self, role: &Role, asked: Option<&str>) -> Result<ObservedSource, SourceError>;

    /// The commit that a repository's branch or tag is at now, as far as that is known. `asked` as for [`Files::source`].
    async fn commit(&self, _source: &GitSource, _asked: &str) -> Option<String> {
        None
    }

    /// Whether something is there.
    fn exists(&self, path: &str) -> io::Result<bool>;

    /// Whether a directory is there.
    fn is_directory(&self, path: &str) -> io::Result<bool>;

    /// Makes a directory that only its user may enter, with those above it; one that is there stays.
    fn make_directory(&self, path: &str) -> io::Result<()>;

    /// Removes a directory with all that is in it; one that is not there is no failure. What this user may not remove is moved beside
    /// where it was: its path there.
    fn remove_directory(&self, path: &str) -> io::Result<Option<String>>;

    /// Removes a directory and those in it, as far as they hold no file, and the one above it once that is empty. One that this user
    /// may not look into stays.
    fn remove_empty_directories(&self, path: &str) -> io::Result<()>;
}

/// The file system itself, and the repositories that are fetched into it.
pub(crate) struct LocalFiles {
    /// Repositories.
    git: GitSources,
    /// Which of them may be fetched from.
    trust: Arc<Trust>,
    sources: Looks<MountState>,
    ends: Looks<Option<Mounted>>,
}

impl LocalFiles {
    /// The file system, with these repositories and what is trusted of them.
    pub(crate) fn new(git: GitSources, trust: Arc<Trust>) -> Self {
        Self { git, trust, sources: Looks::default(), ends: Looks::default() }
    }

    /// The files of the commit that a source means, when it is trusted.
    async fn checkout(&self, source: &GitSource, asked: Option<&str>) -> Result<Checkout, SourceError> {
        let url = normal_git_url(&source.url).unwrap_or_else(|| source.url.clone());
        match self.trust.covers(source) {
            Ok(true) => Ok(self.git.checkout(source, asked).await?),
            Ok(false) => Err(SourceError::Untrusted { url }),
            Err(error) => Err(SourceError::TrustUnreadable { url, why: with_causes(&error) }),
        }
    }

    /// Everything that is fetched for a role: its source, the marketplaces of its plugins, and what those say to lie elsewhere.
    async fn repositories(&self, role: &Role, asked: Option<&str>) -> Result<Repositories, SourceError> {
        let source = match &role.spec.source.git {
            Some(source) => Some(self.checkout(source, asked).await?),
            None => None,
        };
        let mut repositories = Repositories { source, plugins: Vec::new() };
        loop {
            let folder = folder_of(role, repositories.source.as_ref());
            let wanted = look_up(folder, &role.spec.plugins, &repositories.plugins)?.wanted;
            if wanted.is_empty() {
                return Ok(repositories);
            }
            let fetched = wanted.into_iter().map(|source| async move {
                let checkout = self.checkout(&source, asked).await?;
                Ok::<_, SourceError>((source, checkout))
            });
            repositories.plugins.extend(try_join_all(fetched).await?);
        }
    }
}

#[async_trait]
impl Files for LocalFiles {
    async fn mounts(&self, mounts: &[Mount]) -> Vec<ObservedMount> {
        let look = async |mount: &Mount| {
            let source = mount.source.clone();
            let seen = self.sources.look(&mount.source, move || observe_mount(&source)).await;
            let state = seen.unwrap_or_else(|error| MountState::Unreadable { error: error.to_string() });
            ObservedMount { source: mount.source.clone(), target: mount.target.clone(), state }
        };
        join_all(mounts.iter().map(look)).await
    }

    async fn mounted(&self, mounts: &[Mount], pid: u32) -> BTreeMap<String, Mounted> {
        let look = async |mount: &Mount| {
            let seen = mount.clone();
            let at = format!("{pid}:{}:{}", mount.target, mount.source);
            let seen = self.ends.look(&at, move || observe_mounted(&seen, pid)).await;
            Some((mount.target.clone(), seen.ok()??))
        };
        join_all(mounts.iter().map(look)).await.into_iter().flatten().collect()
    }

    async fn source(&self, role: &Role, asked: Option<&str>) -> Result<ObservedSource, SourceError> {
        let repositories = self.repositories(role, asked).await?;
        let role = role.clone();
        let observe = move || observe_role(&role, repositories);
        tokio::task::spawn_blocking(observe).await.unwrap_or_else(|panicked| {
            let source = Arc::new(io::Error::other(panicked));
            Err(SourceError::Unreadable { path: "the role's source".into(), source })
        })
    }

    async fn commit(&self, source: &GitSource, asked: &str) -> Option<String> {
        self.checkout(source, Some(asked)).await.ok().map(|checkout| checkout.commit)
    }

    fn exists(&self, path: &str) -> io::Result<bool> {
        Path::new(path).try_exists()
    }

    fn is_directory(&self, path: &str) -> io::Result<bool> {
        match std::fs::metadata(path) {
            Ok(found) => Ok(found.is_dir()),
            Err(error) if says_missing(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn make_directory(&self, path: &str) -> io::Result<()> {
        use std::os::unix::fs::DirBuilderExt;
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
    }

    fn remove_directory(&self, path: &str) -> io::Result<Option<String>> {
        match fs::remove_dir_all(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            // Root made it inside, or a session closed it.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => move_aside(path).map(Some),
            other => other.map(|()| None),
        }
    }

    fn remove_empty_directories(&self, path: &str) -> io::Result<()> {
        let path = Path::new(path);
        remove_empty(path)?;
        if let Some(above) = path.parent() {
            // Only succeeds when nothing is left in it.
            _ = fs::remove_dir(above);
        }
        Ok(())
    }
}

/// Gives a directory another name beside its own, which needs no right to it.
fn move_aside(path: &str) -> io::Result<String> {
    let mut names = (0..).map(|number| format!("{path}.left-{number}"));
    let is_free = |name: &String| matches!(fs::symlink_metadata(name), Err(error) if says_missing(&error));
    let name = names.find(is_free).ok_or(io::ErrorKind::AlreadyExists)?;
    fs::rename(path, &name)?;
    Ok(name)
}

fn remove_empty(path: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        // It may hold files, so it is kept as one that does.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(()),
        other => other?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_empty(&entry.path())?;
        }
    }
    // Only succeeds when nothing is left in it.
    _ = fs::remove_dir(path);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::home::Home;
    use crate::surroundings::Clock;

    fn files(folder: &tempfile::TempDir) -> LocalFiles {
        let home = Home::at(camino::Utf8Path::from_path(folder.path()).unwrap());
        LocalFiles::new(GitSources::new(&home, Clock::system()), Arc::new(Trust::new(&home)))
    }

    /// Does it as a user who is refused what modes refuse, which root is not.
    fn as_a_user(folder: &tempfile::TempDir, act: impl FnOnce() + Send) {
        use rustix::process::{Gid, Uid, geteuid};
        use rustix::thread::{set_thread_gid, set_thread_uid};
        let other = geteuid().is_root().then_some(65534);
        std::os::unix::fs::chown(folder.path(), other, other).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                if let Some(id) = other {
                    set_thread_gid(Gid::from_raw(id)).unwrap();
                    set_thread_uid(Uid::from_raw(id)).unwrap();
                }
                act();
            });
        });
    }

    fn set_mode(path: &str, mode: u32) {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn what_may_not_be_looked_into_is_kept_in_a_home_and_moved_aside_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(&folder);
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        as_a_user(&folder, || {
            for directory in ["data/home/empty", "data/home/closed", "run/closed/inner", "run.left-0"] {
                files.make_directory(&path(directory)).unwrap();
            }
            set_mode(&path("data/home/closed"), 0);
            set_mode(&path("run/closed"), 0);
            files.remove_empty_directories(&path("data/home")).unwrap();
            assert!(
                !files.exists(&path("data/home/empty")).unwrap() && files.exists(&path("data/home/closed")).unwrap()
            );
            let left = files.remove_directory(&path("run")).unwrap();
            assert_eq!(left, Some(path("run.left-1")));
            assert!(!files.exists(&path("run")).unwrap() && files.exists(&path("run.left-1/closed")).unwrap());
            assert_eq!(files.remove_directory(&path("run")).unwrap(), None);
            // For whoever removes the test's folder.
            set_mode(&path("data/home/closed"), 0o700);
            set_mode(&path("run.left-1/closed"), 0o700);
        });
    }

    #[test]
    fn what_holds_no_file_goes_and_what_holds_one_stays() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(&folder);
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        for directory in ["data/home/.cache/empty", "data/home/.config"] {
            files.make_directory(&path(directory)).unwrap();
        }
        std::fs::write(path("data/home/.config/kept"), "").unwrap();
        files.remove_empty_directories(&path("data/home")).unwrap();
        let is_there = |name: &str| files.exists(&path(name)).unwrap();
        assert!(is_there("data/home/.config/kept") && !is_there("data/home/.cache"));
        std::fs::remove_file(path("data/home/.config/kept")).unwrap();
        files.remove_empty_directories(&path("data/home")).unwrap();
        assert!(!is_there("data"));
        files.remove_empty_directories(&path("data/home")).unwrap();
    }
}
