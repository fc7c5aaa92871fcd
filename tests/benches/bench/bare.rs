//! The bare side: an exact copy of an instance's container, with the calls that make and start it and nothing else.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use jackin_daemon::capsule::CapsuleClient;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::engine::{Engine, Events};
use super::stage::{BARE_LABEL, Stage};

/// How often the socket of a started capsule is tried.
const POLL: Duration = Duration::from_millis(1);
/// How long a capsule may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is needed to make the copy, prepared in advance.
pub(crate) struct Bare<'a> {
    engine: &'a Engine,
    name: String,
    body: Value,
    run: PathBuf,
}

impl<'a> Bare<'a> {
    /// The copy of the container with this id.
    pub(crate) async fn of(stage: &'a Stage, id: &str) -> anyhow::Result<Self> {
        let engine = &stage.engine;
        let original = engine.get(&format!("/containers/{id}/json")).await?;
        let (run, home) = (stage.directory().join("bare/run"), stage.directory().join("bare/home"));
        std::fs::create_dir_all(&run)?;
        std::fs::create_dir_all(&home)?;
        let mut host = original["HostConfig"].clone();
        let mounts = host["Mounts"].as_array_mut().context("our container has no mounts")?;
        for mount in mounts {
            match mount["Target"].as_str() {
                Some("/jackin/run") => mount["Source"] = json!(run),
                Some("/home/agent") => mount["Source"] = json!(home),
                _ => {}
            }
        }
        let networks = original["NetworkSettings"]["Networks"].as_object().context("our container has no network")?;
        let network = networks.keys().next().context("our container has no network")?;
        let mut body = original["Config"].clone();
        body["Image"] = original["Image"].clone();
        // Our labels would make it ours, and the controller would remove it.
        body["Labels"] = json!({BARE_LABEL: stage.owner});
        body["Hostname"] = json!("bare");
        body["HostConfig"] = host;
        body["NetworkingConfig"] = json!({"EndpointsConfig": {network: {"Aliases": ["bare"]}}});
        Ok(Self { engine, name: format!("bench.{}.bare", &stage.owner[..6]), body, run })
    }

    /// Makes another one of it with a terminal on which `cat` runs, and starts that; its name.
    pub(crate) async fn cat(&self, purpose: &str) -> anyhow::Result<String> {
        let name = format!("{}.{purpose}", self.name);
        let body = json!({
            "Image": self.body["Image"],
            "Labels": self.body["Labels"],
            "Cmd": ["cat"],
            "Tty": true,
            "OpenStdin": true,
        });
        self.engine.post(&format!("/containers/create?name={name}"), Some(&body)).await?;
        self.engine.post(&format!("/containers/{name}/start"), None).await?;
        Ok(name)
    }

    /// Makes the container.
    pub(crate) async fn create(&self) -> anyhow::Result<()> {
        self.engine.post(&format!("/containers/create?name={}", self.name), Some(&self.body)).await.map(drop)
    }

    /// Starts it.
    pub(crate) async fn start(&self) -> anyhow::Result<()> {
        self.engine.post(&format!("/containers/{}/start", self.name), None).await.map(drop)
    }

    /// Waits until its capsule answers.
    pub(crate) async fn answers(&self) -> anyhow::Result<()> {
        answers(&self.run).await
    }

    /// Stops it as the controller stops an instance.
    pub(crate) async fn stop(&self) -> anyhow::Result<()> {
        self.engine.post(&format!("/containers/{}/stop?t=10", self.name), None).await.map(drop)
    }

    /// Kills it, and waits until the engine tells that it is dead.
    pub(crate) async fn kill_and_hear_of_it(&self) -> anyhow::Result<Instant> {
        let mut events = self.events("die").await?;
        let begun = Instant::now();
        self.engine.post(&format!("/containers/{}/kill", self.name), None).await?;
        events.next().await?.context("the engine ended its events")?;
        Ok(begun)
    }

    /// Removes it while it runs, and waits until the engine tells that it is gone.
    pub(crate) async fn remove_and_hear_of_it(&self) -> anyhow::Result<Instant> {
        let mut events = self.events("destroy").await?;
        let begun = Instant::now();
        self.remove().await?;
        events.next().await?.context("the engine ended its events")?;
        Ok(begun)
    }

    async fn events(&self, action: &str) -> anyhow::Result<Events> {
        let name = &self.name;
        let filters = format!("%7B%22container%22%3A%5B%22{name}%22%5D%2C%22event%22%3A%5B%22{action}%22%5D%7D");
        self.engine.events(&format!("filters={filters}")).await
    }

    /// Removes it.
    pub(crate) async fn remove(&self) -> anyhow::Result<()> {
        self.engine.delete(&format!("/containers/{}?force=1&v=1", self.name)).await
    }
}

/// Waits until the capsule whose socket is in this directory answers.
async fn answers(run: &Path) -> anyhow::Result<()> {
    let begun = Instant::now();
    while let Err(error) = CapsuleClient::connect(run, "jackin.sock", None).await {
        if begun.elapsed() > PATIENCE {
            bail!("the bare capsule does not answer: {error}");
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}
