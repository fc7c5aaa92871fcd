//! Where things are kept: the layout of `JACKIN_HOME`.
//!
//! Paths only, and the owner id that makes engine objects ours. Nothing else of the daemon spells a path out.

use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;
use uuid::Uuid;

/// The state directory of one installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    root: Utf8PathBuf,
}

/// Why the state directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// Neither `JACKIN_HOME` nor `HOME` says where it is.
    #[error("neither JACKIN_HOME nor HOME is set to a path in UTF-8")]
    Unset,
    /// A path of it could not be read or made.
    #[error("use the state directory")]
    Io(#[from] std::io::Error),
    /// The file with the owner id holds something else.
    #[error("read the owner id: `{path}` holds no id")]
    OwnerMalformed {
        /// The file.
        path: Utf8PathBuf,
    },
}

impl Home {
    /// The home that the environment names: `JACKIN_HOME`, else `.jackin` in the user's home.
    ///
    /// # Errors
    /// When neither variable is set.
    pub fn from_environment() -> Result<Self, HomeError> {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        if let Some(home) = variable("JACKIN_HOME") {
            let path = camino::absolute_utf8(home)?;
            return Ok(Self::at(path));
        }
        let user = variable("HOME").ok_or(HomeError::Unset)?;
        Ok(Self::at(Utf8Path::new(&user).join(".jackin")))
    }

    /// The home at an absolute path.
    pub fn at(root: impl Into<Utf8PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The directory itself.
    pub fn root(&self) -> &Utf8Path {
        &self.root
    }

    /// The store.
    pub fn database(&self) -> Utf8PathBuf {
        self.root.join("jackin.db")
    }

    /// Sockets, the lock and the daemon's log.
    pub fn run(&self) -> Utf8PathBuf {
        self.root.join("run")
    }

    /// Name of the API's socket in [`Home::run`].
    pub const API_SOCKET: &'static str = "jackin.sock";

    /// The lock that a daemon holds.
    pub fn lock(&self) -> Utf8PathBuf {
        self.run().join("lock")
    }

    /// What a daemon that was started on demand prints.
    pub fn daemon_log(&self) -> Utf8PathBuf {
        self.run().join("daemon.log")
    }

    /// The directory that an instance's capsule puts its socket into.
    pub fn instance_run(&self, namespace: &str, name: &str) -> Utf8PathBuf {
        self.run().join("i").join(format!("{namespace}.{name}"))
    }

    /// The durable home directory of an instance's sessions.
    pub fn instance_home(&self, namespace: &str, name: &str) -> Utf8PathBuf {
        self.instance_data(namespace, name).join("home")
    }

    /// All that is kept of an instance.
    pub fn instance_data(&self, namespace: &str, name: &str) -> Utf8PathBuf {
        self.root.join("data").join(format!("{namespace}.{name}"))
    }

    /// Downloaded archives of agents' programs.
    pub fn agent_cache(&self) -> Utf8PathBuf {
        self.root.join("cache").join("agents")
    }

    /// Repositories that roles come from.
    pub fn git_cache(&self) -> Utf8PathBuf {
        self.root.join("cache").join("git")
    }

    /// Files of commits of those repositories.
    pub fn source_cache(&self) -> Utf8PathBuf {
        self.root.join("cache").join("sources")
    }

    /// Which repositories the operator trusts.
    pub fn trust_file(&self) -> Utf8PathBuf {
        self.root.join("trust.json")
    }

    fn owner_file(&self) -> Utf8PathBuf {
        self.root.join("owner")
    }

    /// Makes the directories, readable by their user only.
    ///
    /// # Errors
    /// When one cannot be made.
    pub fn create(&self) -> Result<(), HomeError> {
        use std::os::unix::fs::PermissionsExt;
        for directory in [self.root.clone(), self.run(), self.root.join("data"), self.root.join("cache")] {
            fs::create_dir_all(&directory)?;
            fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o700))?;
        }
        Ok(())
    }

    /// The owner id of this installation, made when there is none.
    ///
    /// # Errors
    /// When the file cannot be read or written, or holds something else.
    pub fn owner(&self) -> Result<String, HomeError> {
        let path = self.owner_file();
        match fs::read_to_string(&path) {
            Ok(text) => {
                Some(text.trim().to_owned()).filter(|owner| is_owner(owner)).ok_or(HomeError::OwnerMalformed { path })
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let owner: String = Uuid::new_v4().simple().to_string().chars().take(12).collect();
                self.adopt(&owner)?;
                Ok(owner)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Takes over the objects of another owner id.
    ///
    /// # Errors
    /// When `owner` is no id or the file cannot be written.
    pub fn adopt(&self, owner: &str) -> Result<(), HomeError> {
        let path = self.owner_file();
        if !is_owner(owner) {
            return Err(HomeError::OwnerMalformed { path });
        }
        fs::create_dir_all(&self.root)?;
        let temporary = self.root.join("owner.new");
        fs::write(&temporary, format!("{owner}\n"))?;
        fs::rename(&temporary, &path)?;
        Ok(())
    }
}

fn is_owner(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase())
}
