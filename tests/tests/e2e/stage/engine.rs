//! The engine as a person sees it: through the `docker` command.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{Stage, eventually};

/// What the engine has of a container.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) id: String,
    pub(crate) name: String,
    /// `running`, `paused`, `exited`.
    pub(crate) state: String,
    pub(crate) pid: u64,
    pub(crate) started_at: String,
    pub(crate) image: String,
    /// Bytes; 0 for none.
    pub(crate) memory: u64,
    /// Everything, in an order that the engine does not keep.
    pub(crate) inspected: Value,
}

/// The `docker` command, for one engine.
#[derive(Clone, Debug, Default)]
pub(super) struct Client {
    /// The one that the environment names where it is absent.
    pub(super) address: Option<String>,
}

impl Client {
    /// It, ready for arguments.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new("docker");
        command.envs(self.address.iter().map(|address| ("DOCKER_HOST", address)));
        command
    }

    /// Runs it; what it printed. It must succeed.
    pub(super) fn run(&self, arguments: &[&str]) -> Result<String> {
        let output = self.command().args(arguments).output().context("the `docker` command does not run")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "docker {arguments:?}: {said}");
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

/// Runs the `docker` command on the engine that all rules share; what it printed. It must succeed.
pub(crate) fn docker(arguments: &[&str]) -> Result<String> {
    Client::default().run(arguments)
}

/// Removes everything with a label.
pub(super) fn sweep(label: &str) -> Result<()> {
    let filter = format!("label={label}");
    let listed = [
        (["ps", "-aq"].as_slice(), ["rm", "-fv"].as_slice()),
        (&["network", "ls", "-q"], &["network", "rm"]),
        (&["volume", "ls", "-q"], &["volume", "rm"]),
        (&["images", "-q"], &["rmi", "-f"]),
    ];
    for (list, remove) in listed {
        let mut refusal = None;
        // An engine that removes several images at once may lose its way among their layers, and finds it the next time.
        eventually(&format!("{list:?} of {label} to be removed"), || {
            let found = docker(&[list, &["--filter", &filter]].concat())?;
            let found: BTreeSet<_> = found.lines().collect();
            if found.is_empty() {
                return Ok(Some(()));
            }
            let found: Vec<_> = found.into_iter().collect();
            refusal = docker(&[remove, &found].concat()).err();
            Ok(None)
        })
        .map_err(|error| refusal.take().unwrap_or(error))?;
    }
    Ok(())
}

impl Stage {
    /// Runs the `docker` command on the engine that the rule plays on; what it printed. It must succeed.
    pub(crate) fn docker(&self, arguments: &[&str]) -> Result<String> {
        self.engine.run(arguments)
    }

    /// What names of our engine objects begin with.
    pub(crate) fn prefix(&self) -> Result<String> {
        let owner = self.owner()?;
        Ok(format!("jackin.{}.", owner.get(..6).context("an owner id of 12 digits")?))
    }

    /// The engine's name for an instance's container.
    pub(crate) fn container_name(&self, instance: &str) -> Result<String> {
        Ok(format!("{}default.{instance}", self.prefix()?))
    }

    /// An instance's container, by its name.
    pub(crate) fn find(&self, instance: &str) -> Result<Option<Found>> {
        let name = self.container_name(instance)?;
        let output = self.engine.command().args(["container", "inspect", &name]).output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).to_lowercase();
            ensure!(said.contains("no such container"), "docker inspect {name}: {said}");
            return Ok(None);
        }
        let inspected: Value = serde_json::from_slice(&output.stdout)?;
        let text = |pointer: &str| inspected[0].pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let number = |pointer: &str| inspected[0].pointer(pointer).and_then(Value::as_u64).unwrap_or_default();
        Ok(Some(Found {
            id: text("/Id"),
            name: text("/Name").trim_start_matches('/').to_owned(),
            state: text("/State/Status"),
            pid: number("/State/Pid"),
            started_at: text("/State/StartedAt"),
            image: text("/Image"),
            memory: number("/HostConfig/Memory"),
            inspected: inspected[0].clone(),
        }))
    }

    /// An instance's container, which must be there.
    pub(crate) fn container(&self, instance: &str) -> Result<Found> {
        self.find(instance)?.with_context(|| format!("{instance} has no container"))
    }

    /// Waits until an instance's container is as wanted.
    pub(crate) fn until_container(&self, instance: &str, what: &str, wanted: impl Fn(&Found) -> bool) -> Result<Found> {
        eventually(&format!("the container of {instance} to be {what}"), || {
            Ok(self.find(instance)?.filter(|found| wanted(found)))
        })
    }

    /// Names of our objects of a kind (`container`, `network`, `volume`), sorted, without what all begin with.
    pub(crate) fn ours(&self, kind: &str) -> Result<Vec<String>> {
        let filter = format!("label=jackin.owner={}", self.owner()?);
        let format = if kind == "container" { "{{.Names}}" } else { "{{.Name}}" };
        let all: &[&str] = if kind == "container" { &["-a"] } else { &[] };
        let listed = self.docker(&[&[kind, "ls", "--filter", &filter, "--format", format], all].concat())?;
        let prefix = self.prefix()?;
        let mut names: Vec<_> =
            listed.lines().map(|name| name.strip_prefix(&prefix).unwrap_or(name).to_owned()).collect();
        names.sort();
        Ok(names)
    }

    /// Ids of our images, sorted; also those without a name.
    pub(crate) fn our_images(&self) -> Result<Vec<String>> {
        let filter = format!("label=jackin.owner={}", self.owner()?);
        let listed =
            self.docker(&["images", "--no-trunc", "--filter", &filter, "--format", "{{.ID}} {{.Repository}}"])?;
        let mut images: Vec<_> = listed.lines().map(str::to_owned).collect();
        images.sort();
        Ok(images)
    }
}
