//! Containers: what to create, and what was found.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ImageId, Labels, NetworkId};

/// The engine's id of a container.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContainerId(pub String);

impl fmt::Display for ContainerId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Everything that the engine needs to create one container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerSpec {
    /// Name on the engine, unique there.
    pub name: String,
    /// The image, by id.
    pub image: ImageId,
    /// Program and arguments of PID 1; the image's own entrypoint and command are not used.
    pub command: Vec<String>,
    /// Environment of PID 1, without secrets.
    pub env: BTreeMap<String, String>,
    /// `uid:gid`; `None` keeps the image's user.
    pub user: Option<String>,
    /// Working directory of PID 1.
    pub workdir: Option<String>,
    /// Host name inside, at most 63 bytes.
    pub hostname: Option<String>,
    /// Labels.
    pub labels: Labels,
    /// Mounts, by target.
    pub mounts: Vec<Mount>,
    /// Names of networks to join; empty means none at all.
    pub networks: Vec<String>,
    /// Names under which the others on its networks find it.
    pub aliases: Vec<String>,
    /// Limits of the control group.
    pub limits: Limits,
    /// What the engine does when PID 1 ends.
    pub restart: RestartPolicy,
    /// Privileges.
    pub security: Security,
    /// Seconds between the stop signal and the kill.
    pub stop_timeout_seconds: u32,
}

/// One mount of a container.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mount {
    /// Absolute path inside.
    pub target: String,
    /// What is mounted there.
    pub source: MountSource,
    /// Whether writing is refused.
    pub read_only: bool,
}

/// What a mount shows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum MountSource {
    /// A path of the host, which must exist.
    Bind {
        /// Absolute path on the host.
        path: String,
    },
    /// A named volume. When it does not exist, the engine makes it with these labels.
    Volume {
        /// Name on the engine.
        name: String,
        /// Labels for a volume that is made by this mount.
        labels: Labels,
    },
    /// Memory, gone with the container.
    Tmpfs {
        /// Size in bytes; `None` is the engine's default.
        size_bytes: Option<u64>,
        /// Whether programs may run from it. The engine's default is no.
        exec: bool,
    },
}

/// Limits that can change under running processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Limits {
    /// Billionths of a processor; `None` is no limit.
    pub nano_cpus: Option<i64>,
    /// Bytes of memory; `None` is no limit.
    pub memory_bytes: Option<i64>,
    /// Number of processes; `None` is no limit.
    pub pids: Option<i64>,
}

/// What the engine does when PID 1 ends by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RestartPolicy {
    /// Nothing: the controller starts it again, with its own backoff.
    #[default]
    No,
    /// Start it after an exit that is not zero.
    OnFailure,
    /// Start it unless it was stopped on purpose.
    UnlessStopped,
}

/// Privileges of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Security {
    /// Capabilities kept when all others are dropped, without the prefix `CAP_`, sorted.
    pub capabilities: Vec<String>,
    /// Whether the root file system refuses writes.
    pub read_only_rootfs: bool,
    /// Whether `setuid` programs gain nothing.
    pub no_new_privileges: bool,
    /// How far the container is shut in.
    pub confinement: Confinement,
}

/// How far a container is shut in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Confinement {
    /// The engine's own profiles, masked paths and devices.
    #[default]
    Engine,
    /// What an engine inside needs: no system call filter, no mandatory access control, no masked paths, every device. Less than
    /// `privileged` all the same: no capability that is not named, and none that the host lacks.
    NestedEngine,
}

/// A container as the engine reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// Its id.
    pub id: ContainerId,
    /// Its name, without the engine's leading slash.
    pub name: String,
    /// The image that it was created from.
    pub image: ImageId,
    /// Its state.
    pub state: ContainerState,
    /// Its labels, the image's included.
    pub labels: Labels,
    /// Limits in force.
    pub limits: Limits,
    /// Restart policy in force.
    pub restart: RestartPolicy,
    /// Names of the networks that it is connected to, sorted.
    pub networks: Vec<String>,
    /// Ids of those that it was connected to when it last ran, by name. A network that was made anew since has another id, and the
    /// engine does not start a container whose network is gone.
    pub network_ids: BTreeMap<String, NetworkId>,
    /// Names under which the others on a network find it, by network; engines add the beginning of its id. Who connects it by hand
    /// gives it none, and so they tell whether we did.
    pub aliases: BTreeMap<String, Vec<String>>,
    /// Process id of PID 1 as the host sees it, while it runs.
    pub pid: Option<u32>,
    /// When it was created.
    pub created_at: Option<Timestamp>,
    /// When it was last started.
    pub started_at: Option<Timestamp>,
    /// How it ended, when it did.
    pub exit: Option<Exit>,
}

/// How a container ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// Exit code of PID 1; 128 and the signal's number after a signal.
    pub code: i64,
    /// Whether the kernel killed it for want of memory.
    pub out_of_memory: bool,
    /// The engine's own words when it could not run it.
    pub error: Option<String>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

/// State of a container, in the engine's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ContainerState {
    /// Made and never started.
    Created,
    /// Its processes run.
    Running,
    /// Its processes are frozen.
    Paused,
    /// The engine is starting it again.
    Restarting,
    /// Its processes ended.
    Exited,
    /// Half removed; it cannot be started.
    Dead,
    /// Being removed.
    Removing,
}
