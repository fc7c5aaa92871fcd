//! A user of this machine whom no image knows.

use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

/// No image has this user or this group.
const NUMBER: u32 = 4321;

/// See the module. It may speak to the engine, as members of the socket's group may.
#[derive(Debug)]
pub(crate) struct Stranger {
    engine_group: u32,
}

impl Stranger {
    /// The stranger, to whom `folder` belongs from now on, and the folder in it to which the programs were copied.
    ///
    /// # Errors
    /// When this is not played by root, who alone can become somebody else.
    pub(crate) fn with_programs(programs: &Path, folder: &Path) -> Result<(Self, PathBuf)> {
        ensure!(std::fs::metadata("/proc/self")?.uid() == 0, "only root can become another user");
        let copies = folder.join("programs");
        for made in [&copies, &folder.join("user")] {
            std::fs::create_dir_all(made)?;
            chown(made, Some(NUMBER), Some(NUMBER))?;
        }
        for program in ["jackin", "jackin-capsule"] {
            std::fs::copy(programs.join(program), copies.join(program))?;
        }
        chown(folder, Some(NUMBER), Some(NUMBER))?;
        let socket = std::env::var("DOCKER_HOST").unwrap_or_default();
        let socket = socket.strip_prefix("unix://").unwrap_or("/var/run/docker.sock");
        Ok((Self { engine_group: std::fs::metadata(socket)?.gid() }, copies))
    }

    /// The number of the user and of its group.
    pub(crate) fn uid(&self) -> u32 {
        NUMBER
    }

    /// A program, run by the stranger.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("setpriv");
        command.args([
            format!("--reuid={NUMBER}"),
            format!("--regid={NUMBER}"),
            format!("--groups={}", self.engine_group),
        ]);
        command.arg("--").arg(program);
        command
    }
}
